//! The fields of a record: a CBOR map (RFC 8949) with integer keys, in ascending order, each length stated.
//!
//! A key that a reader does not know is skipped with its value, so later programs can add fields.

use std::collections::BTreeMap;

use bytes::Bytes;
use minicbor::{Decoder, Encoder};
use model::{Geometry, ObjectAttributes, VersionStamp};

use super::{Record, RecordBody, RecordContent, RecordError};
use crate::chunk_list::{parse_entries, put_entries};

pub(super) fn encode(record: &Record) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    encode_record(&mut encoder, record).expect("writing to a vector cannot fail");
    encoder.into_writer()
}

type EncodeResult = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn encode_record(cbor: &mut Encoder<Vec<u8>>, record: &Record) -> EncodeResult {
    cbor.map(field_count(record))?;
    cbor.u64(PATH)?.str(record.path.as_str())?;
    cbor.u64(STAMP)?.bytes(&record.stamp.to_bytes())?;
    match &record.body {
        RecordBody::Tombstone => {
            cbor.u64(BODY)?.u8(TOMBSTONE)?;
        }
        RecordBody::Object { attributes, content } => {
            cbor.u64(BODY)?.u8(OBJECT)?;
            encode_attributes(cbor, attributes)?;
            encode_content(cbor, content)?;
        }
    }
    Ok(())
}

fn field_count(record: &Record) -> u64 {
    match &record.body {
        RecordBody::Tombstone => 3,
        RecordBody::Object { attributes, .. } => {
            7 + u64::from(attributes.content_type.is_some()) + u64::from(!attributes.metadata.is_empty())
        }
    }
}

fn encode_attributes(cbor: &mut Encoder<Vec<u8>>, attributes: &ObjectAttributes) -> EncodeResult {
    cbor.u64(SIZE)?.u64(attributes.size)?;
    cbor.u64(MODIFIED)?.i64(attributes.modified_unix_ms)?;
    let geometry = attributes.geometry;
    cbor.u64(GEOMETRY)?.array(2)?;
    cbor.u64(geometry.data() as u64)?.u64(geometry.parity() as u64)?;
    if let Some(content_type) = &attributes.content_type {
        cbor.u64(CONTENT_TYPE)?.str(content_type)?;
    }
    if !attributes.metadata.is_empty() {
        cbor.u64(METADATA)?.map(attributes.metadata.len() as u64)?;
        for (key, value) in &attributes.metadata {
            cbor.str(key)?.str(value)?;
        }
    }
    Ok(())
}

fn encode_content(cbor: &mut Encoder<Vec<u8>>, content: &RecordContent) -> EncodeResult {
    let entries = |chunks| {
        let mut bytes = Vec::new();
        put_entries(&mut bytes, chunks);
        bytes
    };
    match content {
        RecordContent::Inline(bytes) => cbor.u64(INLINE)?.bytes(bytes)?,
        RecordContent::Chunks(chunks) => cbor.u64(CHUNKS)?.bytes(&entries(chunks))?,
        RecordContent::ChunkList(chunks) => cbor.u64(CHUNK_LIST)?.bytes(&entries(chunks))?,
    };
    Ok(())
}

pub(super) fn decode(bytes: &[u8]) -> Result<Record, RecordError> {
    let mut cbor = Decoder::new(bytes);
    let mut fields = Fields::default();
    let mut previous = None;
    for _ in 0..stated(cbor.map()?)? {
        let field = cbor.u64()?;
        if let Some(previous) = previous.filter(|previous| *previous >= field) {
            return Err(RecordError::FieldOrder { field, previous });
        }
        previous = Some(field);
        fields.read(field, &mut cbor)?;
    }
    match bytes.len() - cbor.position() {
        0 => fields.into_record(),
        len_bytes => Err(RecordError::TrailingBytes { len_bytes }),
    }
}

/// The fields met so far.
#[derive(Default)]
struct Fields<'a> {
    path: Option<&'a str>,
    stamp: Option<&'a [u8]>,
    body: Option<u8>,
    size: Option<u64>,
    modified: Option<i64>,
    geometry: Option<(u8, u8)>,
    content_type: Option<&'a str>,
    metadata: BTreeMap<String, String>,
    inline: Option<&'a [u8]>,
    chunks: Option<&'a [u8]>,
    chunk_list: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn read(&mut self, field: u64, cbor: &mut Decoder<'a>) -> Result<(), RecordError> {
        match field {
            PATH => self.path = Some(cbor.str()?),
            STAMP => self.stamp = Some(cbor.bytes()?),
            BODY => self.body = Some(cbor.u8()?),
            SIZE => self.size = Some(cbor.u64()?),
            MODIFIED => self.modified = Some(cbor.i64()?),
            GEOMETRY => self.geometry = Some(read_geometry(cbor)?),
            CONTENT_TYPE => self.content_type = Some(cbor.str()?),
            METADATA => self.metadata = read_metadata(cbor)?,
            INLINE => self.inline = Some(cbor.bytes()?),
            CHUNKS => self.chunks = Some(cbor.bytes()?),
            CHUNK_LIST => self.chunk_list = Some(cbor.bytes()?),
            _ => cbor.skip()?,
        }
        Ok(())
    }

    fn into_record(self) -> Result<Record, RecordError> {
        let stamp = required(STAMP, self.stamp)?;
        Ok(Record {
            path: required(PATH, self.path)?.parse()?,
            stamp: VersionStamp::from_bytes(
                stamp
                    .try_into()
                    .map_err(|_| RecordError::BadField { field: STAMP })?,
            ),
            body: self.into_body()?,
        })
    }

    fn into_body(self) -> Result<RecordBody, RecordError> {
        match required(BODY, self.body)? {
            TOMBSTONE => Ok(RecordBody::Tombstone),
            OBJECT => {
                let content = self.content()?;
                let attributes = self.into_attributes()?;
                check_size(attributes.size, &content)?;
                Ok(RecordBody::Object { attributes, content })
            }
            _ => Err(RecordError::BadField { field: BODY }),
        }
    }

    fn into_attributes(self) -> Result<ObjectAttributes, RecordError> {
        let (data, parity) = required(GEOMETRY, self.geometry)?;
        Ok(ObjectAttributes {
            size: required(SIZE, self.size)?,
            modified_unix_ms: required(MODIFIED, self.modified)?,
            content_type: self.content_type.map(str::to_owned),
            metadata: self.metadata,
            geometry: Geometry::new(data, parity)?,
        })
    }

    fn content(&self) -> Result<RecordContent, RecordError> {
        match (self.inline, self.chunks, self.chunk_list) {
            (Some(bytes), None, None) => Ok(RecordContent::Inline(Bytes::copy_from_slice(bytes))),
            (None, Some(entries), None) => Ok(RecordContent::Chunks(parse_entries(entries)?)),
            (None, None, Some(entries)) => Ok(RecordContent::ChunkList(parse_entries(entries)?)),
            (None, None, None) => Err(RecordError::MissingField { field: INLINE }),
            (_, _, Some(_)) => Err(RecordError::BadField { field: CHUNK_LIST }),
            (_, Some(_), None) => Err(RecordError::BadField { field: CHUNKS }),
        }
    }
}

fn read_geometry(cbor: &mut Decoder<'_>) -> Result<(u8, u8), RecordError> {
    match stated(cbor.array()?)? {
        2 => Ok((cbor.u8()?, cbor.u8()?)),
        _ => Err(RecordError::BadField { field: GEOMETRY }),
    }
}

fn read_metadata(cbor: &mut Decoder<'_>) -> Result<BTreeMap<String, String>, RecordError> {
    let mut metadata = BTreeMap::new();
    for _ in 0..stated(cbor.map()?)? {
        let key = cbor.str()?.to_owned();
        if metadata.insert(key, cbor.str()?.to_owned()).is_some() {
            return Err(RecordError::BadField { field: METADATA });
        }
    }
    Ok(metadata)
}

/// The content's length, where the record can tell: only the chunk list itself knows that of a very long object.
fn check_size(size_bytes: u64, content: &RecordContent) -> Result<(), RecordError> {
    let content_len_bytes = match content {
        RecordContent::Inline(bytes) => bytes.len() as u64,
        RecordContent::Chunks(chunks) => chunks.iter().map(|chunk| u64::from(chunk.len)).sum(),
        RecordContent::ChunkList(_) => return Ok(()),
    };
    if content_len_bytes == size_bytes {
        Ok(())
    } else {
        Err(RecordError::SizeMismatch {
            size_bytes,
            content_len_bytes,
        })
    }
}

fn required<T>(field: u64, value: Option<T>) -> Result<T, RecordError> {
    value.ok_or(RecordError::MissingField { field })
}

fn stated(len: Option<u64>) -> Result<u64, RecordError> {
    len.ok_or(RecordError::IndefiniteLength)
}

// Keys of the fields. A number is never used again for something else.
const PATH: u64 = 0;
const STAMP: u64 = 1;
const BODY: u64 = 2;
const SIZE: u64 = 3;
const MODIFIED: u64 = 4;
const GEOMETRY: u64 = 5;
const CONTENT_TYPE: u64 = 6;
const METADATA: u64 = 7;
const INLINE: u64 = 8;
const CHUNKS: u64 = 9;
const CHUNK_LIST: u64 = 10;

// Values of the field BODY.
const TOMBSTONE: u8 = 0;
const OBJECT: u8 = 1;
