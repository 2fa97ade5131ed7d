//! [`SqliteCatalogue`]: the catalogue in one file.
//!
//! One task writes (`writer`, `write`), a few connections read (`read`, `list`); with the write-ahead log neither waits
//! for the other.

mod failure;
mod list;
mod read;
mod row;
mod write;
mod writer;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use model::{NodeId, ObjectPath, StripeId, VersionStamp};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Sqlite, SqliteConnection, SqlitePool};

use crate::{
    Catalogue, CatalogueError, Commit, ListPage, ListQuery, NodeEntry, Object, PlacedChunk, PlacementCount,
    Stripe, Totals,
};

use self::row::NodeNames;
use self::write::Change;
use self::writer::Writer;

/// The catalogue in a SQLite file. Commits that wait together share a transaction and its sync.
///
/// Several handles may have the file open, in one process or in many; they write in turn.
#[derive(Debug)]
pub struct SqliteCatalogue {
    writer: Writer,
    readers: SqlitePool,
    /// The names of node numbers. A number is never used for another node, so what is remembered stays true.
    names: RwLock<Arc<NodeNames>>,
}

impl SqliteCatalogue {
    /// Opens the catalogue in the file `path`, making it if there is none, and brings an older schema up to date.
    ///
    /// # Errors
    ///
    /// - [`CatalogueError::Newer`] if a newer program wrote the file; it is left untouched.
    /// - [`CatalogueError::Corrupt`] if the file is no database, or damaged where opening looks.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, CatalogueError> {
        Self::open_with(options(path.as_ref())).await
    }

    async fn open_with(options: SqliteConnectOptions) -> Result<Self, CatalogueError> {
        let mut db = options
            .clone()
            .pragma("cache_size", WRITER_CACHE_SIZE)
            .connect()
            .await?;
        migrate(&mut db).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            // A connection to a file does not go away by itself.
            .test_before_acquire(false)
            .connect_with(
                options
                    .create_if_missing(false)
                    .pragma("query_only", "1")
                    .pragma("cache_size", READER_CACHE_SIZE),
            )
            .await?;
        Ok(Self {
            writer: Writer::start(db),
            readers,
            names: RwLock::default(),
        })
    }

    async fn reader(&self) -> Result<PoolConnection<Sqlite>, CatalogueError> {
        Ok(self.readers.acquire().await?)
    }

    /// Runs `decode` with the names of nodes; once more with fresh names if it fails, since a node may be new.
    async fn with_names<T>(
        &self,
        db: &mut SqliteConnection,
        decode: impl Fn(&NodeNames) -> Result<T, CatalogueError>,
    ) -> Result<T, CatalogueError> {
        let known = Arc::clone(&self.names.read().unwrap_or_else(PoisonError::into_inner));
        if let Ok(decoded) = decode(&known) {
            return Ok(decoded);
        }
        let fresh = Arc::new(read::node_names(db).await?);
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        decode(&fresh)
    }
}

#[async_trait]
impl Catalogue for SqliteCatalogue {
    async fn head(&self, path: &ObjectPath) -> Result<Option<Object>, CatalogueError> {
        read::head(&mut *self.reader().await?, path).await
    }

    async fn chunks(
        &self,
        path: &ObjectPath,
        stamp: VersionStamp,
        first: u64,
        limit: usize,
    ) -> Result<Vec<PlacedChunk>, CatalogueError> {
        let mut db = self.reader().await?;
        let Some((geometry, rows)) = read::chunk_rows(&mut db, path, stamp, first, limit).await? else {
            return Ok(Vec::new());
        };
        let decode = |names: &NodeNames| {
            rows.iter()
                .map(|row| read::placed_chunk(row, geometry, names))
                .collect()
        };
        self.with_names(&mut db, decode).await
    }

    async fn stripes(&self, ids: &[StripeId]) -> Result<Vec<Option<Stripe>>, CatalogueError> {
        let mut db = self.reader().await?;
        let rows = read::stripe_rows(&mut db, ids).await?;
        self.with_names(&mut db, |names| read::stripes_in_order(&rows, ids, names))
            .await
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, CatalogueError> {
        list::list(&mut *self.reader().await?, query).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CatalogueError> {
        self.writer.write(Change::Commit(commit)).await
    }

    async fn nodes(&self) -> Result<Vec<NodeEntry>, CatalogueError> {
        read::nodes(&mut *self.reader().await?).await
    }

    async fn put_node(&self, node: NodeEntry) -> Result<(), CatalogueError> {
        self.writer.write(Change::PutNode(node)).await
    }

    async fn remove_node(&self, id: &NodeId) -> Result<(), CatalogueError> {
        self.writer.write(Change::RemoveNode(id.clone())).await
    }

    async fn totals(&self) -> Result<Totals, CatalogueError> {
        read::totals(&mut *self.reader().await?).await
    }

    /// Counts the stripes of all versions, superseded ones among them, until they are collected: tolerance
    /// computed from it is never better than the truth.
    async fn placements(&self) -> Result<Vec<PlacementCount>, CatalogueError> {
        let mut db = self.reader().await?;
        let rows = read::placement_rows(&mut db).await?;
        let decode = |names: &NodeNames| rows.iter().map(|row| read::placement_count(row, names)).collect();
        self.with_names(&mut db, decode).await
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // With a write-ahead log, only FULL syncs it at every commit.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

async fn migrate(db: &mut SqliteConnection) -> Result<(), CatalogueError> {
    match MIGRATOR.run_direct(None, &mut *db, false).await {
        Err(MigrateError::VersionMissing(_)) => Err(newer(db).await?),
        outcome => Ok(outcome?),
    }
}

async fn newer(db: &mut SqliteConnection) -> Result<CatalogueError, CatalogueError> {
    let found = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(db)
        .await?;
    let known = MIGRATOR.iter().map(|migration| migration.version).max();
    Ok(CatalogueError::Newer {
        found,
        known: known.unwrap_or(0),
    })
}

static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// A few requests at a time; each connection has a thread and a cache.
const READERS_MAX: u32 = 4;

/// How long a writer waits for one in another process; transactions take milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Page cache of the writer: 32 MiB (SQLite takes a negative number for KiB). Ids are random, so a transaction touches
/// pages all over; those that do not fit are written more than once.
const WRITER_CACHE_SIZE: &str = "-32768";

/// Page cache of each reader: 4 MiB. The kernel keeps the rest.
const READER_CACHE_SIZE: &str = "-4096";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::object;

    /// Neither does a full disk lose what is there, nor does it stop the catalogue for good.
    #[tokio::test]
    async fn a_full_disk_is_full_and_loses_nothing() {
        let dir = tempfile::TempDir::new().unwrap();
        let options = options(&dir.path().join("catalogue.sqlite")).pragma("max_page_count", "60");
        let catalogue = SqliteCatalogue::open_with(options).await.unwrap();
        let mut kept = 0;
        let refusal = loop {
            let versions = (0..20)
                .map(|number| object(&format!("{kept}-{number}"), 1, 1, &[]))
                .collect();
            match catalogue
                .commit(Commit {
                    stripes: vec![],
                    versions,
                })
                .await
            {
                Ok(()) => kept += 1,
                Err(refusal) => break refusal,
            }
            assert!(kept < 10_000, "never full");
        };
        assert!(matches!(refusal, CatalogueError::Full), "{refusal:?}");
        assert_eq!(catalogue.totals().await.unwrap().objects, 20 * kept);
        let versions = vec![object("small", 1, 1, &[])];
        let after = catalogue
            .commit(Commit {
                stripes: vec![],
                versions,
            })
            .await;
        assert!(matches!(after, Ok(()) | Err(CatalogueError::Full)), "{after:?}");
    }
}
