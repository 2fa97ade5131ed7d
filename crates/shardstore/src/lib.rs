//! Places that keep shards.
//!
//! [`ShardStore`] is the seam between the engine and everything that holds bytes. [`DirStore`] keeps
//! shards in a directory, [`MemoryStore`] for as long as the process lives.
//!
//! What this crate does not do: it holds no key, knows neither objects nor placement, and authenticates
//! nothing. A shard is an id and opaque bytes here.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use model::{ChunkId, StripeId};
//! use shardstore::{DirStore, ShardStore};
//!
//! let dir = tempfile::TempDir::new()?;
//! let store = DirStore::open(dir.path(), 1 << 30)?;
//! let id = StripeId::chunk(ChunkId::from_bytes([7; 32])).shard(0);
//! store.put(id, "sealed bytes".into()).await?;
//! assert_eq!(store.get(id).await?, "sealed bytes");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Features: `contract` holds the promises of the trait as test functions, `faults` a wrapper that breaks
//! them on demand. Start reading at [`ShardStore`].

#[cfg(feature = "contract")]
pub mod contract;
mod dir;
#[cfg(feature = "faults")]
mod faults;
mod limits;
mod memory;
mod store;

pub use dir::{DirStore, OpenError};
#[cfg(feature = "faults")]
pub use faults::{Fault, FaultyStore, Operation, Rule};
pub use memory::MemoryStore;
pub use store::{ENVELOPE_LEN_MAX, SHARD_LEN_MAX, ShardInfo, ShardStore, StoreError, Usage};
