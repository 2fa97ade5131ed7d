//! The promises of [`ShardStore`], one test function each.
//!
//! Every function wants a fresh, empty store with a capacity from [`CAPACITY_BYTES_MIN`] to
//! [`CAPACITY_BYTES_MAX`] and panics if the store breaks the promise. [`contract_tests!`](crate::contract_tests)
//! makes a test of each:
//!
//! ```
//! mod memory_keeps_the_contract {
//!     use shardstore::{MemoryStore, contract};
//!
//!     // A future of the store and of whatever must live as long as it does (a directory, a server).
//!     shardstore::contract_tests!(async { (MemoryStore::new(contract::CAPACITY_BYTES_MAX), ()) });
//! }
//! ```

#![expect(
    clippy::unwrap_used,
    reason = "these functions are tests, compiled with a feature"
)]

use bytes::Bytes;
use futures_util::future::{join_all, poll_immediate};
use model::{ChunkId, ShardId, StripeId};

use crate::{ENVELOPE_LEN_MAX, SHARD_LEN_MAX, ShardInfo, ShardStore, StoreError};

/// Declares one `#[tokio::test]` per promise of [`ShardStore`](crate::ShardStore); the expression is a future
/// that makes a fresh store and a guard. The calling crate needs tokio's `macros` and `rt`.
#[macro_export]
macro_rules! contract_tests {
    ($fresh:expr) => {
        $crate::contract_tests! { @each $fresh;
            get_of_unknown_id_is_not_found,
            a_shard_comes_back_as_it_was_put,
            put_of_a_present_id_replaces_it,
            put_of_the_same_bytes_changes_nothing,
            a_deleted_shard_is_not_found,
            delete_of_unknown_id_is_ok,
            list_is_in_order_of_id,
            list_pages_without_gap_or_overlap,
            list_of_nothing_is_empty,
            usage_follows_puts_and_deletes,
            too_long_shard_is_refused,
            a_full_store_says_full_and_keeps_what_it_has,
            an_envelope_comes_back_and_is_replaced,
            too_long_envelope_is_refused,
            concurrent_puts_all_arrive,
            concurrent_puts_of_one_id_leave_one_whole,
            calls_on_one_id_happen_in_order,
            a_dropped_put_happens_wholly_or_not_at_all,
        }
    };
    (@each $fresh:expr; $($promise:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $promise() {
                let (store, _guard) = $fresh.await;
                $crate::contract::$promise(&store).await;
            }
        )*
    };
}

/// Smallest capacity a store under test may have.
pub const CAPACITY_BYTES_MIN: u64 = 6 << 20;

/// Largest capacity a store under test may have: the suite fills it.
pub const CAPACITY_BYTES_MAX: u64 = 16 << 20;

/// What was never put is not found.
pub async fn get_of_unknown_id_is_not_found(store: &dyn ShardStore) {
    assert_eq!(store.get(shard_id(1, 0)).await, Err(StoreError::NotFound));
    put(store, shard_id(1, 0), 700).await;
    assert_eq!(
        store.get(shard_id(1, 1)).await,
        Err(StoreError::NotFound),
        "another index"
    );
}

/// Every length from nothing to the longest comes back, byte by byte.
pub async fn a_shard_comes_back_as_it_was_put(store: &dyn ShardStore) {
    for (seed, len) in LENS.into_iter().enumerate() {
        let id = shard_id(seed as u64, 8);
        let shard = put(store, id, len).await;
        assert_eq!(store.get(id).await, Ok(shard), "shard of {len} bytes");
    }
}

/// The last put wins, whichever of the two was longer.
pub async fn put_of_a_present_id_replaces_it(store: &dyn ShardStore) {
    let id = shard_id(3, 3);
    for len in [700, 175_000, 60_000, 90, 91, 0] {
        let shard = put(store, id, len).await;
        assert_eq!(store.get(id).await, Ok(shard), "replaced by {len} bytes");
        assert_eq!(list_all(store).await, [info(id, len)]);
        assert_eq!(store.usage().await.unwrap().shards, 1);
    }
}

/// Putting the same bytes once more changes neither them nor the usage.
pub async fn put_of_the_same_bytes_changes_nothing(store: &dyn ShardStore) {
    for len in [700, 175_000] {
        let id = shard_id(4, 0);
        let shard = put(store, id, len).await;
        let usage = store.usage().await;
        assert_eq!(store.put(id, shard.clone()).await, Ok(()));
        assert_eq!(store.usage().await, usage);
        assert_eq!(store.get(id).await, Ok(shard));
    }
}

/// A deleted shard is gone from `get` and `list`; its siblings stay.
pub async fn a_deleted_shard_is_not_found(store: &dyn ShardStore) {
    for len in [700, 175_000] {
        let (gone, kept) = (shard_id(5, 0), shard_id(5, 1));
        put(store, gone, len).await;
        let shard = put(store, kept, len).await;
        assert_eq!(store.delete(gone).await, Ok(()));
        assert_eq!(store.get(gone).await, Err(StoreError::NotFound));
        assert_eq!(store.get(kept).await, Ok(shard));
        assert_eq!(list_all(store).await, [info(kept, len)]);
    }
}

/// Deleting what is not there succeeds, and so does deleting twice.
pub async fn delete_of_unknown_id_is_ok(store: &dyn ShardStore) {
    let id = shard_id(6, 0);
    assert_eq!(store.delete(id).await, Ok(()));
    put(store, id, 700).await;
    assert_eq!(store.delete(id).await, Ok(()));
    assert_eq!(store.delete(id).await, Ok(()));
    assert_eq!(store.usage().await.unwrap().shards, 0);
}

/// Chunks before records, then by id, then by index, whatever the order of puts and the lengths.
pub async fn list_is_in_order_of_id(store: &dyn ShardStore) {
    let mut expected = put_some(store, 24).await;
    expected.sort_by_key(|entry| entry.id);
    assert_eq!(list_all(store).await, expected);
}

/// Pages of any length join up to the whole inventory.
pub async fn list_pages_without_gap_or_overlap(store: &dyn ShardStore) {
    put_some(store, 10).await;
    let whole = list_all(store).await;
    assert_eq!(whole.len(), 10);
    for limit in [1, 3, 5, 10, 11] {
        let mut joined = Vec::new();
        loop {
            let after = joined.last().map(|entry: &ShardInfo| entry.id);
            let page = store.list(after, limit).await.unwrap();
            let is_last = page.len() < limit;
            joined.extend(page);
            if is_last {
                break;
            }
        }
        assert_eq!(joined, whole, "pages of {limit}");
    }
    let between = ShardId {
        index: 7,
        ..whole[4].id
    };
    let behind: Vec<_> = whole.into_iter().filter(|entry| entry.id > between).collect();
    assert_eq!(
        store.list(Some(between), 100).await,
        Ok(behind),
        "behind an unknown id"
    );
}

/// An empty store, a limit of nothing and the place behind the last shard list nothing.
pub async fn list_of_nothing_is_empty(store: &dyn ShardStore) {
    assert_eq!(store.list(None, 100).await, Ok(vec![]));
    let id = shard_id(7, 0);
    put(store, id, 700).await;
    assert_eq!(store.list(None, 0).await, Ok(vec![]));
    assert_eq!(store.list(Some(id), 100).await, Ok(vec![]));
}

/// Usage grows by at least what is put and returns to where it was.
pub async fn usage_follows_puts_and_deletes(store: &dyn ShardStore) {
    let empty = store.usage().await.unwrap();
    assert_eq!((empty.used_bytes, empty.shards), (0, 0));
    assert!(
        (CAPACITY_BYTES_MIN..=CAPACITY_BYTES_MAX).contains(&empty.capacity_bytes),
        "{empty:?}"
    );
    let entries = put_some(store, 12).await;
    let some = store.usage().await.unwrap();
    let len = entries.iter().map(|entry| entry.len).sum::<u64>();
    assert_eq!((some.shards, some.capacity_bytes), (12, empty.capacity_bytes));
    assert!(some.used_bytes >= len, "{some:?}, put {len} bytes");
    for entry in entries {
        assert_eq!(store.delete(entry.id).await, Ok(()));
    }
    assert_eq!(store.usage().await, Ok(empty));
}

/// One byte more than [`SHARD_LEN_MAX`] is refused and leaves nothing.
pub async fn too_long_shard_is_refused(store: &dyn ShardStore) {
    let id = shard_id(8, 0);
    let refusal = store.put(id, shard_bytes(id, SHARD_LEN_MAX + 1)).await;
    assert!(matches!(refusal, Err(StoreError::Refused { .. })), "{refusal:?}");
    assert_eq!(store.get(id).await, Err(StoreError::NotFound));
    assert_eq!(store.usage().await.unwrap().shards, 0);
}

/// A full store answers *full* with true figures, never uses more than its capacity, still reads, and takes
/// shards again after a delete.
pub async fn a_full_store_says_full_and_keeps_what_it_has(store: &dyn ShardStore) {
    let len = 300_000;
    let mut kept = Vec::new();
    let refusal = loop {
        let id = shard_id(100 + kept.len() as u64, 0);
        match store.put(id, shard_bytes(id, len)).await {
            Ok(()) => kept.push(id),
            Err(refusal) => break refusal,
        }
        assert!(kept.len() as u64 <= CAPACITY_BYTES_MAX / len as u64, "never full");
    };
    check_full(&refusal, len, store).await;
    for &id in &kept {
        assert_eq!(store.get(id).await, Ok(shard_bytes(id, len)));
    }
    assert_eq!(
        store.put(kept[0], shard_bytes(kept[0], len)).await,
        Ok(()),
        "replacing needs no room"
    );
    assert_eq!(store.delete(kept[1]).await, Ok(()));
    put(store, shard_id(99, 0), len).await;
}

/// The envelope is absent at first, then the one put last, and no part of the inventory.
pub async fn an_envelope_comes_back_and_is_replaced(store: &dyn ShardStore) {
    assert_eq!(store.envelope().await, Ok(None));
    for envelope in [vec![1; ENVELOPE_LEN_MAX], vec![2; 150], vec![]] {
        let envelope = Bytes::from(envelope);
        assert_eq!(store.put_envelope(envelope.clone()).await, Ok(()));
        assert_eq!(store.envelope().await, Ok(Some(envelope)));
    }
    assert_eq!(store.list(None, 10).await, Ok(vec![]));
}

/// One byte more than [`ENVELOPE_LEN_MAX`] is refused; the old envelope stays.
pub async fn too_long_envelope_is_refused(store: &dyn ShardStore) {
    let envelope = Bytes::from_static(b"old");
    store.put_envelope(envelope.clone()).await.unwrap();
    let refusal = store.put_envelope(vec![0; ENVELOPE_LEN_MAX + 1].into()).await;
    assert!(matches!(refusal, Err(StoreError::Refused { .. })), "{refusal:?}");
    assert_eq!(store.envelope().await, Ok(Some(envelope)));
}

/// Many puts in flight at once are all kept.
pub async fn concurrent_puts_all_arrive(store: &dyn ShardStore) {
    let ids: Vec<_> = (0..100).map(|seed| shard_id(seed, 0)).collect();
    let len = |id: ShardId| {
        if id.stripe.id[0].is_multiple_of(8) {
            40_000
        } else {
            700
        }
    };
    let answers = join_all(ids.iter().map(|&id| store.put(id, shard_bytes(id, len(id))))).await;
    assert_eq!(answers, vec![Ok(()); 100]);
    let shards = join_all(ids.iter().map(|&id| store.get(id))).await;
    for (&id, shard) in ids.iter().zip(shards) {
        assert_eq!(shard, Ok(shard_bytes(id, len(id))));
    }
    assert_eq!(store.usage().await.unwrap().shards, 100);
}

/// Of puts of one id at the same time one wins whole, and the inventory agrees with it.
pub async fn concurrent_puts_of_one_id_leave_one_whole(store: &dyn ShardStore) {
    let id = shard_id(9, 0);
    let shards: Vec<_> = (0..20)
        .map(|byte| Bytes::from(vec![byte; 500 + 5000 * usize::from(byte)]))
        .collect();
    let answers = join_all(shards.iter().map(|shard| store.put(id, shard.clone()))).await;
    assert_eq!(answers, vec![Ok(()); 20]);
    let winner = store.get(id).await.unwrap();
    assert!(shards.contains(&winner), "{} bytes that nobody put", winner.len());
    assert_eq!(list_all(store).await, [info(id, winner.len())]);
}

/// Calls that begin after another returned see its effect, with deletes and puts of one id in turn.
pub async fn calls_on_one_id_happen_in_order(store: &dyn ShardStore) {
    let id = shard_id(10, 0);
    for round in 0..10 {
        let shard = put(store, id, if round % 2 == 0 { 30_000 } else { 300 }).await;
        assert_eq!(store.get(id).await, Ok(shard));
        assert_eq!(store.delete(id).await, Ok(()));
        assert_eq!(store.get(id).await, Err(StoreError::NotFound));
    }
    assert_eq!(store.usage().await.unwrap().used_bytes, 0);
}

/// A caller that goes away leaves the whole shard or none of it, and the store usable.
pub async fn a_dropped_put_happens_wholly_or_not_at_all(store: &dyn ShardStore) {
    let id = shard_id(11, 0);
    let shard = shard_bytes(id, 175_000);
    let _ = poll_immediate(store.put(id, shard.clone())).await;
    // A later put of the same store is behind the dropped one, if that happens at all.
    put(store, shard_id(12, 0), 700).await;
    match store.get(id).await {
        Ok(kept) => assert_eq!(kept, shard),
        Err(error) => assert_eq!(error, StoreError::NotFound),
    }
}

/// An id with nothing in common with that of another seed.
pub fn shard_id(seed: u64, index: u8) -> ShardId {
    let mut id = [0; 32];
    for (place, byte) in id.iter_mut().enumerate() {
        *byte = mixed(seed ^ (place as u64) << 32) as u8;
    }
    StripeId::chunk(ChunkId::from_bytes(id)).shard(index)
}

/// Bytes that differ between ids, lengths and offsets, so that a mix-up shows.
pub fn shard_bytes(id: ShardId, len: usize) -> Bytes {
    let seed = id.stripe.id.iter().fold(u64::from(id.index), |sum, &byte| {
        sum << 7 ^ sum >> 57 ^ u64::from(byte)
    });
    (0..len.div_ceil(8))
        .flat_map(|word| mixed(seed ^ (word as u64) << 20 ^ len as u64).to_le_bytes())
        .take(len)
        .collect()
}

/// The finaliser of MurmurHash3: every bit of the input moves every bit of the output.
fn mixed(mut x: u64) -> u64 {
    x = (x ^ x >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    x = (x ^ x >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ x >> 33
}

async fn put(store: &dyn ShardStore, id: ShardId, len: usize) -> Bytes {
    let shard = shard_bytes(id, len);
    assert_eq!(store.put(id, shard.clone()).await, Ok(()), "put of {len} bytes");
    shard
}

/// Puts shards of both kinds and of mixed lengths in no order.
async fn put_some(store: &dyn ShardStore, count: u64) -> Vec<ShardInfo> {
    let mut entries = Vec::new();
    for seed in 0..count {
        let mut id = shard_id(seed / 2, seed as u8 % 2);
        if seed % 3 == 0 {
            id.stripe = StripeId::record(id.stripe.id);
        }
        let len = if seed % 4 == 0 {
            50_000
        } else {
            700 + seed as usize
        };
        put(store, id, len).await;
        entries.push(info(id, len));
    }
    entries
}

async fn list_all(store: &dyn ShardStore) -> Vec<ShardInfo> {
    store.list(None, 1_000).await.unwrap()
}

async fn check_full(refusal: &StoreError, len: usize, store: &dyn ShardStore) {
    let usage = store.usage().await.unwrap();
    assert!(usage.used_bytes <= usage.capacity_bytes, "{usage:?}");
    let StoreError::Full {
        needed_bytes,
        free_bytes,
        capacity_bytes,
    } = *refusal
    else {
        panic!("expected full, got {refusal:?}");
    };
    assert!(
        needed_bytes >= len as u64 && needed_bytes > free_bytes,
        "{refusal:?}"
    );
    assert_eq!(
        (free_bytes, capacity_bytes),
        (usage.free_bytes(), usage.capacity_bytes)
    );
}

fn info(id: ShardId, len: usize) -> ShardInfo {
    ShardInfo { id, len: len as u64 }
}

/// Lengths at which stores change their ways: empty, small, around pages and blocks, a usual shard, the longest.
const LENS: [usize; 14] = [
    0,
    1,
    90,
    700,
    2047,
    2048,
    4095,
    4096,
    16_383,
    16_384,
    16_385,
    65_537,
    174_900,
    SHARD_LEN_MAX,
];
