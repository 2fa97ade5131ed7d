//! How fast keystrokes are sent.

use std::time::{Duration, Instant};

/// At most one message a millisecond in the long run, as other clients do: what the relay takes beyond that is unknown.
#[derive(Debug)]
pub(super) struct Pace {
    /// Up to when the messages sent so far would have taken at the even pace.
    used_until: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { used_until: now }
    }

    /// Whether a message may be sent now; if so, it counts.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if self.next_at() > now {
            return false;
        }
        self.used_until = self.used_until.max(now) + INTERVAL;
        true
    }

    /// When the next message may be sent; in the past if it may be now.
    pub(super) fn next_at(&self) -> Instant {
        self.used_until.checked_sub(BURST).unwrap_or(self.used_until)
    }
}

const INTERVAL: Duration = Duration::from_millis(1);
/// Timers are not exact to the millisecond: what they missed is made up for.
const BURST: Duration = Duration::from_millis(16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_a_millisecond() {
        let start = Instant::now() + Duration::from_secs(1);
        let mut pace = Pace::new(start);
        let burst = (0..100).filter(|_| pace.take(start)).count();
        assert_eq!(burst, 17);
        let mut now = start;
        for _ in 0..50 {
            now = pace.next_at();
            assert!(pace.take(now));
            assert!(!pace.take(now));
        }
        assert_eq!(now - start, Duration::from_millis(50));
    }
}
