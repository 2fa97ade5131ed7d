//! What can be wrong with a record.

use model::{GeometryError, ParsePathError};

use super::RECORD_LEN_MAX;
use crate::ChunkListError;

/// Why bytes are no record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// It ends early.
    #[error("record truncated at {len_bytes} bytes")]
    Truncated {
        /// Bytes there are.
        len_bytes: usize,
    },
    /// It is written in a format that this program does not know.
    #[error("record format {version}, this program reads 1")]
    NewerVersion {
        /// The format's version.
        version: u8,
    },
    /// It is packed in a way there is not.
    #[error("unknown packing {packing}")]
    UnknownPacking {
        /// The packing's byte.
        packing: u8,
    },
    /// It promises more bytes than a record may have.
    #[error("record of {len_bytes} bytes, the longest is {RECORD_LEN_MAX}")]
    TooLong {
        /// Bytes promised.
        len_bytes: usize,
    },
    /// Its bytes cannot be unpacked to the length promised.
    #[error("record does not unpack to {len_bytes} bytes")]
    Unpack {
        /// Bytes promised.
        len_bytes: usize,
    },
    /// Its bytes are not those that were written.
    #[error("record checksum does not match")]
    BadChecksum,
    /// It is not the CBOR that was expected.
    #[error("malformed record")]
    Cbor(#[from] minicbor::decode::Error),
    /// A collection has no stated length.
    #[error("a collection in the record has no stated length")]
    IndefiniteLength,
    /// There are bytes behind its end.
    #[error("{len_bytes} bytes behind the record's end")]
    TrailingBytes {
        /// How many.
        len_bytes: usize,
    },
    /// Its fields are not in order, or one is there twice.
    #[error("field {field} follows field {previous}")]
    FieldOrder {
        /// The field that comes too late.
        field: u64,
        /// The field before it.
        previous: u64,
    },
    /// A field is missing that this body must have.
    #[error("field {field} is missing")]
    MissingField {
        /// Which one.
        field: u64,
    },
    /// A field has a value that cannot be.
    #[error("field {field} has a value that cannot be")]
    BadField {
        /// Which one.
        field: u64,
    },
    /// The path names no object.
    #[error("bad path")]
    Path(#[from] ParsePathError),
    /// The geometry cannot be.
    #[error("bad geometry")]
    Geometry(#[from] GeometryError),
    /// The list of chunks cannot be.
    #[error("bad list of chunks")]
    Chunks(#[from] ChunkListError),
    /// The content is not as long as the object.
    #[error("content of {content_len_bytes} bytes in an object of {size_bytes}")]
    SizeMismatch {
        /// Size of the object.
        size_bytes: u64,
        /// Length of its content.
        content_len_bytes: u64,
    },
}
