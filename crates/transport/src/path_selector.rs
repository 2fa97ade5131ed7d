//! Which path a link's packets take.

use std::time::Duration;

use iroh::endpoint::transports::{Addr, PathSelection, PathSelectionContext, PathSelector};

/// Takes the quickest UDP path, and the shell only while there is none.
///
/// A shell looks attractive by its round-trip time on a quiet link and carries a thousandth of the bytes, so its
/// rank, not its latency, decides.
#[derive(Debug)]
pub(crate) struct ShellLast;

impl PathSelector for ShellLast {
    fn select(&self, context: &PathSelectionContext<'_>) -> PathSelection {
        let mut selection = PathSelection::none();
        let candidates = context.paths().filter_map(|path| {
            let rank = Rank::of(&path.network_path().remote());
            let is_current = Some(path.network_path()) == context.current();
            path.stats()
                .map(|stats| (rank, stickiness(stats.rtt, is_current), path))
        });
        if let Some((_, _, best)) = candidates.min_by_key(|(rank, rtt, _)| (*rank, *rtt)) {
            selection.set(&best);
        }
        selection
    }
}

/// The kinds of path, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Udp,
    Relay,
    Shell,
}

impl Rank {
    fn of(address: &Addr) -> Self {
        match address {
            Addr::Ip(_) => Self::Udp,
            Addr::Custom(_) => Self::Shell,
            _ => Self::Relay,
        }
    }
}

/// The current path counts as a little quicker than it is, so that jitter does not make a link flap.
fn stickiness(rtt: Duration, is_current: bool) -> Duration {
    if is_current {
        rtt.saturating_sub(SWITCHING_GAIN_MIN)
    } else {
        rtt
    }
}

/// Moving resets the congestion window; less than 5 ms of round-trip time does not pay for that.
const SWITCHING_GAIN_MIN: Duration = Duration::from_millis(5);
