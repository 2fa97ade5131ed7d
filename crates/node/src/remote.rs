//! The daemon's half: a store whose shards are on a node.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use model::{ShardId, StoreId, StripeKind};
use shardstore::{SHARD_LEN_MAX, ShardInfo, ShardStore, StoreError, Usage};
use transport::{Link, PathReport};
use wire::{EXCHANGE_SHARDS_MAX, Greeting, INVENTORY_ENTRIES_MAX, Request, Response, Shard, ShardLen};

use crate::batcher::{BatchLimits, Batcher};
use crate::exchange::{self, ExchangeError};
use crate::fault::from_wire;

/// A [`ShardStore`] on the other side of a link.
///
/// It outlives its links: without one, or when one fails, calls are [`StoreError::Unavailable`] at once, until
/// [`set_link`](Self::set_link) gives it another. Must be made within a tokio runtime.
#[derive(Debug)]
pub struct RemoteStore {
    peer: Arc<Peer>,
    puts: Batcher<(ShardId, Bytes), ()>,
    gets: Batcher<ShardId, Bytes>,
    deletes: Batcher<ShardId, ()>,
}

impl RemoteStore {
    /// A store that has no link yet.
    pub fn new() -> Self {
        let peer = Arc::new(Peer {
            link: RwLock::default(),
        });
        let (putting, getting, deleting) = (Arc::clone(&peer), Arc::clone(&peer), Arc::clone(&peer));
        let limits = |exchanges_max| BatchLimits {
            questions_max: EXCHANGE_SHARDS_MAX,
            bytes_max: BATCH_LEN_MAX,
            exchanges_max,
        };
        Self {
            puts: Batcher::start(limits(CHANGES_MAX), move |shards| {
                put(Arc::clone(&putting), shards)
            }),
            gets: Batcher::start(limits(GETS_MAX), move |ids| get(Arc::clone(&getting), ids)),
            deletes: Batcher::start(limits(CHANGES_MAX), move |ids| delete(Arc::clone(&deleting), ids)),
            peer,
        }
    }

    /// Greets the agent on a link; if it keeps this store, further calls use the link.
    ///
    /// # Errors
    ///
    /// [`GreetError`] if the agent does not answer, keeps another store or speaks another version.
    pub async fn set_link(&self, link: Link, store: StoreId) -> Result<(), GreetError> {
        let request = Request::Greet(Greeting::new(store, env!("CARGO_PKG_VERSION")));
        let answer = ask_on(&link, request, Vec::new()).await?;
        match answer.0 {
            Response::Greet(theirs) if theirs.wire_version == wire::WIRE_VERSION => {
                *self.peer.link.write().unwrap_or_else(PoisonError::into_inner) = Some(link);
                Ok(())
            }
            Response::Greet(theirs) => Err(GreetError::OtherVersion {
                wire_version: theirs.wire_version,
            }),
            other => Err(GreetError::Store(unexpected(other))),
        }
    }

    /// Gives the link up; calls are unavailable until there is another.
    pub fn clear_link(&self) {
        *self.peer.link.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The path that the link takes now.
    pub fn path(&self) -> Option<PathReport> {
        self.peer.link().ok()?.path()
    }
}

impl Default for RemoteStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl ShardStore for RemoteStore {
    async fn put(&self, id: ShardId, shard: Bytes) -> Result<(), StoreError> {
        let len = shard.len();
        if len > SHARD_LEN_MAX {
            let reason = format!("a shard of {len} bytes, at most {SHARD_LEN_MAX} allowed");
            return Err(StoreError::Refused { reason });
        }
        self.peer.link()?;
        self.puts.ask((id, shard), len).await
    }

    async fn get(&self, id: ShardId) -> Result<Bytes, StoreError> {
        self.peer.link()?;
        self.gets.ask(id, expected_len(id)).await
    }

    async fn delete(&self, id: ShardId) -> Result<(), StoreError> {
        self.peer.link()?;
        self.deletes.ask(id, 0).await
    }

    async fn list(&self, after: Option<ShardId>, limit: usize) -> Result<Vec<ShardInfo>, StoreError> {
        let mut entries: Vec<ShardInfo> = Vec::new();
        while entries.len() < limit {
            let wanted = (limit - entries.len()).min(INVENTORY_ENTRIES_MAX);
            let after = entries.last().map(|info| info.id).or(after);
            let page = self.peer.list(after, wanted).await?;
            let is_last = page.len() < wanted;
            entries.extend(page);
            if is_last {
                break;
            }
        }
        Ok(entries)
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        match self.peer.ask(Request::Usage, Vec::new()).await?.0 {
            Response::Usage(report) => Ok(Usage {
                capacity_bytes: report.capacity_bytes,
                used_bytes: report.used_bytes,
                shards: report.shards,
            }),
            other => Err(unexpected(other)),
        }
    }

    async fn put_envelope(&self, envelope: Bytes) -> Result<(), StoreError> {
        match self
            .peer
            .ask(Request::PutEnvelope(envelope.to_vec().into()), Vec::new())
            .await?
            .0
        {
            Response::Done(_) => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    async fn envelope(&self) -> Result<Option<Bytes>, StoreError> {
        match self.peer.ask(Request::Envelope, Vec::new()).await?.0 {
            Response::Envelope(envelope) => Ok(envelope.map(|bytes| Vec::from(bytes).into())),
            other => Err(unexpected(other)),
        }
    }
}

/// The agent, when there is a link to it.
#[derive(Debug)]
struct Peer {
    link: RwLock<Option<Link>>,
}

impl Peer {
    fn link(&self) -> Result<Link, StoreError> {
        let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
        link.clone().ok_or_else(|| StoreError::Unavailable {
            reason: "not connected".to_owned(),
        })
    }

    async fn ask(&self, request: Request, payload: Vec<Bytes>) -> Result<(Response, Bytes), StoreError> {
        ask_on(&self.link()?, request, payload).await
    }

    async fn list(&self, after: Option<ShardId>, limit: usize) -> Result<Vec<ShardInfo>, StoreError> {
        let request = Request::List {
            after: after.map(Into::into),
            limit: limit as u32,
        };
        let page = match self.ask(request, Vec::new()).await?.0 {
            Response::Inventory(page) => page,
            other => return Err(unexpected(other)),
        };
        let known = page.into_iter().map(|entry| {
            let id = ShardId::try_from(entry.id).map_err(|error| corrupt(&error))?;
            Ok(ShardInfo { id, len: entry.len })
        });
        let infos: Vec<ShardInfo> = known.collect::<Result<_, StoreError>>()?;
        let starts_behind = infos.first().is_none_or(|first| after < Some(first.id));
        if infos.len() > limit || !starts_behind || !infos.is_sorted_by(|a, b| a.id < b.id) {
            return Err(StoreError::Corrupt {
                reason: "the inventory is out of order".to_owned(),
            });
        }
        Ok(infos)
    }
}

async fn put(peer: Arc<Peer>, shards: Vec<(ShardId, Bytes)>) -> Vec<Result<(), StoreError>> {
    let count = shards.len();
    let lens = shards
        .iter()
        .map(|(id, bytes)| ShardLen {
            id: (*id).into(),
            len: bytes.len() as u32,
        })
        .collect();
    let payload = shards.into_iter().map(|(_, bytes)| bytes).collect();
    done(peer.ask(Request::Put(lens), payload).await, count)
}

async fn delete(peer: Arc<Peer>, ids: Vec<ShardId>) -> Vec<Result<(), StoreError>> {
    let count = ids.len();
    let request = Request::Delete(ids.into_iter().map(Into::into).collect());
    done(peer.ask(request, Vec::new()).await, count)
}

fn done(answer: Result<(Response, Bytes), StoreError>, count: usize) -> Vec<Result<(), StoreError>> {
    let answer = answer.and_then(|(response, _)| match response {
        Response::Done(results) if results.len() == count => Ok(results),
        other => Err(unexpected(other)),
    });
    match answer {
        Ok(results) => results
            .into_iter()
            .map(|fault| fault.map_or(Ok(()), |fault| Err(from_wire(fault))))
            .collect(),
        Err(error) => vec![Err(error); count],
    }
}

/// Asks until no shard is deferred; an agent that defers everything is not asked for ever.
async fn get(peer: Arc<Peer>, ids: Vec<ShardId>) -> Vec<Result<Bytes, StoreError>> {
    let mut answers: Vec<Option<Result<Bytes, StoreError>>> = vec![None; ids.len()];
    loop {
        let open: Vec<usize> = (0..ids.len())
            .filter(|at| answers.get(*at).is_some_and(Option::is_none))
            .collect();
        let asked: Vec<ShardId> = open.iter().filter_map(|at| ids.get(*at).copied()).collect();
        if asked.is_empty() {
            break;
        }
        let results = get_once(&peer, &asked).await;
        let has_progress = results.iter().any(Option::is_some);
        for (at, result) in open.into_iter().zip(results) {
            if let Some(slot) = answers.get_mut(at) {
                *slot = result;
            }
        }
        if !has_progress {
            break;
        }
    }
    let stuck = || StoreError::Unavailable {
        reason: "the agent defers every shard".to_owned(),
    };
    answers
        .into_iter()
        .map(|answer| answer.unwrap_or_else(|| Err(stuck())))
        .collect()
}

/// One exchange; `None` for a shard that was deferred.
async fn get_once(peer: &Peer, ids: &[ShardId]) -> Vec<Option<Result<Bytes, StoreError>>> {
    let request = Request::Get(ids.iter().map(|id| (*id).into()).collect());
    let answer = peer
        .ask(request, Vec::new())
        .await
        .and_then(|(response, payload)| match response {
            Response::Shards(shards) if shards.len() == ids.len() => Ok((shards, payload)),
            other => Err(unexpected(other)),
        });
    let (shards, mut payload) = match answer {
        Ok(answer) => answer,
        Err(error) => return vec![Some(Err(error)); ids.len()],
    };
    let take = |(shard, id): (Shard, &ShardId)| match shard {
        Shard::Found(found) => {
            let bytes = payload.split_to((found.len as usize).min(payload.len()));
            let is_asked = ShardId::try_from(found.id) == Ok(*id);
            let other = || StoreError::Corrupt {
                reason: "the agent answered with another shard".to_owned(),
            };
            Some(if is_asked { Ok(bytes) } else { Err(other()) })
        }
        Shard::Missing(fault) => Some(Err(from_wire(fault))),
        Shard::Deferred => None,
    };
    shards.into_iter().zip(ids).map(take).collect()
}

async fn ask_on(link: &Link, request: Request, payload: Vec<Bytes>) -> Result<(Response, Bytes), StoreError> {
    let expected: usize = match &request {
        Request::Get(ids) => ids.len() * SHARD_LEN_EXPECTED,
        _ => payload.iter().map(Bytes::len).sum(),
    };
    let limit = EXCHANGE_TIMEOUT_MIN + Duration::from_secs_f64(expected as f64 / RATE_MIN);
    let asked = async {
        let stream = link.open().await.map_err(|error| unavailable(&error))?;
        exchange::ask(stream, &request, payload)
            .await
            .map_err(|error| match error {
                ExchangeError::Decode(_) => corrupt(&error),
                ExchangeError::Stream { .. } | ExchangeError::Truncated { .. } => unavailable(&error),
            })
    };
    match tokio::time::timeout(limit, asked).await {
        Ok(answer) => answer,
        Err(_) => {
            // The agent is stuck: a new link may find it better, and nobody waits for this one again.
            link.close("no answer in time");
            Err(StoreError::Unavailable {
                reason: format!("no answer within {limit:.0?}"),
            })
        }
    }
}

fn unexpected(response: Response) -> StoreError {
    match response {
        Response::Failed(fault) => match from_wire(fault) {
            StoreError::NotFound => StoreError::Corrupt {
                reason: "a fault that does not fit".to_owned(),
            },
            error => error,
        },
        _ => StoreError::Corrupt {
            reason: "an answer to another question".to_owned(),
        },
    }
}

fn unavailable(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unavailable {
        reason: error.to_string(),
    }
}

fn corrupt(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt {
        reason: error.to_string(),
    }
}

/// Why a link is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GreetError {
    /// The agent speaks another version of the protocol; it has to be replaced.
    #[error(
        "the agent speaks wire version {wire_version}, this program {}",
        wire::WIRE_VERSION
    )]
    OtherVersion {
        /// Its version.
        wire_version: u32,
    },
    /// The agent did not answer, or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a get may bring, to keep an exchange within its limits without knowing lengths.
fn expected_len(id: ShardId) -> usize {
    match id.stripe.kind {
        StripeKind::Chunk => SHARD_LEN_EXPECTED,
        StripeKind::Record => SHARD_LEN_EXPECTED / 64,
    }
}

/// A shard of a full chunk at the default geometry.
const SHARD_LEN_EXPECTED: usize = 175 << 10;

/// Long enough to amortise an exchange, short enough that the next one need not wait long.
const BATCH_LEN_MAX: usize = 2 << 20;

/// Exchanges of puts, and of deletes, under way at once. What gathers meanwhile shares the node's next sync: a second
/// exchange would only make both smaller (measured: 256 MiB in 2.5 s instead of 2.2 s).
const CHANGES_MAX: usize = 1;

/// One is served while another travels; more would only make batches smaller.
const GETS_MAX: usize = 2;

/// An agent that is alive answers within it, even through a shell.
const EXCHANGE_TIMEOUT_MIN: Duration = Duration::from_secs(5);

/// The slowest shell that is worth using, in bytes a second.
const RATE_MIN: f64 = 100_000.0;
