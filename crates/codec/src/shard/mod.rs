//! Shards: `header | body | tag`, described byte by byte in `docs/format.md`.

mod fault;
mod header;
mod parse;

pub use fault::ShardFault;
pub(crate) use header::checksum;
pub use header::{SHARD_HEADER_LEN, SHARD_OVERHEAD, STRIPE_LEN_MAX, ShardHeader};
pub(crate) use parse::ShardParts;
pub use parse::check_shard;
