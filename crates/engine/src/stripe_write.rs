//! Putting the shards of a stripe on nodes.

use std::sync::Arc;

use bytes::Bytes;
use catalogue::Stripe;
use codec::SealError;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use model::{Geometry, NodeId, StripeId};
use shardstore::StoreError;
use tracing::debug;

use crate::counters::count;
use crate::nodes::Node;
use crate::plan::{Candidate, Placer};
use crate::{Engine, Event};

impl Engine {
    /// Puts all shards, on other nodes where one fails; enough when at least the write floor is durable.
    pub(crate) async fn write_stripe(
        &self,
        id: StripeId,
        geometry: Geometry,
        len: u32,
        shards: Vec<Bytes>,
    ) -> Result<Stripe, WriteError> {
        self.wake_all().await;
        let nodes = self.nodes().all();
        let candidates: Vec<Candidate> = nodes.iter().map(|node| node.candidate()).collect();
        let shard_len = shards.first().map_or(0, Bytes::len) as u64;
        let mut placer = Placer::new(seed(id), shards.len(), shard_len, &candidates);
        let mut placement: Vec<Option<NodeId>> = vec![None; shards.len()];
        let mut faults = Vec::new();
        let mut puts = FuturesUnordered::new();
        let put = |index: usize, at: usize| {
            let (node, shard) = (
                nodes.get(at).cloned(),
                shards.get(index).cloned().unwrap_or_default(),
            );
            async move {
                (
                    index,
                    at,
                    self.put_shard(node, id.shard(index as u8), shard).await,
                )
            }
        };
        for (index, at) in placer.assign(shards.len()).into_iter().enumerate() {
            puts.extend(at.map(|at| put(index, at)));
        }
        while let Some((index, at, result)) = puts.next().await {
            match result {
                Ok(node) => {
                    if let Some(place) = placement.get_mut(index) {
                        *place = Some(node);
                    }
                }
                Err(fault) => {
                    faults.push(fault);
                    puts.extend(placer.replace(at).map(|other| put(index, other)));
                }
            }
        }
        self.accept(
            Stripe {
                id,
                geometry,
                len,
                placement,
            },
            &candidates,
            faults,
        )
    }

    fn accept(
        &self,
        stripe: Stripe,
        candidates: &[Candidate],
        faults: Vec<ShardPutFault>,
    ) -> Result<Stripe, WriteError> {
        let durable = stripe.placement.iter().flatten().count();
        let needed = self.config().write_floor(stripe.geometry);
        if durable < needed {
            return Err(WriteError::TooFewNodes {
                stripe: stripe.id,
                durable,
                needed,
                nodes: candidates.len(),
                usable: candidates.iter().filter(|candidate| candidate.is_usable).count(),
                faults,
            });
        }
        let missing = stripe.placement.len() - durable;
        if missing > 0 {
            count(&self.inner.counters.stripes_degraded, 1);
            self.announce(Event::StripeDegraded {
                stripe: stripe.id,
                missing,
            });
        }
        Ok(stripe)
    }

    async fn put_shard(
        &self,
        node: Option<Arc<Node>>,
        id: model::ShardId,
        shard: Bytes,
    ) -> Result<NodeId, ShardPutFault> {
        let node = node.expect("placement names nodes of the snapshot it was given");
        let len = shard.len() as u64;
        node.want();
        let timeout = self.config().put_timeout;
        let result = tokio::time::timeout(timeout, node.store().put(id, shard)).await;
        let error = match result {
            Ok(Ok(())) => {
                node.add_used(len);
                return Ok(node.id().clone());
            }
            Ok(Err(error)) => error,
            Err(_) => {
                node.stall();
                StoreError::Unavailable {
                    reason: format!("no answer within {timeout:.0?}"),
                }
            }
        };
        debug!(node = %node.id(), shard = %id, %error, "shard not kept");
        match error {
            StoreError::Full { .. } => node.set_full(),
            _ => node.suspect(),
        }
        Err(ShardPutFault {
            node: node.id().clone(),
            error,
        })
    }
}

/// Where the rotation of a stripe begins; any fixed function of its id does.
fn seed(id: StripeId) -> u64 {
    u64::from_le_bytes(*id.id.first_chunk().expect("an id has 32 bytes"))
}

/// Why a node did not keep a shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{node}: {error}")]
pub struct ShardPutFault {
    node: NodeId,
    error: StoreError,
}

/// Why a stripe is not durable. Nothing refers to the shards that are.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Fewer shards were kept than the floor asks for.
    #[error("{stripe}: {durable} shards kept, at least {needed} needed; {}", reasons(*.nodes, *.usable, .faults))]
    TooFewNodes {
        /// The stripe.
        stripe: StripeId,
        /// Shards that were kept.
        durable: usize,
        /// Shards that must be.
        needed: usize,
        /// Nodes that the store has.
        nodes: usize,
        /// Nodes that are connected, with or without room.
        usable: usize,
        /// Why others did not.
        faults: Vec<ShardPutFault>,
    },
    /// The plaintext is no chunk or record; a bug.
    #[error("cannot seal the stripe")]
    Seal(#[from] SealError),
}

impl WriteError {
    /// Whether there are nodes enough and what they lack is room: then waiting does not help, and more space does.
    pub fn is_full(&self) -> bool {
        match self {
            Self::TooFewNodes {
                needed,
                usable,
                faults,
                ..
            } => {
                *usable >= *needed
                    && faults
                        .iter()
                        .all(|fault| matches!(fault.error, StoreError::Full { .. }))
            }
            Self::Seal(_) => false,
        }
    }
}

fn reasons(nodes: usize, usable: usize, faults: &[ShardPutFault]) -> String {
    if faults.is_empty() {
        return format!("{usable} of the {nodes} nodes are connected, and too few of them have room");
    }
    faults
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}
