//! Where the shards of an object are.

use std::collections::HashMap;

use catalogue::{CatalogueError, Object, Stripe};
use model::{ChunkRef, Domain, NodeId, NodeState, ObjectPath};

use crate::Engine;
use crate::nodes::Node;
use crate::plan::tolerance;

impl Engine {
    /// Where the shards of an object are, as the catalogue and the nodes' states say: nothing is fetched. At most
    /// `limit` stripes, beginning with stripe `first`; the record is stripe 0, chunk *i* is stripe *i* + 1.
    ///
    /// # Errors
    ///
    /// [`LayoutError`].
    pub async fn layout(&self, path: &ObjectPath, first: u64, limit: usize) -> Result<Layout, LayoutError> {
        let object = self.head(path).await?.ok_or(LayoutError::NotFound)?;
        let count = 1 + if object.is_inline {
            0
        } else {
            object.attributes.size.div_ceil(model::CHUNK_LEN_MAX as u64)
        };
        let view = DomainView::new(self);
        let mut stripes = Vec::new();
        let mut domains_may_be_lost = None;
        let mut at = 0;
        // The tolerance counts all stripes, those shown are a window.
        while at < count {
            let page = self.stripe_page(&object, at).await?;
            if page.is_empty() {
                return Err(CatalogueError::Corrupt {
                    what: format!("stripes of {path}"),
                }
                .into());
            }
            for (chunk, stripe) in page {
                let layout = view.layout(chunk, stripe);
                domains_may_be_lost = worst(domains_may_be_lost, layout.domains_may_be_lost);
                if at >= first && stripes.len() < limit {
                    stripes.push(layout);
                }
                at += 1;
            }
        }
        Ok(Layout {
            object,
            stripe_count: count,
            domains_may_be_lost: domains_may_be_lost.flatten(),
            first,
            stripes,
        })
    }

    async fn stripe_page(
        &self,
        object: &Object,
        at: u64,
    ) -> Result<Vec<(Option<ChunkRef>, Stripe)>, CatalogueError> {
        if at == 0 {
            return Ok(vec![(None, self.stripe(object.record).await?)]);
        }
        let page = self
            .catalogue()
            .chunks(&object.path, object.stamp, at - 1, PAGE_LEN)
            .await?;
        Ok(page
            .into_iter()
            .map(|placed| (Some(placed.chunk), placed.stripe))
            .collect())
    }
}

/// The nodes' domains and states at a moment.
pub(crate) struct DomainView {
    nodes: HashMap<NodeId, (Domain, Standing)>,
}

impl DomainView {
    pub(crate) fn new(engine: &Engine) -> Self {
        let nodes = engine.nodes().all();
        Self {
            nodes: nodes
                .iter()
                .map(|node| (node.id().clone(), (node.domain().clone(), standing(node))))
                .collect(),
        }
    }

    /// How many further domains may vanish: shards on nodes that are lost now do not count.
    pub(crate) fn tolerance(&self, placement: &[Option<NodeId>], data: usize) -> Option<usize> {
        tolerance(
            placement
                .iter()
                .flatten()
                .filter_map(|id| self.domain_of_living(id)),
            data,
        )
    }

    fn domain_of_living(&self, id: &NodeId) -> Option<&Domain> {
        let (domain, standing) = self.nodes.get(id)?;
        (*standing == Standing::Trusted).then_some(domain)
    }

    fn layout(&self, chunk: Option<ChunkRef>, stripe: Stripe) -> StripeLayout {
        let domains_may_be_lost = self.tolerance(&stripe.placement, stripe.geometry.data());
        let shards = stripe
            .placement
            .iter()
            .map(|node| self.place(node.as_ref()))
            .collect();
        StripeLayout {
            chunk,
            stripe,
            shards,
            domains_may_be_lost,
        }
    }

    fn place(&self, node: Option<&NodeId>) -> ShardPlace {
        let known = node.and_then(|id| self.nodes.get(id));
        let state = match (node, known) {
            (None, _) => ShardState::NeverWritten,
            (Some(_), Some((_, Standing::Trusted))) => ShardState::Placed,
            (Some(_), Some((_, Standing::Forgetful))) => ShardState::Doubtful,
            (Some(_), _) => ShardState::Unreachable,
        };
        ShardPlace {
            node: node.cloned(),
            domain: known.map(|(domain, _)| domain.clone()),
            state,
        }
    }
}

/// What a node's shards are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// They are counted on.
    Trusted,
    /// It holds fewer than it should, and which are gone is not known: none is counted on.
    Forgetful,
    /// It may never come back.
    Away,
}

/// A node that sleeps can be woken; one that is lost or unavailable may never come back.
fn standing(node: &Node) -> Standing {
    match node.state() {
        NodeState::Connected | NodeState::Asleep if node.missing_shards() > 0 => Standing::Forgetful,
        NodeState::Connected | NodeState::Asleep => Standing::Trusted,
        _ => Standing::Away,
    }
}

/// The worse of two tolerances; the outer `None` is "nothing seen yet".
fn worst(so_far: Option<Option<usize>>, next: Option<usize>) -> Option<Option<usize>> {
    Some(so_far.map_or(next, |so_far| so_far.min(next)))
}

/// Where an object's shards are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The object.
    pub object: Object,
    /// Number of its stripes, the record's included.
    pub stripe_count: u64,
    /// How many further domains may vanish, whichever they are; `None` if it cannot be read now.
    pub domains_may_be_lost: Option<usize>,
    /// Number of the first stripe below.
    pub first: u64,
    /// A window of its stripes.
    pub stripes: Vec<StripeLayout>,
}

/// Where a stripe's shards are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeLayout {
    /// The chunk; `None` for the record.
    pub chunk: Option<ChunkRef>,
    /// The stripe.
    pub stripe: Stripe,
    /// Its shards by index.
    pub shards: Vec<ShardPlace>,
    /// How many further domains may vanish; `None` if too few shards are there.
    pub domains_may_be_lost: Option<usize>,
}

/// Where a shard is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardPlace {
    /// Its node.
    pub node: Option<NodeId>,
    /// Its node's domain.
    pub domain: Option<Domain>,
    /// Whether it can be counted on.
    pub state: ShardState,
}

/// Whether a shard can be counted on, as far as is known without asking its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Why there is no layout.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// There is no such object.
    #[error("object not found")]
    NotFound,
    /// The catalogue failed.
    #[error("the catalogue failed")]
    Catalogue(#[from] CatalogueError),
}

const PAGE_LEN: usize = 1024;
