//! How much is put through the store.

use std::time::Duration;

/// The loads of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Length of the object that is put and got, in bytes.
    pub(crate) object_len: u64,
    /// Number of small files.
    pub(crate) files: u64,
    /// Length of the object that ranges are read from, in bytes.
    pub(crate) ranged_len: u64,
    /// Length of the stream while memory is watched, in bytes.
    pub(crate) stream_len: u64,
    /// Objects in the catalogue that is listed.
    pub(crate) listed: u64,
    /// Free disk that the largest step needs, in bytes.
    pub(crate) disk_bytes: u64,
}

impl Scale {
    /// What the targets are stated for.
    pub(crate) const FULL: Self = Self {
        object_len: 256 << 20,
        files: 10_000,
        ranged_len: 1 << 30,
        stream_len: 4 << 30,
        listed: 1_000_000,
        disk_bytes: 12 << 30,
    };

    /// For development.
    pub(crate) const QUICK: Self = Self {
        object_len: 64 << 20,
        files: 1_000,
        ranged_len: 128 << 20,
        stream_len: 512 << 20,
        listed: 100_000,
        disk_bytes: 3 << 30,
    };
}

/// Length of a small file in bytes.
pub(crate) const FILE_LEN: usize = 4096;
/// Length of a range in bytes.
pub(crate) const RANGE_LEN: usize = 1 << 20;
/// Agents of a store: as many as the default geometry has shards.
pub(crate) const NODES: usize = 9;
/// Nodes that are stopped: as many as the default geometry may lose, spread over the placement's rotation.
pub(crate) const STOPPED: [&str; 3] = ["local-1", "local-5", "local-9"];
/// Every node's packets go over UDP within a second of its start; a crowded machine needs longer.
pub(crate) const DIRECT_TIMEOUT: Duration = Duration::from_secs(30);
