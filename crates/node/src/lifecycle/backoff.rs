//! Delays between attempts.

use std::time::Duration;

use super::Time;

/// A delay that doubles with each failure, up to a limit, and differs from node to node by up to a quarter.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    failures: u32,
    until: Time,
    seed: u64,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            failures: 0,
            until: Time::ZERO,
            seed,
        }
    }

    /// Failures since the last success.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Nothing is tried before.
    pub(super) fn until(&self) -> Time {
        self.until
    }

    pub(super) fn reset(&mut self) {
        (self.failures, self.until) = (0, Time::ZERO);
    }

    pub(super) fn fail(&mut self, now: Time) {
        let delay = DELAY_MIN
            .saturating_mul(1 << self.failures.min(16))
            .min(DELAY_MAX);
        self.failures = self.failures.saturating_add(1);
        self.until = now + delay + delay.mul_f64(self.jitter());
    }

    /// From 0 to 1/4.
    fn jitter(&self) -> f64 {
        // A linear congruential step (Knuth, MMIX) per failure spreads seeds enough.
        let mixed = (self.seed ^ u64::from(self.failures))
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (mixed >> 40) as f64 / (1 << 26) as f64
    }
}

/// An agent that was killed is back before a person notices.
const DELAY_MIN: Duration = Duration::from_millis(200);

/// A node that is away for long is tried twice a minute.
const DELAY_MAX: Duration = Duration::from_secs(30);
