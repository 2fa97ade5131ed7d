//! An object's bytes, as a stream.

use std::ops::Range;

use bytes::Bytes;
use catalogue::{CatalogueError, Object, PlacedChunk, Stripe};
use codec::{Record, RecordBody, RecordContent, RecordError};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use model::{CHUNK_LEN_MAX, ObjectPath, StripeId};
use tokio::sync::OwnedSemaphorePermit;

use crate::Engine;
use crate::counters::count;
use crate::stripe_read::ReadError;

impl Engine {
    /// Opens the current version of an object for reading.
    ///
    /// # Errors
    ///
    /// [`GetError::NotFound`] if there is none; [`GetError::Catalogue`].
    pub async fn open(&self, path: &ObjectPath) -> Result<ObjectReader, GetError> {
        let object = self.head(path).await?.ok_or(GetError::NotFound)?;
        count(&self.inner.counters.gets, 1);
        Ok(ObjectReader {
            engine: self.clone(),
            object,
        })
    }

    /// The record of a version, from its shards.
    pub(crate) async fn read_record(&self, id: StripeId) -> Result<Record, GetError> {
        let stripe = self.stripe(id).await?;
        let plaintext = self.read_stripe(&stripe).await?;
        Ok(Record::decode(&plaintext)?)
    }

    pub(crate) async fn stripe(&self, id: StripeId) -> Result<Stripe, CatalogueError> {
        let mut known = self.inner.catalogue.stripes(&[id]).await?;
        let missing = || CatalogueError::Corrupt {
            what: format!("{id} is referred to and not recorded"),
        };
        known.pop().flatten().ok_or_else(missing)
    }
}

/// An object opened for reading: one version, whatever happens to the path meanwhile.
#[derive(Debug)]
pub struct ObjectReader {
    engine: Engine,
    object: Object,
}

impl ObjectReader {
    /// What is being read.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// The bytes of a range, in order; what lies beyond the end is left out. Each item is verified before it is given
    /// out. The first error is the last item.
    pub async fn stream(
        self,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, GetError>>, GetError> {
        let end = range.end.min(self.object.attributes.size);
        let range = range.start.min(end)..end;
        if self.object.is_inline {
            let bytes = self.inline().await?;
            let slice = bytes.slice(range.start as usize..range.end as usize);
            count(&self.engine.inner.counters.get_bytes, slice.len() as u64);
            return Ok(stream::iter((!slice.is_empty()).then_some(Ok(slice))).boxed());
        }
        let readers = std::sync::Arc::clone(&self.engine.inner.readers);
        let permit = readers
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        Ok(self.chunks(range, permit))
    }

    async fn inline(&self) -> Result<Bytes, GetError> {
        let record = self.engine.read_record(self.object.record).await?;
        match record.body {
            RecordBody::Object {
                content: RecordContent::Inline(bytes),
                ..
            } if bytes.len() as u64 == self.object.attributes.size => Ok(bytes),
            _ => Err(GetError::OtherRecord {
                path: self.object.path.clone(),
            }),
        }
    }

    fn chunks(
        self,
        range: Range<u64>,
        permit: OwnedSemaphorePermit,
    ) -> BoxStream<'static, Result<Bytes, GetError>> {
        let (engine, read_ahead) = (self.engine.clone(), self.engine.config().read_ahead);
        self.placed_chunks(range)
            .map_ok(move |part| {
                let engine = engine.clone();
                async move { engine.read_part(part).await }
            })
            .try_buffered(read_ahead)
            .inspect(move |_| {
                let _held_until_the_stream_ends = &permit;
            })
            .boxed()
    }

    /// The chunks that a range touches, with the part of each, a page of the catalogue at a time.
    fn placed_chunks(
        self,
        range: Range<u64>,
    ) -> impl futures_util::Stream<Item = Result<Part, GetError>> + Send {
        let first = range.start / CHUNK_LEN_MAX as u64;
        let last = range.end.div_ceil(CHUNK_LEN_MAX as u64);
        let pages = stream::try_unfold((self, first), move |(reader, at)| async move {
            let limit = (last.saturating_sub(at) as usize).min(PAGE_LEN);
            if limit == 0 {
                return Ok::<_, GetError>(None);
            }
            let object = &reader.object;
            let page = reader
                .engine
                .inner
                .catalogue
                .chunks(&object.path, object.stamp, at, limit)
                .await?;
            if page.len() < limit {
                return Err(GetError::OtherRecord {
                    path: object.path.clone(),
                });
            }
            Ok(Some((page, (reader, at + limit as u64))))
        });
        pages
            .map_ok(|page| stream::iter(page.into_iter().map(Ok)))
            .try_flatten()
            .enumerate()
            .map(move |(at, placed)| placed.map(|placed| Part::new(placed, first + at as u64, &range)))
    }
}

impl Engine {
    async fn read_part(&self, part: Part) -> Result<Bytes, GetError> {
        let plaintext = self.read_stripe(&part.placed.stripe).await?;
        if plaintext.len() != part.placed.chunk.len as usize {
            return Err(CatalogueError::Corrupt {
                what: format!("length of {}", part.placed.stripe.id),
            }
            .into());
        }
        count(&self.inner.counters.get_bytes, part.slice.len() as u64);
        Ok(plaintext.slice(part.slice))
    }
}

/// A chunk, and what of it is asked for.
struct Part {
    placed: PlacedChunk,
    slice: Range<usize>,
}

impl Part {
    fn new(placed: PlacedChunk, at: u64, range: &Range<u64>) -> Self {
        let begin = at * CHUNK_LEN_MAX as u64;
        let end = begin + u64::from(placed.chunk.len);
        let slice = range.start.clamp(begin, end) - begin..range.end.clamp(begin, end) - begin;
        Self {
            placed,
            slice: slice.start as usize..slice.end as usize,
        }
    }
}

/// Why an object's bytes could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// There is no such object.
    #[error("object not found")]
    NotFound,
    /// Too few shards of a stripe, or they do not decode.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The record's stripe decodes to something that is no record.
    #[error("the record is damaged")]
    Record(#[from] RecordError),
    /// Catalogue and record disagree; the catalogue should be rebuilt from the nodes.
    #[error("the catalogue and the record of {path} disagree")]
    OtherRecord {
        /// The object.
        path: ObjectPath,
    },
    /// The catalogue failed.
    #[error("the catalogue failed")]
    Catalogue(#[from] CatalogueError),
}

impl GetError {
    /// Whether the same request can succeed later without anyone repairing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Read(error) => error.is_transient(),
            Self::Catalogue(error) => matches!(error, CatalogueError::Database(_)),
            Self::NotFound | Self::Record(_) | Self::OtherRecord { .. } => false,
        }
    }
}

/// Chunks looked up at once: a quarter of a gigabyte of content.
const PAGE_LEN: usize = 256;
