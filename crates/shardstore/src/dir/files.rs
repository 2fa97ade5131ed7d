//! The big shards of a directory: one file each.
//!
//! ```text
//! shards/3f/01 3f…  index     68 hexadecimal digits of the shard id; the folder is the third and fourth of them
//! tmp/17                      being written; the number means nothing
//! ```
//!
//! A file is written below `tmp`, synced, renamed to its name, and then its folder is synced: whatever has a
//! name below `shards` is whole. Which of these files count is for the index to say.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use model::ShardId;

use super::direct::DirectWriter;
use crate::SHARD_LEN_MAX;

/// The two folders of files.
pub(super) struct ShardFiles {
    shards: PathBuf,
    tmp: PathBuf,
    writer: DirectWriter,
    watch: Watch,
}

/// A shard below `tmp`, synced; not yet under its name.
#[derive(Debug)]
pub(super) struct Written {
    id: ShardId,
    tmp: PathBuf,
}

/// Is told of every step before it is made, and may make it fail. Tests look at the directory here.
pub(super) type Watch = Box<dyn Fn(Step) -> io::Result<()> + Send + Sync>;

/// A step that changes the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Write(ShardId),
    Sync(ShardId),
    Rename(ShardId),
    SyncFolder(u8),
    CommitIndex,
    Remove(ShardId),
    /// Nothing more happens to the batch.
    Answer,
}

impl ShardFiles {
    /// Makes the folders that are missing, durably, and empties `tmp`.
    pub(super) fn open(dir: &Path, watch: Watch) -> io::Result<Self> {
        let files = Self {
            shards: dir.join("shards"),
            tmp: dir.join("tmp"),
            writer: DirectWriter::default(),
            watch,
        };
        fs::create_dir_all(&files.tmp)?;
        for folder in 0..=u8::MAX {
            fs::create_dir_all(files.folder(folder))?;
        }
        sync_dir(&files.shards)?;
        sync_dir(dir)?;
        files.clear_tmp()?;
        Ok(files)
    }

    /// What lies in `tmp` was never acknowledged.
    fn clear_tmp(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.tmp)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    /// Announces a step.
    pub(super) fn step(&self, step: Step) -> io::Result<()> {
        (self.watch)(step)
    }

    /// Writes and syncs a shard under a temporary name; `number` must not be in use. Leaves nothing if it fails.
    pub(super) fn write(&self, number: u64, id: ShardId, shard: &[u8]) -> io::Result<Written> {
        let tmp = self.tmp.join(number.to_string());
        match self.write_and_sync(&tmp, id, shard) {
            Ok(()) => Ok(Written { id, tmp }),
            Err(error) => {
                // If this fails too, the next opening removes the file.
                let _ = fs::remove_file(&tmp);
                Err(error)
            }
        }
    }

    fn write_and_sync(&self, tmp: &Path, id: ShardId, shard: &[u8]) -> io::Result<()> {
        self.step(Step::Write(id))?;
        let mut file = File::create_new(tmp)?;
        self.writer.write(&mut file, shard)?;
        self.step(Step::Sync(id))?;
        file.sync_all()
    }

    /// Gives shards their names, durably.
    pub(super) fn publish(&self, written: &[Written]) -> io::Result<()> {
        for Written { id, tmp } in written {
            self.step(Step::Rename(*id))?;
            fs::rename(tmp, self.path(*id))?;
        }
        let folders: BTreeSet<u8> = written.iter().map(|shard| folder_of(shard.id)).collect();
        for folder in folders {
            self.step(Step::SyncFolder(folder))?;
            sync_dir(&self.folder(folder))?;
        }
        Ok(())
    }

    /// The bytes of a shard; `None` if it has no file.
    pub(super) fn read(&self, id: ShardId, len_expected: u64) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut shard = Vec::with_capacity(SHARD_LEN_MAX.min(len_expected as usize));
        file.take(SHARD_LEN_MAX as u64).read_to_end(&mut shard)?;
        Ok(Some(shard))
    }

    /// Forgets the file of a shard that the index no longer names.
    pub(super) fn remove(&self, id: ShardId) -> io::Result<()> {
        self.step(Step::Remove(id))?;
        fs::remove_file(self.path(id))
    }

    /// Calls `visit` with every shard that has a file and with the file's length, in no order.
    /// Names that are no shard's are passed over.
    pub(super) fn for_each<E: From<io::Error>>(
        &self,
        mut visit: impl FnMut(ShardId, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        for folder in 0..=u8::MAX {
            for entry in fs::read_dir(self.folder(folder))? {
                let entry = entry?;
                let id = entry.file_name().to_str().and_then(parse_name);
                if let Some(id) = id.filter(|&id| folder_of(id) == folder) {
                    visit(id, entry.metadata()?.len())?;
                }
            }
        }
        Ok(())
    }

    fn folder(&self, folder: u8) -> PathBuf {
        self.shards.join(format!("{folder:02x}"))
    }

    fn path(&self, id: ShardId) -> PathBuf {
        self.folder(folder_of(id)).join(name_of(id))
    }
}

impl fmt::Debug for ShardFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardFiles")
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Ids are hashes, so their first byte spreads evenly.
fn folder_of(id: ShardId) -> u8 {
    let [folder, ..] = id.stripe.id;
    folder
}

fn name_of(id: ShardId) -> String {
    let mut name = String::with_capacity(2 * ShardId::LEN);
    for byte in id.to_bytes() {
        write!(name, "{byte:02x}").expect("a String takes everything");
    }
    name
}

fn parse_name(name: &str) -> Option<ShardId> {
    let is_digit = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    if name.len() != 2 * ShardId::LEN || !name.bytes().all(is_digit) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(name.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..ShardId::LEN).map(byte).collect();
    ShardId::from_bytes(&bytes?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::shard_id;

    #[test]
    fn names_are_read_back() {
        let id = shard_id(1, 8);
        let name = name_of(id);
        assert_eq!((name.len(), &name[..2], &name[66..]), (68, "01", "08"));
        assert_eq!(parse_name(&name), Some(id));
    }

    #[test]
    fn other_names_are_no_shards() {
        let name = name_of(shard_id(1, 8));
        for other in [
            "",
            "17",
            &name[1..],
            &name.to_uppercase(),
            &name.replacen("01", "03", 1),
            &name.replace('0', "+"),
        ] {
            assert_eq!(parse_name(other), None, "{other:?}");
        }
    }
}
