//! What is particular to a catalogue in a file: reopening, newer and damaged files, a full disk, two handles.

#![expect(clippy::unwrap_used, reason = "every function here is part of a test")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use catalogue::contract::{as_object, object};
use catalogue::{Catalogue, CatalogueError, Commit, ListQuery, SqliteCatalogue, Version};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tempfile::TempDir;

async fn open(dir: &TempDir) -> SqliteCatalogue {
    SqliteCatalogue::open(dir.path().join("catalogue.sqlite"))
        .await
        .unwrap()
}

fn commit(versions: Vec<Version>) -> Commit {
    Commit {
        stripes: Vec::new(),
        versions,
    }
}

fn many(count: u64) -> Vec<Version> {
    (0..count)
        .map(|number| object(&format!("object-{number:05}"), 1, 10, &[]))
        .collect()
}

fn all() -> ListQuery {
    ListQuery {
        limit: 10_000,
        ..ListQuery::default()
    }
}

async fn connect(path: &Path) -> SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap()
}

/// The rows and the schema, which "left untouched" is about; the log's place in the file does not matter.
async fn schema_of(path: &Path) -> Vec<(String, i64)> {
    let mut db = connect(path).await;
    let sql = "SELECT coalesce(sql, ''), (SELECT count(*) FROM version) FROM sqlite_master ORDER BY name";
    let schema = sqlx::query_as(sql).fetch_all(&mut db).await.unwrap();
    db.close().await.unwrap();
    schema
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let dir = TempDir::new().unwrap();
    let version = object("a", 1, 5, &[1, 2]);
    let first = open(&dir).await;
    first.commit(commit(vec![version.clone()])).await.unwrap();
    drop(first);
    let second = open(&dir).await;
    assert_eq!(
        second.head(&version.path).await.unwrap(),
        Some(as_object(&version))
    );
    assert_eq!(
        second
            .chunks(&version.path, version.stamp, 0, 9)
            .await
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn a_newer_file_is_left_untouched() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("catalogue.sqlite");
    open(&dir).await.commit(commit(many(3))).await.unwrap();
    let mut db = connect(&path).await;
    let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
               VALUES (2, 'later', 1, x'00', 0), (7, 'latest', 1, x'00', 0)";
    sqlx::query(sql).execute(&mut db).await.unwrap();
    db.close().await.unwrap();
    let before = schema_of(&path).await;
    let refusal = SqliteCatalogue::open(&path).await;
    assert!(
        matches!(refusal, Err(CatalogueError::Newer { found: 7, known: 1 })),
        "{refusal:?}"
    );
    assert_eq!(schema_of(&path).await, before);
}

/// Damage shows when the file is opened or when the damaged part is read; it is never a panic or a wrong row.
#[tokio::test]
async fn a_damaged_file_is_corrupt() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("catalogue.sqlite");
    let catalogue = open(&dir).await;
    catalogue.commit(commit(many(2000))).await.unwrap();
    let expected = catalogue.list(&all()).await.unwrap();
    drop(catalogue);
    checkpoint(&path).await;
    let whole = fs::read(&path).unwrap();
    let noise: Vec<u8> = whole
        .iter()
        .enumerate()
        .map(|(place, byte)| byte ^ (place % 251) as u8 ^ 0x55)
        .collect();
    let half = &whole[..whole.len() / 2];
    for (what, bytes) in [("noise", &noise[..]), ("half", half), ("a header", &whole[..100])] {
        for left_over in ["catalogue.sqlite-wal", "catalogue.sqlite-shm"] {
            let _ = fs::remove_file(dir.path().join(left_over));
        }
        fs::write(&path, bytes).unwrap();
        let answer = match SqliteCatalogue::open(&path).await {
            Ok(catalogue) => catalogue.list(&all()).await,
            Err(error) => Err(error),
        };
        assert!(
            matches!(answer, Err(CatalogueError::Corrupt { .. })),
            "{what}: {answer:?}"
        );
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(open(&dir).await.list(&all()).await.unwrap(), expected);
}

async fn checkpoint(path: &Path) {
    let mut db = connect(path).await;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut db)
        .await
        .unwrap();
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_corrupt() {
    let dir = TempDir::new().unwrap();
    let catalogue = open(&dir).await;
    let version = object("a", 1, 5, &[]);
    catalogue.commit(commit(vec![version.clone()])).await.unwrap();
    let mut db = connect(&dir.path().join("catalogue.sqlite")).await;
    for damage in [
        "UPDATE version SET record = x'07'",
        "UPDATE version SET record = x'0200000000000000000000000000000000000000000000000000000000000000aa', data = 0",
        "UPDATE version SET data = 6, metadata = '{'",
    ] {
        sqlx::query(damage).execute(&mut db).await.unwrap();
        let answer = catalogue.head(&version.path).await;
        assert!(
            matches!(answer, Err(CatalogueError::Corrupt { .. })),
            "{damage}: {answer:?}"
        );
    }
}

/// One handle reads whole commits, never half of one, while the other writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_handle_sees_whole_commits() {
    let dir = TempDir::new().unwrap();
    let (writing, reading) = (Arc::new(open(&dir).await), open(&dir).await);
    let writer = tokio::spawn(async move {
        for time in 1..60 {
            let versions = ["a", "b", "c"].map(|name| object(name, time, time, &[]));
            writing.commit(commit(versions.into())).await.unwrap();
        }
    });
    let mut latest = 0;
    while latest < 59 {
        let page = reading.list(&all()).await.unwrap();
        let times: Vec<_> = page.entries.iter().map(time_of).collect();
        let Some(&time) = times.first() else {
            continue;
        };
        assert_eq!(times, [time; 3]);
        assert!(time >= latest, "{time} after {latest}");
        latest = time;
    }
    writer.await.unwrap();
}

fn time_of(entry: &catalogue::ListEntry) -> u64 {
    match entry {
        catalogue::ListEntry::Object(object) => object.stamp.time,
        catalogue::ListEntry::Prefix(prefix) => panic!("{prefix} is folded"),
    }
}

/// Two handles that write in turn both know the other's nodes and objects.
#[tokio::test]
async fn two_handles_write_in_turn() {
    let dir = TempDir::new().unwrap();
    let handles = [open(&dir).await, open(&dir).await];
    let commits = (0..40)
        .map(|number| handles[number % 2].commit(commit(vec![object(&format!("{number}"), 1, 1, &[])])));
    for answer in futures_util::future::join_all(commits).await {
        answer.unwrap();
    }
    for handle in &handles {
        assert_eq!(handle.totals().await.unwrap().objects, 40);
    }
}
