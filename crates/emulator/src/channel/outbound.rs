//! What the agent sent and the client has not acknowledged yet.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// Numbers messages, remembers them until they are acknowledged, and says when the oldest is due again.
///
/// Only the oldest is ever resent, unchanged, each time the retransmission time-out has passed.
#[derive(Debug)]
pub(crate) struct Outbound {
    next: i64,
    unacknowledged: VecDeque<Sent>,
    rtt_ms: f64,
    rtt_variation_ms: f64,
    timeout_ms: f64,
}

#[derive(Debug)]
struct Sent {
    sequence: i64,
    bytes: Bytes,
    sent_at: Instant,
}

impl Outbound {
    pub(crate) fn new() -> Self {
        Self {
            next: 0,
            unacknowledged: VecDeque::new(),
            rtt_ms: RTT_INITIAL_MS,
            rtt_variation_ms: 0.0,
            timeout_ms: TIMEOUT_INITIAL_MS,
        }
    }

    /// The number of the next message.
    pub(crate) fn next_sequence(&self) -> i64 {
        self.next
    }

    /// Remembers the message of the next number.
    pub(crate) fn remember(&mut self, now: Instant, bytes: Bytes) {
        self.unacknowledged.push_back(Sent {
            sequence: self.next,
            bytes,
            sent_at: now,
        });
        self.next += 1;
    }

    /// Forgets a message. Only its number counts, whoever acknowledges it.
    pub(crate) fn acknowledge(&mut self, now: Instant, sequence: i64) {
        let found = self
            .unacknowledged
            .binary_search_by_key(&sequence, |sent| sent.sequence);
        if let Some(sent) = found.ok().and_then(|index| self.unacknowledged.remove(index)) {
            let sample = now.saturating_duration_since(sent.sent_at);
            self.measure(sample.as_secs_f64() * 1000.0);
        }
    }

    /// Returns the oldest message if it is due again.
    pub(crate) fn resend(&mut self, now: Instant) -> Option<Bytes> {
        let timeout = self.timeout();
        let head = self.unacknowledged.front_mut()?;
        if now.saturating_duration_since(head.sent_at) <= timeout {
            return None;
        }
        head.sent_at = now;
        Some(head.bytes.clone())
    }

    pub(crate) fn len(&self) -> usize {
        self.unacknowledged.len()
    }

    /// The retransmission time-out.
    fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.timeout_ms / 1000.0)
    }

    fn measure(&mut self, sample_ms: f64) {
        let deviation = (self.rtt_ms - sample_ms).abs();
        self.rtt_variation_ms = 0.75 * self.rtt_variation_ms + 0.25 * deviation;
        self.rtt_ms = 0.875 * self.rtt_ms + 0.125 * sample_ms;
        let margin_ms = (4.0 * self.rtt_variation_ms).max(CLOCK_GRANULARITY_MS);
        self.timeout_ms = (self.rtt_ms + margin_ms).min(TIMEOUT_MAX_MS);
    }
}

const RTT_INITIAL_MS: f64 = 100.0;
const TIMEOUT_INITIAL_MS: f64 = 200.0;
const CLOCK_GRANULARITY_MS: f64 = 10.0;
const TIMEOUT_MAX_MS: f64 = 1000.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn the_timeout_follows_the_round_trip_time() {
        let mut outbound = Outbound::new();
        assert_eq!(outbound.timeout(), ms(200));
        outbound.measure(140.0);
        assert_eq!(outbound.timeout(), ms(145));
        outbound.measure(105.0);
        assert_eq!(outbound.timeout(), ms(135));
    }

    #[test]
    fn only_the_oldest_is_resent_until_it_is_acknowledged() {
        let start = Instant::now();
        let mut outbound = Outbound::new();
        outbound.remember(start, Bytes::from_static(b"0"));
        outbound.remember(start, Bytes::from_static(b"1"));
        assert_eq!(outbound.resend(start + ms(200)), None);
        assert_eq!(outbound.resend(start + ms(201)).as_deref(), Some(&b"0"[..]));
        assert_eq!(outbound.resend(start + ms(202)), None);
        outbound.acknowledge(start + ms(300), 0);
        outbound.acknowledge(start + ms(300), 7);
        assert_eq!(outbound.resend(start + ms(300)).as_deref(), Some(&b"1"[..]));
        outbound.acknowledge(start + ms(301), 1);
        assert_eq!((outbound.resend(start + ms(9999)), outbound.len()), (None, 0));
    }
}
