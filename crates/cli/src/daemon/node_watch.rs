//! Keeping what the engine knows of a node true.

use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, Event, Node};
use model::NodeState;
use node::{LinkStatus, RemoteStore};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// Follows a node's link and asks how full it is, until the supervisor ends.
pub(crate) async fn watch_node(
    engine: Engine,
    node: Arc<Node>,
    remote: Arc<RemoteStore>,
    mut status: watch::Receiver<LinkStatus>,
) {
    let mut path_tick = interval(PATH_PERIOD);
    let mut usage_tick = interval(USAGE_PERIOD);
    usage_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            changed = status.changed() => {
                if changed.is_err() {
                    return;
                }
                let LinkStatus { state, reason } = status.borrow_and_update().clone();
                if state == NodeState::Connected {
                    // Placement and tolerance should know the node's room before it is used.
                    refresh_usage(&node).await;
                    refresh_path(&node, &remote);
                }
                node.set_state(state, reason);
                engine.announce(Event::NodeChanged { node: node.id().clone(), state });
            }
            _ = path_tick.tick() => refresh_path(&node, &remote),
            _ = usage_tick.tick() => if node.state() == NodeState::Connected {
                refresh_usage(&node).await;
            },
        }
    }
}

fn refresh_path(node: &Node, remote: &RemoteStore) {
    if let Some(path) = remote.path() {
        node.set_path(Some(path.kind), Some(path.rtt));
    }
}

async fn refresh_usage(node: &Node) {
    if let Ok(usage) = node.store().usage().await {
        node.set_usage(usage);
    }
}

/// A person who watches `status` sees the path change.
const PATH_PERIOD: Duration = Duration::from_millis(500);
/// Between two answers the engine counts what it puts itself.
const USAGE_PERIOD: Duration = Duration::from_secs(5);
