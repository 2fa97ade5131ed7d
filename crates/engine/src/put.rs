//! A new version of an object, from a stream of bytes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use catalogue::{CatalogueError, Commit, Object, Stripe, VersionBody};
use codec::{ChunkList, Chunker, RECORD_CHUNKS_MAX, RecordBody, RecordContent};
use futures_util::{Stream, StreamExt as _};
use model::{ChunkRef, INLINE_LEN_MAX, ObjectAttributes, ObjectPath, StripeId, VersionStamp};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use crate::body::BodyError;
use crate::counters::count;
use crate::stripe_write::WriteError;
use crate::version::{blocking, stamp_of};
use crate::{Engine, Event, Precondition};

/// What an uploader says beside the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// What must hold for the current version.
    pub precondition: Precondition,
    /// Last change of the content in milliseconds since 1970; now, if not given.
    pub modified_unix_ms: Option<i64>,
    /// Media type.
    pub content_type: Option<String>,
    /// The uploader's own key-value pairs.
    pub metadata: BTreeMap<String, String>,
    /// The length in bytes that the stream must have, if known: a stream that is cut off is then noticed.
    pub size: Option<u64>,
}

impl Engine {
    /// Stores a stream as the new version of an object. When it returns `Ok`, the version survives a power cut on this
    /// machine and the loss of as many nodes as the geometry allows; until then nothing of it is visible.
    ///
    /// # Errors
    ///
    /// [`PutError`]; nothing is visible then, and what was written is unreferenced.
    pub async fn put<S>(&self, path: &ObjectPath, options: PutOptions, body: S) -> Result<Object, PutError>
    where
        S: Stream<Item = Result<Bytes, BodyError>> + Send,
    {
        self.check_precondition(path, &options.precondition).await?;
        let content = self
            .store_content(path, options.size, std::pin::pin!(body))
            .await?;
        let object = self.commit_version(path, options, content).await?;
        count(&self.inner.counters.puts, 1);
        count(&self.inner.counters.put_bytes, object.attributes.size);
        self.announce(Event::ObjectPut {
            path: path.clone(),
            stamp: object.stamp,
            size: object.attributes.size,
        });
        Ok(object)
    }

    async fn check_precondition(
        &self,
        path: &ObjectPath,
        precondition: &Precondition,
    ) -> Result<(), PutError> {
        if *precondition == Precondition::default() {
            return Ok(());
        }
        let current = stamp_of(self.head(path).await?.as_ref());
        if precondition.holds(current) {
            Ok(())
        } else {
            Err(PutError::PreconditionFailed { current })
        }
    }

    /// Makes the bytes durable, except those that travel in the record.
    async fn store_content<S>(
        &self,
        path: &ObjectPath,
        size: Option<u64>,
        mut body: std::pin::Pin<&mut S>,
    ) -> Result<Stored, PutError>
    where
        S: Stream<Item = Result<Bytes, BodyError>> + Send,
    {
        let mut head = BytesMut::new();
        let mut body_ended = false;
        while head.len() <= INLINE_LEN_MAX {
            match body.next().await.transpose()? {
                Some(frame) => head.extend_from_slice(&frame),
                None => {
                    body_ended = true;
                    break;
                }
            }
        }
        let head = head.freeze();
        if body_ended {
            check_size(size, head.len() as u64)?;
            if head.len() <= INLINE_LEN_MAX {
                return Ok(Stored {
                    size: head.len() as u64,
                    content: StoredContent::Inline(head),
                    stripes: Vec::new(),
                });
            }
        }
        let mut upload = Upload::new(self, path);
        upload.push(head).await?;
        while let Some(frame) = body.next().await.transpose()? {
            upload.push(frame).await?;
        }
        let stored = upload.finish().await?;
        check_size(size, stored.size)?;
        Ok(stored)
    }

    /// Record, then catalogue, one version at a time per path.
    async fn commit_version(
        &self,
        path: &ObjectPath,
        options: PutOptions,
        stored: Stored,
    ) -> Result<Object, PutError> {
        let attributes = ObjectAttributes {
            size: stored.size,
            modified_unix_ms: options.modified_unix_ms.unwrap_or_else(now_unix_ms),
            content_type: options.content_type,
            metadata: options.metadata,
            geometry: self.config().geometry,
        };
        let (content, chunks, list_stripes) = self.record_content(stored.content).await?;
        let _guard = self.inner.path_locks.lock(path).await;
        self.check_precondition(path, &options.precondition).await?;
        let stamp = self.next_stamp();
        let is_inline = matches!(content, RecordContent::Inline(_));
        let record = RecordBody::Object {
            attributes: attributes.clone(),
            content,
        };
        let body = VersionBody::Object {
            attributes: attributes.clone(),
            chunks,
        };
        let mut commit = self.write_record(path, stamp, record, body).await?;
        let id = self.inner.sealer.record_id(path, stamp);
        commit.stripes.extend(list_stripes);
        commit.stripes.extend(stored.stripes);
        self.inner.catalogue.commit(commit).await?;
        Ok(Object {
            path: path.clone(),
            stamp,
            attributes,
            record: id,
            is_inline,
        })
    }

    /// What the record holds; a chunk list too long for it goes into chunks of its own.
    async fn record_content(
        &self,
        content: StoredContent,
    ) -> Result<(RecordContent, Vec<ChunkRef>, Vec<Stripe>), PutError> {
        match content {
            StoredContent::Inline(bytes) => Ok((RecordContent::Inline(bytes), Vec::new(), Vec::new())),
            StoredContent::Chunks(chunks) if chunks.len() <= RECORD_CHUNKS_MAX => {
                Ok((RecordContent::Chunks(chunks.clone()), chunks, Vec::new()))
            }
            StoredContent::Chunks(chunks) => {
                let list = ChunkList::new(chunks.clone()).encode();
                let (refs, stripes) = self.store_chunk_list(list.into()).await?;
                Ok((RecordContent::ChunkList(refs), chunks, stripes))
            }
        }
    }

    async fn store_chunk_list(&self, list: Bytes) -> Result<(Vec<ChunkRef>, Vec<Stripe>), PutError> {
        let mut chunker = Chunker::new();
        let mut pieces = chunker.push(list);
        pieces.extend(chunker.finish());
        let (mut refs, mut stripes) = (Vec::new(), Vec::new());
        for piece in pieces {
            let stored = self.store_chunk(piece, self.write_permit().await).await?;
            refs.push(stored.chunk);
            stripes.extend(stored.written);
        }
        Ok((refs, stripes))
    }

    /// Leave to hold one more chunk in memory.
    async fn write_permit(&self) -> OwnedSemaphorePermit {
        let writes = Arc::clone(&self.inner.writes);
        writes
            .acquire_owned()
            .await
            .expect("the semaphore is never closed")
    }

    /// Makes one chunk durable, unless it is already.
    async fn store_chunk(
        &self,
        plaintext: Bytes,
        _permit: OwnedSemaphorePermit,
    ) -> Result<StoredChunk, PutError> {
        let len = plaintext.len() as u32;
        let (engine, hashed) = (self.clone(), plaintext.clone());
        let id = blocking(move || engine.inner.sealer.chunk_id(&hashed)).await;
        let chunk = ChunkRef { id, len };
        if self.is_durable(StripeId::chunk(id)).await? {
            count(&self.inner.counters.chunks_deduplicated, 1);
            return Ok(StoredChunk { chunk, written: None });
        }
        let stripe = self.seal_and_write(StripeId::chunk(id), plaintext).await?;
        Ok(StoredChunk {
            chunk,
            written: Some(stripe),
        })
    }

    /// Whether a stripe is there with all its shards, on nodes that the store still has.
    async fn is_durable(&self, id: StripeId) -> Result<bool, CatalogueError> {
        let known = self.inner.catalogue.stripes(&[id]).await?;
        let Some(Some(stripe)) = known.first() else {
            return Ok(false);
        };
        let is_kept =
            |node: &Option<model::NodeId>| node.as_ref().is_some_and(|id| self.nodes().get(id).is_some());
        Ok(stripe.placement.iter().all(is_kept))
    }
}

/// An upload's chunks on their way to the nodes, in order, several at a time.
struct Upload<'a> {
    engine: &'a Engine,
    path: &'a ObjectPath,
    chunker: Chunker,
    under_way: VecDeque<JoinHandle<Result<StoredChunk, PutError>>>,
    chunks: Vec<ChunkRef>,
    stripes: Vec<Stripe>,
    size: u64,
}

impl<'a> Upload<'a> {
    fn new(engine: &'a Engine, path: &'a ObjectPath) -> Self {
        Self {
            engine,
            path,
            chunker: Chunker::new(),
            under_way: VecDeque::new(),
            chunks: Vec::new(),
            stripes: Vec::new(),
            size: 0,
        }
    }

    async fn push(&mut self, frame: Bytes) -> Result<(), PutError> {
        for chunk in self.chunker.push(frame) {
            self.start(chunk).await?;
        }
        Ok(())
    }

    async fn start(&mut self, chunk: Bytes) -> Result<(), PutError> {
        while self.under_way.len() >= self.engine.config().chunk_writes_max {
            self.settle_next().await?;
        }
        // The permit comes before the task: waiting chunks stay with their uploader, however many uploads there are.
        let permit = self.engine.write_permit().await;
        let engine = self.engine.clone();
        let stored = async move { engine.store_chunk(chunk, permit).await };
        self.under_way.push_back(tokio::spawn(stored));
        Ok(())
    }

    async fn settle_next(&mut self) -> Result<(), PutError> {
        let Some(oldest) = self.under_way.pop_front() else {
            return Ok(());
        };
        let stored = oldest
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        self.size += u64::from(stored.chunk.len);
        self.chunks.push(stored.chunk);
        self.stripes.extend(stored.written);
        self.engine.announce(Event::UploadProgress {
            path: self.path.clone(),
            bytes: self.size,
        });
        if self.stripes.len() >= STRIPES_PER_COMMIT {
            // Stripes that no version refers to are garbage until the upload ends; memory stays bounded meanwhile.
            let stripes = std::mem::take(&mut self.stripes);
            self.engine
                .inner
                .catalogue
                .commit(Commit {
                    stripes,
                    versions: Vec::new(),
                })
                .await?;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Stored, PutError> {
        if let Some(last) = std::mem::take(&mut self.chunker).finish() {
            self.start(last).await?;
        }
        while !self.under_way.is_empty() {
            self.settle_next().await?;
        }
        let (size, stripes) = (self.size, std::mem::take(&mut self.stripes));
        Ok(Stored {
            size,
            content: StoredContent::Chunks(std::mem::take(&mut self.chunks)),
            stripes,
        })
    }
}

impl Drop for Upload<'_> {
    /// An upload that is given up stops using the network.
    fn drop(&mut self) {
        self.under_way.iter().for_each(JoinHandle::abort);
    }
}

/// Content that is durable (or small enough for the record), but that nothing refers to yet.
struct Stored {
    size: u64,
    content: StoredContent,
    stripes: Vec<Stripe>,
}

enum StoredContent {
    Inline(Bytes),
    Chunks(Vec<ChunkRef>),
}

struct StoredChunk {
    chunk: ChunkRef,
    /// The stripe, unless it was there.
    written: Option<Stripe>,
}

fn check_size(expected: Option<u64>, received: u64) -> Result<(), PutError> {
    match expected {
        Some(expected) if expected != received => Err(PutError::SizeMismatch { expected, received }),
        _ => Ok(()),
    }
}

fn now_unix_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

/// Why an object was not stored. Nothing of it is visible.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// The current version is not what the uploader asked for.
    #[error("the current version is {}, which the precondition excludes", .current.map_or("none".to_owned(), |stamp| stamp.to_string()))]
    PreconditionFailed {
        /// The current version.
        current: Option<VersionStamp>,
    },
    /// The uploader's stream failed.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The stream is shorter or longer than announced: a file that changes while it is read, or a cut connection.
    #[error("{received} bytes arrived, {expected} were announced")]
    SizeMismatch {
        /// Announced length.
        expected: u64,
        /// Length that arrived.
        received: u64,
    },
    /// Too few nodes keep the shards.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The catalogue failed.
    #[error("the catalogue failed")]
    Catalogue(#[from] CatalogueError),
}

/// A gigabyte of content; some hundred kilobytes of memory.
const STRIPES_PER_COMMIT: usize = 1024;
