//! Waking nodes that sleep: all for a write, no more than needed for a read.

use std::sync::Arc;

use catalogue::Stripe;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::Engine;
use crate::nodes::Node;

impl Engine {
    /// Before shards are placed: wakes every node that sleeps, and waits until each answers or is known not to.
    ///
    /// A stripe that leaves a sleeping node out would be degraded for no reason.
    pub(crate) async fn wake_all(&self) {
        let asleep = self.nodes().all().into_iter().filter(|node| node.is_asleep());
        let timeout = self.config().wake_timeout;
        let waking: FuturesUnordered<_> = asleep
            .map(|node| async move { node.wake(timeout).await })
            .collect();
        waking.collect::<Vec<_>>().await;
    }

    /// Before a stripe is read: if too few of its nodes answer, wakes as many sleeping ones as are missing, and others
    /// for those that do not come.
    pub(crate) async fn wake_for(&self, stripe: &Stripe) {
        let nodes = || {
            let ids = stripe.placement.iter().flatten();
            ids.filter_map(|id| self.nodes().get(id))
        };
        let mut missing = stripe
            .geometry
            .data()
            .saturating_sub(nodes().filter(|node| node.is_readable()).count());
        if missing == 0 {
            return;
        }
        // Every stripe chooses the same ones: those on their way first, then those with most time left.
        let mut asleep: Vec<_> = nodes().filter(|node| node.is_asleep()).collect();
        asleep.sort_by_cached_key(|node| (!node.is_waking(), node.awake_this_month(), node.id().clone()));
        let mut asleep = asleep.into_iter();
        let timeout = self.config().wake_timeout;
        let wake = |node: Arc<Node>| async move { node.wake(timeout).await };
        let mut waking: FuturesUnordered<_> = asleep.by_ref().take(missing).map(wake).collect();
        while let Some(is_awake) = waking.next().await {
            if is_awake {
                missing -= 1;
            } else {
                waking.extend(asleep.next().map(wake));
            }
            if missing == 0 {
                return;
            }
        }
    }
}
