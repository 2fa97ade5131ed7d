//! The nouns of CloudShell Store, each with the rules that make a value valid.
//!
//! Every other crate speaks in these types: an [`ObjectPath`] cannot hold `..`, a [`Geometry`] cannot have
//! zero data shards, a [`NodeId`] is safe in a URL, a file name and a metric label.
//!
//! What this crate does not do: no input or output, no clock, no randomness, no encoding. Outside formats
//! (JSON, CBOR, SQL) have their own types in the crate at that edge.
//!
//! Start with [`StripeId`] and [`ShardId`], which every layer passes along, then [`ObjectPath`].

mod byte_count;
mod geometry;
mod id;
mod node;
mod object;
mod path;
mod version;

pub use byte_count::{ByteCount, ParseByteCountError};
pub use geometry::{Geometry, GeometryError};
pub use id::{ChunkId, ParseIdError, ShardId, StoreId, StripeId, StripeKind};
pub use node::{Domain, NodeId, NodeState, ParseNameError, PathKind};
pub use object::{CHUNK_LEN_MAX, ChunkRef, Content, INLINE_LEN_MAX, ObjectAttributes};
pub use path::{ObjectPath, ParsePathError};
pub use version::{VersionClock, VersionStamp};
