//! `FaultyStore` without rules keeps the contract; with a rule it fails in just the way the rule says.

use bytes::Bytes;
use futures_util::FutureExt;
use shardstore::contract::shard_id;
use shardstore::{Fault, FaultyStore, MemoryStore, Operation, Rule, ShardStore, StoreError, contract};

shardstore::contract_tests!(async {
    (
        FaultyStore::new(MemoryStore::new(contract::CAPACITY_BYTES_MAX)),
        (),
    )
});

/// A store with an old and a new version of shard 1, and shard 2, that meets `fault` on every `operation`.
async fn faulty(operation: Operation, fault: Fault) -> FaultyStore<MemoryStore> {
    let store = FaultyStore::new(MemoryStore::default());
    for (seed, text) in [(1, "old"), (1, "new"), (2, "other")] {
        let answer = store.put(shard_id(seed, 0), text.into()).await;
        assert_eq!(answer, Ok(()));
    }
    store.add_rule(Rule::on(operation, fault));
    store
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        reason: "injected fault".to_owned(),
    }
}

#[tokio::test]
async fn gets_are_damaged_as_the_rule_says() {
    let cases = [
        (Fault::FlippedBits { offset: 1, mask: 1 }, "ndw"),
        (
            Fault::FlippedBits {
                offset: 3,
                mask: 0x20,
            },
            "New",
        ),
        (Fault::OtherShard(shard_id(2, 0)), "other"),
        (Fault::OldVersion, "old"),
        (Fault::Truncated { len: 1 }, "n"),
        (Fault::Truncated { len: 9 }, "new"),
    ];
    for (fault, answer) in cases {
        let store = faulty(Operation::Get, fault.clone()).await;
        assert_eq!(
            store.get(shard_id(1, 0)).await,
            Ok(Bytes::from(answer)),
            "{fault:?}"
        );
        assert_eq!(
            store.inner().get(shard_id(1, 0)).await.unwrap(),
            "new",
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn puts_keep_what_the_rule_says() {
    let cases = [
        (
            Fault::FlippedBits {
                offset: 0,
                mask: 0x20,
            },
            Ok(()),
            "Third",
        ),
        (Fault::OldVersion, Ok(()), "new"),
        (Fault::Truncated { len: 2 }, Ok(()), "th"),
        (Fault::Unavailable, Err(unavailable()), "new"),
        (Fault::AnswerLost, Err(unavailable()), "third"),
    ];
    for (fault, answer, kept) in cases {
        let store = faulty(Operation::Put, fault.clone()).await;
        assert_eq!(
            store.put(shard_id(1, 0), "third".into()).await,
            answer,
            "{fault:?}"
        );
        assert_eq!(
            store.inner().get(shard_id(1, 0)).await.unwrap(),
            kept,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_full_store_names_its_figures() {
    let store = FaultyStore::new(MemoryStore::new(10));
    store.add_rule(Rule::always(Fault::Full));
    let full = StoreError::Full {
        needed_bytes: 11,
        free_bytes: 10,
        capacity_bytes: 10,
    };
    assert_eq!(store.put(shard_id(1, 0), "a".into()).await, Err(full));
}

#[tokio::test]
async fn a_hanging_call_never_answers() {
    let store = faulty(Operation::Get, Fault::Hang).await;
    assert_eq!(store.get(shard_id(1, 0)).now_or_never(), None);
    assert_eq!(store.calls(Operation::Get), 1);
    store.heal();
    assert_eq!(store.get(shard_id(1, 0)).await.unwrap(), "new");
}

#[tokio::test]
async fn rules_choose_shard_and_call() {
    let store = faulty(Operation::List, Fault::Unavailable).await;
    let rule = Rule::on(Operation::Get, Fault::Unavailable).shard(shard_id(1, 0));
    store.add_rule(rule.after(1).times(2));
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(store.get(shard_id(1, 0)).await.is_ok());
        assert_eq!(store.get(shard_id(2, 0)).await.unwrap(), "other");
    }
    assert_eq!(answers, [true, false, false, true]);
    assert_eq!(store.list(None, 1).await, Err(unavailable()));
    assert_eq!(
        (store.calls(Operation::Get), store.calls(Operation::Delete)),
        (8, 0)
    );
}
