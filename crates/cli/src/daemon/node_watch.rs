//! Keeping what the engine knows of a node true.

use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, Event, Node};
use model::NodeState;
use node::{LinkStatus, RemoteStore};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::now_unix_ms;

/// Follows a node's link, and asks the agent itself every second, until the supervisor ends: a link can be up while the
/// agent behind it is stuck, and what `status` says must not be better than the truth.
pub(crate) async fn watch_node(
    engine: Engine,
    node: Arc<Node>,
    remote: Arc<RemoteStore>,
    mut status: watch::Receiver<LinkStatus>,
) {
    let mut tick = interval(PERIOD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            changed = status.changed() => if changed.is_err() {
                return;
            },
            _ = tick.tick() => {}
        }
        let link = status.borrow_and_update().clone();
        let now = if link.state == NodeState::Connected {
            ask(&engine, &node, &remote).await
        } else {
            link
        };
        visit(&node, now_unix_ms());
        let before = node.snapshot();
        if (before.state, &before.reason) != (now.state, &now.reason) {
            node.set_state(now.state, now.reason);
            engine.announce(Event::NodeChanged {
                node: node.id().clone(),
                state: now.state,
            });
        }
    }
}

/// Learns how full the node is and which way its packets go; a node that does not answer is lost.
async fn ask(engine: &Engine, node: &Node, remote: &RemoteStore) -> LinkStatus {
    // Asked for first: what is put on the node meanwhile is not missing.
    let placed = engine.shards_placed_on(node.id()).await.unwrap_or(0);
    let reason = match tokio::time::timeout(ANSWER_TIMEOUT, node.store().usage()).await {
        Ok(Ok(usage)) => {
            node.set_usage(usage);
            if let Some(path) = remote.path() {
                node.set_path(Some(path.kind), Some(path.rtt));
            }
            return LinkStatus {
                state: NodeState::Connected,
                reason: missing(node, usage.shards, placed),
            };
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("its agent has not answered for {ANSWER_TIMEOUT:.0?}"),
    };
    LinkStatus {
        state: NodeState::Lost,
        reason: Some(reason),
    }
}

/// A home that nobody uses is removed in the end; using it in time keeps it.
fn visit(node: &Node, now_unix_ms: i64) {
    let kept_until = node
        .snapshot()
        .allowance
        .and_then(|allowance| allowance.kept_until_unix_ms);
    if kept_until.is_some_and(|until| until - now_unix_ms < VISIT_BEFORE_MS) {
        node.want();
    }
}

/// A home that was wiped is back, and empty: fewer shards than are placed there is what shows it.
fn missing(node: &Node, shards: u64, placed: u64) -> Option<String> {
    let missing = placed.saturating_sub(shards);
    node.set_missing_shards(missing);
    (missing > 0).then(|| {
        format!("it holds {shards} of the {placed} shards placed there; none of them is counted on until they are repaired")
    })
}

/// Ten of the hundred and twenty days: enough for a laptop that is on holiday with its user.
const VISIT_BEFORE_MS: i64 = 10 * 24 * 3600 * 1000;

/// Often enough that a person who watches `status` sees paths change and nodes vanish.
const PERIOD: Duration = Duration::from_secs(1);
/// On a busy machine an answer took up to a second; a node that is wrongly held to be lost would get no shards.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use catalogue::NodeEntry;
    use engine::Allowance;
    use shardstore::MemoryStore;

    use super::*;

    #[test]
    fn a_home_is_visited_in_time() {
        let entry = NodeEntry {
            id: "eu-west-1".parse().expect("a name"),
            domain: "eu-west-1".parse().expect("a name"),
            provider: "cloudshell".to_owned(),
            capacity_bytes: 1 << 30,
        };
        let node = Node::new(entry, Arc::new(MemoryStore::new(1 << 30)));
        let day = 24 * 3600 * 1000;
        node.set_allowance(Allowance {
            awake: Duration::ZERO,
            awake_max: Duration::from_secs(200 * 3600),
            kept_until_unix_ms: Some(120 * day),
        });
        visit(&node, 109 * day);
        assert_eq!(*node.wanted().borrow(), None);
        visit(&node, 111 * day);
        assert!(node.wanted().borrow().is_some());
    }
}
