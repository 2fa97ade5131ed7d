//! The writer: the one task that changes the database. It takes all changes that wait into one transaction, so that
//! many commits share a sync, and then answers them.

use sqlx::SqliteConnection;
use tokio::sync::{mpsc, oneshot};

use super::write::{Change, Staging};
use crate::CatalogueError;

/// The way to the writer.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    requests: mpsc::Sender<Request>,
}

#[derive(Debug)]
struct Request {
    change: Change,
    answer: oneshot::Sender<Result<(), CatalogueError>>,
}

impl Writer {
    /// Starts the task; it ends when the last `Writer` is gone and everything queued is answered.
    pub(super) fn start(db: SqliteConnection) -> Self {
        let (requests, receiver) = mpsc::channel(QUEUE_LEN_MAX);
        tokio::spawn(run(db, receiver));
        Self { requests }
    }

    /// Waits until a change is durable.
    pub(super) async fn write(&self, change: Change) -> Result<(), CatalogueError> {
        let (answer, answered) = oneshot::channel();
        let request = Request { change, answer };
        self.requests.send(request).await.map_err(|_| writer_gone())?;
        answered.await.map_err(|_| writer_gone())?
    }
}

async fn run(mut db: SqliteConnection, mut requests: mpsc::Receiver<Request>) {
    let mut batch = Vec::with_capacity(BATCH_CHANGES_MAX);
    while requests.recv_many(&mut batch, BATCH_CHANGES_MAX).await > 0 {
        let (changes, answers): (Vec<_>, Vec<_>) = batch
            .drain(..)
            .map(|Request { change, answer }| (change, answer))
            .unzip();
        let outcomes = write_batch(&mut db, &changes).await;
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Whoever asked may have gone; the change stands all the same.
            let _ = answer.send(outcome);
        }
    }
}

/// If the transaction fails, each change has its own: one that is refused must not fail its neighbours.
async fn write_batch(db: &mut SqliteConnection, changes: &[Change]) -> Vec<Result<(), CatalogueError>> {
    if write_together(db, changes).await.is_ok() {
        return changes.iter().map(|_| Ok(())).collect();
    }
    let mut outcomes = Vec::with_capacity(changes.len());
    for change in changes {
        outcomes.push(write_together(db, std::slice::from_ref(change)).await);
    }
    outcomes
}

/// The transaction is begun and ended by hand: after a full disk SQLite has rolled back by itself, and sqlx's
/// `Transaction` would believe ever after that one is open.
async fn write_together(db: &mut SqliteConnection, changes: &[Change]) -> Result<(), CatalogueError> {
    // Taking the write lock at once, instead of with the first write, cannot fail half way (SQLITE_BUSY_SNAPSHOT).
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *db).await?;
    let outcome = match stage(db, changes).await {
        Ok(()) => sqlx::query("COMMIT")
            .execute(&mut *db)
            .await
            .map(drop)
            .map_err(CatalogueError::from),
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        // Fails only if there is nothing left to roll back.
        let _ = sqlx::query("ROLLBACK").execute(db).await;
    }
    outcome
}

async fn stage(db: &mut SqliteConnection, changes: &[Change]) -> Result<(), CatalogueError> {
    let mut staging = Staging::new(db).await?;
    for change in changes {
        staging.apply(change).await?;
    }
    staging.finish().await
}

fn writer_gone() -> CatalogueError {
    CatalogueError::Database("the catalogue's writer ended".into())
}

/// Changes that wait; further callers wait to be let in.
const QUEUE_LEN_MAX: usize = 512;

/// Changes in a transaction: enough to share a sync, few enough that nobody waits long.
const BATCH_CHANGES_MAX: usize = 256;
