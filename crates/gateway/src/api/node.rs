//! Nodes.

use model::{ByteCount, ParseNameError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::AddNode;

/// All nodes, as people count: `local-10` behind `local-9`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeList {
    /// The nodes.
    pub nodes: Vec<Node>,
}

/// A node, and how it is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// Its name.
    pub id: String,
    /// How its link is doing.
    pub state: NodeState,
    /// Which way packets go; null while there is no link.
    pub path: Option<PathKind>,
    /// What it fails together with.
    pub domain: String,
    /// How it is obtained: `local` or `cloudshell`.
    pub provider: String,
    /// Bytes in use, when last asked; null if it never answered.
    pub used_bytes: Option<u64>,
    /// Bytes that it may use.
    pub capacity_bytes: u64,
    /// Round-trip time of its link in milliseconds; null while there is no link.
    pub latency_ms: Option<f64>,
    /// Milliseconds since it answered last: what is said of it is as old.
    pub seen_ms_ago: Option<u64>,
    /// Why it is in this state, when there is something to say.
    pub reason: Option<String>,
    /// What its provider still allows; null where nothing is counted.
    pub allowance: Option<Allowance>,
}

/// What a provider allows a node, as far as this machine has counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Allowance {
    /// Hours that it was awake this month.
    pub awake_hours: f64,
    /// Hours that it may be awake in a month.
    pub awake_hours_max: f64,
    /// When its home is removed if it is not used before, in milliseconds since 1970; null if it was never used.
    pub kept_until_unix_ms: Option<i64>,
}

/// How a node's link is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Its agent answers.
    Connected,
    /// The daemon is getting to it.
    Connecting,
    /// It sleeps and can be woken.
    Asleep,
    /// It was connected and does not answer; the daemon keeps trying.
    Lost,
    /// It cannot be reached now for a reason that trying does not change.
    Unavailable,
}

/// Which way a link's packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PathKind {
    /// UDP between the two machines.
    Direct,
    /// Through the node's shell.
    Shell,
}

/// A node to be added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddNodeRequest {
    /// How it is obtained: `local` or `cloudshell`.
    pub provider: String,
    /// Its name, of `cloudshell` the region; of `local` the daemon chooses one if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it fails together with; a domain of its own if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Bytes that it may use; the daemon's default if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_bytes: Option<u64>,
}

/// A node that was added; it is being connected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeAdded {
    /// Its name.
    pub id: String,
}

impl TryFrom<AddNodeRequest> for AddNode {
    type Error = ParseNameError;

    fn try_from(request: AddNodeRequest) -> Result<Self, ParseNameError> {
        Ok(Self {
            provider: request.provider,
            id: request.id.map(|id| id.parse()).transpose()?,
            domain: request.domain.map(|domain| domain.parse()).transpose()?,
            capacity: request.capacity_bytes.map(ByteCount),
        })
    }
}

impl From<engine::NodeSnapshot> for Node {
    fn from(node: engine::NodeSnapshot) -> Self {
        Self {
            id: node.entry.id.to_string(),
            state: node.state.into(),
            path: node.path.map(Into::into),
            domain: node.entry.domain.to_string(),
            provider: node.entry.provider,
            used_bytes: node.usage.map(|usage| usage.used_bytes),
            capacity_bytes: node.entry.capacity_bytes,
            latency_ms: node.latency.map(|latency| latency.as_secs_f64() * 1000.0),
            seen_ms_ago: node.seen_ago.map(|ago| ago.as_millis() as u64),
            reason: node.reason,
            allowance: node.allowance.map(Into::into),
        }
    }
}

impl From<model::NodeState> for NodeState {
    fn from(state: model::NodeState) -> Self {
        match state {
            model::NodeState::Connected => Self::Connected,
            model::NodeState::Connecting => Self::Connecting,
            model::NodeState::Asleep => Self::Asleep,
            model::NodeState::Lost => Self::Lost,
            model::NodeState::Unavailable => Self::Unavailable,
        }
    }
}

impl From<NodeState> for model::NodeState {
    fn from(state: NodeState) -> Self {
        match state {
            NodeState::Connected => Self::Connected,
            NodeState::Connecting => Self::Connecting,
            NodeState::Asleep => Self::Asleep,
            NodeState::Lost => Self::Lost,
            NodeState::Unavailable => Self::Unavailable,
        }
    }
}

impl From<model::PathKind> for PathKind {
    fn from(kind: model::PathKind) -> Self {
        match kind {
            model::PathKind::Direct => Self::Direct,
            model::PathKind::Shell => Self::Shell,
        }
    }
}

impl From<PathKind> for model::PathKind {
    fn from(kind: PathKind) -> Self {
        match kind {
            PathKind::Direct => Self::Direct,
            PathKind::Shell => Self::Shell,
        }
    }
}

impl From<engine::Allowance> for Allowance {
    fn from(allowance: engine::Allowance) -> Self {
        let hours = |time: std::time::Duration| time.as_secs_f64() / 3600.0;
        Self {
            awake_hours: hours(allowance.awake),
            awake_hours_max: hours(allowance.awake_max),
            kept_until_unix_ms: allowance.kept_until_unix_ms,
        }
    }
}
