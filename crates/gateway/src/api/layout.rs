//! Where an object's shards are.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Geometry, Object};

/// Which stripes to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LayoutParameters {
    /// Number of the first stripe, 0 by default.
    #[serde(default)]
    #[param(required = false)]
    pub first: u64,
    /// At most this many stripes, 1 to 1,000; 1,000 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
}

/// Where an object's shards are, as far as is known without asking the nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Layout {
    /// The object.
    pub object: Object,
    /// Number of its stripes; stripe 0 is the record, stripe *i* + 1 is chunk *i*.
    pub stripe_count: u64,
    /// How many further domains may vanish, whichever they are; null if the object cannot be read now.
    pub domains_may_be_lost: Option<usize>,
    /// Number of the first stripe below.
    pub first: u64,
    /// A window of the stripes.
    pub stripes: Vec<StripeLayout>,
}

/// Where a stripe's shards are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StripeLayout {
    /// What it holds.
    pub kind: StripeKind,
    /// Its chunk's or record's id, 64 hexadecimal digits.
    pub id: String,
    /// Length of its plaintext.
    pub len_bytes: u32,
    /// How it is cut.
    pub geometry: Geometry,
    /// Its shards by index.
    pub shards: Vec<ShardPlace>,
    /// How many further domains may vanish; null if too few shards are there.
    pub domains_may_be_lost: Option<usize>,
}

/// What a stripe holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StripeKind {
    /// A part of an object's bytes.
    Chunk,
    /// The metadata of a version.
    Record,
}

/// Where a shard is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShardPlace {
    /// Its node; null if it was never written.
    pub node: Option<String>,
    /// Its node's domain, if the node is known.
    pub domain: Option<String>,
    /// Whether it can be counted on.
    pub state: ShardState,
}

/// Whether a shard can be counted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShardState {
    /// Put, on a node that is there.
    Placed,
    /// Put, on a node that holds fewer shards than it should: this one may be gone.
    Doubtful,
    /// Put, on a node that cannot be reached now.
    Unreachable,
    /// The node failed when the stripe was written.
    NeverWritten,
}

impl From<engine::Layout> for Layout {
    fn from(layout: engine::Layout) -> Self {
        Self {
            object: layout.object.into(),
            stripe_count: layout.stripe_count,
            domains_may_be_lost: layout.domains_may_be_lost,
            first: layout.first,
            stripes: layout.stripes.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<engine::StripeLayout> for StripeLayout {
    fn from(layout: engine::StripeLayout) -> Self {
        let stripe = layout.stripe;
        Self {
            kind: stripe.id.kind.into(),
            id: model::ChunkId::from_bytes(stripe.id.id).to_string(),
            len_bytes: stripe.len,
            geometry: stripe.geometry.into(),
            shards: layout.shards.into_iter().map(Into::into).collect(),
            domains_may_be_lost: layout.domains_may_be_lost,
        }
    }
}

impl From<model::StripeKind> for StripeKind {
    fn from(kind: model::StripeKind) -> Self {
        match kind {
            model::StripeKind::Chunk => Self::Chunk,
            model::StripeKind::Record => Self::Record,
        }
    }
}

impl From<engine::ShardPlace> for ShardPlace {
    fn from(place: engine::ShardPlace) -> Self {
        Self {
            node: place.node.map(|node| node.to_string()),
            domain: place.domain.map(|domain| domain.to_string()),
            state: place.state.into(),
        }
    }
}

impl From<engine::ShardState> for ShardState {
    fn from(state: engine::ShardState) -> Self {
        match state {
            engine::ShardState::Placed => Self::Placed,
            engine::ShardState::Doubtful => Self::Doubtful,
            engine::ShardState::Unreachable => Self::Unreachable,
            engine::ShardState::NeverWritten => Self::NeverWritten,
        }
    }
}
