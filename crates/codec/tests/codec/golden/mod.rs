//! One module per file in `vectors/`: `build` makes it with today's code, `check` holds the code to what it says.

pub(crate) mod chunk_list;
pub(crate) mod envelope;
pub(crate) mod parity;
pub(crate) mod record;
pub(crate) mod shard;

use std::fmt::Debug;

use data_encoding::HEXLOWER;
use serde_json::Value;

fn hex(bytes: impl AsRef<[u8]>) -> Value {
    HEXLOWER.encode(bytes.as_ref()).into()
}

fn bytes(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(text(value).as_bytes()).expect("hexadecimal")
}

fn array<const LEN: usize>(value: &Value) -> [u8; LEN] {
    bytes(value).try_into().expect("as many bytes as the field has")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// The name of an error's variant, which is what the vectors call it.
fn variant(error: &impl Debug) -> String {
    let shown = format!("{error:?}");
    shown
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// `good` with bytes from `at` on replaced.
fn edited(good: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}
