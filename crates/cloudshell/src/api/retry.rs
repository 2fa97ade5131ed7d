//! When to ask again.

use std::time::Duration;

use uuid::Uuid;

/// How often, and after how long, a request that failed for now is repeated.
///
/// The delay doubles from one attempt to the next, and a random half of it is left out, so that clients that failed
/// together do not come back together.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Attempts in all, the first included; at least one is made.
    pub attempts_max: u32,
    /// Before the second attempt, at most.
    pub delay_min: Duration,
    /// Before any attempt, at most.
    pub delay_max: Duration,
    /// No attempt begins later than this after the first.
    pub total_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts_max: 5,
            delay_min: Duration::from_millis(200),
            delay_max: Duration::from_secs(10),
            total_max: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// How long to wait behind attempt number `attempt`, the first being 1; `None` if it was the last.
    pub(super) fn delay(
        &self,
        attempt: u32,
        elapsed: Duration,
        asked_for: Option<Duration>,
    ) -> Option<Duration> {
        if attempt >= self.attempts_max {
            return None;
        }
        let delay = self.backoff(attempt, random_fraction());
        let delay = delay.max(asked_for.unwrap_or_default());
        (elapsed + delay <= self.total_max).then_some(delay)
    }

    /// `fraction` is from 0 to 1.
    fn backoff(&self, attempt: u32, fraction: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(DOUBLINGS_MAX);
        let longest = (self.delay_min * (1 << doublings)).min(self.delay_max);
        longest.mul_f64(0.5 + fraction / 2.0)
    }
}

fn random_fraction() -> f64 {
    let (_, random) = Uuid::new_v4().as_u64_pair();
    f64::from((random & 0xffff) as u16) / f64::from(u16::MAX)
}

/// Beyond, the longest delay holds anyway.
const DOUBLINGS_MAX: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_within_their_bounds() {
        let policy = RetryPolicy::default();
        let longest: Vec<_> = (1..9)
            .map(|attempt| policy.backoff(attempt, 1.0).as_millis())
            .collect();
        assert_eq!(longest, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(policy.backoff(3, 0.0), Duration::from_millis(400));
        assert_eq!(policy.backoff(u32::MAX, 0.0), Duration::from_secs(5));
        for _ in 0..1000 {
            assert!((0.0..=1.0).contains(&random_fraction()));
        }
    }

    #[test]
    fn attempts_and_time_are_limited_and_the_service_is_heard() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay(5, Duration::ZERO, None), None);
        assert_eq!(policy.delay(1, Duration::from_secs(60), None), None);
        let asked_for = Duration::from_secs(7);
        assert_eq!(policy.delay(1, Duration::ZERO, Some(asked_for)), Some(asked_for));
        assert_eq!(
            policy.delay(1, Duration::ZERO, Some(Duration::from_secs(3600))),
            None
        );
    }
}
