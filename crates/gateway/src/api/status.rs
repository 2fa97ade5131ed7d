//! The whole store at a glance.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Node, Store};

/// The whole store at a glance: what the command `status` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Live objects.
    pub objects: u64,
    /// Bytes of live objects.
    pub bytes: u64,
    /// Bytes in use on all nodes that were ever asked.
    pub used_bytes: u64,
    /// `used_bytes` / `bytes`; null while there are no bytes.
    pub expansion: Option<f64>,
    /// How many further domains may vanish, whichever they are, with every object still readable; null if some object
    /// cannot be read now. Of an empty store: what holds for the next object.
    pub domains_may_be_lost: Option<usize>,
    /// Stripes by how many further domains they survive, worst first.
    pub stripes_by_tolerance: Vec<ToleranceCount>,
    /// Stripes with shards that were never written.
    pub stripes_degraded: u64,
    /// The store.
    pub store: Store,
}

/// How many stripes survive how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToleranceCount {
    /// Domains that may vanish; null if the stripes cannot be read now.
    pub domains_may_be_lost: Option<usize>,
    /// Number of stripes.
    pub stripes: u64,
}

impl Status {
    /// Puts the answer together.
    pub fn new(nodes: Vec<Node>, health: engine::Health, store: Store) -> Self {
        let totals = health.totals;
        let expansion = (totals.bytes > 0).then(|| health.used_bytes as f64 / totals.bytes as f64);
        Self {
            nodes,
            objects: totals.objects,
            bytes: totals.bytes,
            used_bytes: health.used_bytes,
            expansion,
            domains_may_be_lost: health.domains_may_be_lost,
            stripes_by_tolerance: health.stripes_by_tolerance.into_iter().map(Into::into).collect(),
            stripes_degraded: health.stripes_degraded,
            store,
        }
    }
}

impl From<engine::ToleranceCount> for ToleranceCount {
    fn from(count: engine::ToleranceCount) -> Self {
        Self {
            domains_may_be_lost: count.domains_may_be_lost,
            stripes: count.stripes,
        }
    }
}
