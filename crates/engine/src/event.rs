//! What subscribers hear of.

use model::{NodeId, NodeState, ObjectPath, StripeId, VersionStamp};

/// Something that a person watching the store would like to see.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An object has a new version.
    ObjectPut {
        /// Which object.
        path: ObjectPath,
        /// Its new version.
        stamp: VersionStamp,
        /// Its length in bytes.
        size: u64,
    },
    /// An object was deleted.
    ObjectDeleted {
        /// Which object.
        path: ObjectPath,
    },
    /// An object has another path.
    ObjectMoved {
        /// Where it was.
        from: ObjectPath,
        /// Where it is.
        to: ObjectPath,
    },
    /// Bytes of an upload are durable.
    UploadProgress {
        /// Which object will have them.
        path: ObjectPath,
        /// How many are durable so far.
        bytes: u64,
    },
    /// A node's link changed.
    NodeChanged {
        /// Which node.
        node: NodeId,
        /// How it is now.
        state: NodeState,
    },
    /// A shard does not authenticate or is gone; its stripe should be repaired.
    ShardDamaged {
        /// Of which stripe.
        stripe: StripeId,
        /// Which shard.
        index: u8,
        /// On which node.
        node: NodeId,
    },
    /// A stripe was written with fewer shards than its geometry asks for.
    StripeDegraded {
        /// Which stripe.
        stripe: StripeId,
        /// Shards that are missing.
        missing: usize,
    },
}
