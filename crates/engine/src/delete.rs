//! Deleting an object: a tombstone first, so that a rebuilt catalogue knows of it too.

use catalogue::{CatalogueError, VersionBody};
use codec::RecordBody;
use model::{ObjectPath, VersionStamp};

use crate::counters::count;
use crate::stripe_write::WriteError;
use crate::version::stamp_of;
use crate::{Engine, Event, Precondition};

impl Engine {
    /// Deletes an object. When it returns `Ok`, the deletion is as durable as a put. Its shards stay until they are
    /// collected.
    ///
    /// # Errors
    ///
    /// [`DeleteError`]; the object is still there then.
    pub async fn delete(&self, path: &ObjectPath, precondition: &Precondition) -> Result<(), DeleteError> {
        let _guard = self.inner.path_locks.lock(path).await;
        let current = stamp_of(self.head(path).await?.as_ref()).ok_or(DeleteError::NotFound)?;
        if !precondition.holds(Some(current)) {
            return Err(DeleteError::PreconditionFailed { current });
        }
        let stamp = self.next_stamp();
        let commit = self
            .write_record(path, stamp, RecordBody::Tombstone, VersionBody::Tombstone)
            .await?;
        self.inner.catalogue.commit(commit).await?;
        count(&self.inner.counters.deletes, 1);
        self.announce(Event::ObjectDeleted { path: path.clone() });
        Ok(())
    }
}

/// Why an object was not deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeleteError {
    /// There is no such object.
    #[error("object not found")]
    NotFound,
    /// The current version is not what was asked for.
    #[error("the current version is {current}, which the precondition excludes")]
    PreconditionFailed {
        /// The current version.
        current: VersionStamp,
    },
    /// Too few nodes keep the tombstone.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The catalogue failed.
    #[error("the catalogue failed")]
    Catalogue(#[from] CatalogueError),
}
