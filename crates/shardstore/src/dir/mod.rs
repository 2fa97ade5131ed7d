//! [`DirStore`]: shards in a directory of a file system.
//!
//! ```text
//! lock          held by the process that has the directory open
//! index.redb    a row for every shard; small shards and the key envelope themselves
//! shards/00…ff  big shards, a file each
//! tmp           files being written
//! ```
//!
//! Callers queue their changes; one thread makes them durable in batches (`committer`, `batch`). A batch first
//! writes and syncs its files, renames them and syncs their folders, and then commits the index once: that moment
//! decides for all of it. Reads go past the queue to the index and the files, on tokio's blocking threads.

mod batch;
mod committer;
mod cost;
#[cfg(test)]
mod crash_tests;
mod direct;
mod files;
mod index;
mod open;
mod readers;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::{fmt, io, thread};

use async_trait::async_trait;
use bytes::Bytes;
use model::ShardId;
use rustix::io::Errno;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::limits::{check_envelope_len, check_shard_len};
use crate::{ShardInfo, ShardStore, StoreError, Usage};

use self::batch::Change;
use self::committer::{Committer, Request};
use self::files::{ShardFiles, Watch};
use self::index::{Index, IndexError, Row};
pub use self::open::OpenError;
use self::readers::Readers;

/// Keeps shards in a directory, durably, up to a capacity.
///
/// What a shard costs of the capacity is what it takes on the medium: its file's blocks, or its share of the
/// index's pages; replaced shards are free again at once. A medium that runs full earlier answers *full* too.
///
/// The methods must be called within a tokio runtime. Dropping the store waits for what is queued; a read
/// whose caller went away may keep the directory locked a moment longer.
pub struct DirStore {
    shared: Arc<Shared>,
    /// `None` only while the store is dropped.
    requests: Option<mpsc::Sender<Request>>,
    committer: Option<JoinHandle<()>>,
    readers: Readers,
    reads: Arc<Semaphore>,
}

/// What the committer and the readers both need.
#[derive(Debug)]
struct Shared {
    index: Index,
    files: ShardFiles,
    usage: UsageCell,
    _lock: File,
}

/// The usage as of the last commit.
#[derive(Debug)]
struct UsageCell(Mutex<Usage>);

impl DirStore {
    /// Opens the store in `dir`, making it if there is none, with room for `capacity_bytes`.
    ///
    /// Clears away what a crash left: all shards whose put was acknowledged are there, others wholly or not at
    /// all. Blocks while it does, and while it reads and checks the index (0.1 s for 100 MB).
    ///
    /// # Errors
    ///
    /// [`OpenError`]; the directory is left as it was.
    pub fn open(dir: impl AsRef<Path>, capacity_bytes: u64) -> Result<Self, OpenError> {
        Self::open_watched(dir.as_ref(), capacity_bytes, Box::new(|_| Ok(())))
    }

    fn open_watched(dir: &Path, capacity_bytes: u64, watch: Watch) -> Result<Self, OpenError> {
        let opened = open::open(dir, watch)?;
        let usage = Usage {
            capacity_bytes,
            used_bytes: opened.counts.used_bytes,
            shards: opened.counts.shards,
        };
        let shared = Arc::new(Shared {
            index: opened.index,
            files: opened.files,
            usage: UsageCell(Mutex::new(usage)),
            _lock: opened.lock,
        });
        let readers = Readers::new(Arc::clone(&shared));
        let (requests, committer) = start_committer(dir.to_owned(), Arc::clone(&shared))?;
        Ok(Self {
            shared,
            requests: Some(requests),
            committer: Some(committer),
            readers,
            reads: Arc::new(Semaphore::new(READS_MAX)),
        })
    }

    /// Queues a change and waits until it is durable.
    async fn change(&self, change: Change) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(committer_gone)?;
        requests
            .send(Request { change, answer })
            .await
            .map_err(|_| committer_gone())?;
        answered.await.map_err(|_| committer_gone())?
    }

    /// Reads on a blocking thread, one of at most [`READS_MAX`].
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(&self.reads).acquire_owned().await;
        let shared = Arc::clone(&self.shared);
        let read = tokio::task::spawn_blocking(move || {
            let answer = read(&shared);
            drop(turn);
            answer
        });
        // redb may panic on a page that rotted after the index was opened.
        read.await.unwrap_or_else(|error| {
            Err(StoreError::Corrupt {
                reason: format!("a read failed: {error}"),
            })
        })
    }
}

#[async_trait]
impl ShardStore for DirStore {
    async fn put(&self, id: ShardId, shard: Bytes) -> Result<(), StoreError> {
        check_shard_len(shard.len())?;
        self.change(Change::Put { id, shard }).await
    }

    async fn get(&self, id: ShardId) -> Result<Bytes, StoreError> {
        self.readers.get(id).await
    }

    async fn delete(&self, id: ShardId) -> Result<(), StoreError> {
        self.change(Change::Delete { id }).await
    }

    async fn list(&self, after: Option<ShardId>, limit: usize) -> Result<Vec<ShardInfo>, StoreError> {
        self.read(move |shared| shared.index.list(after, limit).map_err(index_failure))
            .await
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        Ok(self.shared.usage.get())
    }

    async fn put_envelope(&self, envelope: Bytes) -> Result<(), StoreError> {
        check_envelope_len(envelope.len())?;
        self.change(Change::PutEnvelope(envelope)).await
    }

    async fn envelope(&self) -> Result<Option<Bytes>, StoreError> {
        self.read(|shared| shared.index.envelope().map_err(index_failure))
            .await
    }
}

impl Drop for DirStore {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(committer) = self.committer.take() {
            // If it panicked, its callers have been told so.
            let _ = committer.join();
        }
    }
}

impl fmt::Debug for DirStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirStore")
            .field("files", &self.shared.files)
            .field("usage", &self.shared.usage.get())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Many shards, their rows within one transaction.
    fn get_many(&self, ids: &[ShardId]) -> Vec<Result<Bytes, StoreError>> {
        let rows = match self.index.get_many(ids) {
            Ok(rows) => rows,
            Err(error) => return vec![Err(index_failure(error)); ids.len()],
        };
        let shard =
            |(id, row): (&ShardId, Result<Option<Row>, IndexError>)| match row.map_err(index_failure)? {
                None => Err(StoreError::NotFound),
                Some(Row::Small(shard)) => Ok(shard),
                Some(Row::File { .. }) => self.get(*id),
            };
        ids.iter().zip(rows).map(shard).collect()
    }

    /// Index and file are looked at one after the other. A file that is missing was replaced or deleted between
    /// the two, and the index knows better by now; if it never does, the file is lost.
    fn get(&self, id: ShardId) -> Result<Bytes, StoreError> {
        for _ in 0..READ_ATTEMPTS_MAX {
            let len = match self.index.get(id).map_err(index_failure)? {
                None => return Err(StoreError::NotFound),
                Some(Row::Small(shard)) => return Ok(shard),
                Some(Row::File { len }) => len,
            };
            if let Some(shard) = self
                .files
                .read(id, len)
                .map_err(|error| file_failure(id, &error))?
            {
                return Ok(shard.into());
            }
        }
        Err(StoreError::Corrupt {
            reason: format!("the file of shard {id} is missing"),
        })
    }
}

impl UsageCell {
    fn get(&self) -> Usage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, usage: Usage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = usage;
    }
}

fn start_committer(dir: PathBuf, shared: Arc<Shared>) -> io::Result<(mpsc::Sender<Request>, JoinHandle<()>)> {
    let (sender, requests) = mpsc::channel(QUEUE_LEN_MAX);
    let committer = Committer {
        dir,
        shared,
        requests,
        poison: None,
    };
    let thread = thread::Builder::new().name("shard-committer".to_owned());
    Ok((sender, thread.spawn(|| committer.run())?))
}

fn index_failure(error: IndexError) -> StoreError {
    let reason = error.to_string();
    match error {
        redb::Error::PreviousIo | redb::Error::DatabaseClosed => StoreError::Poisoned { reason },
        redb::Error::Io(error) => io_failure(&error, reason),
        _ => StoreError::Corrupt { reason },
    }
}

fn file_failure(id: ShardId, error: &io::Error) -> StoreError {
    io_failure(error, format!("the file of shard {id} cannot be read: {error}"))
}

/// Too many open files or too little memory pass; anything else a medium says of a file is damage to it.
fn io_failure(error: &io::Error, reason: String) -> StoreError {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN) => StoreError::Unavailable { reason },
        _ => StoreError::Corrupt { reason },
    }
}

fn committer_gone() -> StoreError {
    StoreError::Poisoned {
        reason: "the committer ended".to_owned(),
    }
}

/// Changes that wait; further callers wait to be let in. A batch's worth, so that the committer never starves.
const QUEUE_LEN_MAX: usize = 256;

/// Inventories and envelopes at a time.
const READS_MAX: usize = 8;

/// Each further attempt means that another change of the same shard was committed meanwhile.
const READ_ATTEMPTS_MAX: usize = 8;
