//! `chunk_list.json`: a chunk list, and some that must be refused.

use codec::ChunkList;
use serde_json::{Value, json};

use super::record::{chunk_values, chunks, parse_chunks};
use super::{bytes, edited, hex, list, text, variant};

pub(crate) fn build() -> Value {
    let good = ChunkList::new(chunks()).encode();
    let lists = [("three chunks", chunks()), ("no chunks", Vec::new())];
    let refused = [
        ("cut in the start", good[..7].to_vec()),
        ("cut in an entry", good[..100].to_vec()),
        ("another start", edited(&good, 0, b"X")),
        ("a later format", edited(&good, 4, &[2])),
        ("a chunk without bytes", edited(&good, 112, &[0; 4])),
        ("a chunk beyond the limit", edited(&good, 112, &[0, 0x10, 0, 1])),
        ("a short chunk before the last", edited(&good, 40, &[0, 0, 0, 9])),
    ];
    let list = |(name, chunks): &(&str, Vec<_>)| {
        let encoded = ChunkList::new(chunks.clone()).encode();
        json!({"name": name, "encoded": hex(encoded), "chunks": chunk_values(chunks)})
    };
    let refusal = |(name, encoded): &(&str, Vec<u8>)| json!({"name": name, "encoded": hex(encoded), "error": error(encoded)});
    json!({
        "about": "encoded: the joined plaintext of the chunks that a record's chunk list names",
        "lists": lists.iter().map(list).collect::<Vec<_>>(),
        "refused": refused.iter().map(refusal).collect::<Vec<_>>(),
    })
}

fn error(encoded: &[u8]) -> Option<String> {
    ChunkList::decode(encoded).err().map(|error| variant(&error))
}

pub(crate) fn check(vectors: &Value) {
    for case in list(&vectors["lists"]) {
        let found = ChunkList::decode(&bytes(&case["encoded"])).map(ChunkList::into_chunks);
        assert_eq!(found, Ok(parse_chunks(&case["chunks"])), "{}", case["name"]);
    }
    for case in list(&vectors["refused"]) {
        let found = error(&bytes(&case["encoded"]));
        assert_eq!(found.as_deref(), Some(text(&case["error"])), "{}", case["name"]);
    }
}
