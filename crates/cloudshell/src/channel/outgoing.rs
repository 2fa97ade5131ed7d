//! The client's stream: what was sent and not acknowledged.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::rto::RttEstimate;

/// Sent messages that may have to be sent again: selectively, later each time, a few at once.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// In the order of their numbers.
    messages: VecDeque<Sent>,
    bytes: usize,
    estimate: RttEstimate,
    /// How many times in a row nothing was acknowledged in time.
    timeouts: u32,
}

#[derive(Debug)]
struct Sent {
    number: i64,
    bytes: Vec<u8>,
    last_sent: Instant,
    sends: u32,
}

impl InFlight {
    /// Whether one more message may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.messages.len() < MESSAGES_MAX && self.bytes < BYTES_MAX
    }

    /// Remembers a message that is sent now. Numbers rise.
    pub(super) fn push(&mut self, now: Instant, number: i64, bytes: Vec<u8>) {
        self.bytes += bytes.len();
        self.messages.push_back(Sent {
            number,
            bytes,
            last_sent: now,
            sends: 1,
        });
    }

    /// Forgets an acknowledged message. Returns whether it was in flight.
    pub(super) fn acknowledge(&mut self, now: Instant, number: i64) -> bool {
        let Ok(at) = self.messages.binary_search_by_key(&number, |sent| sent.number) else {
            return false;
        };
        let Some(sent) = self.messages.remove(at) else {
            return false;
        };
        self.bytes -= sent.bytes.len();
        self.timeouts = 0;
        // Karn: of a message that was sent twice nobody knows which was answered.
        if sent.sends == 1 {
            self.estimate
                .sample(now.saturating_duration_since(sent.last_sent));
        }
        true
    }

    /// When the next message is to be sent again.
    pub(super) fn resend_at(&self) -> Option<Instant> {
        self.messages
            .iter()
            .map(|sent| sent.last_sent + self.delay(sent))
            .min()
    }

    /// Messages that are due again, the oldest first; a few, since the rest may only wait for a slow peer.
    ///
    /// # Errors
    ///
    /// [`Unanswered`] if one was sent too often.
    pub(super) fn take_due(&mut self, now: Instant) -> Result<Vec<Vec<u8>>, Unanswered> {
        let delays: Vec<Duration> = self.messages.iter().map(|sent| self.delay(sent)).collect();
        let mut due = Vec::new();
        for (sent, delay) in self.messages.iter_mut().zip(delays) {
            if due.len() < RESEND_BURST && sent.last_sent + delay <= now {
                if sent.sends >= SENDS_MAX {
                    return Err(Unanswered { sends: sent.sends });
                }
                sent.sends += 1;
                sent.last_sent = now;
                due.push(sent.bytes.clone());
            }
        }
        if !due.is_empty() {
            self.timeouts = self.timeouts.saturating_add(1);
        }
        Ok(due)
    }

    /// Waits start anew: the peer could not answer for a while, for a reason that is known.
    pub(super) fn excuse(&mut self, now: Instant) {
        self.timeouts = 0;
        for sent in &mut self.messages {
            sent.last_sent = now;
        }
    }

    /// A message that was sent often waits long, even while others are acknowledged: a terminal whose input is full takes
    /// later messages and leaves the next one unanswered.
    fn delay(&self, sent: &Sent) -> Duration {
        let doublings = self.timeouts.max(sent.sends - 1);
        let factor = 1_u32 << doublings.min(BACKOFF_DOUBLINGS_MAX);
        (self.estimate.resend_delay() * factor).min(BACKOFF_MAX)
    }
}

/// A message was sent many times and never acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unanswered {
    pub(super) sends: u32,
}

/// 256 kilobytes a round trip: more than a terminal takes.
const MESSAGES_MAX: usize = 256;
const BYTES_MAX: usize = 320 << 10;
const RESEND_BURST: usize = 16;

const BACKOFF_DOUBLINGS_MAX: u32 = 8;
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// With the delays above these are more than four minutes; other clients give up after five.
const SENDS_MAX: u32 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST_DELAY: Duration = Duration::from_millis(200);

    #[test]
    fn only_what_is_missing_is_sent_again() {
        let start = Instant::now();
        let mut in_flight = InFlight::default();
        for number in 0..5_u8 {
            in_flight.push(start, number.into(), vec![number]);
        }
        for number in [0, 2, 3] {
            assert!(in_flight.acknowledge(start + RttEstimate::default().resend_delay(), number));
        }
        assert!(!in_flight.acknowledge(start, 2), "once is enough");
        let due_at = in_flight.resend_at().expect("two are in flight");
        assert_eq!(in_flight.take_due(due_at - Duration::from_millis(1)), Ok(vec![]));
        assert_eq!(in_flight.take_due(due_at), Ok(vec![vec![1], vec![4]]));
    }

    #[test]
    fn resends_back_off_and_end() {
        let start = Instant::now();
        let mut in_flight = InFlight::default();
        in_flight.push(start, 0, vec![7]);
        let mut now = start;
        let mut delays = Vec::new();
        let error = loop {
            let at = in_flight.resend_at().expect("it is in flight");
            delays.push(at - now);
            now = at;
            match in_flight.take_due(now) {
                Ok(due) => assert_eq!(due, [vec![7]]),
                Err(error) => break error,
            }
        };
        assert_eq!(
            delays[..4],
            [FIRST_DELAY, FIRST_DELAY * 2, FIRST_DELAY * 4, FIRST_DELAY * 8]
        );
        assert_eq!(delays.iter().max(), Some(&BACKOFF_MAX));
        assert_eq!(error, Unanswered { sends: SENDS_MAX });
        assert!(now - start > Duration::from_secs(200), "{:?}", now - start);
    }

    #[test]
    fn a_message_that_is_refused_while_others_are_taken_is_not_given_up_soon() {
        let start = Instant::now();
        let mut in_flight = InFlight::default();
        in_flight.push(start, 0, vec![0]);
        let mut now = start;
        for number in 1.. {
            in_flight.push(now, number, vec![1]);
            now = in_flight.resend_at().expect("in flight");
            in_flight.acknowledge(now, number);
            if in_flight.take_due(now).is_err() {
                break;
            }
        }
        assert!(now - start > Duration::from_secs(200), "{:?}", now - start);
    }

    #[test]
    fn the_window_is_bounded_in_messages_and_bytes() {
        let start = Instant::now();
        let mut small = InFlight::default();
        let mut large = InFlight::default();
        let (mut small_count, mut large_count) = (0, 0);
        while small.has_room() {
            small.push(start, small_count, vec![0]);
            small_count += 1;
        }
        while large.has_room() {
            large.push(start, large_count, vec![0; 100_000]);
            large_count += 1;
        }
        assert_eq!((small_count, large_count), (256, 4));
        assert_eq!(
            small
                .take_due(start + Duration::from_secs(1))
                .map(|due| due.len()),
            Ok(RESEND_BURST)
        );
    }

    #[test]
    fn a_resent_message_is_no_sample() {
        let start = Instant::now();
        let mut in_flight = InFlight::default();
        in_flight.push(start, 0, vec![0]);
        assert_eq!(
            in_flight.take_due(start + FIRST_DELAY).map(|due| due.len()),
            Ok(1)
        );
        in_flight.acknowledge(start + Duration::from_secs(9), 0);
        in_flight.push(start, 1, vec![0]);
        assert_eq!(in_flight.resend_at(), Some(start + FIRST_DELAY));
    }
}
