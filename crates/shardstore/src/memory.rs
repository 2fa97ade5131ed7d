//! [`MemoryStore`]: shards for as long as the process lives.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use model::ShardId;

use crate::limits::{check_envelope_len, check_shard_len};
use crate::{ShardInfo, ShardStore, StoreError, Usage};

/// Keeps shards in memory, for tests and demonstrations. A shard costs its length and nothing more.
///
/// Nothing survives the process: of the promises of [`ShardStore`], durability is kept only that far.
pub struct MemoryStore {
    state: Mutex<State>,
}

struct State {
    shards: BTreeMap<ShardId, Bytes>,
    usage: Usage,
    envelope: Option<Bytes>,
}

impl MemoryStore {
    /// An empty store that takes `capacity_bytes` of shards.
    pub fn new(capacity_bytes: u64) -> Self {
        Self {
            state: Mutex::new(State {
                shards: BTreeMap::new(),
                usage: Usage {
                    capacity_bytes,
                    ..Usage::default()
                },
                envelope: None,
            }),
        }
    }

    /// Each method changes the state in one step, so a panicking neighbour leaves nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    /// A store that is never full.
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

#[async_trait]
impl ShardStore for MemoryStore {
    async fn put(&self, id: ShardId, shard: Bytes) -> Result<(), StoreError> {
        check_shard_len(shard.len())?;
        let mut state = self.state();
        let replaced = state.shards.get(&id).map(len_of);
        state.usage = state.usage.replace(len_of(&shard), replaced)?;
        state.shards.insert(id, shard);
        Ok(())
    }

    async fn get(&self, id: ShardId) -> Result<Bytes, StoreError> {
        self.state().shards.get(&id).cloned().ok_or(StoreError::NotFound)
    }

    async fn delete(&self, id: ShardId) -> Result<(), StoreError> {
        let mut state = self.state();
        if let Some(shard) = state.shards.remove(&id) {
            state.usage = state.usage.remove(len_of(&shard));
        }
        Ok(())
    }

    async fn list(&self, after: Option<ShardId>, limit: usize) -> Result<Vec<ShardInfo>, StoreError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.state();
        let behind = state.shards.range((from, Bound::Unbounded));
        let info = |(&id, shard)| ShardInfo {
            id,
            len: len_of(shard),
        };
        Ok(behind.take(limit).map(info).collect())
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        Ok(self.state().usage)
    }

    async fn put_envelope(&self, envelope: Bytes) -> Result<(), StoreError> {
        check_envelope_len(envelope.len())?;
        self.state().envelope = Some(envelope);
        Ok(())
    }

    async fn envelope(&self) -> Result<Option<Bytes>, StoreError> {
        Ok(self.state().envelope.clone())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("usage", &self.state().usage)
            .finish_non_exhaustive()
    }
}

fn len_of(shard: &Bytes) -> u64 {
    shard.len() as u64
}
