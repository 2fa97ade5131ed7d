//! Nodes that sleep: a read wakes no more of them than it needs, a write wakes all, and one that does not wake is done
//! without.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::{EngineConfig, Node};
use model::NodeState;
use testkit::{Lottery, TestStore};

const LONG: Duration = Duration::from_secs(20);

async fn store(wake_timeout: Duration) -> TestStore {
    let config = EngineConfig {
        wake_timeout,
        hedge_delay: Duration::from_secs(5),
        ..EngineConfig::default()
    };
    TestStore::with(9, 256 << 20, config).await
}

/// Puts a node to sleep. When it is wanted it comes up, or not, and is counted.
fn put_to_sleep(node: &Arc<Node>, comes_up: bool, woken: &Arc<AtomicUsize>) {
    node.set_state(NodeState::Asleep, None);
    let (node, woken, mut wanted) = (Arc::clone(node), Arc::clone(woken), node.wanted());
    wanted.mark_unchanged();
    tokio::spawn(async move {
        wanted.changed().await.expect("the node is kept");
        woken.fetch_add(1, Ordering::Relaxed);
        node.set_state(NodeState::Connecting, None);
        tokio::task::yield_now().await;
        let state = if comes_up {
            NodeState::Connected
        } else {
            NodeState::Unavailable
        };
        node.set_state(state, None);
    });
}

#[tokio::test]
async fn a_read_wakes_as_few_nodes_as_it_needs() {
    let store = store(LONG).await;
    let bytes = Lottery::from_env().bytes(100_000);
    store.put("a", &bytes).await.expect("stored");
    let woken = Arc::default();
    for node in &store.nodes[..5] {
        put_to_sleep(&node.node, true, &woken);
    }
    assert!(store.get("a").await.expect("two more are enough") == bytes);
    assert_eq!(
        woken.load(Ordering::Relaxed),
        2,
        "four were awake, six are needed"
    );
}

#[tokio::test]
async fn a_read_wakes_others_for_those_that_do_not_come() {
    let store = store(LONG).await;
    let bytes = Lottery::from_env().bytes(700);
    store.put("a", &bytes).await.expect("stored");
    let woken = Arc::default();
    for (at, node) in store.nodes[..6].iter().enumerate() {
        put_to_sleep(&node.node, at >= 3, &woken);
    }
    assert!(store.get("a").await.expect("three come") == bytes);
    assert!(woken.load(Ordering::Relaxed) >= 3);
}

#[tokio::test]
async fn a_write_wakes_all_and_does_without_those_that_do_not_come() {
    let store = store(LONG).await;
    let woken = Arc::default();
    for (at, node) in store.nodes.iter().enumerate() {
        put_to_sleep(&node.node, at != 0, &woken);
    }
    store.put("a", b"bytes").await.expect("eight are enough");
    assert_eq!(woken.load(Ordering::Relaxed), 9);
    let health = store.engine.health().await.expect("known");
    assert_eq!(
        (health.stripes_degraded, health.domains_may_be_lost),
        (1, Some(2))
    );
}

#[tokio::test]
async fn a_node_that_hangs_while_it_wakes_delays_and_fails_nothing() {
    let store = store(Duration::from_millis(100)).await;
    store.nodes[3].node.set_state(NodeState::Asleep, None);
    store.put("a", b"bytes").await.expect("eight are enough");
    assert_eq!(store.get("a").await.expect("stored"), b"bytes");
}

#[tokio::test]
async fn a_node_that_lost_shards_is_not_counted_on() {
    let store = store(LONG).await;
    store.put("a", b"bytes").await.expect("stored");
    let node = &store.nodes[2].node;
    assert_eq!(store.engine.shards_placed_on(node.id()).await.expect("known"), 1);
    node.set_missing_shards(1);
    let health = store.engine.health().await.expect("known");
    assert_eq!(health.domains_may_be_lost, Some(2));
}
