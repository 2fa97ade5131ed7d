//! Shown: the coding is the one that `docs/format.md` describes, and any k shards are enough.
//!
//! How: stripes of a store without encryption, whose bodies are plain, against a slow reference without tables;
//! exhaustively for 6 + 3, by property for other geometries and with the cipher on.

use bytes::Bytes;
use codec::{Cipher, MasterKey, OpenError, SHARD_HEADER_LEN, Sealer};
use model::{Geometry, StoreId, StripeId};
use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::reference;

fn sealer(cipher: Cipher) -> Sealer {
    Sealer::new(
        StoreId::from_bytes([1; 16]),
        cipher,
        &MasterKey::from_bytes([2; 32]),
    )
}

fn plaintext(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * i + 31 * i + 7) as u8).collect()
}

/// Seals a chunk and returns its shards with their indices.
fn seal(sealer: &Sealer, geometry: Geometry, plaintext: &[u8]) -> (StripeId, Vec<(u8, Bytes)>) {
    let stripe = StripeId::chunk(sealer.chunk_id(plaintext));
    let mut count = 0u128;
    let mut nonces = || {
        count += 1;
        count.to_le_bytes()[..12].try_into().expect("twelve bytes")
    };
    let shards = sealer
        .seal(stripe, geometry, plaintext, &mut nonces)
        .expect("short enough");
    (stripe, (0..).zip(shards).collect())
}

fn body(shard: &Bytes) -> Vec<u8> {
    shard[SHARD_HEADER_LEN..shard.len() - 16].to_vec()
}

/// All ways to choose `count` of the indices below `total`.
fn choices(total: u8, count: usize) -> Vec<Vec<u8>> {
    (0u32..1 << total)
        .filter(|set| set.count_ones() as usize == count)
        .map(|set| (0..total).filter(|i| set >> i & 1 == 1).collect())
        .collect()
}

#[test]
fn parity_rows_are_those_in_the_format_page() {
    let rows = reference::matrix(6, 3).split_off(6);
    assert_eq!(rows[0], [0x07, 0x06, 0x05, 0x04, 0x03, 0x02]);
    assert_eq!(rows[1], [0x06, 0x07, 0x04, 0x05, 0x02, 0x03]);
    assert_eq!(rows[2], [0xa0, 0xdf, 0xdf, 0xb7, 0xfe, 0xe8]);
}

#[test]
fn bodies_are_those_of_the_reference() {
    let sealer = sealer(Cipher::None);
    for (data, parity) in [
        (1, 1),
        (1, 4),
        (2, 1),
        (4, 2),
        (6, 3),
        (10, 4),
        (17, 3),
        (3, 20),
        (40, 10),
    ] {
        for len in [1, 5, 6, 255, 1000, 5000] {
            let geometry = Geometry::new(data, parity).unwrap();
            let (_, shards) = seal(&sealer, geometry, &plaintext(len));
            let bodies: Vec<_> = shards.iter().map(|(_, shard)| body(shard)).collect();
            let expected = reference::encode(data.into(), parity.into(), &plaintext(len));
            assert_eq!(bodies, expected, "{geometry}, {len} bytes");
        }
    }
}

#[test]
fn all_84_choices_of_six_shards_rebuild_the_stripe() {
    let choices = choices(9, 6);
    assert_eq!(choices.len(), 84);
    for cipher in [Cipher::None, Cipher::Aes256Gcm] {
        let sealer = sealer(cipher);
        let plaintext = plaintext(1234);
        let (stripe, shards) = seal(&sealer, Geometry::default(), &plaintext);
        for choice in &choices {
            let chosen: Vec<_> = choice
                .iter()
                .rev()
                .map(|i| shards[usize::from(*i)].clone())
                .collect();
            let opened = sealer.open(stripe, &chosen);
            assert_eq!(opened.as_deref(), Ok(&plaintext[..]), "from {choice:?}");
        }
    }
}

#[test]
fn the_reference_rebuilds_what_was_sealed_from_all_84_choices() {
    let sealer = sealer(Cipher::None);
    let plaintext = plaintext(100);
    let (_, shards) = seal(&sealer, Geometry::default(), &plaintext);
    for choice in choices(9, 6) {
        let bodies: Vec<_> = choice
            .iter()
            .map(|i| (usize::from(*i), body(&shards[usize::from(*i)].1)))
            .collect();
        let decoded = reference::decode(6, 3, &bodies);
        assert_eq!(decoded[..100], plaintext[..], "from {choice:?}");
    }
}

#[test]
fn every_loss_of_up_to_three_is_survived_and_of_four_is_named() {
    let sealer = sealer(Cipher::Aes256Gcm);
    let plaintext = plaintext(777);
    let (stripe, shards) = seal(&sealer, Geometry::default(), &plaintext);
    for kept in 5..=9 {
        for choice in choices(9, kept) {
            let chosen: Vec<_> = choice.iter().map(|i| shards[usize::from(*i)].clone()).collect();
            let expected = match kept {
                5 => Err(OpenError::TooFewShards {
                    intact: 5,
                    needed: 6,
                    faults: Vec::new(),
                }),
                _ => Ok(Bytes::copy_from_slice(&plaintext)),
            };
            assert_eq!(sealer.open(stripe, &chosen), expected, "from {choice:?}");
        }
    }
}

#[test]
fn the_widest_stripes_work() {
    let sealer = sealer(Cipher::Aes256Gcm);
    for (data, parity) in [(254, 1), (1, 254), (128, 127)] {
        let geometry = Geometry::new(data, parity).unwrap();
        let (stripe, shards) = seal(&sealer, geometry, &plaintext(3000));
        let last = &shards[usize::from(parity)..];
        assert_eq!(sealer.open(stripe, last).unwrap(), plaintext(3000), "{geometry}");
    }
}

fn geometries() -> impl Strategy<Value = Geometry> {
    let narrow = (1u8..13, 1u8..8);
    let wide = (1u8..100, 1u8..60);
    prop_oneof![8 => narrow, 1 => wide]
        .prop_map(|(data, parity)| Geometry::new(data, parity).expect("narrow enough"))
}

/// What befalls a shard of a stripe.
#[derive(Clone, Debug)]
enum Mishap {
    Flip { at: prop::sample::Index, bits: u8 },
    Cut { at: prop::sample::Index },
    Grow { by: u8 },
    Swap { with: prop::sample::Index },
    Lose,
}

fn mishaps() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        4 => (any::<prop::sample::Index>(), 1u8..).prop_map(|(at, bits)| Mishap::Flip { at, bits }),
        1 => any::<prop::sample::Index>().prop_map(|at| Mishap::Cut { at }),
        1 => (1u8..).prop_map(|by| Mishap::Grow { by }),
        1 => any::<prop::sample::Index>().prop_map(|with| Mishap::Swap { with }),
        2 => Just(Mishap::Lose),
    ]
}

fn befall(shards: &mut [(u8, Bytes)], victim: usize, mishap: &Mishap) {
    let mut bytes = shards[victim].1.to_vec();
    match mishap {
        Mishap::Flip { at, bits } => bytes[at.index(shards[victim].1.len())] ^= bits,
        Mishap::Cut { at } => bytes.truncate(at.index(shards[victim].1.len())),
        Mishap::Grow { by } => bytes.resize(bytes.len() + usize::from(*by), 0),
        Mishap::Swap { with } => bytes = shards[with.index(shards.len())].1.to_vec(),
        Mishap::Lose => bytes.clear(),
    }
    shards[victim].1 = bytes.into();
}

/// A geometry, a content, and the victims with their mishaps: at most `parity + excess` of them.
fn cases(excess: usize) -> impl Strategy<Value = (Geometry, Vec<u8>, Vec<(usize, Mishap)>)> {
    geometries().prop_flat_map(move |geometry| {
        let victims_max = (geometry.parity() + excess).min(geometry.shards());
        let victims = subsequence((0..geometry.shards()).collect::<Vec<_>>(), 0..=victims_max);
        let mishaps = prop::collection::vec(mishaps(), victims_max);
        let content = prop::collection::vec(any::<u8>(), 0..3000);
        (Just(geometry), content, victims, mishaps).prop_map(|(geometry, content, victims, mishaps)| {
            (geometry, content, victims.into_iter().zip(mishaps).collect())
        })
    })
}

fn survivors(
    geometry: Geometry,
    content: &[u8],
    cipher: Cipher,
    mishaps: &[(usize, Mishap)],
) -> (Sealer, StripeId, Vec<(u8, Bytes)>) {
    let sealer = sealer(cipher);
    let (stripe, mut shards) = seal(&sealer, geometry, content);
    for (victim, mishap) in mishaps {
        befall(&mut shards, *victim, mishap);
    }
    (sealer, stripe, shards)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn up_to_m_mishaps_change_nothing((geometry, content, mishaps) in cases(0), encrypted: bool) {
        let cipher = if encrypted { Cipher::Aes256Gcm } else { Cipher::None };
        let (sealer, stripe, shards) = survivors(geometry, &content, cipher, &mishaps);
        let opened = sealer.open(stripe, &shards);
        prop_assert_eq!(opened.as_deref(), Ok(&content[..]));
    }

    #[test]
    fn any_mishaps_give_the_same_bytes_or_an_error((geometry, content, mishaps) in cases(300), encrypted: bool) {
        let cipher = if encrypted { Cipher::Aes256Gcm } else { Cipher::None };
        let (sealer, stripe, shards) = survivors(geometry, &content, cipher, &mishaps);
        match sealer.open(stripe, &shards) {
            Ok(opened) => prop_assert_eq!(&opened[..], &content[..]),
            Err(OpenError::TooFewShards { intact, needed, faults }) => {
                // Where nothing is intact, nobody can say what was needed.
                prop_assert!(needed == geometry.data() || intact == 0);
                prop_assert!(intact < needed);
                prop_assert_eq!(faults.len(), geometry.shards() - intact);
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
