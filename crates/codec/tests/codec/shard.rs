//! Shown: a byte that changed anywhere in a shard is noticed, with and without the key; a shard in the wrong place is
//! refused by name; nothing from outside makes the reader panic.
//!
//! How: every bit of small shards is flipped; headers are forged with a fresh checksum; shards are moved.

use std::ops::Range;

use bytes::Bytes;
use codec::{
    Cipher, MasterKey, OpenError, SHARD_HEADER_LEN, SHARD_OVERHEAD, Sealer, ShardFault, ShardHeader,
    check_shard,
};
use model::{ChunkId, Geometry, StoreId, StripeId, StripeKind};
use proptest::prelude::*;

pub(crate) const PLAINTEXT: &[u8] = b"every bit of this counts";

fn store() -> StoreId {
    StoreId::from_bytes([0x11; 16])
}

fn sealer(cipher: Cipher) -> Sealer {
    Sealer::new(store(), cipher, &MasterKey::from_bytes([0x22; 32]))
}

pub(crate) fn encrypted() -> Sealer {
    sealer(Cipher::Aes256Gcm)
}

/// Seals with nonces that begin with `seed`.
pub(crate) fn seal(
    sealer: &Sealer,
    stripe: StripeId,
    geometry: Geometry,
    plaintext: &[u8],
    seed: u8,
) -> Vec<Bytes> {
    let mut nonce = [seed; 12];
    let mut nonces = || {
        nonce[11] = nonce[11].wrapping_add(1);
        nonce
    };
    sealer
        .seal(stripe, geometry, plaintext, &mut nonces)
        .expect("short enough")
}

pub(crate) fn chunk(sealer: &Sealer) -> (StripeId, Vec<(u8, Bytes)>) {
    let stripe = StripeId::chunk(sealer.chunk_id(PLAINTEXT));
    let shards = seal(sealer, stripe, Geometry::default(), PLAINTEXT, 7);
    (stripe, (0..).zip(shards).collect())
}

pub(crate) fn flipped(shard: &Bytes, at: usize, bits: u8) -> Bytes {
    let mut bytes = shard.to_vec();
    bytes[at] ^= bits;
    bytes.into()
}

/// What a forger without the key can do: change the shard, then make the checksum fit.
fn forged(shard: &Bytes, at: usize, bits: u8) -> Bytes {
    let mut bytes = flipped(shard, at, bits).to_vec();
    let sealed = blake3::hash(&bytes[SHARD_HEADER_LEN..]);
    let checksum = blake3::hash(&[&bytes[..74], sealed.as_bytes()].concat());
    bytes[74..90].copy_from_slice(&checksum.as_bytes()[..16]);
    bytes.into()
}

const CHECKSUM: Range<usize> = 74..90;

#[test]
fn a_header_says_what_was_sealed() {
    let (stripe, shards) = chunk(&encrypted());
    let mut nonce = [7; 12];
    nonce[11] = 11;
    let expected = ShardHeader {
        store: store(),
        stripe,
        index: 3,
        geometry: Geometry::default(),
        stripe_len: 24,
        cipher: Cipher::Aes256Gcm,
        nonce,
    };
    assert_eq!(check_shard(&shards[3].1), Ok(expected));
    assert_eq!(encrypted().verify(stripe, 3, &shards[3].1), Ok(expected));
    assert_eq!((expected.body_len(), expected.shard_len()), (4, 110));
    assert_eq!(shards[3].1.len(), 4 + SHARD_OVERHEAD);
}

#[test]
fn every_flipped_bit_is_noticed_without_the_key() {
    for cipher in [Cipher::None, Cipher::Aes256Gcm] {
        let (_, shards) = chunk(&sealer(cipher));
        for (_, shard) in &shards {
            for (at, bit) in (0..shard.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
                let found = check_shard(&flipped(shard, at, 1 << bit));
                assert!(found.is_err(), "bit {bit} of byte {at}: {found:?}");
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_noticed_with_the_key() {
    for cipher in [Cipher::None, Cipher::Aes256Gcm] {
        let sealer = sealer(cipher);
        let (stripe, mut shards) = chunk(&sealer);
        let victim = shards[2].1.clone();
        for (at, bit) in (0..victim.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            shards[2].1 = flipped(&victim, at, 1 << bit);
            let found = sealer.verify(stripe, 2, &shards[2].1);
            assert!(found.is_err(), "verify: bit {bit} of byte {at}: {found:?}");
            assert_eq!(sealer.open(stripe, &shards).as_deref(), Ok(PLAINTEXT), "all nine");

            let six = sealer.open(stripe, &shards[..6]);
            if cipher == Cipher::Aes256Gcm && CHECKSUM.contains(&at) {
                assert_eq!(
                    six.as_deref(),
                    Ok(PLAINTEXT),
                    "the tag covers all but the checksum"
                );
            } else {
                let fault = found.unwrap_err();
                let expected = match (cipher, &fault) {
                    (Cipher::Aes256Gcm, ShardFault::BadChecksum) => ShardFault::DoesNotAuthenticate,
                    _ => fault,
                };
                check_too_few(six, 2, &expected);
            }
        }
    }
}

fn check_too_few(found: Result<Bytes, OpenError>, index: u8, fault: &ShardFault) {
    match found {
        Err(OpenError::TooFewShards {
            intact,
            needed,
            faults,
        }) => {
            assert_eq!((intact, needed), (5, 6), "{faults:?}");
            assert_eq!(faults, [(index, fault.clone())]);
        }
        other => panic!("expected {fault}, got {other:?}"),
    }
}

#[test]
fn forged_headers_are_refused_by_name() {
    let sealer = encrypted();
    let (stripe, shards) = chunk(&sealer);
    let shard = &shards[2].1;
    let mut other_store = [0x11; 16];
    other_store[0] ^= 1;
    let mut other_id = stripe;
    other_id.id[0] ^= 1;
    let other_kind = StripeId::record(stripe.id);
    let cases = [
        (0, 1, ShardFault::BadMagic { found: *b"BSSH" }),
        (4, 3, ShardFault::NewerVersion { version: 2 }),
        (
            5,
            1,
            ShardFault::OtherCipher {
                found: Cipher::None,
                expected: Cipher::Aes256Gcm,
            },
        ),
        (5, 2, ShardFault::UnknownCipher { cipher: 3 }),
        (6, 3, ShardFault::OtherStripe { found: other_kind }),
        (6, 2, ShardFault::UnknownKind { kind: 3 }),
        (
            7,
            1,
            ShardFault::OtherIndex {
                found: 3,
                expected: 2,
            },
        ),
        (
            7,
            8,
            ShardFault::BadGeometry {
                data: 6,
                parity: 3,
                index: 10,
            },
        ),
        (
            8,
            6,
            ShardFault::BadGeometry {
                data: 0,
                parity: 3,
                index: 2,
            },
        ),
        (8, 1, ShardFault::DoesNotAuthenticate),
        (
            8,
            4,
            ShardFault::Truncated {
                len_bytes: 110,
                needed_bytes: 118,
            },
        ),
        (
            9,
            3,
            ShardFault::BadGeometry {
                data: 6,
                parity: 0,
                index: 2,
            },
        ),
        (9, 1, ShardFault::DoesNotAuthenticate),
        (
            11,
            0x80,
            ShardFault::BadLength {
                stripe_len_bytes: (0x80 << 16) + 24,
            },
        ),
        (
            13,
            0x10,
            ShardFault::TooLong {
                len_bytes: 110,
                needed_bytes: 108,
            },
        ),
        (13, 0x0e, ShardFault::DoesNotAuthenticate),
        (
            14,
            1,
            ShardFault::OtherStore {
                found: StoreId::from_bytes(other_store),
            },
        ),
        (30, 1, ShardFault::OtherStripe { found: other_id }),
        (62, 1, ShardFault::DoesNotAuthenticate),
        (90, 1, ShardFault::DoesNotAuthenticate),
        (94, 1, ShardFault::DoesNotAuthenticate),
        (109, 1, ShardFault::DoesNotAuthenticate),
    ];
    for (at, bits, fault) in cases {
        // 22 instead of 24 bytes, or 7 instead of 6 data shards, leave the shard's own length as it is.
        let found = sealer.verify(stripe, 2, &forged(shard, at, bits));
        assert_eq!(found, Err(fault), "byte {at} ^ {bits:#x}");
    }
}

#[test]
fn no_forged_bit_authenticates() {
    let sealer = encrypted();
    let (stripe, shards) = chunk(&sealer);
    let shard = &shards[2].1;
    for at in (0..shard.len()).filter(|at| !CHECKSUM.contains(at)) {
        for bit in 0..8 {
            let found = sealer.verify(stripe, 2, &forged(shard, at, 1 << bit));
            assert!(found.is_err(), "bit {bit} of byte {at}: {found:?}");
        }
    }
}

#[test]
fn a_shard_in_another_place_is_refused() {
    let sealer = encrypted();
    let (stripe, shards) = chunk(&sealer);
    let shard = &shards[2].1;
    let other_stripe = StripeId::chunk(ChunkId::from_bytes([9; 32]));
    let other_kind = StripeId::record(stripe.id);
    for wanted in [other_stripe, other_kind] {
        let found = sealer.verify(wanted, 2, shard);
        assert_eq!(found, Err(ShardFault::OtherStripe { found: stripe }));
    }
    let found = sealer.verify(stripe, 5, shard);
    assert_eq!(
        found,
        Err(ShardFault::OtherIndex {
            found: 2,
            expected: 5
        })
    );

    let elsewhere = Sealer::new(
        StoreId::from_bytes([9; 16]),
        Cipher::Aes256Gcm,
        &MasterKey::from_bytes([0x22; 32]),
    );
    let found = elsewhere.verify(stripe, 2, shard);
    assert_eq!(found, Err(ShardFault::OtherStore { found: store() }));

    let other_key = Sealer::new(store(), Cipher::Aes256Gcm, &MasterKey::from_bytes([0x33; 32]));
    let found = other_key.verify(stripe, 2, shard);
    assert_eq!(found, Err(ShardFault::DoesNotAuthenticate));
}

#[test]
fn a_plain_shard_does_not_pass_in_an_encrypted_store() {
    let (stripe, plain) = chunk(&sealer(Cipher::None));
    let expected = ShardFault::OtherCipher {
        found: Cipher::None,
        expected: Cipher::Aes256Gcm,
    };
    let faults = (0..9).map(|index| (index, expected.clone())).collect();
    assert_eq!(
        encrypted().open(stripe, &plain),
        Err(OpenError::TooFewShards {
            intact: 0,
            needed: 1,
            faults
        })
    );
}

#[test]
fn a_shard_cut_at_any_length_is_truncated() {
    let (_, shards) = chunk(&encrypted());
    for len_bytes in 0..110 {
        let needed_bytes = if len_bytes < SHARD_HEADER_LEN {
            SHARD_OVERHEAD
        } else {
            110
        };
        let found = check_shard(&shards[0].1[..len_bytes]);
        assert_eq!(
            found,
            Err(ShardFault::Truncated {
                len_bytes,
                needed_bytes
            })
        );
    }
}

#[test]
fn secrets_are_not_shown() {
    let shown = format!("{:?} {:?}", MasterKey::from_bytes([0xab; 32]), encrypted());
    assert_eq!(
        shown,
        "MasterKey(..) Sealer { store: StoreId(11111111), cipher: Aes256Gcm, .. }"
    );
}

#[test]
fn ids_depend_on_key_kind_and_all_parts() {
    let (a, b) = (
        encrypted(),
        Sealer::new(store(), Cipher::Aes256Gcm, &MasterKey::from_bytes([0; 32])),
    );
    assert_ne!(a.chunk_id(b"x"), b.chunk_id(b"x"));
    let stamp = |time| model::VersionStamp { time, writer: 1 };
    let id = |path: &str, time| a.record_id(&path.parse().unwrap(), stamp(time));
    assert_eq!(id("p", 1), id("p", 1));
    assert_eq!(id("p", 1).kind, StripeKind::Record);
    assert_ne!(id("p", 1), id("p", 2));
    assert_ne!(id("p", 1), id("q", 1));
}

proptest! {
    #[test]
    fn random_bytes_are_no_shard(mut bytes in prop::collection::vec(any::<u8>(), 0..400), with_start: bool) {
        if with_start && bytes.len() > 7 {
            bytes[..7].copy_from_slice(b"CSSH\x01\x01\x01");
        }
        prop_assert!(check_shard(&bytes).is_err());
        let sealer = encrypted();
        let stripe = StripeId::chunk(ChunkId::from_bytes([0; 32]));
        prop_assert!(sealer.open(stripe, &[(0, bytes.into())]).is_err());
    }
}
