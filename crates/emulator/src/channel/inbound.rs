//! What the client sent, put in order.

use std::collections::BTreeMap;

use super::frame::Frame;

/// Puts input in order. Messages that come early wait here; how many may is limited.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    expected: i64,
    early: BTreeMap<i64, Frame>,
    early_len: usize,
}

/// What the agent does about a message's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is the next: process it, then [`Inbound::advance`], and acknowledge it if that worked.
    Next,
    /// It has been processed or stored before: acknowledge it again.
    Known,
    /// It is early and now stored: acknowledge it.
    Stored,
    /// There is no room: say nothing, it will come again.
    Refused,
}

impl Inbound {
    pub(crate) fn arrive(&mut self, frame: &Frame) -> Arrival {
        let sequence = frame.sequence;
        if sequence < self.expected || self.early.contains_key(&sequence) {
            return Arrival::Known;
        }
        if sequence == self.expected {
            return Arrival::Next;
        }
        let len = frame.payload.len();
        if self.early.len() >= EARLY_COUNT_MAX || self.early_len + len > EARLY_LEN_MAX {
            return Arrival::Refused;
        }
        self.early.insert(sequence, frame.clone());
        self.early_len += len;
        Arrival::Stored
    }

    /// The expected message has been processed.
    pub(crate) fn advance(&mut self) {
        self.expected = self.expected.saturating_add(1);
    }

    /// The stored message that is to be processed next, if it is here. [`Self::drop_next`] when that is done.
    pub(crate) fn next_stored(&self) -> Option<&Frame> {
        self.early.get(&self.expected)
    }

    pub(crate) fn drop_next(&mut self) {
        if let Some(frame) = self.early.remove(&self.expected) {
            self.early_len -= frame.payload.len();
            self.advance();
        }
    }
}

/// As many as a client may have under way.
const EARLY_COUNT_MAX: usize = 10_000;
/// A session must not fill the memory with a hole in front.
const EARLY_LEN_MAX: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(sequence: i64, len: usize) -> Frame {
        let mut frame = Frame::new("input_stream_data", 1, vec![0; len]);
        frame.sequence = sequence;
        frame
    }

    #[test]
    fn early_messages_wait_for_the_one_before() {
        let mut inbound = Inbound::default();
        assert_eq!(inbound.arrive(&frame(1, 1)), Arrival::Stored);
        assert_eq!(inbound.arrive(&frame(1, 1)), Arrival::Known);
        assert_eq!(inbound.next_stored(), None);
        assert_eq!(inbound.arrive(&frame(0, 1)), Arrival::Next);
        inbound.advance();
        assert_eq!(inbound.next_stored().map(|frame| frame.sequence), Some(1));
        inbound.drop_next();
        assert_eq!(inbound.arrive(&frame(1, 1)), Arrival::Known);
        assert_eq!(inbound.arrive(&frame(2, 1)), Arrival::Next);
    }

    #[test]
    fn what_waits_is_limited_by_count_and_by_length() {
        let mut inbound = Inbound::default();
        let stored =
            (1..).take_while(|sequence| inbound.arrive(&frame(*sequence, 60 << 10)) == Arrival::Stored);
        assert_eq!(stored.count(), EARLY_LEN_MAX / (60 << 10));
        let mut inbound = Inbound::default();
        let stored = (1..).take_while(|sequence| inbound.arrive(&frame(*sequence, 0)) == Arrival::Stored);
        assert_eq!(stored.count(), EARLY_COUNT_MAX);
    }
}
