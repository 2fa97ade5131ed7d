//! One version at a time per path.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use model::ObjectPath;
use tokio::sync::{Mutex, MutexGuard};

/// Serialises the last steps of operations on one path: check the precondition, stamp, write the record, commit.
///
/// A fixed number of locks is shared by all paths, so that memory is bounded; paths that share one only wait longer.
#[derive(Debug)]
pub(crate) struct PathLocks {
    locks: Vec<Mutex<()>>,
}

impl Default for PathLocks {
    fn default() -> Self {
        Self {
            locks: (0..LOCKS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl PathLocks {
    pub(crate) async fn lock(&self, path: &ObjectPath) -> MutexGuard<'_, ()> {
        self.at(Self::slot(path)).lock().await
    }

    /// Locks both paths, in an order that all callers share; one lock may serve both.
    pub(crate) async fn lock_both(
        &self,
        a: &ObjectPath,
        b: &ObjectPath,
    ) -> (MutexGuard<'_, ()>, Option<MutexGuard<'_, ()>>) {
        let (first, second) = (Self::slot(a).min(Self::slot(b)), Self::slot(a).max(Self::slot(b)));
        let guard = self.at(first).lock().await;
        if first == second {
            return (guard, None);
        }
        (guard, Some(self.at(second).lock().await))
    }

    fn at(&self, slot: usize) -> &Mutex<()> {
        self.locks
            .get(slot)
            .expect("slots are taken modulo the number of locks")
    }

    fn slot(path: &ObjectPath) -> usize {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        (hasher.finish() % LOCKS as u64) as usize
    }
}

const LOCKS: usize = 1024;
