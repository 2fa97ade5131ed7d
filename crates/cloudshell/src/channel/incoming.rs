//! The agent's stream, put in order.

use std::collections::BTreeMap;

use super::frame::Frame;

/// Takes stream frames in any order, repeated or not, and gives each once, in order. Its memory is bounded.
#[derive(Debug, Default)]
pub(super) struct Reorder {
    /// The next number that is due.
    expected: i64,
    /// Frames that came early, none below `expected`.
    early: BTreeMap<i64, Frame>,
    early_bytes: usize,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is kept, or was kept before: the sender may forget it.
    Acknowledge,
    /// There is no room: the sender is to send it again.
    Drop,
}

impl Reorder {
    /// Takes a frame; what has become due is then given by [`Self::next_due`].
    pub(super) fn push(&mut self, frame: &Frame) -> Arrival {
        let number = frame.sequence;
        if number < self.expected {
            // Negative numbers were never due.
            return if number >= 0 {
                Arrival::Acknowledge
            } else {
                Arrival::Drop
            };
        }
        if self.early.contains_key(&number) {
            return Arrival::Acknowledge;
        }
        let is_due = number == self.expected;
        if !is_due && !self.has_room(number, frame.payload.len()) {
            return Arrival::Drop;
        }
        self.early_bytes += frame.payload.len();
        self.early.insert(number, frame.clone());
        Arrival::Acknowledge
    }

    /// The next frame in order, if it is here.
    pub(super) fn next_due(&mut self) -> Option<Frame> {
        let frame = self.early.remove(&self.expected)?;
        self.early_bytes -= frame.payload.len();
        self.expected += 1;
        Some(frame)
    }

    fn has_room(&self, number: i64, len: usize) -> bool {
        number.saturating_sub(self.expected) < AHEAD_MAX && self.early_bytes + len <= EARLY_BYTES_MAX
    }
}

/// An agent sends a message a millisecond, and repeats a lost one after a second or less.
const AHEAD_MAX: i64 = 4096;
const EARLY_BYTES_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::frame::{MessageType, PAYLOAD_LEN_MAX, PayloadType};

    fn frame(sequence: i64, payload_len: usize) -> Frame {
        Frame {
            message_type: MessageType::OutputStreamData,
            created_ms: 1,
            sequence,
            flags: 0,
            message_id: uuid::Uuid::nil(),
            payload_type: PayloadType::Output,
            payload: vec![0; payload_len],
        }
    }

    fn due(reorder: &mut Reorder) -> Vec<i64> {
        std::iter::from_fn(|| reorder.next_due())
            .map(|frame| frame.sequence)
            .collect()
    }

    #[test]
    fn each_frame_comes_once_and_in_order() {
        let mut reorder = Reorder::default();
        assert_eq!(reorder.push(&frame(2, 1)), Arrival::Acknowledge);
        assert_eq!(reorder.push(&frame(1, 1)), Arrival::Acknowledge);
        assert_eq!(due(&mut reorder), [0_i64; 0]);
        assert_eq!(reorder.push(&frame(0, 1)), Arrival::Acknowledge);
        assert_eq!(reorder.push(&frame(2, 1)), Arrival::Acknowledge);
        assert_eq!(due(&mut reorder), [0, 1, 2]);
        assert_eq!(
            reorder.push(&frame(1, 1)),
            Arrival::Acknowledge,
            "it is acknowledged again"
        );
        assert_eq!(due(&mut reorder), [0_i64; 0]);
        assert_eq!(reorder.early_bytes, 0);
    }

    #[test]
    fn what_is_far_ahead_is_not_kept_but_the_next_always_is() {
        let mut reorder = Reorder::default();
        assert_eq!(reorder.push(&frame(AHEAD_MAX, 1)), Arrival::Drop);
        assert_eq!(reorder.push(&frame(i64::MAX, 1)), Arrival::Drop);
        assert_eq!(reorder.push(&frame(-1, 1)), Arrival::Drop);
        let mut kept = 0;
        for number in 1..AHEAD_MAX {
            if reorder.push(&frame(number, PAYLOAD_LEN_MAX)) == Arrival::Acknowledge {
                kept += 1;
            }
        }
        assert_eq!(kept, EARLY_BYTES_MAX / PAYLOAD_LEN_MAX);
        assert_eq!(reorder.push(&frame(0, PAYLOAD_LEN_MAX)), Arrival::Acknowledge);
        assert_eq!(due(&mut reorder).len(), kept + 1);
    }
}
