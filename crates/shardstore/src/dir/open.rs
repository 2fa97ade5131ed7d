//! Opening a directory: who may, which format, and what a crash left behind.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::cost::cost;
use super::files::{ShardFiles, Watch, sync_dir};
use super::index::{Counts, Index, IndexError, Staging};

/// Why a directory could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process (or another part of this one) has it open.
    #[error("{} is in use by another process", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// It was written by a newer program; it is left untouched.
    #[error("the node directory has format {found}, this program knows up to {known}; use a newer program")]
    Newer {
        /// Format of the directory.
        found: u32,
        /// Newest format that this program knows.
        known: u32,
    },
    /// The index cannot be what was written. Moved away, it is rebuilt for the shards that are files;
    /// those within it are lost.
    #[error("the index of the node directory is damaged: {reason}")]
    Corrupt {
        /// What a person should know.
        reason: String,
    },
    /// The medium could not do it.
    #[error("the node directory cannot be opened")]
    Io(#[from] io::Error),
}

/// The parts of an open directory.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) index: Index,
    pub(super) files: ShardFiles,
    pub(super) counts: Counts,
    /// Held as long as the directory is open.
    pub(super) lock: File,
}

/// Opens a directory, making it if it is missing, and clears away what a crash left.
pub(super) fn open(dir: &Path, watch: Watch) -> Result<Opened, OpenError> {
    fs::create_dir_all(dir)?;
    let lock = lock(dir)?;
    let index = open_index(dir)?;
    let format = index.format()?;
    if let Some(found) = format.filter(|&found| found > FORMAT) {
        return Err(OpenError::Newer { found, known: FORMAT });
    }
    let files = ShardFiles::open(dir, watch)?;
    let counts = settle(&index, &files, format.is_none())?;
    Ok(Opened {
        index,
        files,
        counts,
        lock,
    })
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let lock = File::create(dir.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn open_index(dir: &Path) -> Result<Index, OpenError> {
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(false);
    let index = Index::open(options.open(dir.join("index.redb"))?)?;
    sync_dir(dir)?;
    Ok(index)
}

/// Makes files and index agree, in one transaction, and counts.
///
/// The index decides. A file that it does not name was renamed but not yet acknowledged, or deleted and not yet
/// gone: it is removed. Where a file replaced another and the power went before the index knew, the length in the
/// index is put right. Only when the index is new, the files count: then it was lost, and they are all there is.
fn settle(index: &Index, files: &ShardFiles, is_new: bool) -> Result<Counts, OpenError> {
    let mut counts = if is_new {
        Counts::default()
    } else {
        index.counts()?
    };
    let transaction = index.begin()?;
    let mut staging = Staging::new(&transaction)?;
    files.for_each(|id, len| {
        match staging.find(id)? {
            Some((known_len, true)) if known_len == len => return Ok(()),
            Some((known_len, true)) => counts.used_bytes = counts.used_bytes.saturating_sub(cost(known_len)),
            None if is_new => counts.shards += 1,
            _ => return files.remove(id).map_err(OpenError::from),
        }
        counts.used_bytes += cost(len);
        Ok(staging.put_file(id, len)?)
    })?;
    staging.put_counts(counts)?;
    staging.put_format(FORMAT)?;
    drop(staging);
    transaction.commit().map_err(IndexError::from)?;
    Ok(counts)
}

impl From<IndexError> for OpenError {
    /// redb reports a file that is no database, or is cut short, as an error of input and output.
    fn from(error: IndexError) -> Self {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        match error {
            redb::Error::Io(error) if !matches!(error.kind(), InvalidData | UnexpectedEof) => Self::Io(error),
            error => Self::Corrupt {
                reason: error.to_string(),
            },
        }
    }
}

/// The format of a node directory; `docs/format.md` describes it.
const FORMAT: u32 = 1;
