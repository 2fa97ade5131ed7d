//! The agent's half: exchanges in, shards out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use minicbor::bytes::ByteVec;
use model::{ShardId, StoreId};
use shardstore::{ShardStore, StoreError};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::debug;
use transport::{Link, LinkStream};
use wire::{
    EXCHANGE_LEN_MAX, Fault, Greeting, INVENTORY_ENTRIES_MAX, InventoryEntry, Request, Response, Shard,
    ShardLen, UsageReport, WireShardId,
};

use crate::exchange::{ExchangeError, receive_header, receive_payload, send};
use crate::fault::to_wire;

/// Answers a daemon from a store.
///
/// Memory is bounded: at most `EXCHANGES_MAX` exchanges hold payloads at a time, whatever the peer sends, and one that
/// stalls is dropped.
#[derive(Clone, Debug)]
pub struct NodeServer {
    store: StoreId,
    shards: Arc<dyn ShardStore>,
    exchanges: Arc<Semaphore>,
}

impl NodeServer {
    /// A server for the shards of one store.
    pub fn new(store: StoreId, shards: Arc<dyn ShardStore>) -> Self {
        Self {
            store,
            shards,
            exchanges: Arc::new(Semaphore::new(EXCHANGES_MAX)),
        }
    }

    /// Serves a link until it is closed. Dropping the future abandons what is under way; puts stay atomic.
    pub async fn serve(&self, link: Link) {
        let mut exchanges = JoinSet::new();
        loop {
            let Ok(permit) = Arc::clone(&self.exchanges).acquire_owned().await else {
                return;
            };
            let Ok(stream) = link.accept().await else { break };
            let server = self.clone();
            exchanges.spawn(async move {
                let _permit = permit;
                match tokio::time::timeout(EXCHANGE_TIMEOUT, server.answer(stream)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => debug!(%error, "exchange failed"),
                    Err(_) => debug!("exchange stalled"),
                }
            });
            while exchanges.try_join_next().is_some() {}
        }
    }

    async fn answer(&self, mut stream: LinkStream) -> Result<(), ExchangeError> {
        let request: Request = receive_header(&mut stream.recv).await?;
        let payload = receive_payload(&mut stream.recv, &request).await?;
        let (response, payload) = self.handle(request, payload).await;
        send(&mut stream.send, &response, payload).await
    }

    async fn handle(&self, request: Request, payload: Bytes) -> (Response, Vec<Bytes>) {
        let response = match request {
            Request::Greet(greeting) => self.greet(&greeting),
            Request::Put(shards) => Response::Done(self.put(shards, payload).await),
            Request::Get(ids) => return self.get(ids).await,
            Request::Delete(ids) => Response::Done(self.delete(ids).await),
            Request::List { after, limit } => self.list(after, limit).await,
            Request::Usage => self.usage().await,
            Request::PutEnvelope(envelope) => self.put_envelope(envelope).await,
            Request::Envelope => self.envelope().await,
        };
        (response, Vec::new())
    }

    fn greet(&self, theirs: &Greeting) -> Response {
        let ours = Greeting::new(self.store, env!("CARGO_PKG_VERSION"));
        if theirs.store != ours.store {
            return Response::Failed(Fault::Refused("this agent keeps another store".to_owned()));
        }
        Response::Greet(ours)
    }

    async fn put(&self, shards: Vec<ShardLen>, mut payload: Bytes) -> Vec<Option<Fault>> {
        let puts: Vec<_> = shards
            .into_iter()
            .map(|shard| {
                (
                    shard.id,
                    payload.split_to((shard.len as usize).min(payload.len())),
                )
            })
            .map(|(id, bytes)| async move { self.shards.put(known(id)?, bytes).await })
            .collect();
        futures_util::future::join_all(puts)
            .await
            .into_iter()
            .map(fault)
            .collect()
    }

    async fn get(&self, ids: Vec<WireShardId>) -> (Response, Vec<Bytes>) {
        let gets = ids
            .into_iter()
            .map(|id| async move { (id, self.get_one(id).await) });
        let mut gets = stream::iter(gets).buffered(READS_MAX);
        let (mut answers, mut payload, mut len) = (Vec::new(), Vec::new(), 0);
        while let Some((id, result)) = gets.next().await {
            answers.push(match result {
                Ok(bytes) if !payload.is_empty() && len + bytes.len() > EXCHANGE_LEN_MAX => Shard::Deferred,
                Ok(bytes) => {
                    len += bytes.len();
                    let found = ShardLen {
                        id,
                        len: bytes.len() as u32,
                    };
                    payload.push(bytes);
                    Shard::Found(found)
                }
                Err(error) => Shard::Missing(to_wire(error)),
            });
        }
        (Response::Shards(answers), payload)
    }

    async fn get_one(&self, id: WireShardId) -> Result<Bytes, StoreError> {
        self.shards.get(known(id)?).await
    }

    async fn delete(&self, ids: Vec<WireShardId>) -> Vec<Option<Fault>> {
        let deletes = ids
            .into_iter()
            .map(|id| async move { self.shards.delete(known(id)?).await });
        futures_util::future::join_all(deletes)
            .await
            .into_iter()
            .map(fault)
            .collect()
    }

    async fn list(&self, after: Option<WireShardId>, limit: u32) -> Response {
        let page = async {
            let after = after.map(known).transpose()?;
            self.shards
                .list(after, (limit as usize).min(INVENTORY_ENTRIES_MAX))
                .await
        };
        respond(page.await, |page| {
            let entries = page.into_iter().map(|info| InventoryEntry {
                id: info.id.into(),
                len: info.len,
            });
            Response::Inventory(entries.collect())
        })
    }

    async fn usage(&self) -> Response {
        respond(self.shards.usage().await, |usage| {
            Response::Usage(UsageReport {
                capacity_bytes: usage.capacity_bytes,
                used_bytes: usage.used_bytes,
                shards: usage.shards,
            })
        })
    }

    async fn put_envelope(&self, envelope: ByteVec) -> Response {
        let envelope = Bytes::from(Vec::from(envelope));
        respond(self.shards.put_envelope(envelope).await, |()| {
            Response::Done(vec![None])
        })
    }

    async fn envelope(&self) -> Response {
        respond(self.shards.envelope().await, |envelope| {
            Response::Envelope(envelope.map(|bytes| bytes.to_vec().into()))
        })
    }
}

fn known(id: WireShardId) -> Result<ShardId, StoreError> {
    ShardId::try_from(id).map_err(|error| StoreError::Refused {
        reason: error.to_string(),
    })
}

fn fault(result: Result<(), StoreError>) -> Option<Fault> {
    result.err().map(to_wire)
}

fn respond<T>(result: Result<T, StoreError>, answer: impl FnOnce(T) -> Response) -> Response {
    result.map_or_else(|error| Response::Failed(to_wire(error)), answer)
}

/// Each holds at most `EXCHANGE_LEN_MAX`, in practice a quarter of it: an agent stays far below its 64 MB.
const EXCHANGES_MAX: usize = 12;

/// Reads of one exchange at a time.
const READS_MAX: usize = 16;

/// 4 MiB through a shell of 0.1 MB/s take 42 s; what takes longer will not come.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(60);
