//! The wrapping of a record's fields: version, packing, length, checksum.
//!
//! ```text
//!  0         1         2            6              22
//!  ┌─────────┬─────────┬────────────┬──────────────┬──────────────────────────────┐
//!  │ version │ packing │ length     │ checksum     │ fields, plain or deflated    │
//!  └─────────┴─────────┴────────────┴──────────────┴──────────────────────────────┘
//! ```
//!
//! Length and checksum (BLAKE3, 16 bytes) are of the fields before packing. The checksum is not about rot, which the
//! shards' own checksums and tags show: two records sealed for one version by mistake could be mixed shard by shard
//! into a third, and each shard would authenticate.

use std::borrow::Cow;
use std::cell::RefCell;

use bytes::{Buf, BufMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::{RECORD_LEN_MAX, RecordError};

pub(super) fn wrap(fields: &[u8]) -> Vec<u8> {
    let (packing, packed) = match deflate(fields) {
        Some(packed) => (DEFLATE, Cow::Owned(packed)),
        None => (PLAIN, Cow::Borrowed(fields)),
    };
    let mut bytes = Vec::with_capacity(HEADER_LEN + packed.len());
    bytes.put_u8(FORMAT_VERSION);
    bytes.put_u8(packing);
    // Saturates only far above what can be sealed.
    bytes.put_u32(u32::try_from(fields.len()).unwrap_or(u32::MAX));
    bytes.put_slice(&checksum(fields));
    bytes.put_slice(&packed);
    bytes
}

pub(super) fn unwrap(bytes: &[u8]) -> Result<Cow<'_, [u8]>, RecordError> {
    let len_bytes = bytes.len();
    if let Some(version) = bytes
        .first()
        .copied()
        .filter(|version| *version != FORMAT_VERSION)
    {
        return Err(RecordError::NewerVersion { version });
    }
    let (header, packed) = bytes
        .split_first_chunk::<HEADER_LEN>()
        .ok_or(RecordError::Truncated { len_bytes })?;
    let mut header = &header[..];
    let (_version, packing) = (header.get_u8(), header.get_u8());
    let fields = unpack(packing, packed, header.get_u32() as usize)?;
    if header == checksum(&fields) {
        Ok(fields)
    } else {
        Err(RecordError::BadChecksum)
    }
}

fn unpack(packing: u8, packed: &[u8], len_bytes: usize) -> Result<Cow<'_, [u8]>, RecordError> {
    if len_bytes > FIELDS_LEN_MAX {
        return Err(RecordError::TooLong { len_bytes });
    }
    match packing {
        PLAIN if packed.len() == len_bytes => Ok(Cow::Borrowed(packed)),
        PLAIN => Err(RecordError::Unpack { len_bytes }),
        DEFLATE => inflate(packed, len_bytes).map(Cow::Owned),
        _ => Err(RecordError::UnknownPacking { packing }),
    }
}

/// The deflated bytes, if there are fewer of them. What is too long to be read back stays as it is, so that sealing
/// refuses it.
fn deflate(fields: &[u8]) -> Option<Vec<u8>> {
    if !(DEFLATE_LEN_MIN..=FIELDS_LEN_MAX).contains(&fields.len()) {
        return None;
    }
    // The output must be shorter than the input to be worth it: no room, no gain.
    let mut packed = Vec::with_capacity(fields.len() - 1);
    let status = COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        compress.compress_vec(fields, &mut packed, FlushCompress::Finish)
    });
    (status.ok()? == Status::StreamEnd).then_some(packed)
}

thread_local! {
    // Its tables have some 300 KB: making them anew took three quarters of the time of a small record.
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

fn inflate(packed: &[u8], len_bytes: usize) -> Result<Vec<u8>, RecordError> {
    let error = RecordError::Unpack { len_bytes };
    // One byte more than promised shows a stream that goes on. The vector does not grow beyond its capacity.
    let mut fields = Vec::with_capacity(len_bytes + 1);
    let mut decompress = Decompress::new(false);
    match decompress.decompress_vec(packed, &mut fields, FlushDecompress::Finish) {
        Ok(Status::StreamEnd)
            if fields.len() == len_bytes && decompress.total_in() == packed.len() as u64 =>
        {
            Ok(fields)
        }
        _ => Err(error),
    }
}

fn checksum(fields: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut bytes = [0; CHECKSUM_LEN];
    blake3::Hasher::new()
        .update(fields)
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

const FORMAT_VERSION: u8 = 1;
const PLAIN: u8 = 0;
/// Raw DEFLATE (RFC 1951): the standard library of nearly every language reads it.
const DEFLATE: u8 = 1;
const CHECKSUM_LEN: usize = 16;
const HEADER_LEN: usize = 6 + CHECKSUM_LEN;

/// Fields of any record that can be sealed unpacked: packing never makes one readable that was not.
const FIELDS_LEN_MAX: usize = RECORD_LEN_MAX - HEADER_LEN;

/// Below this, DEFLATE saves a few bytes of a shard that has 106 bytes around them.
const DEFLATE_LEN_MIN: usize = 256;
