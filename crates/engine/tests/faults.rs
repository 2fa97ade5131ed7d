//! Promise 1: an acknowledged object comes back byte-identical while any k shards of each stripe are intact and
//! reachable, otherwise the answer is an error that says what is missing, never wrong bytes. Nodes in memory fail, hang,
//! fill up, lie and rot as they are told, beside a model of what must be there.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{EngineConfig, GetError, Precondition, PutError, ReadError, ShardState, WriteError};
use model::{ChunkId, StripeId};
use shardstore::{Fault, Operation, Rule, ShardStore as _};
use testkit::{Lottery, TestNode, TestStore, read_range};

const MIB: usize = 1 << 20;

/// Waits that tests can afford.
fn hasty() -> EngineConfig {
    EngineConfig {
        put_timeout: Duration::from_millis(300),
        get_timeout: Duration::from_millis(300),
        hedge_delay: Duration::from_millis(20),
        ..EngineConfig::default()
    }
}

async fn hasty_store() -> TestStore {
    TestStore::with(9, 256 << 20, hasty()).await
}

fn too_few(error: &GetError) -> (usize, usize, usize) {
    match error {
        GetError::Read(ReadError::TooFewShards {
            intact,
            unreachable,
            damaged,
            ..
        }) => (*intact, *unreachable, *damaged),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn any_three_nodes_may_vanish_but_not_four() {
    let store = hasty_store().await;
    let mut lottery = Lottery::from_env();
    let (long, short) = (lottery.bytes(2 * MIB + 99), lottery.bytes(700));
    store.put("long", &long).await.expect("stored");
    store.put("short", &short).await.expect("stored");
    for a in 0..9 {
        for b in a + 1..9 {
            for c in b + 1..9 {
                for n in [a, b, c] {
                    store.nodes[n].disconnect();
                }
                assert!(
                    store.get("long").await.expect("any three") == long,
                    "without {a}, {b}, {c}"
                );
                assert!(
                    store.get("short").await.expect("any three") == short,
                    "without {a}, {b}, {c}"
                );
                store.heal().await;
            }
        }
    }
    for n in [0, 3, 5, 8] {
        store.nodes[n].disconnect();
    }
    for name in ["long", "short"] {
        let error = store.get(name).await.expect_err("four are gone");
        assert_eq!(too_few(&error).1, 4, "{error}");
        assert!(error.is_transient(), "{error}");
    }
}

#[tokio::test]
async fn a_node_that_never_answers_costs_no_read_and_no_write() {
    let store = hasty_store().await;
    let bytes = Lottery::from_env().bytes(3 * MIB);
    store.put("a", &bytes).await.expect("stored");
    for n in [1, 2, 6] {
        store.nodes[n].fail(Fault::Hang);
    }
    assert!(store.get("a").await.expect("read past them") == bytes);
    assert!(store.engine.counters().reads_hedged > 0);
    store.heal().await;
    store.nodes[4].fail(Fault::Hang);
    store
        .put("b", &bytes[..MIB + 5])
        .await
        .expect("eight nodes are enough");
    store.heal().await;
    assert!(store.get("b").await.expect("read") == bytes[..MIB + 5]);
}

/// Every class of byte in a shard: each header field, nonce, checksum, payload, tag.
fn byte_classes(shard_len: usize) -> Vec<usize> {
    let header = 0..codec::SHARD_HEADER_LEN;
    let payload = [codec::SHARD_HEADER_LEN, shard_len / 2, shard_len - 17];
    header.chain(payload).chain(shard_len - 16..shard_len).collect()
}

/// The last field of the header (docs/format.md).
const CHECKSUM: std::ops::Range<usize> = codec::SHARD_HEADER_LEN - 16..codec::SHARD_HEADER_LEN;

#[tokio::test]
async fn flipped_bits_anywhere_in_a_shard_are_survived_or_said_never_returned() {
    let store = hasty_store().await;
    let bytes = Lottery::from_env().bytes(66_000);
    store.put("file", &bytes).await.expect("stored");
    let shard_len = 66_000 / 6 + codec::SHARD_OVERHEAD;
    for offset in byte_classes(shard_len) {
        let flipped = Fault::FlippedBits { offset, mask: 0x10 };
        for node in &store.nodes[..3] {
            node.faults.add_rule(Rule::on(Operation::Get, flipped.clone()));
        }
        assert!(
            store.get("file").await.expect("three may rot") == bytes,
            "byte {offset}"
        );
        store.nodes[8].faults.add_rule(Rule::on(Operation::Get, flipped));
        if CHECKSUM.contains(&offset) {
            // It is for nodes, which have no key; the tag covers everything else.
            assert!(store.get("file").await.expect("nothing that matters is rotten") == bytes);
            store.heal().await;
            continue;
        }
        let error = store.get("file").await.expect_err("four are rotten");
        assert_eq!(too_few(&error).2, 4, "byte {offset}: {error}");
        assert!(!error.is_transient(), "waiting does not help: {error}");
        store.heal().await;
    }
}

#[tokio::test]
async fn other_old_and_truncated_shards_are_not_believed() {
    let store = hasty_store().await;
    let mut lottery = Lottery::from_env();
    let (one, two) = (lottery.bytes(MIB), lottery.bytes(MIB));
    store.put("one", &one).await.expect("stored");
    store.put("two", &two).await.expect("stored");
    let other = store
        .engine
        .layout(&"two".parse().expect("a path"), 1, 1)
        .await
        .expect("a layout");
    let other = other.stripes[0].stripe.clone();
    for index in 0..3_u8 {
        let id = other.placement[usize::from(index)].clone().expect("placed");
        let node = store
            .nodes
            .iter()
            .find(|node| *node.node.id() == id)
            .expect("known");
        node.faults
            .add_rule(Rule::on(Operation::Get, Fault::OtherShard(other.id.shard(index))));
    }
    assert!(store.get("one").await.expect("three may lie") == one);
    store.heal().await;
    for len in [0, 1, codec::SHARD_HEADER_LEN, codec::SHARD_HEADER_LEN + 100] {
        for node in &store.nodes[2..5] {
            node.faults
                .add_rule(Rule::on(Operation::Get, Fault::Truncated { len }));
        }
        assert!(
            store.get("one").await.expect("three may be short") == one,
            "{len} bytes"
        );
        store.heal().await;
    }
}

#[tokio::test]
async fn below_the_floor_nothing_is_stored_and_above_it_the_stripe_is_degraded() {
    let store = hasty_store().await;
    let bytes = vec![3; MIB + 1];
    for n in [0, 4] {
        store.nodes[n].disconnect();
    }
    store
        .put("degraded", &bytes)
        .await
        .expect("seven are one more than needed");
    let layout = store
        .engine
        .layout(&"degraded".parse().expect("a path"), 0, 10)
        .await
        .expect("a layout");
    assert_eq!((layout.stripe_count, layout.domains_may_be_lost), (3, Some(1)));
    for stripe in &layout.stripes {
        assert_eq!(
            stripe
                .shards
                .iter()
                .filter(|shard| shard.state == ShardState::NeverWritten)
                .count(),
            2
        );
    }
    let health = store.engine.health().await.expect("health");
    assert_eq!(
        (health.domains_may_be_lost, health.stripes_degraded),
        (Some(1), 3)
    );

    store.nodes[7].disconnect();
    for (name, bytes) in [("long", &bytes[..]), ("short", b"x")] {
        let error = store.put(name, bytes).await.expect_err("six are too few");
        let PutError::Write(WriteError::TooFewNodes { durable, needed, .. }) = error else {
            panic!("{error}")
        };
        assert_eq!((durable, needed), (6, 7));
    }
    let error = store
        .engine
        .delete(&"degraded".parse().expect("a path"), &Precondition::default())
        .await;
    error.expect_err("a tombstone needs the floor too");
    assert_eq!(store.paths().await, ["degraded"]);
    store.heal().await;
    assert!(store.get("degraded").await.expect("read") == bytes);
}

#[tokio::test]
async fn a_full_node_is_passed_over_and_a_full_store_says_so() {
    let mut store = TestStore::with(9, 256 << 20, hasty()).await;
    store.nodes[2].fail(Fault::Full);
    store.put("a", &vec![1; MIB]).await.expect("eight have room");
    store.add_node("spare", "spare", 256 << 20).await;
    let bytes = vec![2; MIB + 7];
    store.put("b", &bytes).await.expect("nine have room again");
    let layout = store
        .engine
        .layout(&"b".parse().expect("a path"), 0, 10)
        .await
        .expect("a layout");
    assert_eq!(
        layout.domains_may_be_lost,
        Some(3),
        "the spare node took the shard"
    );
    assert!(store.get("b").await.expect("read") == bytes);
    store.nodes.iter().for_each(|node| node.fail(Fault::Full));
    let error = store.put("c", &bytes).await.expect_err("all are full");
    let PutError::Write(error) = error else {
        panic!("{error}")
    };
    assert!(error.is_full(), "{error}");
    let error = store
        .put("d", &bytes)
        .await
        .expect_err("by now they are known to be full");
    assert!(
        matches!(&error, PutError::Write(error) if error.is_full()),
        "{error}"
    );
}

#[tokio::test]
async fn a_real_capacity_fills_up_without_losing_anything() {
    let store = TestStore::with(9, 2 << 20, hasty()).await;
    let mut lottery = Lottery::from_env();
    let mut kept = Vec::new();
    let error = loop {
        let bytes = lottery.bytes(MIB);
        let name = format!("{}", kept.len());
        match store.put(&name, &bytes).await {
            Ok(_) => kept.push(bytes),
            Err(error) => break error,
        }
        assert!(kept.len() < 100, "18 MiB cannot hold it");
    };
    assert!(
        matches!(error, PutError::Write(WriteError::TooFewNodes { .. })),
        "{error}"
    );
    assert!(kept.len() >= 8, "only {} fit", kept.len());
    for (n, bytes) in kept.iter().enumerate() {
        assert!(store.get(&n.to_string()).await.expect("kept") == *bytes);
    }
}

#[tokio::test]
async fn health_is_never_better_than_the_truth() {
    let store = hasty_store().await;
    let tolerance = async || store.engine.health().await.expect("health").domains_may_be_lost;
    assert_eq!(tolerance().await, Some(3), "what holds for the first object");
    store.put("a", &vec![1; MIB]).await.expect("stored");
    for lost in 0..4 {
        assert_eq!(tolerance().await, Some(3 - lost));
        store.nodes[lost * 2].disconnect();
    }
    assert_eq!(tolerance().await, None, "it cannot be read now");
    store.heal().await;
    assert_eq!(tolerance().await, Some(3));
}

#[tokio::test]
async fn three_nodes_are_a_store_with_its_true_tolerance() {
    let store = TestStore::with(3, 256 << 20, hasty()).await;
    let bytes = Lottery::from_env().bytes(2 * MIB);
    store.put("a", &bytes).await.expect("stored");
    assert_eq!(
        store.engine.health().await.expect("health").domains_may_be_lost,
        Some(1)
    );
    store.nodes[1].disconnect();
    assert!(store.get("a").await.expect("two of three") == bytes);
}

/// Operations against a map of what was acknowledged, with a node that fails and another that lies at a time: stripes
/// then have at least eight shards, so that every read must succeed.
#[tokio::test]
async fn random_operations_among_random_faults_agree_with_a_model() {
    let store = hasty_store().await;
    let mut lottery = Lottery::from_env();
    let mut model: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for _ in 0..40 {
        store.heal().await;
        let first = lottery.below(9);
        let second = (first + 1 + lottery.below(8)) % 9;
        fail_somehow(&store.nodes[first], &mut lottery);
        lie_somehow(&store.nodes[second], &mut lottery);
        for _ in 0..5 {
            step(&store, &mut model, &mut lottery).await;
        }
        assert_eq!(store.paths().await, model.keys().cloned().collect::<Vec<_>>());
    }
    store.heal().await;
    for (name, bytes) in &model {
        assert!(store.get(name).await.expect("acknowledged") == *bytes, "{name}");
    }
}

fn fail_somehow(node: &TestNode, lottery: &mut Lottery) {
    match lottery.below(4) {
        0 => node.disconnect(),
        1 => node.fail(Fault::Unavailable),
        2 => node.fail(Fault::Full),
        _ => node.faults.add_rule(Rule::on(Operation::Put, Fault::AnswerLost)),
    }
}

fn lie_somehow(node: &TestNode, lottery: &mut Lottery) {
    let other = StripeId::chunk(ChunkId::from_bytes([lottery.bits() as u8; 32])).shard(0);
    let flipped = Fault::FlippedBits {
        offset: lottery.below(1 << 20),
        mask: 1 << lottery.below(8),
    };
    let lies = [
        Fault::OtherShard(other),
        flipped,
        Fault::Truncated {
            len: lottery.below(1000),
        },
    ];
    node.faults
        .add_rule(Rule::on(Operation::Get, lies[lottery.below(lies.len())].clone()));
}

async fn step(store: &TestStore, model: &mut BTreeMap<String, Vec<u8>>, lottery: &mut Lottery) {
    let name = format!("dir-{}/file-{}", lottery.below(2), lottery.below(5));
    match lottery.below(8) {
        0..3 => {
            let sizes = [0, 100, 5000, 70_000, MIB, MIB + 1, 2 * MIB + 7];
            let size = sizes[lottery.below(sizes.len())];
            let bytes = lottery.bytes(size);
            store
                .put(&name, &bytes)
                .await
                .expect("one fault is fewer than the floor allows");
            model.insert(name, bytes);
        }
        3..6 => match model.get(&name) {
            Some(bytes) => {
                assert!(store.get(&name).await.expect("acknowledged") == *bytes, "{name}");
                let (start, end) = (lottery.below(2 * MIB), lottery.below(3 * MIB));
                let part = read_range(&store.engine, &name, start as u64..end as u64)
                    .await
                    .expect("acknowledged");
                let expected = bytes
                    .get(start.min(bytes.len())..end.min(bytes.len()))
                    .unwrap_or_default();
                assert!(part == expected, "{start}..{end} of {name}");
            }
            None => assert!(
                matches!(store.get(&name).await, Err(GetError::NotFound)),
                "{name}"
            ),
        },
        6 => {
            let deleted = store
                .engine
                .delete(&name.parse().expect("a path"), &Precondition::default())
                .await;
            assert_eq!(deleted.is_ok(), model.remove(&name).is_some(), "{deleted:?}");
        }
        _ => {
            let to = format!("dir-{}/file-{}", lottery.below(2), lottery.below(5));
            let (from, target) = (name.parse().expect("a path"), to.parse().expect("a path"));
            let moved = store.engine.rename(&from, &target, true).await;
            assert_eq!(moved.is_ok(), model.contains_key(&name), "{moved:?}");
            if let Some(bytes) = model.remove(&name) {
                model.insert(to, bytes);
            }
        }
    }
}

#[tokio::test]
async fn a_shard_that_a_node_lost_is_read_from_others_and_told() {
    let store = hasty_store().await;
    let bytes = vec![7; MIB];
    store.put("a", &bytes).await.expect("stored");
    let mut events = store.engine.subscribe();
    let stripe = store
        .engine
        .layout(&"a".parse().expect("a path"), 1, 1)
        .await
        .expect("a layout")
        .stripes[0]
        .clone();
    let id = stripe.stripe.placement[0].clone().expect("placed");
    let node = store
        .nodes
        .iter()
        .find(|node| *node.node.id() == id)
        .expect("known");
    node.faults
        .delete(stripe.stripe.id.shard(0))
        .await
        .expect("deleted");
    assert!(store.get("a").await.expect("read") == bytes);
    let told = engine::Event::ShardDamaged {
        stripe: stripe.stripe.id,
        index: 0,
        node: id,
    };
    assert_eq!(events.try_recv(), Ok(told));
}
