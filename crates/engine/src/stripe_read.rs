//! Fetching the shards of a stripe and putting the plaintext together.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use catalogue::Stripe;
use codec::OpenError;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use model::{ShardId, StripeId};
use shardstore::StoreError;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::counters::count;
use crate::nodes::Node;
use crate::version::{blocking, is_short};
use crate::{Engine, Event};

impl Engine {
    /// The plaintext of a stripe.
    ///
    /// Asks as many nodes as shards are needed, the best first; a further one whenever a node fails, sends a shard that
    /// does not authenticate, or keeps everybody waiting.
    pub(crate) async fn read_stripe(&self, stripe: &Stripe) -> Result<Bytes, ReadError> {
        self.wake_for(stripe).await;
        let mut reading = Reading::new(self, stripe);
        loop {
            let wanted = stripe.geometry.data();
            let Some(shards) = reading.gather(wanted).await else {
                return Err(reading.into_error());
            };
            let (sealer, id) = (self.inner.sealer.clone(), stripe.id);
            let offered = shards.clone();
            let open = move || sealer.open(id, &offered);
            // A record is opened faster than a thread is woken.
            let opened = if is_short(stripe.len) {
                open()
            } else {
                blocking(open).await
            };
            match opened {
                Ok(plaintext) => return Ok(plaintext),
                Err(OpenError::TooFewShards { faults, .. }) => {
                    reading.discard(faults.iter().map(|(index, fault)| (*index, fault.to_string())));
                }
                Err(source) => {
                    return Err(ReadError::Corrupt {
                        stripe: stripe.id,
                        source,
                    });
                }
            }
        }
    }
}

/// The state of one stripe's read.
struct Reading<'a> {
    engine: &'a Engine,
    stripe: &'a Stripe,
    /// Shards not asked for yet, best first.
    waiting: VecDeque<(u8, Arc<Node>)>,
    asked: FuturesUnordered<futures_util::future::BoxFuture<'a, Answer>>,
    got: Vec<(u8, Bytes)>,
    unreachable: usize,
    damaged: usize,
}

struct Answer {
    index: u8,
    node: Arc<Node>,
    result: Result<Bytes, StoreError>,
}

impl<'a> Reading<'a> {
    fn new(engine: &'a Engine, stripe: &'a Stripe) -> Self {
        let (waiting, unreachable) = rank(engine, stripe);
        let asked = FuturesUnordered::new();
        Self {
            engine,
            stripe,
            waiting,
            asked,
            got: Vec::new(),
            unreachable,
            damaged: 0,
        }
    }

    /// At least `wanted` shards, or `None` when there are no more to ask for.
    async fn gather(&mut self, wanted: usize) -> Option<Vec<(u8, Bytes)>> {
        let delay = self.engine.config().hedge_delay;
        let mut hedge = pin!(tokio::time::sleep(delay));
        while self.got.len() < wanted {
            while self.got.len() + self.asked.len() < wanted && self.ask_next() {}
            if self.asked.is_empty() {
                return None;
            }
            tokio::select! {
                Some(answer) = self.asked.next() => self.take(answer),
                () = &mut hedge => {
                    if self.ask_next() {
                        count(&self.engine.inner.counters.reads_hedged, 1);
                    }
                    hedge.as_mut().reset(Instant::now() + delay);
                }
            }
        }
        Some(self.got.clone())
    }

    fn ask_next(&mut self) -> bool {
        let Some((index, node)) = self.waiting.pop_front() else {
            return false;
        };
        let id = self.stripe.id.shard(index);
        let timeout = self.engine.config().get_timeout;
        self.asked.push(Box::pin(ask(node, id, index, timeout)));
        true
    }

    fn take(&mut self, answer: Answer) {
        let Answer { index, node, result } = answer;
        match result {
            Ok(shard) => {
                node.trust();
                self.got.push((index, shard));
            }
            Err(StoreError::NotFound | StoreError::Corrupt { .. }) => {
                self.damage(index, &node, "gone or unreadable")
            }
            Err(error) => {
                debug!(node = %node.id(), shard = %self.stripe.id.shard(index), %error, "shard not read");
                node.suspect();
                self.unreachable += 1;
                count(&self.engine.inner.counters.shards_unreachable, 1);
            }
        }
    }

    /// Puts away shards that do not authenticate.
    fn discard(&mut self, faults: impl Iterator<Item = (u8, String)>) {
        for (index, fault) in faults {
            self.got.retain(|(got, _)| *got != index);
            if let Some(node) = self.node_of(index) {
                self.damage(index, &node, &fault);
            }
        }
    }

    fn damage(&mut self, index: u8, node: &Node, fault: &str) {
        let stripe = self.stripe.id;
        warn!(node = %node.id(), shard = %stripe.shard(index), fault, "shard damaged");
        self.damaged += 1;
        count(&self.engine.inner.counters.shards_damaged, 1);
        self.engine.announce(Event::ShardDamaged {
            stripe,
            index,
            node: node.id().clone(),
        });
    }

    fn node_of(&self, index: u8) -> Option<Arc<Node>> {
        let id = self.stripe.placement.get(usize::from(index))?.as_ref()?;
        self.engine.nodes().get(id)
    }

    fn into_error(self) -> ReadError {
        ReadError::TooFewShards {
            stripe: self.stripe.id,
            intact: self.got.len(),
            needed: self.stripe.geometry.data(),
            unreachable: self.unreachable,
            damaged: self.damaged,
            never_written: self.stripe.placement.iter().filter(|node| node.is_none()).count(),
        }
    }
}

async fn ask(node: Arc<Node>, id: ShardId, index: u8, timeout: std::time::Duration) -> Answer {
    node.want();
    let result = match tokio::time::timeout(timeout, node.store().get(id)).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Unavailable {
            reason: format!("no answer within {timeout:.0?}"),
        }),
    };
    Answer { index, node, result }
}

/// The shards that can be asked for, best first, and how many cannot: trusted nodes before suspects, data shards before
/// parity (they need no decoding), near nodes before far ones.
fn rank(engine: &Engine, stripe: &Stripe) -> (VecDeque<(u8, Arc<Node>)>, usize) {
    let placed = stripe
        .placement
        .iter()
        .enumerate()
        .filter_map(|(index, id)| Some((index, id.as_ref()?)));
    let (mut readable, mut unreachable) = (Vec::new(), 0);
    for (index, id) in placed {
        match engine.nodes().get(id).filter(|node| node.is_readable()) {
            Some(node) => readable.push((index as u8, node)),
            None => unreachable += 1,
        }
    }
    readable.sort_by_cached_key(|(index, node)| {
        let is_parity = usize::from(*index) >= stripe.geometry.data();
        (node.is_suspect(), is_parity, node.snapshot().latency, *index)
    });
    (readable.into(), unreachable)
}

/// Why a stripe could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Too few shards authenticate. If enough are unreachable rather than damaged, the same call succeeds once their
    /// nodes are back.
    #[error(
        "{stripe}: {needed} shards needed, {intact} intact; {unreachable} on nodes that cannot be reached, \
         {damaged} damaged or gone, {never_written} never written"
    )]
    TooFewShards {
        /// The stripe.
        stripe: StripeId,
        /// Shards that arrived and authenticate.
        intact: usize,
        /// Shards needed.
        needed: usize,
        /// Shards on nodes that cannot be reached now.
        unreachable: usize,
        /// Shards that are gone or do not authenticate.
        damaged: usize,
        /// Shards that were never durable.
        never_written: usize,
    },
    /// The shards authenticate and the plaintext is not what its id says. Never seen; a bug or a broken machine.
    #[error("{stripe} does not decode to its content")]
    Corrupt {
        /// The stripe.
        stripe: StripeId,
        /// What is wrong.
        #[source]
        source: OpenError,
    },
}

impl ReadError {
    /// Whether the same read can succeed later without anyone repairing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::TooFewShards {
                intact,
                needed,
                unreachable,
                ..
            } => intact + unreachable >= *needed,
            Self::Corrupt { .. } => false,
        }
    }
}
