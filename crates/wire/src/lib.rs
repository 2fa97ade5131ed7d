//! What daemon and agent say to each other.
//!
//! An exchange is one stream of a link: a [`Request`] with its payload, then a [`Response`] with its payload.
//!
//! ```text
//! message = header_len: u32, little-endian | header: CBOR | payload
//! ```
//!
//! The payload is the shards that the header announces, one behind the other, so that they are never copied into a
//! CBOR document. Fields have numbers; a reader skips those it does not know, so that an older agent and a newer
//! daemon can talk.
//!
//! What this crate does not do: it knows no sockets and no stores. Limits are checked here, before anything is
//! allocated for what a peer announces.
#![forbid(unsafe_code)]

mod frame;
mod message;

pub use frame::{DecodeError, HEADER_LEN_PREFIX, decode_header, encode_message, header_len};
pub use message::{
    Fault, Greeting, InventoryEntry, Request, Response, Shard, ShardLen, UsageReport, WireShardId,
};

/// Most shards in one exchange.
pub const EXCHANGE_SHARDS_MAX: usize = 256;

/// Longest payload of an exchange: a few shards of the longest kind.
pub const EXCHANGE_LEN_MAX: usize = 4 << 20;

/// Longest header: an inventory page of [`INVENTORY_ENTRIES_MAX`] entries fits twice.
pub const HEADER_LEN_MAX: usize = 128 << 10;

/// Most entries in a page of an inventory.
pub const INVENTORY_ENTRIES_MAX: usize = 1000;

/// The version of this conversation; daemon and agent must agree.
pub const WIRE_VERSION: u32 = 1;
