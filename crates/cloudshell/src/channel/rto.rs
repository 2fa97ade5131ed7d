//! How long to wait for an acknowledgement.

use std::time::Duration;

/// An estimate of the time until an acknowledgement, by the weights of RFC 6298.
///
/// Where the RFC starts with its first sample and waits a second or more, agents and clients of this channel start with
/// 100 ms and wait less.
#[derive(Clone, Debug)]
pub(super) struct RttEstimate {
    rtt: Duration,
    variation: Duration,
    has_sample: bool,
}

impl Default for RttEstimate {
    fn default() -> Self {
        Self {
            rtt: RTT_INITIAL,
            variation: Duration::ZERO,
            has_sample: false,
        }
    }
}

impl RttEstimate {
    /// Takes the time between a message that was sent once and its acknowledgement.
    pub(super) fn sample(&mut self, sample: Duration) {
        let sample = sample.min(SAMPLE_MAX);
        self.variation = (self.variation * 3 + self.rtt.abs_diff(sample)) / 4;
        self.rtt = (self.rtt * 7 + sample) / 8;
        self.has_sample = true;
    }

    /// When to send again, if nothing came.
    pub(super) fn resend_delay(&self) -> Duration {
        if !self.has_sample {
            return DELAY_INITIAL;
        }
        (self.rtt + (self.variation * 4).max(VARIATION_MIN)).min(DELAY_MAX)
    }
}

const RTT_INITIAL: Duration = Duration::from_millis(100);
const DELAY_INITIAL: Duration = Duration::from_millis(200);
const VARIATION_MIN: Duration = Duration::from_millis(10);
/// Other clients stop at 1 s; a full window on a slow terminal takes longer.
const DELAY_MAX: Duration = Duration::from_secs(3);
/// One message that waited for a paused peer must not spoil the estimate.
const SAMPLE_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_samples_give_the_recorded_values() {
        let mut estimate = RttEstimate::default();
        assert_eq!(estimate.resend_delay(), Duration::from_millis(200));
        estimate.sample(Duration::from_millis(140));
        assert_eq!(estimate.variation, Duration::from_millis(10));
        assert_eq!(estimate.rtt, Duration::from_millis(105));
        assert_eq!(estimate.resend_delay(), Duration::from_millis(145));
        estimate.sample(Duration::from_millis(105));
        assert_eq!(estimate.variation, Duration::from_micros(7500));
        assert_eq!(estimate.resend_delay(), Duration::from_millis(135));
    }

    #[test]
    fn the_delay_is_bounded() {
        let mut estimate = RttEstimate::default();
        for _ in 0..100 {
            estimate.sample(Duration::from_secs(1_000_000));
        }
        assert_eq!(estimate.resend_delay(), DELAY_MAX);
    }
}
