//! The index of a directory: one redb file with a row for every shard, the small shards themselves, and the
//! envelope.
//!
//! ```text
//! table "shard": shard id (34 bytes)  →  00 | the shard                    small
//!                                        01 | length (u64, big-endian)    a file below `shards`
//! table "meta":  "format"             →  u32, big-endian
//!                "usage"              →  used bytes, shards (u64 each, big-endian)
//!                "envelope"           →  the key envelope, if one was put
//! ```

use std::fs::File;
use std::ops::Bound;

use bytes::Bytes;
use model::ShardId;
use redb::backends::FileBackend;
use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, StorageBackend, Table, TableDefinition,
    WriteTransaction,
};

use crate::ShardInfo;

/// The open index.
#[derive(Debug)]
pub(super) struct Index {
    database: Database,
}

/// Where a shard is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// In the row itself.
    Small(Bytes),
    /// In a file of this many bytes.
    File { len: u64 },
}

/// What the store holds, as of one transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) used_bytes: u64,
    pub(super) shards: u64,
}

/// The tables, open for writing within a transaction.
pub(super) struct Staging<'txn> {
    shards: Table<'txn, Key, &'static [u8]>,
    meta: Table<'txn, &'static str, &'static [u8]>,
}

type Key = &'static [u8; ShardId::LEN];

/// Why the index could not answer; redb's own word for it.
pub(super) type IndexError = redb::Error;

impl Index {
    /// Opens the index in `file`, or makes one if the file is empty.
    ///
    /// All of it is read and checked first: redb trusts its pages afterwards, and could panic on a damaged one.
    pub(super) fn open(file: File) -> Result<Self, IndexError> {
        Self::open_backend(FileBackend::new(file)?)
    }

    fn open_backend(backend: impl StorageBackend) -> Result<Self, IndexError> {
        let database = Builder::new()
            .set_cache_size(CACHE_LEN_MAX)
            .set_check_integrity_on_open(true)
            .create_with_backend(backend)?;
        Ok(Self { database })
    }

    /// Begins a transaction. There is one writer, so this does not wait.
    pub(super) fn begin(&self) -> Result<WriteTransaction, IndexError> {
        Ok(self.database.begin_write()?)
    }

    pub(super) fn get(&self, id: ShardId) -> Result<Option<Row>, IndexError> {
        let shards = self.database.begin_read()?.open_table(SHARD)?;
        let row = shards.get(&id.to_bytes())?;
        row.map(|row| parse_row(row.value())).transpose()
    }

    /// The rows of many shards, within one transaction.
    pub(super) fn get_many(
        &self,
        ids: &[ShardId],
    ) -> Result<Vec<Result<Option<Row>, IndexError>>, IndexError> {
        let shards = self.database.begin_read()?.open_table(SHARD)?;
        let row = |id: &ShardId| {
            let row = shards.get(&id.to_bytes())?;
            row.map(|row| parse_row(row.value())).transpose()
        };
        Ok(ids.iter().map(row).collect())
    }

    pub(super) fn list(&self, after: Option<ShardId>, limit: usize) -> Result<Vec<ShardInfo>, IndexError> {
        let shards = self.database.begin_read()?.open_table(SHARD)?;
        let after = after.map(ShardId::to_bytes);
        let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let rows = shards.range::<&[u8; ShardId::LEN]>((from, Bound::Unbounded))?;
        rows.take(limit)
            .map(|row| {
                let (key, value) = row?;
                let id =
                    ShardId::from_bytes(key.value()).ok_or_else(|| corrupt("a key that is no shard id"))?;
                let len = row_len(value.value())?;
                Ok(ShardInfo { id, len })
            })
            .collect()
    }

    pub(super) fn counts(&self) -> Result<Counts, IndexError> {
        let usage = self.meta("usage")?.ok_or_else(|| corrupt("no row \"usage\""))?;
        let (used, shards) = usage
            .split_first_chunk()
            .ok_or_else(|| corrupt("a short row \"usage\""))?;
        let shards = shards
            .try_into()
            .map_err(|_| corrupt("a row \"usage\" of another length"))?;
        Ok(Counts {
            used_bytes: u64::from_be_bytes(*used),
            shards: u64::from_be_bytes(shards),
        })
    }

    pub(super) fn envelope(&self) -> Result<Option<Bytes>, IndexError> {
        self.meta("envelope")
    }

    /// The version of the format, if the index has one: a new index has none.
    pub(super) fn format(&self) -> Result<Option<u32>, IndexError> {
        let Some(format) = self.meta("format")? else {
            return Ok(None);
        };
        let format = format
            .as_ref()
            .try_into()
            .map_err(|_| corrupt("a row \"format\" of another length"))?;
        Ok(Some(u32::from_be_bytes(format)))
    }

    fn meta(&self, key: &str) -> Result<Option<Bytes>, IndexError> {
        let meta = match self.database.begin_read()?.open_table(META) {
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            meta => meta?,
        };
        Ok(meta.get(key)?.map(|value| Bytes::copy_from_slice(value.value())))
    }
}

impl<'txn> Staging<'txn> {
    pub(super) fn new(transaction: &'txn WriteTransaction) -> Result<Self, IndexError> {
        Ok(Self {
            shards: transaction.open_table(SHARD)?,
            meta: transaction.open_table(META)?,
        })
    }

    /// The length of a shard, and whether it is in a file.
    pub(super) fn find(&self, id: ShardId) -> Result<Option<(u64, bool)>, IndexError> {
        let Some(row) = self.shards.get(&id.to_bytes())? else {
            return Ok(None);
        };
        let row = row.value();
        Ok(Some((row_len(row)?, row.first() == Some(&TAG_FILE))))
    }

    pub(super) fn put_small(&mut self, id: ShardId, shard: &[u8]) -> Result<(), IndexError> {
        let mut row = self.shards.insert_reserve(&id.to_bytes(), 1 + shard.len())?;
        let (tag, bytes) = row.as_mut().split_at_mut(1);
        tag.copy_from_slice(&[TAG_SMALL]);
        bytes.copy_from_slice(shard);
        Ok(())
    }

    pub(super) fn put_file(&mut self, id: ShardId, len: u64) -> Result<(), IndexError> {
        let mut row = [TAG_FILE; 9];
        row[1..].copy_from_slice(&len.to_be_bytes());
        self.shards.insert(&id.to_bytes(), row.as_slice())?;
        Ok(())
    }

    pub(super) fn remove(&mut self, id: ShardId) -> Result<(), IndexError> {
        self.shards.remove(&id.to_bytes())?;
        Ok(())
    }

    pub(super) fn put_envelope(&mut self, envelope: &[u8]) -> Result<(), IndexError> {
        self.put_meta("envelope", envelope)
    }

    pub(super) fn put_counts(&mut self, counts: Counts) -> Result<(), IndexError> {
        let counts = [counts.used_bytes.to_be_bytes(), counts.shards.to_be_bytes()];
        self.put_meta("usage", counts.as_flattened())
    }

    pub(super) fn put_format(&mut self, format: u32) -> Result<(), IndexError> {
        self.put_meta("format", &format.to_be_bytes())
    }

    fn put_meta(&mut self, key: &str, value: &[u8]) -> Result<(), IndexError> {
        self.meta.insert(key, value)?;
        Ok(())
    }
}

fn parse_row(row: &[u8]) -> Result<Row, IndexError> {
    match row.split_first() {
        Some((&TAG_SMALL, shard)) => Ok(Row::Small(Bytes::copy_from_slice(shard))),
        _ => Ok(Row::File { len: row_len(row)? }),
    }
}

fn row_len(row: &[u8]) -> Result<u64, IndexError> {
    match row.split_first() {
        Some((&TAG_SMALL, shard)) => Ok(shard.len() as u64),
        Some((&TAG_FILE, len)) => {
            let len = len
                .try_into()
                .map_err(|_| corrupt("a file's length of another length"))?;
            Ok(u64::from_be_bytes(len))
        }
        _ => Err(corrupt("a row with an unknown tag")),
    }
}

fn corrupt(what: &str) -> IndexError {
    redb::Error::Corrupted(format!("the index has {what}"))
}

const SHARD: TableDefinition<'_, Key, &[u8]> = TableDefinition::new("shard");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

const TAG_SMALL: u8 = 0;
const TAG_FILE: u8 = 1;

/// redb's cache. The kernel keeps the file's pages as well; more than this bought nothing in `dirstore_speed`, and
/// an agent has 64 MiB for everything.
const CACHE_LEN_MAX: usize = 8 << 20;
