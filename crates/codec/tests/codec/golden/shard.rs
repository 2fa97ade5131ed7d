//! `shard.json`: whole stripes, and shards that must be refused.

use bytes::Bytes;
use codec::{Cipher, MasterKey, OpenError, Sealer, check_shard};
use model::{Geometry, StoreId, StripeId, StripeKind};
use serde_json::{Value, json};

use super::{array, bytes, edited, hex, list, number, record, text, variant};

const MASTER: [u8; 32] = [0x42; 32];
const STORE: [u8; 16] = *b"store of vectors";

pub(crate) fn build() -> Value {
    let hundred: Vec<u8> = (0..100).collect();
    let six_three = Geometry::default();
    let two_one = Geometry::new(2, 1).expect("narrow enough");
    let stripes = [
        chunk_stripe("a chunk at 6 + 3", Cipher::Aes256Gcm, six_three, &hundred),
        chunk_stripe(
            "one byte at 6 + 3: five data shards are padding",
            Cipher::Aes256Gcm,
            six_three,
            b"x",
        ),
        chunk_stripe("no bytes at 2 + 1", Cipher::Aes256Gcm, two_one, b""),
        chunk_stripe("a chunk without encryption", Cipher::None, two_one, &hundred),
        record_stripe("a tombstone's record", Cipher::Aes256Gcm, six_three),
    ];
    json!({
        "about": "stripes: any k of the shards give the plaintext. refused: why, without the key and with it",
        "master_key": hex(MASTER),
        "store": hex(STORE),
        "refused": refused(&stripes[0], &stripes[3]),
        "stripes": stripes,
    })
}

fn sealer(cipher: Cipher) -> Sealer {
    Sealer::new(StoreId::from_bytes(STORE), cipher, &MasterKey::from_bytes(MASTER))
}

fn chunk_stripe(name: &str, cipher: Cipher, geometry: Geometry, plaintext: &[u8]) -> Value {
    let stripe = StripeId::chunk(sealer(cipher).chunk_id(plaintext));
    stripe_vector(name, cipher, stripe, geometry, plaintext)
}

fn record_stripe(name: &str, cipher: Cipher, geometry: Geometry) -> Value {
    let record = record::tombstone();
    let stripe = sealer(cipher).record_id(&record.path, record.stamp);
    stripe_vector(name, cipher, stripe, geometry, &record.encode())
}

fn stripe_vector(
    name: &str,
    cipher: Cipher,
    stripe: StripeId,
    geometry: Geometry,
    plaintext: &[u8],
) -> Value {
    let mut count = 0;
    let mut nonces = || {
        count += 1;
        [count; 12]
    };
    let shards = sealer(cipher)
        .seal(stripe, geometry, plaintext, &mut nonces)
        .expect("short enough");
    json!({
        "name": name,
        "cipher": cipher.to_byte(),
        "kind": stripe.kind.to_byte(),
        "id": hex(stripe.id),
        "k": geometry.data(),
        "m": geometry.parity(),
        "plaintext": hex(plaintext),
        "shards": shards.iter().map(hex).collect::<Vec<_>>(),
    })
}

/// Shards asked for as number 2 of `stripe`; each with what is wrong, and whether a checksum was made to fit.
fn refused(stripe: &Value, plain: &Value) -> Vec<Value> {
    let good = bytes(&stripe["shards"][2]);
    let edit = |at, new: &[u8]| edited(&good, at, new);
    let forge = |at, new: &[u8]| with_checksum(edit(at, new));
    let flip = |at: usize| edit(at, &[good[at] ^ 1]);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("cut in the header", good[..50].to_vec()),
        ("cut in the tag", good[..good.len() - 1].to_vec()),
        ("a byte too long", [&good[..], &[0]].concat()),
        ("another magic", forge(0, b"CSSX")),
        ("a later format", forge(4, &[2])),
        ("an unknown cipher", forge(5, &[9])),
        ("plain bytes in an encrypted store", forge(5, &[0])),
        ("an unknown kind", forge(6, &[3])),
        ("another kind", forge(6, &[2])),
        ("an index beyond the stripe", forge(7, &[9])),
        ("the next shard", bytes(&stripe["shards"][3])),
        ("no data shards", forge(8, &[0])),
        ("another k", forge(8, &[7])),
        ("no parity shards", forge(9, &[0])),
        ("too many shards", forge(9, &[250])),
        ("another m", forge(9, &[4])),
        ("a stripe beyond the limit", forge(10, &[0, 0x10, 0, 1])),
        ("another stripe length", forge(13, &[99])),
        ("another store", forge(14, b"S")),
        ("another stripe", forge(30, &[good[30] ^ 1])),
        ("nonce, rotten", flip(62)),
        ("nonce, forged", forge(62, &[good[62] ^ 1])),
        ("checksum, rotten", flip(74)),
        ("body, rotten", flip(90)),
        ("body, forged", forge(90, &[good[90] ^ 1])),
        ("tag, rotten", flip(good.len() - 1)),
        ("tag, forged", forge(good.len() - 1, &[good[good.len() - 1] ^ 1])),
    ];
    let encrypted = cases
        .into_iter()
        .map(|(name, shard)| refusal(name, stripe, shard));
    let rotten = edited(&bytes(&plain["shards"][2]), 100, &[0xff]);
    encrypted
        .chain([refusal("body without encryption, rotten", plain, rotten)])
        .collect()
}

fn refusal(name: &str, stripe: &Value, shard: Vec<u8>) -> Value {
    json!({
        "name": name,
        "cipher": stripe["cipher"],
        "kind": stripe["kind"],
        "id": stripe["id"],
        "index": 2,
        "shard": hex(&shard),
        "without_key": check_shard(&shard).err().map(|fault| variant(&fault)),
        "with_key": verify(stripe, 2, &shard),
    })
}

fn with_checksum(mut shard: Vec<u8>) -> Vec<u8> {
    let sealed = blake3::hash(&shard[90..]);
    let checksum = blake3::hash(&[&shard[..74], sealed.as_bytes()].concat());
    shard[74..90].copy_from_slice(&checksum.as_bytes()[..16]);
    shard
}

fn parse_sealer(case: &Value) -> Sealer {
    sealer(Cipher::from_byte(number(&case["cipher"]) as u8).expect("a cipher"))
}

fn parse_stripe(case: &Value) -> StripeId {
    StripeId {
        kind: StripeKind::from_byte(number(&case["kind"]) as u8).expect("a kind"),
        id: array(&case["id"]),
    }
}

fn verify(case: &Value, index: u8, shard: &[u8]) -> Option<String> {
    let found = parse_sealer(case).verify(parse_stripe(case), index, shard);
    found.err().map(|fault| variant(&fault))
}

pub(crate) fn check(vectors: &Value) {
    assert_eq!(array(&vectors["master_key"]), MASTER);
    assert_eq!(array(&vectors["store"]), STORE);
    list(&vectors["stripes"]).iter().for_each(check_stripe);
    list(&vectors["refused"]).iter().for_each(check_refused);
}

fn check_stripe(case: &Value) {
    let (sealer, stripe, name) = (parse_sealer(case), parse_stripe(case), text(&case["name"]));
    let shards: Vec<(u8, Bytes)> = (0..)
        .zip(list(&case["shards"]).iter().map(|shard| bytes(shard).into()))
        .collect();
    let data = number(&case["k"]) as usize;
    assert_eq!(shards.len(), data + number(&case["m"]) as usize, "{name}");
    for first in 0..=shards.len() - data {
        let opened = sealer.open(stripe, &shards[first..first + data]);
        assert_eq!(
            opened.as_deref(),
            Ok(&bytes(&case["plaintext"])[..]),
            "{name}, from {first}"
        );
    }
    for (index, shard) in &shards {
        let header = check_shard(shard).expect("an intact shard");
        assert_eq!((header.stripe, header.index), (stripe, *index), "{name}");
        assert_eq!(verify(case, *index, shard), None, "{name}");
    }
}

fn check_refused(case: &Value) {
    let name = text(&case["name"]);
    let shard = bytes(&case["shard"]);
    let without_key = check_shard(&shard).err().map(|fault| variant(&fault));
    assert_eq!(
        without_key.as_deref(),
        case["without_key"].as_str(),
        "{name}, without the key"
    );
    let with_key = verify(case, 2, &shard);
    assert_eq!(
        with_key.as_deref(),
        Some(text(&case["with_key"])),
        "{name}, with the key"
    );
    let opened = parse_sealer(case).open(parse_stripe(case), &[(2, shard.into())]);
    assert!(
        matches!(opened, Err(OpenError::TooFewShards { .. })),
        "{name}: {opened:?}"
    );
}
