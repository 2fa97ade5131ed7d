//! What the crate promises, through its public API alone.

mod envelope;
mod erasure;
mod golden;
mod record;
mod reference;
mod shard;
mod vectors;
