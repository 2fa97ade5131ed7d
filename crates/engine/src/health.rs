//! How the store is doing.

use std::collections::BTreeMap;

use catalogue::{CatalogueError, Totals};
use model::NodeId;

use crate::Engine;
use crate::layout::DomainView;

impl Engine {
    /// How the store is doing now, from the catalogue and the nodes' states. Whether the shards are really there is for a
    /// scrub to say.
    ///
    /// # Errors
    ///
    /// [`CatalogueError`].
    pub async fn health(&self) -> Result<Health, CatalogueError> {
        let totals = self.catalogue().totals().await?;
        let view = DomainView::new(self);
        let mut stripes_by_tolerance: BTreeMap<Option<usize>, u64> = BTreeMap::new();
        let mut stripes_degraded = 0;
        for placed in self.catalogue().placements().await? {
            let tolerance = view.tolerance(&placed.placement, placed.data);
            *stripes_by_tolerance.entry(tolerance).or_default() += placed.stripes;
            if placed.placement.iter().any(Option::is_none) {
                stripes_degraded += placed.stripes;
            }
        }
        let domains_may_be_lost = match stripes_by_tolerance.keys().next() {
            Some(worst) => *worst,
            None => self.tolerance_of_new_stripes(),
        };
        let stripes_by_tolerance = stripes_by_tolerance
            .into_iter()
            .map(|(domains_may_be_lost, stripes)| ToleranceCount {
                domains_may_be_lost,
                stripes,
            })
            .collect();
        Ok(Health {
            totals,
            domains_may_be_lost,
            stripes_by_tolerance,
            stripes_degraded,
            used_bytes: self.used_bytes(),
        })
    }

    /// How many shards are placed on a node; it holds at least as many, unless it lost some.
    ///
    /// # Errors
    ///
    /// [`CatalogueError`].
    pub async fn shards_placed_on(&self, node: &NodeId) -> Result<u64, CatalogueError> {
        let on_node =
            |placement: &[Option<NodeId>]| placement.iter().flatten().filter(|id| *id == node).count() as u64;
        let placements = self.catalogue().placements().await?;
        let shards = placements
            .iter()
            .map(|placed| on_node(&placed.placement) * placed.stripes);
        Ok(shards.sum())
    }

    /// What an object put now could lose: the answer for an empty store.
    fn tolerance_of_new_stripes(&self) -> Option<usize> {
        let geometry = self.config().geometry;
        let nodes = self.nodes().all();
        let candidates: Vec<_> = nodes.iter().map(|node| node.candidate()).collect();
        let placed = crate::plan::Placer::new(0, geometry.shards(), 0, &candidates).assign(geometry.shards());
        let domains = placed
            .iter()
            .flatten()
            .filter_map(|at| nodes.get(*at))
            .map(|node| node.domain());
        crate::plan::tolerance(domains, geometry.data())
    }

    fn used_bytes(&self) -> u64 {
        self.nodes()
            .all()
            .iter()
            .filter_map(|node| node.snapshot().usage)
            .map(|usage| usage.used_bytes)
            .sum()
    }
}

/// How the store is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Counts over the whole store.
    pub totals: Totals,
    /// How many further domains may vanish, whichever they are, with every object still readable; `None` if some object
    /// cannot be read now. Of an empty store: what holds for the next object.
    pub domains_may_be_lost: Option<usize>,
    /// Stripes by how many further domains they survive, worst first.
    pub stripes_by_tolerance: Vec<ToleranceCount>,
    /// Stripes with shards that were never written.
    pub stripes_degraded: u64,
    /// Bytes in use on all nodes that were ever asked.
    pub used_bytes: u64,
}

/// How many stripes survive how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToleranceCount {
    /// Domains that may vanish; `None` if the stripe cannot be read now.
    pub domains_may_be_lost: Option<usize>,
    /// Number of stripes.
    pub stripes: u64,
}
