//! The committer: the one thread that writes. It takes all changes that wait, makes them durable together, and
//! then answers them, so that many puts share their syncs.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use model::ShardId;
use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::batch::{Batch, Broken, Change};
use super::files::Step;
use super::index::IndexError;
use crate::StoreError;

/// A change and where its answer goes.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) change: Change,
    pub(super) answer: oneshot::Sender<Answer>,
}

type Answer = Result<(), StoreError>;

/// Runs until every sender is gone.
pub(super) struct Committer {
    pub(super) dir: PathBuf,
    pub(super) shared: Arc<Shared>,
    pub(super) requests: mpsc::Receiver<Request>,
    /// Why nothing more is written, once something failed.
    pub(super) poison: Option<String>,
}

impl Committer {
    pub(super) fn run(mut self) {
        let mut next = None;
        while let Some(first) = next.take().or_else(|| self.requests.blocking_recv()) {
            let batch = self.gather(first, &mut next);
            let answers = self.answer(&batch);
            for (request, answer) in batch.into_iter().zip(answers) {
                // Whoever asked may have gone; the change stands all the same.
                let _ = request.answer.send(answer);
            }
        }
    }

    /// All that waits, up to a bound, and up to a second change of the same shard: that one begins the next batch.
    fn gather(&mut self, first: Request, next: &mut Option<Request>) -> Vec<Request> {
        let mut ids: HashSet<ShardId> = first.change.shard().into_iter().collect();
        let mut len = first.change.len();
        let mut batch = vec![first];
        while batch.len() < BATCH_CHANGES_MAX && len < BATCH_LEN_MAX {
            let Ok(request) = self.requests.try_recv() else {
                break;
            };
            if request.change.shard().is_some_and(|id| !ids.insert(id)) {
                *next = Some(request);
                break;
            }
            len += request.change.len();
            batch.push(request);
        }
        batch
    }

    fn answer(&mut self, batch: &[Request]) -> Vec<Answer> {
        if self.poison.is_none() {
            match self.commit(batch) {
                Ok(answers) => return answers,
                Err(broken) => self.poison = Some(broken.to_string()),
            }
        }
        let reason = self.poison.clone().unwrap_or_default();
        vec![Err(StoreError::Poisoned { reason }); batch.len()]
    }

    /// Makes a batch durable. Each change has its own answer; if the whole fails, none of them is known to be kept.
    fn commit(&self, requests: &[Request]) -> Result<Vec<Answer>, Broken> {
        let Shared {
            index, files, usage, ..
        } = &*self.shared;
        let transaction = index.begin()?;
        let mut batch = Batch::new(files, &transaction, usage.get(), self.medium_free_bytes()?)?;
        let answers = requests
            .iter()
            .map(|request| batch.stage(&request.change))
            .collect::<Result<_, _>>()?;
        let sealed = batch.seal()?;
        transaction.commit().map_err(IndexError::from)?;
        usage.set(sealed.usage);
        for id in sealed.stale {
            // A file that cannot be removed takes space until the next opening clears it away.
            let _ = files.remove(id);
        }
        files.step(Step::Answer)?;
        Ok(answers)
    }

    fn medium_free_bytes(&self) -> io::Result<u64> {
        let medium = rustix::fs::statvfs(&self.dir)?;
        Ok(medium
            .f_bavail
            .saturating_mul(medium.f_frsize)
            .saturating_sub(MEDIUM_RESERVE_BYTES))
    }
}

impl Change {
    fn shard(&self) -> Option<ShardId> {
        match self {
            Self::Put { id, .. } | Self::Delete { id } => Some(*id),
            Self::PutEnvelope(_) => None,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Put { shard: bytes, .. } | Self::PutEnvelope(bytes) => bytes.len(),
            Self::Delete { .. } => 0,
        }
    }
}

/// Changes in a batch: enough to share a sync of a millisecond, few enough that nobody waits long.
const BATCH_CHANGES_MAX: usize = 256;

/// Bytes in a batch after which it takes no more: a slow disk (10 MB/s) answers it within a second.
const BATCH_LEN_MAX: usize = 8 << 20;

/// What the medium must have left beside a shard. redb cannot go on after a write that found no space, so no
/// transaction is begun that could; this is more than a whole batch can grow the index.
const MEDIUM_RESERVE_BYTES: u64 = 8 << 20;
