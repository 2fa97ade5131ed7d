//! Shown: what a set of shards gives back, whole or with shards missing, doubled, mixed or cut in another way.

use bytes::Bytes;
use codec::{OpenError, SHARD_OVERHEAD, STRIPE_LEN_MAX, SealError};
use model::{ChunkId, Geometry, StripeId};

use crate::shard::{PLAINTEXT, chunk, encrypted, flipped, seal};

#[test]
fn two_sealings_of_a_stripe_mix() {
    let sealer = encrypted();
    let (stripe, old) = chunk(&sealer);
    let new = seal(&sealer, stripe, Geometry::default(), PLAINTEXT, 99);
    let mixed: Vec<_> = (3..9)
        .map(|i: u8| match i % 2 {
            0 => old[usize::from(i)].clone(),
            _ => (i, new[usize::from(i)].clone()),
        })
        .collect();
    assert_eq!(sealer.open(stripe, &mixed).as_deref(), Ok(PLAINTEXT));
}

#[test]
fn sets_cut_in_different_ways_are_told_apart() {
    let sealer = encrypted();
    let (stripe, wide) = chunk(&sealer);
    let narrow = seal(&sealer, stripe, Geometry::new(2, 2).unwrap(), PLAINTEXT, 50);
    let narrow: Vec<_> = (0..).zip(narrow).collect();
    let both = |wide_count: usize, narrow_count: usize| {
        let shards = [&wide[..wide_count], &narrow[..narrow_count]].concat();
        sealer.open(stripe, &shards)
    };
    assert_eq!(
        both(5, 2).as_deref(),
        Ok(PLAINTEXT),
        "the smaller set is complete"
    );
    assert_eq!(both(6, 1).as_deref(), Ok(PLAINTEXT), "the larger set is complete");
    let too_few = |intact, needed| {
        let faults = Vec::new();
        Err(OpenError::TooFewShards {
            intact,
            needed,
            faults,
        })
    };
    assert_eq!(both(5, 1), too_few(5, 6));
    assert_eq!(both(0, 1), too_few(1, 2));
    assert_eq!(both(0, 0), too_few(0, 1));
}

#[test]
fn a_good_copy_behind_a_bad_one_counts() {
    let sealer = encrypted();
    let (stripe, shards) = chunk(&sealer);
    let mut six = shards[..6].to_vec();
    six.insert(0, (0, flipped(&shards[0].1, 91, 1)));
    six.push(shards[5].clone());
    assert_eq!(sealer.open(stripe, &six).as_deref(), Ok(PLAINTEXT));
}

#[test]
fn content_under_a_wrong_id_is_not_returned() {
    let sealer = encrypted();
    let stripe = StripeId::chunk(ChunkId::from_bytes([1; 32]));
    let shards = seal(&sealer, stripe, Geometry::default(), PLAINTEXT, 1);
    let shards: Vec<_> = (0..).zip(shards).collect();
    assert_eq!(
        sealer.open(stripe, &shards),
        Err(OpenError::ContentMismatch { stripe })
    );
    let record = StripeId::record([1; 32]);
    let shards = seal(&sealer, record, Geometry::default(), PLAINTEXT, 1);
    let shards: Vec<_> = (0..).zip(shards).collect();
    assert_eq!(sealer.open(record, &shards).as_deref(), Ok(PLAINTEXT));
}

#[test]
fn no_bytes_at_all_are_a_stripe() {
    let sealer = encrypted();
    let stripe = StripeId::chunk(sealer.chunk_id(b""));
    let shards = seal(&sealer, stripe, Geometry::default(), b"", 1);
    assert_eq!(
        shards.iter().map(Bytes::len).collect::<Vec<_>>(),
        [SHARD_OVERHEAD; 9]
    );
    let shards: Vec<_> = (0..).zip(shards).collect();
    assert_eq!(sealer.open(stripe, &shards[3..]), Ok(Bytes::new()));
    let faults = Vec::new();
    assert_eq!(
        sealer.open(stripe, &shards[4..]),
        Err(OpenError::TooFewShards {
            intact: 5,
            needed: 6,
            faults
        })
    );
}

#[test]
fn shards_are_slices_of_one_allocation() {
    let (_, shards) = chunk(&encrypted());
    let starts = shards.iter().map(|(_, shard)| shard.as_ptr().addr());
    let steps: Vec<_> = starts.clone().zip(starts.skip(1)).map(|(a, b)| b - a).collect();
    assert_eq!(steps, [SHARD_OVERHEAD + 4; 8]);
}

#[test]
fn a_stripe_has_a_limit() {
    let sealer = encrypted();
    let stripe = StripeId::record([0; 32]);
    let long = vec![0; STRIPE_LEN_MAX + 1];
    let sealed = sealer.seal(stripe, Geometry::default(), &long, &mut || [0; 12]);
    let len_bytes = STRIPE_LEN_MAX + 1;
    assert_eq!(sealed, Err(SealError::TooLong { len_bytes }));
    let shards = seal(&sealer, stripe, Geometry::default(), &long[1..], 0);
    let shards: Vec<_> = (0..).zip(shards).collect();
    assert_eq!(sealer.open(stripe, &shards).unwrap(), &long[1..]);
}

#[test]
fn errors_say_what_is_wrong_with_which_shard() {
    let sealer = encrypted();
    let (stripe, mut shards) = chunk(&sealer);
    shards[1].1 = shards[1].1.slice(..20);
    shards[4].1 = flipped(&shards[4].1, 100, 1);
    let error = sealer.open(stripe, &shards[..6]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "4 of 6 shards intact; shard 1: truncated: 20 of 106 bytes; shard 4: does not authenticate"
    );
}
