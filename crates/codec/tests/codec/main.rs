//! What the crate promises, through its public API alone.

mod chunk_list;
mod envelope;
mod erasure;
mod golden;
mod record;
mod reference;
mod shard;
mod stripe;
mod vectors;
