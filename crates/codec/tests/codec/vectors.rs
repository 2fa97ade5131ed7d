//! Shown: the files in `vectors/` open, or are refused, as they say; and today's code still writes the same bytes.
//!
//! Regenerate them, after a change of format that is meant, with
//! `CODEC_REGENERATE_VECTORS=1 cargo test --release -p codec vectors`.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::golden::{chunk_list, envelope, parity, record, shard};

fn check(name: &str, build: fn() -> Value, check: fn(&Value)) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../vectors")
        .join(name);
    let built = build();
    if std::env::var_os("CODEC_REGENERATE_VECTORS").is_some() {
        fs::write(&path, format!("{built:#}\n")).expect("vectors can be written");
    }
    let kept = fs::read_to_string(&path).expect("vectors are there");
    let kept: Value = kept.parse().expect("vectors are JSON");
    check(&kept);
    assert!(built == kept, "{name}: today's code writes other bytes");
}

#[test]
fn parity_vectors_hold() {
    check("parity.json", parity::build, parity::check);
}

#[test]
fn shard_vectors_hold() {
    check("shard.json", shard::build, shard::check);
}

#[test]
fn record_vectors_hold() {
    check("record.json", record::build, record::check);
}

#[test]
fn chunk_list_vectors_hold() {
    check("chunk_list.json", chunk_list::build, chunk_list::check);
}

#[test]
fn envelope_vectors_hold() {
    check("envelope.json", envelope::build, envelope::check);
}
