//! The list of an object's chunks: within the record, or in chunks of its own when the object is very long.
//!
//! ```text
//!  list  = "CSCL" │ version │ 0 0 0 │ entry …          entry = chunk id (32) │ length, big-endian (4)
//! ```
//!
//! Entries have one length, so that a reader can go straight to the one it needs. There is no count: the object's
//! size, which the record states, says where the list ends.

use bytes::{Buf, BufMut};
use model::{CHUNK_LEN_MAX, ChunkId, ChunkRef};

/// Writes and reads whole chunk lists; [`ChunkListReader`] reads one that does not fit in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkList(Vec<ChunkRef>);

impl ChunkList {
    /// A list of these chunks.
    pub fn new(chunks: Vec<ChunkRef>) -> Self {
        Self(chunks)
    }

    /// The chunks, in order.
    pub fn into_chunks(self) -> Vec<ChunkRef> {
        self.0
    }

    /// The list as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::HEADER.len() + self.0.len() * Self::ENTRY_LEN);
        bytes.extend_from_slice(&Self::HEADER);
        put_entries(&mut bytes, &self.0);
        bytes
    }

    /// Reads a whole list.
    ///
    /// # Errors
    ///
    /// [`ChunkListError`] if it is malformed. That it is complete must be checked against the object's size.
    pub fn decode(bytes: &[u8]) -> Result<Self, ChunkListError> {
        let mut reader = ChunkListReader::new();
        let chunks = reader.push(bytes)?;
        reader.finish()?;
        Ok(Self(chunks))
    }

    /// What every list begins with.
    pub const HEADER: [u8; 8] = *b"CSCL\x01\0\0\0";

    /// Length of an entry in bytes: entry *i* begins at `HEADER.len() + i * ENTRY_LEN`.
    pub const ENTRY_LEN: usize = 36;
}

/// Reads a chunk list that arrives piece by piece; holds less than one entry between calls.
#[derive(Debug, Default)]
pub struct ChunkListReader {
    has_header: bool,
    /// An incomplete header or entry.
    held: Vec<u8>,
    is_last: bool,
}

impl ChunkListReader {
    /// A reader at the beginning of a list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece and returns the entries that it completes.
    ///
    /// # Errors
    ///
    /// [`ChunkListError`] if the list is malformed; the reader is of no use afterwards.
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<ChunkRef>, ChunkListError> {
        let held = std::mem::take(&mut self.held);
        let joined = [&held, piece].concat();
        let Some(rest) = self.skip_header(&joined)? else {
            self.held = joined;
            return Ok(Vec::new());
        };
        let (entries, held) = rest.as_chunks();
        self.held = held.to_vec();
        entries.iter().map(|entry| self.entry(entry)).collect()
    }

    /// Ends the list.
    ///
    /// # Errors
    ///
    /// [`ChunkListError::Truncated`] if it ends within the header or an entry.
    pub fn finish(self) -> Result<(), ChunkListError> {
        if self.has_header && self.held.is_empty() {
            Ok(())
        } else {
            Err(ChunkListError::Truncated)
        }
    }

    /// What of `bytes` comes behind the header; `None` while the header is incomplete.
    fn skip_header<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, ChunkListError> {
        if self.has_header {
            return Ok(Some(bytes));
        }
        let Some((header, rest)) = bytes.split_first_chunk() else {
            return Ok(None);
        };
        check_header(*header)?;
        self.has_header = true;
        Ok(Some(rest))
    }

    fn entry(&mut self, entry: &[u8; ChunkList::ENTRY_LEN]) -> Result<ChunkRef, ChunkListError> {
        let chunk = parse_entry(entry)?;
        if self.is_last {
            return Err(ChunkListError::ShortChunkInside);
        }
        self.is_last = (chunk.len as usize) < CHUNK_LEN_MAX;
        Ok(chunk)
    }
}

/// Why bytes are no chunk list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkListError {
    /// It does not begin like a chunk list.
    #[error("not a chunk list: begins with {found:02x?}")]
    BadHeader {
        /// What it begins with.
        found: [u8; 8],
    },
    /// It is written in a format that this program does not know.
    #[error("chunk list format {version}, this program reads 1")]
    NewerVersion {
        /// The format's version.
        version: u8,
    },
    /// It ends within its header or an entry.
    #[error("chunk list ends within an entry")]
    Truncated,
    /// A chunk has 1 to [`CHUNK_LEN_MAX`] bytes.
    #[error("chunk of {len_bytes} bytes, expected 1 to {CHUNK_LEN_MAX}")]
    BadChunkLen {
        /// What the entry says.
        len_bytes: u32,
    },
    /// Only the last chunk of an object may be shorter than [`CHUNK_LEN_MAX`]; a range could not be found otherwise.
    #[error("a chunk before the last is shorter than {CHUNK_LEN_MAX} bytes")]
    ShortChunkInside,
}

/// Appends entries without a header: the form within a record.
pub(crate) fn put_entries(bytes: &mut Vec<u8>, chunks: &[ChunkRef]) {
    for chunk in chunks {
        bytes.put_slice(chunk.id.as_bytes());
        bytes.put_u32(chunk.len);
    }
}

/// Reads entries without a header.
pub(crate) fn parse_entries(bytes: &[u8]) -> Result<Vec<ChunkRef>, ChunkListError> {
    let mut reader = ChunkListReader {
        has_header: true,
        ..ChunkListReader::default()
    };
    let chunks = reader.push(bytes)?;
    reader.finish()?;
    Ok(chunks)
}

fn check_header(found: [u8; 8]) -> Result<(), ChunkListError> {
    match found {
        ChunkList::HEADER => Ok(()),
        [b'C', b'S', b'C', b'L', version, ..] if version != 1 => {
            Err(ChunkListError::NewerVersion { version })
        }
        _ => Err(ChunkListError::BadHeader { found }),
    }
}

fn parse_entry(entry: &[u8; ChunkList::ENTRY_LEN]) -> Result<ChunkRef, ChunkListError> {
    let mut rest = &entry[..];
    let mut id = [0; 32];
    rest.copy_to_slice(&mut id);
    let len = rest.get_u32();
    if len == 0 || len as usize > CHUNK_LEN_MAX {
        return Err(ChunkListError::BadChunkLen { len_bytes: len });
    }
    Ok(ChunkRef {
        id: ChunkId::from_bytes(id),
        len,
    })
}
