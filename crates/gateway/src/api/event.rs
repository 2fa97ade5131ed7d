//! What happens, as server-sent events.

use engine::Event;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::NodeState;

/// The data of a server-sent event; `type` is the event's name once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventData {
    /// An object has a new version.
    ObjectPut {
        /// Its path.
        path: String,
        /// Its new version.
        version: String,
        /// Its length.
        size_bytes: u64,
    },
    /// An object was deleted.
    ObjectDeleted {
        /// Its path.
        path: String,
    },
    /// An object has another path.
    ObjectMoved {
        /// Where it was.
        from: String,
        /// Where it is.
        to: String,
    },
    /// Bytes of an upload are durable.
    UploadProgress {
        /// Which object will have them.
        path: String,
        /// How many are durable so far.
        durable_bytes: u64,
    },
    /// A node's link changed.
    NodeChanged {
        /// Which node.
        node: String,
        /// How it is now.
        state: NodeState,
    },
    /// A shard does not authenticate or is gone.
    ShardDamaged {
        /// Short name of its stripe.
        stripe: String,
        /// Its index.
        index: u8,
        /// Its node.
        node: String,
    },
    /// A stripe was written with fewer shards than its geometry asks for.
    StripeDegraded {
        /// Short name of the stripe.
        stripe: String,
        /// Shards that are missing.
        missing: usize,
    },
    /// The listener was too slow and missed events: it should look at the whole state again.
    Lagged {
        /// How many it missed.
        missed: u64,
    },
    /// An event of a newer daemon.
    #[serde(other)]
    Unknown,
}

impl EventData {
    /// The event's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ObjectPut { .. } => "object_put",
            Self::ObjectDeleted { .. } => "object_deleted",
            Self::ObjectMoved { .. } => "object_moved",
            Self::UploadProgress { .. } => "upload_progress",
            Self::NodeChanged { .. } => "node_changed",
            Self::ShardDamaged { .. } => "shard_damaged",
            Self::StripeDegraded { .. } => "stripe_degraded",
            Self::Lagged { .. } => "lagged",
            Self::Unknown => "unknown",
        }
    }
}

impl From<Event> for EventData {
    fn from(event: Event) -> Self {
        match event {
            Event::ObjectPut { path, stamp, size } => Self::ObjectPut {
                path: path.to_string(),
                version: stamp.to_string(),
                size_bytes: size,
            },
            Event::ObjectDeleted { path } => Self::ObjectDeleted {
                path: path.to_string(),
            },
            Event::ObjectMoved { from, to } => Self::ObjectMoved {
                from: from.to_string(),
                to: to.to_string(),
            },
            Event::UploadProgress { path, bytes } => Self::UploadProgress {
                path: path.to_string(),
                durable_bytes: bytes,
            },
            Event::NodeChanged { node, state } => Self::NodeChanged {
                node: node.to_string(),
                state: state.into(),
            },
            Event::ShardDamaged { stripe, index, node } => Self::ShardDamaged {
                stripe: stripe.to_string(),
                index,
                node: node.to_string(),
            },
            Event::StripeDegraded { stripe, missing } => Self::StripeDegraded {
                stripe: stripe.to_string(),
                missing,
            },
            _ => Self::Unknown,
        }
    }
}
