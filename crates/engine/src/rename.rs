//! Another path for an object. Its chunks stay where they are.

use catalogue::{CatalogueError, Object, VersionBody};
use codec::{RECORD_CHUNKS_MAX, RecordBody, RecordContent};
use model::{ChunkRef, ObjectPath};

use crate::stripe_write::WriteError;
use crate::{Engine, Event, GetError};

impl Engine {
    /// Gives an object another path; an object that is there is replaced only if `overwrite` says so.
    ///
    /// The new path's record is durable before the old path's tombstone: a crash in between leaves both.
    ///
    /// # Errors
    ///
    /// [`RenameError`]; the object is at its old path then.
    pub async fn rename(
        &self,
        from: &ObjectPath,
        to: &ObjectPath,
        overwrite: bool,
    ) -> Result<Object, RenameError> {
        let _guards = self.inner.path_locks.lock_both(from, to).await;
        let object = self.head(from).await?.ok_or(RenameError::NotFound)?;
        if from == to {
            return Ok(object);
        }
        if !overwrite && self.head(to).await?.is_some() {
            return Err(RenameError::Exists { path: to.clone() });
        }
        let (content, chunks) = self.content_of(&object).await?;
        let attributes = object.attributes.clone();
        let record = RecordBody::Object {
            attributes: attributes.clone(),
            content,
        };
        let body = VersionBody::Object {
            attributes: attributes.clone(),
            chunks,
        };
        let stamp = self.next_stamp();
        let mut commit = self.write_record(to, stamp, record, body).await?;
        let grave = self.next_stamp();
        let tombstone = self
            .write_record(from, grave, RecordBody::Tombstone, VersionBody::Tombstone)
            .await?;
        commit.stripes.extend(tombstone.stripes);
        commit.versions.extend(tombstone.versions);
        self.inner.catalogue.commit(commit).await?;
        self.announce(Event::ObjectMoved {
            from: from.clone(),
            to: to.clone(),
        });
        let record = self.inner.sealer.record_id(to, stamp);
        Ok(Object {
            path: to.clone(),
            stamp,
            attributes,
            record,
            is_inline: object.is_inline,
        })
    }

    /// What the new record says: the very content of the old one.
    async fn content_of(&self, object: &Object) -> Result<(RecordContent, Vec<ChunkRef>), RenameError> {
        let record = self.read_record(object.record).await?;
        let RecordBody::Object { content, .. } = record.body else {
            return Err(GetError::OtherRecord {
                path: object.path.clone(),
            }
            .into());
        };
        let chunks = match &content {
            RecordContent::Inline(_) => Vec::new(),
            RecordContent::Chunks(chunks) => chunks.clone(),
            RecordContent::ChunkList(_) => self.chunk_refs(object).await?,
        };
        Ok((content, chunks))
    }

    async fn chunk_refs(&self, object: &Object) -> Result<Vec<ChunkRef>, RenameError> {
        let mut refs = Vec::new();
        loop {
            let page = self
                .catalogue()
                .chunks(&object.path, object.stamp, refs.len() as u64, RECORD_CHUNKS_MAX)
                .await?;
            let is_last = page.len() < RECORD_CHUNKS_MAX;
            refs.extend(page.into_iter().map(|placed| placed.chunk));
            if is_last {
                return Ok(refs);
            }
        }
    }
}

/// Why an object has not another path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenameError {
    /// There is no such object.
    #[error("object not found")]
    NotFound,
    /// An object is at the new path already.
    #[error("{path} exists already")]
    Exists {
        /// The new path.
        path: ObjectPath,
    },
    /// The old record could not be read.
    #[error(transparent)]
    Get(#[from] GetError),
    /// Too few nodes keep the new record.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The catalogue failed.
    #[error("the catalogue failed")]
    Catalogue(#[from] CatalogueError),
}
