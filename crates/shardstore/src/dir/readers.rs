//! Reads, many at a time: whoever waits while a reader is at work is served by it next, within one transaction of the
//! index, so that a thousand small shards do not wake a thread each.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use model::ShardId;
use tokio::sync::{Semaphore, oneshot};

use super::Shared;
use crate::StoreError;

/// Serves reads on tokio's blocking threads.
#[derive(Debug)]
pub(super) struct Readers {
    shared: Arc<Shared>,
    queue: Arc<Mutex<Queue>>,
    /// Places to wait; further callers wait to be let in.
    places: Semaphore,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Request>,
    readers: usize,
}

#[derive(Debug)]
struct Request {
    id: ShardId,
    answer: oneshot::Sender<Result<Bytes, StoreError>>,
}

impl Readers {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            queue: Arc::default(),
            places: Semaphore::new(WAITING_MAX),
        }
    }

    /// The bytes of a shard.
    pub(super) async fn get(&self, id: ShardId) -> Result<Bytes, StoreError> {
        let _place = self.places.acquire().await;
        let (answer, answered) = oneshot::channel();
        if self.enqueue(Request { id, answer }) {
            let (shared, queue) = (Arc::clone(&self.shared), Arc::clone(&self.queue));
            tokio::task::spawn_blocking(move || {
                Reader {
                    shared,
                    queue,
                    has_left: false,
                }
                .run()
            });
        }
        // redb may panic on a page that rotted after the index was opened; the reader's callers then hear nothing.
        let failed = |_| StoreError::Corrupt {
            reason: "a read failed".to_owned(),
        };
        answered.await.unwrap_or_else(|gone| Err(failed(gone)))
    }

    /// Whether the queue needs another reader.
    fn enqueue(&self, request: Request) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.waiting.push_back(request);
        let is_long = queue.waiting.len() > queue.readers * WAITING_PER_READER;
        let needs_reader = is_long && queue.readers < READERS_MAX;
        queue.readers += usize::from(needs_reader);
        needs_reader
    }
}

/// One of the readers; leaves when nobody waits.
struct Reader {
    shared: Arc<Shared>,
    queue: Arc<Mutex<Queue>>,
    has_left: bool,
}

impl Reader {
    fn run(mut self) {
        while let Some(batch) = self.next_batch() {
            let ids: Vec<ShardId> = batch.iter().map(|request| request.id).collect();
            let shards = self.shared.get_many(&ids);
            for (request, shard) in batch.into_iter().zip(shards) {
                // Whoever asked may have gone.
                let _ = request.answer.send(shard);
            }
        }
    }

    /// `None` when nobody waits. The reader is gone from the queue by then: whoever comes next calls another.
    fn next_batch(&mut self) -> Option<Vec<Request>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let len = queue.waiting.len().min(BATCH_MAX);
        if len == 0 {
            queue.readers -= 1;
            self.has_left = true;
            return None;
        }
        Some(queue.waiting.drain(..len).collect())
    }
}

impl Drop for Reader {
    /// A reader that panicked tells those who wait, rather than leave them waiting.
    fn drop(&mut self) {
        if !self.has_left {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.readers -= 1;
            queue.waiting.clear();
        }
    }
}

/// Enough to keep a disk busy.
const READERS_MAX: usize = 8;

/// Longer queues call another reader.
const WAITING_PER_READER: usize = 8;

/// A batch may hold as many shards of a megabyte.
const BATCH_MAX: usize = 16;

/// An agent's exchanges together ask for fewer at a time.
const WAITING_MAX: usize = 1024;
