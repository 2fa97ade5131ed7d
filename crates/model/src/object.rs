//! What an object is made of.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{ChunkId, Geometry};

/// A chunk as a version refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChunkRef {
    /// Its content's id.
    pub id: ChunkId,
    /// Its plaintext length, 1..=[`CHUNK_LEN_MAX`] bytes.
    pub len: u32,
}

/// What a user can see of an object beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectAttributes {
    /// Length of the content in bytes.
    pub size: u64,
    /// Last change of the content in milliseconds since 1970, as the uploader says.
    pub modified_unix_ms: i64,
    /// Media type, if the uploader gave one.
    pub content_type: Option<String>,
    /// The uploader's own key-value pairs.
    pub metadata: BTreeMap<String, String>,
    /// How its stripes were cut when it was written.
    pub geometry: Geometry,
}

/// Where an object's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In the record itself: objects up to [`INLINE_LEN_MAX`] bytes.
    Inline(Bytes),
    /// In chunks, in order. Each but the last is [`CHUNK_LEN_MAX`] long.
    Chunks(Vec<ChunkRef>),
}

/// Longest chunk: 1 MiB of plaintext.
pub const CHUNK_LEN_MAX: usize = 1 << 20;

/// Longest content that travels in its record: 64 KiB. Below it a chunk's own stripe would cost more than it carries.
pub const INLINE_LEN_MAX: usize = 64 << 10;
