//! Places that keep shards.
//!
//! [`ShardStore`] is the seam between the engine and everything that holds bytes.

mod store;

pub use store::{ENVELOPE_LEN_MAX, SHARD_LEN_MAX, ShardInfo, ShardStore, StoreError, Usage};
