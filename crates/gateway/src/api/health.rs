//! One word on how the store is doing, for monitors.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Node, NodeState};

/// How the store is doing, from the catalogue and the nodes' states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// In one word.
    pub state: HealthState,
    /// Nodes that answer.
    pub nodes_connected: usize,
    /// All nodes.
    pub nodes: usize,
    /// How many further domains may vanish, whichever they are; null if some object cannot be read now.
    pub domains_may_be_lost: Option<usize>,
    /// Stripes with shards that were never written.
    pub stripes_degraded: u64,
}

/// How the store is doing, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// All nodes are there, or asleep, and all shards were written.
    Healthy,
    /// Everything can be read, but a node or a shard is missing.
    Degraded,
    /// Some object cannot be read now; of an empty store: nothing can be put.
    Unreadable,
}

impl Health {
    /// Judges what is known.
    pub fn new(nodes: &[Node], health: &engine::Health) -> Self {
        let in_state = |state| nodes.iter().filter(|node| node.state == state).count();
        let nodes_connected = in_state(NodeState::Connected);
        let all_there = nodes_connected + in_state(NodeState::Asleep) == nodes.len();
        let state = match health.domains_may_be_lost {
            None => HealthState::Unreadable,
            Some(_) if all_there && health.stripes_degraded == 0 => HealthState::Healthy,
            Some(_) => HealthState::Degraded,
        };
        Self {
            state,
            nodes_connected,
            nodes: nodes.len(),
            domains_may_be_lost: health.domains_may_be_lost,
            stripes_degraded: health.stripes_degraded,
        }
    }
}
