//! When a node is to be awake.

use std::time::Duration;

use super::Time;

/// When a node is to be awake. Being awake is a budget: CloudShell gives 200 hours a month and region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAwake {
    /// While its shards are wanted, and `linger` longer.
    OnDemand {
        /// How long after it was wanted last.
        linger: Duration,
    },
    /// As long as the service lets it.
    Always,
}

impl KeepAwake {
    /// Awake by traffic, for a quarter of an hour longer.
    pub const ON_DEMAND: Self = Self::OnDemand {
        linger: Duration::from_secs(15 * 60),
    };

    /// Until when a node that was last wanted at that time stays awake; `None` if it has no end or no beginning.
    pub(super) fn awake_until(self, wanted_at: Option<Time>) -> Option<Time> {
        match self {
            Self::OnDemand { linger } => wanted_at.map(|at| at + linger),
            Self::Always => None,
        }
    }
}
