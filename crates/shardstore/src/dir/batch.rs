//! One batch of changes: all of it becomes durable together, or the store is poisoned.

use std::io;

use bytes::Bytes;
use model::ShardId;
use redb::WriteTransaction;

use super::cost::{SMALL_LEN_MAX, cost};
use super::files::{ShardFiles, Step, Written};
use super::index::{Counts, IndexError, Staging};
use crate::{StoreError, Usage};

/// What a caller wants changed.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Put { id: ShardId, shard: Bytes },
    Delete { id: ShardId },
    PutEnvelope(Bytes),
}

/// Changes that have been made, but are neither durable nor visible yet.
pub(super) struct Batch<'a> {
    files: &'a ShardFiles,
    staging: Staging<'a>,
    usage: Usage,
    /// What the medium has left, its reserve subtracted.
    medium_free_bytes: u64,
    written: Vec<Written>,
    /// Shards whose file the index will not name any more.
    stale: Vec<ShardId>,
    next_number: u64,
}

/// Why nothing more may be written: what the medium holds is no longer known.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("a write to the medium failed: {0}")]
    Io(#[from] io::Error),
    #[error("the index failed: {0}")]
    Index(#[from] IndexError),
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        files: &'a ShardFiles,
        transaction: &'a WriteTransaction,
        usage: Usage,
        medium_free_bytes: u64,
    ) -> Result<Self, Broken> {
        Ok(Self {
            files,
            staging: Staging::new(transaction)?,
            usage,
            medium_free_bytes,
            written: Vec::new(),
            stale: Vec::new(),
            next_number: 0,
        })
    }

    /// Takes a change into the batch. The inner error is this change's answer and leaves the batch as it was.
    pub(super) fn stage(&mut self, change: &Change) -> Result<Result<(), StoreError>, Broken> {
        match change {
            Change::Put { id, shard } => self.put(*id, shard),
            Change::Delete { id } => self.delete(*id).map(Ok),
            Change::PutEnvelope(envelope) => Ok(Ok(self.staging.put_envelope(envelope)?)),
        }
    }

    fn put(&mut self, id: ShardId, shard: &Bytes) -> Result<Result<(), StoreError>, Broken> {
        let old = self.staging.find(id)?;
        let cost_new = cost(shard.len() as u64);
        let usage = match self.usage_after(cost_new, old.map(|(len, _)| cost(len))) {
            Ok(usage) => usage,
            Err(full) => return Ok(Err(full)),
        };
        if shard.len() > SMALL_LEN_MAX {
            if let Err(error) = self.write_file(id, shard) {
                return full_or_broken(error, cost_new, self.usage.capacity_bytes).map(Err);
            }
            self.staging.put_file(id, shard.len() as u64)?;
        } else {
            self.staging.put_small(id, shard)?;
            self.stale.extend(old.filter(|&(_, is_file)| is_file).map(|_| id));
        }
        self.medium_free_bytes = self.medium_free_bytes.saturating_sub(cost_new);
        self.usage = usage;
        Ok(Ok(()))
    }

    /// The capacity is one limit; what the medium really has left is another.
    fn usage_after(&self, cost_new: u64, cost_old: Option<u64>) -> Result<Usage, StoreError> {
        if cost_new > self.medium_free_bytes {
            return Err(StoreError::Full {
                needed_bytes: cost_new,
                free_bytes: self.medium_free_bytes,
                capacity_bytes: self.usage.capacity_bytes,
            });
        }
        self.usage.replace(cost_new, cost_old)
    }

    fn write_file(&mut self, id: ShardId, shard: &[u8]) -> io::Result<()> {
        let written = self.files.write(self.next_number, id, shard)?;
        self.next_number += 1;
        self.written.push(written);
        Ok(())
    }

    fn delete(&mut self, id: ShardId) -> Result<(), Broken> {
        let Some((len, is_file)) = self.staging.find(id)? else {
            return Ok(());
        };
        self.staging.remove(id)?;
        self.usage = self.usage.remove(cost(len));
        self.stale.extend(is_file.then_some(id));
        Ok(())
    }

    /// Makes files durable under their names and completes the transaction. What is left is to commit it.
    pub(super) fn seal(mut self) -> Result<Sealed, Broken> {
        self.files.publish(&self.written)?;
        self.staging.put_counts(Counts {
            used_bytes: self.usage.used_bytes,
            shards: self.usage.shards,
        })?;
        self.files.step(Step::CommitIndex)?;
        Ok(Sealed {
            usage: self.usage,
            stale: self.stale,
        })
    }
}

/// What becomes true with the commit.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) usage: Usage,
    /// Files to remove after it.
    pub(super) stale: Vec<ShardId>,
}

/// A temporary file that did not fit is gone again, so nothing is half done. Anything else is not understood.
fn full_or_broken(error: io::Error, needed_bytes: u64, capacity_bytes: u64) -> Result<StoreError, Broken> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Ok(StoreError::Full {
            needed_bytes,
            free_bytes: 0,
            capacity_bytes,
        }),
        _ => Err(error.into()),
    }
}
