//! Records: the metadata of one version, and its bytes if they are few.
//!
//! The schema is in `fields.rs` (CBOR), its wrapping with version, compression and checksum in `container.rs`.

mod container;
mod error;
mod fields;

use bytes::Bytes;
use model::{CHUNK_LEN_MAX, ChunkRef, ObjectAttributes, ObjectPath, VersionStamp};

pub use error::RecordError;

/// One version of an object, as the nodes keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The object's path.
    pub path: ObjectPath,
    /// The version's place in the order of versions.
    pub stamp: VersionStamp,
    /// What the version says.
    pub body: RecordBody,
}

/// What a version says of its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordBody {
    /// The object is deleted.
    Tombstone,
    /// The object has these attributes and this content.
    Object {
        /// What a user can see of it.
        attributes: ObjectAttributes,
        /// Where its bytes are. They must be `attributes.size` bytes in all.
        content: RecordContent,
    },
}

/// Where the bytes of a version are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordContent {
    /// Here. Writers put up to [`model::INLINE_LEN_MAX`] bytes here.
    Inline(Bytes),
    /// In these chunks, in order; each but the last is [`CHUNK_LEN_MAX`] bytes long.
    /// Writers put up to [`RECORD_CHUNKS_MAX`] here.
    Chunks(Vec<ChunkRef>),
    /// In chunks whose list is itself too long for a record: these chunks hold the encoded
    /// [`ChunkList`](crate::ChunkList).
    ChunkList(Vec<ChunkRef>),
}

impl Record {
    /// The record as bytes, ready to be sealed; compressed if that makes it shorter. Equal records give equal bytes.
    ///
    /// A record that breaks a limit (metadata of a megabyte, say) is encoded nevertheless, to more than
    /// [`RECORD_LEN_MAX`] bytes, which [`seal`](crate::Sealer::seal) refuses.
    pub fn encode(&self) -> Vec<u8> {
        container::wrap(&fields::encode(self))
    }

    /// Reads what [`encode`](Self::encode) wrote, fields unknown to this program left out. Whatever the bytes say, they
    /// unpack to at most [`RECORD_LEN_MAX`], and the record takes less than 64 MiB (that, only when it is a megabyte of
    /// tiny metadata).
    ///
    /// # Errors
    ///
    /// [`RecordError`], which says what is wrong first.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        fields::decode(&container::unwrap(bytes)?)
    }
}

/// Longest encoded record in bytes: what fits in one stripe.
pub const RECORD_LEN_MAX: usize = CHUNK_LEN_MAX;

/// Most chunks that a writer lists in the record itself: 16 GiB of content in 576 KiB of entries, which leaves room
/// for any path and 400 KiB of metadata. A longer object's list goes to chunks of its own.
pub const RECORD_CHUNKS_MAX: usize = 16_384;
