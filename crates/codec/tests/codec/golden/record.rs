//! `record.json`: records of each kind, and records that must be refused.

use std::collections::BTreeMap;

use bytes::Bytes;
use codec::{Record, RecordBody, RecordContent};
use model::{ChunkId, ChunkRef, Geometry, ObjectAttributes, VersionStamp};
use serde_json::{Value, json};

use super::{array, bytes, edited, hex, list, number, text, variant};

pub(crate) fn tombstone() -> Record {
    Record {
        path: "reports/2026/übersicht.txt".parse().expect("a path"),
        stamp: VersionStamp {
            time: 0x0190_0000_0000_0001,
            writer: 0x0123_4567_89ab_cdef,
        },
        body: RecordBody::Tombstone,
    }
}

fn object(size: u64, content: RecordContent) -> Record {
    Record {
        body: RecordBody::Object {
            attributes: ObjectAttributes {
                size,
                modified_unix_ms: -1,
                content_type: Some("text/plain".into()),
                metadata: BTreeMap::from([("a".into(), "1".into()), ("bb".into(), String::new())]),
                geometry: Geometry::default(),
            },
            content,
        },
        ..tombstone()
    }
}

fn bare(content: RecordContent) -> Record {
    let mut record = object(0, content);
    if let RecordBody::Object { attributes, .. } = &mut record.body {
        attributes.content_type = None;
        attributes.metadata.clear();
    }
    record
}

pub(crate) fn chunks() -> Vec<ChunkRef> {
    let chunk = |byte, len| ChunkRef {
        id: ChunkId::from_bytes([byte; 32]),
        len,
    };
    vec![chunk(0xaa, 1 << 20), chunk(0xbb, 1 << 20), chunk(0xcc, 5)]
}

pub(crate) fn build() -> Value {
    let repeated = Bytes::from(b"the same words again and again. ".repeat(40));
    let cases = [
        ("a tombstone", tombstone()),
        (
            "a small object",
            object(5, RecordContent::Inline(Bytes::from_static(b"hello"))),
        ),
        (
            "an empty object with nothing optional",
            bare(RecordContent::Inline(Bytes::new())),
        ),
        ("a packed object", object(1280, RecordContent::Inline(repeated))),
        (
            "an object in chunks",
            object((2 << 20) + 5, RecordContent::Chunks(chunks())),
        ),
        (
            "an object with a chunk list",
            object(1 << 40, RecordContent::ChunkList(chunks())),
        ),
    ];
    json!({
        "about": "encoded: the plaintext of a record's stripe. Packed ones may be packed otherwise by another writer",
        "records": cases.iter().map(|(name, record)| vector(name, record)).collect::<Vec<_>>(),
        "refused": refused(&cases[1].1.encode(), &cases[3].1.encode()),
    })
}

fn vector(name: &str, record: &Record) -> Value {
    let mut vector = json!({
        "name": name,
        "encoded": hex(record.encode()),
        "path": record.path.as_str(),
        "stamp": hex(record.stamp.to_bytes()),
    });
    if let RecordBody::Object { attributes, content } = &record.body {
        vector["size"] = attributes.size.into();
        vector["modified_unix_ms"] = attributes.modified_unix_ms.into();
        vector["content_type"] = attributes.content_type.clone().into();
        vector["metadata"] = json!(attributes.metadata);
        vector["k"] = attributes.geometry.data().into();
        vector["m"] = attributes.geometry.parity().into();
        let (key, value) = match content {
            RecordContent::Inline(bytes) => ("inline", hex(bytes)),
            RecordContent::Chunks(chunks) => ("chunks", chunk_values(chunks)),
            RecordContent::ChunkList(chunks) => ("chunk_list", chunk_values(chunks)),
        };
        vector[key] = value;
    }
    vector
}

pub(crate) fn chunk_values(chunks: &[ChunkRef]) -> Value {
    let values = chunks
        .iter()
        .map(|chunk| json!({"id": hex(chunk.id.as_bytes()), "len": chunk.len}));
    values.collect::<Vec<_>>().into()
}

pub(crate) fn parse_chunks(value: &Value) -> Vec<ChunkRef> {
    let chunk = |value: &Value| ChunkRef {
        id: ChunkId::from_bytes(array(&value["id"])),
        len: number(&value["len"]) as u32,
    };
    list(value).iter().map(chunk).collect()
}

/// Wraps fields as a record, unpacked.
fn wrap(fields: &[u8]) -> Vec<u8> {
    let checksum = blake3::hash(fields);
    let len = (fields.len() as u32).to_be_bytes();
    [&[1, 0][..], &len, &checksum.as_bytes()[..16], fields].concat()
}

fn refused(plain: &[u8], packed: &[u8]) -> Vec<Value> {
    let fields = &plain[22..];
    // The map's head, then key 0, the path's head (two bytes) and the path.
    let path = fields[2..]
        .iter()
        .position(|byte| *byte == b'r')
        .expect("the path")
        + 2;
    let longer_map = edited(fields, 0, &[fields[0] + 1]);
    let cases = [
        ("nothing", Vec::new()),
        ("cut in the start", plain[..21].to_vec()),
        ("cut in the fields", plain[..plain.len() - 1].to_vec()),
        ("packed, cut", packed[..packed.len() - 1].to_vec()),
        ("packed, with a byte behind it", [packed, &[0]].concat()),
        (
            "packed, longer than it says",
            edited(packed, 2, &1000u32.to_be_bytes()),
        ),
        (
            "packed, shorter than it says",
            edited(packed, 2, &100_000u32.to_be_bytes()),
        ),
        ("a later format", edited(plain, 0, &[2])),
        ("an unknown packing", edited(plain, 1, &[2])),
        ("a length beyond the limit", edited(plain, 2, &[0x7f])),
        ("rotten", edited(plain, 30, &[plain[30] ^ 1])),
        ("no map", wrap(&[0])),
        ("a map without a stated length", wrap(&[0xbf, 0xff])),
        ("a field missing at the end", wrap(&longer_map)),
        ("bytes behind the fields", wrap(&[fields, &[0]].concat())),
        ("a key twice", wrap(&[0xa2, 0, 0x61, b'a', 0, 0x61, b'a'])),
        ("no stamp", wrap(&[0xa2, 0, 0x61, b'a', 2, 0])),
        ("a path with an empty segment", wrap(&edited(fields, path, b"/"))),
        (
            "a size that is not the content's",
            wrap(&replaced(fields, &[3, 5, 4], &[3, 6, 4])),
        ),
        (
            "a geometry without data",
            wrap(&replaced(fields, &[0x82, 6, 3], &[0x82, 0, 3])),
        ),
        ("a third body", wrap(&replaced(fields, &[2, 1, 3], &[2, 2, 3]))),
    ];
    let refusal = |(name, encoded): (&str, Vec<u8>)| json!({"name": name, "encoded": hex(&encoded), "error": error(&encoded)});
    cases.into_iter().map(refusal).collect()
}

fn replaced(fields: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = fields
        .windows(old.len())
        .position(|window| window == old)
        .expect("there");
    edited(fields, at, new)
}

fn error(encoded: &[u8]) -> Option<String> {
    Record::decode(encoded).err().map(|error| variant(&error))
}

pub(crate) fn check(vectors: &Value) {
    for case in list(&vectors["records"]) {
        let name = text(&case["name"]);
        let record = Record::decode(&bytes(&case["encoded"])).expect(name);
        assert_eq!(record, parse(case), "{name}");
    }
    for case in list(&vectors["refused"]) {
        let found = error(&bytes(&case["encoded"]));
        assert_eq!(found.as_deref(), Some(text(&case["error"])), "{}", case["name"]);
    }
}

fn parse(case: &Value) -> Record {
    Record {
        path: text(&case["path"]).parse().expect("a path"),
        stamp: VersionStamp::from_bytes(array(&case["stamp"])),
        body: match case.get("size") {
            None => RecordBody::Tombstone,
            Some(size) => RecordBody::Object {
                attributes: parse_attributes(case, number(size)),
                content: parse_content(case),
            },
        },
    }
}

fn parse_attributes(case: &Value, size: u64) -> ObjectAttributes {
    let metadata = case["metadata"].as_object().expect("a map");
    let pair = |(key, value): (&String, &Value)| (key.clone(), text(value).to_owned());
    ObjectAttributes {
        size,
        modified_unix_ms: case["modified_unix_ms"].as_i64().expect("a number"),
        content_type: case["content_type"].as_str().map(str::to_owned),
        metadata: metadata.iter().map(pair).collect(),
        geometry: Geometry::new(number(&case["k"]) as u8, number(&case["m"]) as u8).expect("a geometry"),
    }
}

fn parse_content(case: &Value) -> RecordContent {
    if let Some(inline) = case.get("inline") {
        return RecordContent::Inline(bytes(inline).into());
    }
    match case.get("chunks") {
        Some(chunks) => RecordContent::Chunks(parse_chunks(chunks)),
        None => RecordContent::ChunkList(parse_chunks(&case["chunk_list"])),
    }
}
