//! What the engine has done.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that only grow; see [`CounterValues`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) puts: AtomicU64,
    pub(crate) put_bytes: AtomicU64,
    pub(crate) gets: AtomicU64,
    pub(crate) get_bytes: AtomicU64,
    pub(crate) deletes: AtomicU64,
    pub(crate) chunks_deduplicated: AtomicU64,
    pub(crate) stripes_degraded: AtomicU64,
    pub(crate) reads_hedged: AtomicU64,
    pub(crate) shards_damaged: AtomicU64,
    pub(crate) shards_unreachable: AtomicU64,
}

impl Counters {
    pub(crate) fn values(&self) -> CounterValues {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CounterValues {
            puts: read(&self.puts),
            put_bytes: read(&self.put_bytes),
            gets: read(&self.gets),
            get_bytes: read(&self.get_bytes),
            deletes: read(&self.deletes),
            chunks_deduplicated: read(&self.chunks_deduplicated),
            stripes_degraded: read(&self.stripes_degraded),
            reads_hedged: read(&self.reads_hedged),
            shards_damaged: read(&self.shards_damaged),
            shards_unreachable: read(&self.shards_unreachable),
        }
    }
}

/// Adds to a counter.
pub(crate) fn count(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

/// What an engine has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CounterValues {
    /// Versions put and acknowledged.
    pub puts: u64,
    /// Their plaintext bytes.
    pub put_bytes: u64,
    /// Reads begun.
    pub gets: u64,
    /// Plaintext bytes delivered to readers.
    pub get_bytes: u64,
    /// Objects deleted.
    pub deletes: u64,
    /// Chunks that were there already and not written again.
    pub chunks_deduplicated: u64,
    /// Stripes acknowledged with shards missing.
    pub stripes_degraded: u64,
    /// Reads that asked a further node because the first were slow.
    pub reads_hedged: u64,
    /// Shards that did not authenticate, or that a node no longer has.
    pub shards_damaged: u64,
    /// Shards that a node did not deliver.
    pub shards_unreachable: u64,
}
