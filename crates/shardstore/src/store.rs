//! The trait [`ShardStore`] and what it speaks of.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use model::ShardId;

/// A place that keeps shards: a directory on a node, or a node far away.
///
/// # Guarantees every implementation gives
///
/// - `put` is atomic: a reader sees the whole shard or none of it.
/// - When `put` returns `Ok`, the shard survives a power cut at the store.
/// - `put` of an id that is present replaces its bytes; of the same bytes, it changes nothing.
/// - `delete` of an unknown id is `Ok`. After a `delete`, `get` is [`StoreError::NotFound`].
/// - Concurrent calls are welcome; implementations batch what they can.
/// - Dropping a call's future is safe: its effect happens wholly or not at all, possibly later.
///
/// The `contract` module (feature `contract`) holds these promises as code.
#[async_trait]
pub trait ShardStore: Debug + Send + Sync {
    /// Keeps a shard durably.
    async fn put(&self, id: ShardId, shard: Bytes) -> Result<(), StoreError>;

    /// The shard's bytes as they were put. A store need not notice rot; the reader authenticates.
    async fn get(&self, id: ShardId) -> Result<Bytes, StoreError>;

    /// Forgets a shard.
    async fn delete(&self, id: ShardId) -> Result<(), StoreError>;

    /// The inventory in order of [`ShardId`], beginning behind `after`; fewer than `limit` entries mean the end.
    async fn list(&self, after: Option<ShardId>, limit: usize) -> Result<Vec<ShardInfo>, StoreError>;

    /// How full the store is.
    async fn usage(&self) -> Result<Usage, StoreError>;

    /// Keeps the store's key envelope beside the shards, durably, replacing an older one.
    async fn put_envelope(&self, envelope: Bytes) -> Result<(), StoreError>;

    /// The key envelope, if one was put.
    async fn envelope(&self) -> Result<Option<Bytes>, StoreError>;
}

/// An entry of an inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardInfo {
    /// Which shard.
    pub id: ShardId,
    /// Its sealed length in bytes.
    pub len: u64,
}

/// How full a store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Hard limit in bytes, for shards with their overhead on the medium.
    pub capacity_bytes: u64,
    /// Bytes in use.
    pub used_bytes: u64,
    /// Number of shards kept.
    pub shards: u64,
}

impl Usage {
    /// Bytes that may still be put.
    pub fn free_bytes(&self) -> u64 {
        self.capacity_bytes.saturating_sub(self.used_bytes)
    }
}

/// Why a store did not do what was asked. Each variant asks for something else: wait, rebuild, or place elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store answers and does not have the shard.
    #[error("shard not found")]
    NotFound,
    /// The store cannot be reached or does not answer in time. Its shards are not known to be lost.
    #[error("store unavailable: {reason}")]
    Unavailable {
        /// What a person should know.
        reason: String,
    },
    /// The store has no room; other shards may still be read from it.
    #[error("store full: {needed_bytes} bytes needed, {free_bytes} of {capacity_bytes} free")]
    Full {
        /// What the shard would take.
        needed_bytes: u64,
        /// What is left.
        free_bytes: u64,
        /// The limit.
        capacity_bytes: u64,
    },
    /// The medium or the peer gave back something that cannot be what was put.
    #[error("store corrupt: {reason}")]
    Corrupt {
        /// What a person should know.
        reason: String,
    },
    /// A write to the medium failed; nothing more is written until the store is opened again.
    #[error("store refuses writes after a failed one: {reason}")]
    Poisoned {
        /// What failed first.
        reason: String,
    },
    /// The request is outside the store's limits (a shard longer than [`SHARD_LEN_MAX`], say).
    #[error("request refused: {reason}")]
    Refused {
        /// Which limit.
        reason: String,
    },
}

/// Longest sealed shard a store takes: a whole 1 MiB chunk in one shard, with its header, rounded up.
pub const SHARD_LEN_MAX: usize = (1 << 20) + 4096;

/// Longest key envelope a store takes; real ones have under 200 bytes.
pub const ENVELOPE_LEN_MAX: usize = 4096;
