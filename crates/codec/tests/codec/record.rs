//! Shown: a record comes back as it was, later fields are skipped, and whatever else arrives is refused by name
//! without a panic or a large allocation.
//!
//! How: round trips by property; records of each fault, made by hand with a valid wrapping; mutated and random bytes.

use std::collections::BTreeMap;

use bytes::Bytes;
use codec::{
    ChunkList, Cipher, MasterKey, RECORD_CHUNKS_MAX, RECORD_LEN_MAX, Record, RecordBody, RecordContent,
    Sealer,
};
use minicbor::Encoder;
use model::{CHUNK_LEN_MAX, ChunkId, ChunkRef, Geometry, ObjectAttributes, StoreId, StripeId, VersionStamp};
use proptest::prelude::*;

fn attributes(size: u64) -> ObjectAttributes {
    ObjectAttributes {
        size,
        modified_unix_ms: 1_700_000_000_123,
        content_type: Some("text/plain".into()),
        metadata: BTreeMap::from([("colour".into(), "grün".into())]),
        geometry: Geometry::default(),
    }
}

fn record(attributes: ObjectAttributes, content: RecordContent) -> Record {
    Record {
        path: "docs/a.txt".parse().expect("a path"),
        stamp: VersionStamp {
            time: 5 << 16,
            writer: 9,
        },
        body: RecordBody::Object { attributes, content },
    }
}

fn inline(content: &'static [u8]) -> Record {
    record(
        attributes(content.len() as u64),
        RecordContent::Inline(Bytes::from_static(content)),
    )
}

/// `count` chunks of which the last has `last_len` bytes, and their length in all.
pub(crate) fn chunks(count: usize, last_len: u32) -> (Vec<ChunkRef>, u64) {
    let mut chunks: Vec<_> = (0..count as u64)
        .map(|i| ChunkRef {
            id: ChunkId::from_bytes(*blake3::hash(&i.to_be_bytes()).as_bytes()),
            len: CHUNK_LEN_MAX as u32,
        })
        .collect();
    if let Some(last) = chunks.last_mut() {
        last.len = last_len;
    }
    let size = chunks.iter().map(|chunk| u64::from(chunk.len)).sum();
    (chunks, size)
}

/// Wraps hand-made fields as a record, unpacked.
fn wrap(fields: &[u8]) -> Vec<u8> {
    let checksum = blake3::hash(fields);
    let len = (fields.len() as u32).to_be_bytes();
    [&[1, 0][..], &len, &checksum.as_bytes()[..16], fields].concat()
}

fn check_refused(bytes: &[u8], error: &str) {
    let found = Record::decode(bytes).map_err(|error| error.to_string());
    assert_eq!(found, Err(error.to_owned()));
}

/// Writes the map of a small object, its fields changed by `edit`: key → encoded value.
fn fields(edit: impl FnOnce(&mut Vec<(u64, Vec<u8>)>)) -> Vec<u8> {
    let value = |write: &dyn Fn(&mut Encoder<Vec<u8>>)| {
        let mut encoder = Encoder::new(Vec::new());
        write(&mut encoder);
        encoder.into_writer()
    };
    let mut fields = vec![
        (0, value(&|e| drop(e.str("p")))),
        (1, value(&|e| drop(e.bytes(&[7; 16])))),
        (2, vec![1]),
        (3, vec![2]),
        (4, vec![0]),
        (5, vec![0x82, 6, 3]),
        (8, value(&|e| drop(e.bytes(b"hi")))),
    ];
    edit(&mut fields);
    let mut encoder = Encoder::new(Vec::new());
    drop(encoder.map(fields.len() as u64));
    let mut bytes = encoder.into_writer();
    for (key, value) in fields {
        bytes.push(key as u8);
        bytes.extend(value);
    }
    bytes
}

fn replace(key: u64, value: &[u8]) -> Vec<u8> {
    let value = value.to_vec();
    wrap(&fields(|fields| {
        fields.retain(|(other, _)| *other != key);
        let at = fields.iter().filter(|(other, _)| *other < key).count();
        fields.insert(at, (key, value));
    }))
}

fn bytes_field(len: usize, tail: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    let mut value = vec![1; len - tail.len()];
    value.extend(tail);
    drop(encoder.bytes(&value));
    encoder.into_writer()
}

#[test]
fn records_of_all_kinds_come_back() {
    let (some, some_len) = chunks(3, 17);
    let records = [
        inline(b"hello"),
        inline(b""),
        record(attributes(some_len), RecordContent::Chunks(some.clone())),
        record(attributes(1 << 50), RecordContent::ChunkList(some)),
        Record {
            body: RecordBody::Tombstone,
            ..inline(b"")
        },
    ];
    for record in records {
        assert_eq!(Record::decode(&record.encode()).unwrap(), record);
    }
}

#[test]
fn repetitive_records_are_packed_and_others_are_not() {
    let packed = inline(&[b'a'; 5000]).encode();
    assert!(packed.len() < 300 && packed[1] == 1, "{} bytes", packed.len());
    let plain = inline(b"hello").encode();
    assert_eq!(plain[1], 0);
}

#[test]
fn the_longest_list_fits_with_the_longest_path() {
    let (chunks, size) = chunks(RECORD_CHUNKS_MAX, 1);
    let mut record = record(attributes(size), RecordContent::Chunks(chunks));
    record.path = "x".repeat(1024).parse().unwrap();
    let bytes = record.encode();
    assert!(bytes.len() < RECORD_LEN_MAX * 2 / 3, "{} bytes", bytes.len());
    assert_eq!(Record::decode(&bytes).unwrap(), record);
}

#[test]
fn a_record_beyond_the_limit_cannot_be_sealed_however_well_it_packs() {
    let mut attributes = attributes(0);
    attributes
        .metadata
        .insert("long".into(), "a".repeat(RECORD_LEN_MAX));
    let bytes = record(attributes, RecordContent::Inline(Bytes::new())).encode();
    let sealer = Sealer::new(
        StoreId::from_bytes([0; 16]),
        Cipher::None,
        &MasterKey::from_bytes([0; 32]),
    );
    let sealed = sealer.seal(
        StripeId::record([0; 32]),
        Geometry::default(),
        &bytes,
        &mut || [0; 12],
    );
    assert_eq!(
        sealed,
        Err(codec::SealError::TooLong {
            len_bytes: bytes.len()
        })
    );
}

#[test]
fn later_fields_are_skipped() {
    let nested = [0x82, 0xa1, 0x01, 0x62, b'h', b'i', 0xf5];
    let found = Record::decode(&replace(20, &nested)).unwrap();
    assert_eq!(found, Record::decode(&wrap(&fields(|_| {}))).unwrap());
}

#[test]
fn faults_of_the_wrapping_are_named() {
    let good = wrap(&fields(|_| {}));
    check_refused(&[], "record truncated at 0 bytes");
    check_refused(&good[..21], "record truncated at 21 bytes");
    check_refused(&good[..40], "record does not unpack to 36 bytes");
    let with = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        bytes
    };
    check_refused(&with(0, 2), "record format 2, this program reads 1");
    check_refused(&with(1, 2), "unknown packing 2");
    check_refused(&with(1, 1), "record does not unpack to 36 bytes");
    check_refused(
        &with(2, 0xff),
        "record of 4278190116 bytes, the longest is 1048576",
    );
    check_refused(&with(5, 35), "record does not unpack to 35 bytes");
    check_refused(&with(6, good[6] ^ 1), "record checksum does not match");
    check_refused(&with(30, good[30] ^ 1), "record checksum does not match");
}

#[test]
fn a_packed_record_must_unpack_exactly() {
    let good = inline(&[b'a'; 5000]).encode();
    let len = u32::from_be_bytes(good[2..6].try_into().unwrap());
    for other in [len - 1, len + 1, 0, 1 << 19] {
        let mut bytes = good.clone();
        bytes[2..6].copy_from_slice(&other.to_be_bytes());
        check_refused(&bytes, &format!("record does not unpack to {other} bytes"));
    }
    let message = format!("record does not unpack to {len} bytes");
    check_refused(&[&good[..], &[0]].concat(), &message);
    check_refused(&good[..good.len() - 1], &message);
}

#[test]
fn faults_of_the_fields_are_named() {
    let without = |key| wrap(&fields(|fields| fields.retain(|(other, _)| *other != key)));
    for key in [0, 1, 2, 3, 4, 5, 8] {
        check_refused(&without(key), &format!("field {key} is missing"));
    }
    let twice = wrap(&fields(|fields| fields.insert(1, (0, vec![0x61, b'q']))));
    check_refused(&twice, "field 0 follows field 0");
    let unordered = wrap(&fields(|fields| fields.swap(0, 1)));
    check_refused(&unordered, "field 0 follows field 1");
    let trailing = wrap(&[fields(|_| {}), vec![0, 0]].concat());
    check_refused(&trailing, "2 bytes behind the record's end");
    check_refused(
        &wrap(b"\xbf\xff"),
        "a collection in the record has no stated length",
    );
    check_refused(&wrap(b"\x01"), "malformed record");
    check_refused(&wrap(b""), "malformed record");
}

#[test]
fn impossible_values_are_named() {
    let text = |text: &[u8]| [&[0x60 | text.len() as u8], text].concat();
    check_refused(&replace(0, &text(b"../a")), "bad path");
    check_refused(&replace(0, &text(b"\xff")), "malformed record");
    check_refused(
        &replace(0, &[0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        "malformed record",
    );
    check_refused(
        &replace(1, &bytes_field(15, &[])),
        "field 1 has a value that cannot be",
    );
    check_refused(&replace(2, &[2]), "field 2 has a value that cannot be");
    check_refused(&replace(3, &[3]), "content of 2 bytes in an object of 3");
    check_refused(&replace(5, &[0x82, 0, 3]), "bad geometry");
    check_refused(
        &replace(5, &[0x83, 6, 3, 1]),
        "field 5 has a value that cannot be",
    );
    check_refused(
        &replace(7, &[0xa2, 0x61, b'a', 0x60, 0x61, b'a', 0x60]),
        "field 7 has a value that cannot be",
    );
    let endless = [0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    check_refused(&replace(7, &endless), "malformed record");
    check_refused(
        &replace(9, &bytes_field(36, &[])),
        "field 9 has a value that cannot be",
    );
    check_refused(
        &replace(10, &bytes_field(36, &[])),
        "field 10 has a value that cannot be",
    );
}

#[test]
fn bad_entries_are_named() {
    let with_entries = |value: Vec<u8>| {
        wrap(&fields(|fields| {
            fields.retain(|(key, _)| *key != 8);
            fields.push((9, value));
        }))
    };
    for len in [1, 35, 37] {
        check_refused(&with_entries(bytes_field(len, &[])), "bad list of chunks");
    }
    check_refused(
        &with_entries(bytes_field(36, &[0, 0, 0, 0])),
        "bad list of chunks",
    );
    check_refused(
        &with_entries(bytes_field(36, &[0, 0x10, 0, 1])),
        "bad list of chunks",
    );
    let found = Record::decode(&with_entries(bytes_field(36, &[0, 0, 0, 2]))).unwrap();
    let RecordBody::Object {
        content: RecordContent::Chunks(chunks),
        ..
    } = found.body
    else {
        panic!("expected chunks: {found:?}");
    };
    assert_eq!(chunks.iter().map(|chunk| chunk.len).collect::<Vec<_>>(), [2]);
}

fn records() -> impl Strategy<Value = Record> {
    let path = "[a-zA-Z0-9 äöü…-]{1,40}(/[a-zA-Z0-9 _-]{1,20}){0,4}";
    let attributes = (
        any::<i64>(),
        proptest::option::of(".{0,60}"),
        proptest::collection::btree_map(".{0,20}", ".{0,80}", 0..8),
        (1u8..100, 1u8..100),
    );
    let content = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..3000).prop_map(|bytes| {
            let len = bytes.len() as u64;
            Some((RecordContent::Inline(bytes.into()), len))
        }),
        (0usize..50, 1..=CHUNK_LEN_MAX as u32).prop_map(|(count, last_len)| {
            let (chunks, size) = chunks(count, last_len);
            Some((RecordContent::Chunks(chunks), size))
        }),
        (0usize..50, any::<u64>())
            .prop_map(|(count, size)| { Some((RecordContent::ChunkList(chunks(count, 3).0), size)) }),
        Just(None),
    ];
    (path, any::<u64>(), any::<u64>(), attributes, content).prop_map(
        |(path, time, writer, (modified_unix_ms, content_type, metadata, (data, parity)), content)| Record {
            path: path.parse().expect("a path"),
            stamp: VersionStamp { time, writer },
            body: match content {
                None => RecordBody::Tombstone,
                Some((content, size)) => RecordBody::Object {
                    attributes: ObjectAttributes {
                        size,
                        modified_unix_ms,
                        content_type,
                        metadata,
                        geometry: Geometry::new(data, parity).expect("narrow enough"),
                    },
                    content,
                },
            },
        },
    )
}

proptest! {
    #[test]
    fn any_record_comes_back(record in records()) {
        let bytes = record.encode();
        prop_assert_eq!(&bytes, &record.encode());
        prop_assert_eq!(Record::decode(&bytes).map_err(|e| e.to_string()), Ok(record));
    }

    #[test]
    fn a_changed_record_is_noticed(record in records(), at: prop::sample::Index, bits in 1u8..) {
        let mut bytes = record.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= bits;
        if let Ok(found) = Record::decode(&bytes) {
            // A stream of DEFLATE has bits that mean nothing.
            prop_assert_eq!(found, record);
        }
    }

    #[test]
    fn mutated_fields_never_panic(record in records(), at: prop::sample::Index, value: u8, cut: prop::sample::Index) {
        let plain = record.encode();
        prop_assume!(plain[1] == 0);
        let mut fields = plain[22..].to_vec();
        let at = at.index(fields.len());
        fields[at] = value;
        let found = Record::decode(&wrap(&fields));
        fields.truncate(cut.index(fields.len()));
        prop_assert!(Record::decode(&wrap(&fields)).is_err());
        if let Ok(found) = found {
            prop_assert_eq!(Record::decode(&found.encode()).map_err(|e| e.to_string()), Ok(found));
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), packing in 0u8..2) {
        prop_assert!(Record::decode(&bytes).is_err());
        let mut wrapped = wrap(&bytes);
        wrapped[1] = packing;
        // Random CBOR is no record: it would have to hold a stamp and a path.
        prop_assert!(Record::decode(&wrapped).is_err());
        let list = [&ChunkList::HEADER[..], &bytes].concat();
        if let Ok(list) = ChunkList::decode(&list) {
            prop_assert_eq!(list.into_chunks().len() * ChunkList::ENTRY_LEN, bytes.len());
        }
    }
}
