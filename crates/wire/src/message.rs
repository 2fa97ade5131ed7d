//! The messages.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use model::{ShardId, StoreId};

use crate::DecodeError;
use crate::frame::payload_len;

/// What a daemon asks of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Request {
    /// First exchange of a link: do we mean the same store, and the same conversation?
    #[n(0)]
    Greet(#[n(0)] Greeting),
    /// Keep these shards. Payload: their bytes in order.
    #[n(1)]
    Put(#[n(0)] Vec<ShardLen>),
    /// Send these shards.
    #[n(2)]
    Get(#[n(0)] Vec<WireShardId>),
    /// Forget these shards.
    #[n(3)]
    Delete(#[n(0)] Vec<WireShardId>),
    /// Send the inventory behind an id.
    #[n(4)]
    List {
        /// Begin behind this shard.
        #[n(0)]
        after: Option<WireShardId>,
        /// At most so many entries.
        #[n(1)]
        limit: u32,
    },
    /// How full are you?
    #[n(5)]
    Usage,
    /// Keep this key envelope.
    #[n(6)]
    PutEnvelope(#[n(0)] ByteVec),
    /// Send the key envelope.
    #[n(7)]
    Envelope,
}

impl Request {
    /// Bytes that follow the header.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the request is outside the limits.
    pub fn payload_len(&self) -> Result<usize, DecodeError> {
        match self {
            Self::Put(shards) => payload_len(shards),
            Self::Get(ids) | Self::Delete(ids) if ids.len() > crate::EXCHANGE_SHARDS_MAX => {
                Err(DecodeError::TooManyShards { shards: ids.len() })
            }
            _ => Ok(0),
        }
    }
}

/// What an agent answers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Response {
    /// To [`Request::Greet`].
    #[n(0)]
    Greet(#[n(0)] Greeting),
    /// To [`Request::Put`] and [`Request::Delete`]: per shard, what went wrong, if anything did.
    #[n(1)]
    Done(#[n(0)] Vec<Option<Fault>>),
    /// To [`Request::Get`]: per shard its length or what went wrong. Payload: the bytes of those that have a length.
    #[n(2)]
    Shards(#[n(0)] Vec<Shard>),
    /// To [`Request::List`].
    #[n(3)]
    Inventory(#[n(0)] Vec<InventoryEntry>),
    /// To [`Request::Usage`].
    #[n(4)]
    Usage(#[n(0)] UsageReport),
    /// To [`Request::Envelope`].
    #[n(5)]
    Envelope(#[n(0)] Option<ByteVec>),
    /// The request as a whole could not be served.
    #[n(6)]
    Failed(#[n(0)] Fault),
}

impl Response {
    /// Bytes that follow the header.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the response is outside the limits.
    pub fn payload_len(&self) -> Result<usize, DecodeError> {
        let Self::Shards(shards) = self else { return Ok(0) };
        let found: Vec<ShardLen> = shards
            .iter()
            .filter_map(|shard| match shard {
                Shard::Found(found) => Some(*found),
                Shard::Missing(_) | Shard::Deferred => None,
            })
            .collect();
        payload_len(&found)
    }
}

/// Which store, and which conversation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Greeting {
    /// [`crate::WIRE_VERSION`] of the sender.
    #[n(0)]
    pub wire_version: u32,
    /// The store that the daemon means, or the agent serves.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub store: [u8; 16],
    /// The program's version, for people.
    #[n(2)]
    pub program: String,
}

impl Greeting {
    /// The greeting of this version for a store.
    pub fn new(store: StoreId, program: &str) -> Self {
        Self {
            wire_version: crate::WIRE_VERSION,
            store: *store.as_bytes(),
            program: program.to_owned(),
        }
    }
}

/// A shard id on the wire: 34 bytes, see [`ShardId::to_bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct WireShardId(#[cbor(n(0), with = "minicbor::bytes")] [u8; ShardId::LEN]);

impl From<ShardId> for WireShardId {
    fn from(id: ShardId) -> Self {
        Self(id.to_bytes())
    }
}

impl TryFrom<WireShardId> for ShardId {
    type Error = DecodeError;

    fn try_from(id: WireShardId) -> Result<Self, DecodeError> {
        Self::from_bytes(&id.0).ok_or(DecodeError::Malformed {
            reason: "a shard of unknown kind".to_owned(),
        })
    }
}

/// A shard and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ShardLen {
    /// Which shard.
    #[n(0)]
    pub id: WireShardId,
    /// Its sealed length in bytes.
    #[n(1)]
    pub len: u32,
}

/// An answer about one shard.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Shard {
    /// Its bytes are in the payload.
    #[n(0)]
    Found(#[n(0)] ShardLen),
    /// They are not.
    #[n(1)]
    Missing(#[n(0)] Fault),
    /// The exchange is full; ask again for this one.
    #[n(2)]
    Deferred,
}

/// An inventory's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct InventoryEntry {
    /// Which shard.
    #[n(0)]
    pub id: WireShardId,
    /// Its sealed length in bytes.
    #[n(1)]
    pub len: u64,
}

/// How full an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct UsageReport {
    /// The limit it enforces, in bytes.
    #[n(0)]
    pub capacity_bytes: u64,
    /// Bytes in use.
    #[n(1)]
    pub used_bytes: u64,
    /// Number of shards.
    #[n(2)]
    pub shards: u64,
}

/// What went wrong; each asks for something else: wait, rebuild, or place elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Fault {
    /// The agent does not have the shard.
    #[n(0)]
    NotFound,
    /// No room.
    #[n(1)]
    Full {
        /// Bytes the shard would take.
        #[n(0)]
        needed_bytes: u64,
        /// Bytes left.
        #[n(1)]
        free_bytes: u64,
        /// The limit.
        #[n(2)]
        capacity_bytes: u64,
    },
    /// The medium gave back something else than was put.
    #[n(2)]
    Corrupt(#[n(0)] String),
    /// A write failed earlier; the agent must be restarted.
    #[n(3)]
    Poisoned(#[n(0)] String),
    /// Outside the agent's limits.
    #[n(4)]
    Refused(#[n(0)] String),
    /// The agent cannot do it now.
    #[n(5)]
    Unavailable(#[n(0)] String),
}
