//! The agent's end of a data channel, without socket, terminal or clock.
//!
//! Feed it frames and output, then drain [`Agent::poll_transmit`] and [`Agent::poll_event`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::frame::{Frame, SYN};
use super::inbound::{Arrival, Inbound};
use super::outbound::Outbound;

/// Orders, acknowledges and resends.
#[derive(Debug)]
pub(crate) struct Agent {
    inbound: Inbound,
    outbound: Outbound,
    handshake: Handshake,
    is_paused: bool,
    input_room: usize,
    next_tick: Instant,
    transmits: VecDeque<Bytes>,
    events: VecDeque<Event>,
}

/// What a client asks of the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Keystrokes.
    Input(Bytes),
    /// A new size of the window.
    Resize { columns: u16, rows: u16 },
    /// The session cannot go on.
    Failed(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handshake {
    Needed,
    Awaited { since: Instant },
    Done,
}

impl Agent {
    pub(crate) fn new(now: Instant, has_handshake: bool) -> Self {
        Self {
            inbound: Inbound::default(),
            outbound: Outbound::new(),
            handshake: if has_handshake {
                Handshake::Needed
            } else {
                Handshake::Done
            },
            is_paused: true,
            input_room: 0,
            next_tick: now,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// A client is connected: what is unacknowledged is resent from the next tick on.
    pub(crate) fn handle_connected(&mut self, now: Instant, now_ms: u64) {
        self.is_paused = false;
        self.next_tick = now + TICK;
        if self.handshake == Handshake::Needed {
            self.handshake = Handshake::Awaited { since: now };
            self.send(now, now_ms, HANDSHAKE_REQUEST, handshake_request());
        }
    }

    /// The client is gone, or cannot be reached for now.
    pub(crate) fn handle_paused(&mut self) {
        self.is_paused = true;
        self.transmits.clear();
    }

    /// How many bytes of input the terminal can take now.
    pub(crate) fn handle_input_room(&mut self, now: Instant, now_ms: u64, room: usize) {
        self.input_room = room;
        self.process_stored(now, now_ms);
    }

    pub(crate) fn handle_frame(&mut self, now: Instant, now_ms: u64, frame: &Frame) {
        match frame.message_type.as_str() {
            "input_stream_data" => {
                self.is_paused = false;
                self.handle_input(now, now_ms, frame);
            }
            "acknowledge" => {
                self.is_paused = false;
                if let Ok(acknowledged) = serde_json::from_slice::<Acknowledged>(&frame.payload) {
                    self.outbound.acknowledge(now, acknowledged.sequence);
                }
            }
            "pause_publication" => self.is_paused = true,
            "start_publication" => self.is_paused = false,
            _ => {}
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if now < self.next_tick {
            return;
        }
        self.next_tick = now + TICK;
        if let Handshake::Awaited { since } = self.handshake
            && now.saturating_duration_since(since) > HANDSHAKE_TIME_MAX
        {
            self.handshake = Handshake::Done;
            self.events
                .push_back(Event::Failed(HANDSHAKE_TIMED_OUT.to_owned()));
        }
        if !self.is_paused
            && let Some(bytes) = self.outbound.resend(now)
        {
            self.transmits.push_back(bytes);
        }
    }

    /// Sends terminal output. Only when [`Self::can_send`].
    pub(crate) fn send_output(&mut self, now: Instant, now_ms: u64, output: Bytes) {
        self.send(now, now_ms, OUTPUT, output);
    }

    /// Whether output can be sent: the client is there, and not too far behind.
    pub(crate) fn can_send(&self) -> bool {
        !self.is_paused && self.handshake == Handshake::Done && self.outbound.len() < WINDOW
    }

    /// Whether everything sent has been acknowledged.
    pub(crate) fn is_drained(&self) -> bool {
        self.outbound.len() == 0
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmits.pop_front()
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let is_waiting = self.outbound.len() > 0 && !self.is_paused;
        let is_shaking_hands = matches!(self.handshake, Handshake::Awaited { .. });
        (is_waiting || is_shaking_hands).then_some(self.next_tick)
    }

    fn handle_input(&mut self, now: Instant, now_ms: u64, frame: &Frame) {
        match self.inbound.arrive(frame) {
            Arrival::Next => {
                if self.process(now, now_ms, frame) {
                    self.inbound.advance();
                    self.acknowledge(now_ms, frame);
                    self.process_stored(now, now_ms);
                }
            }
            Arrival::Known | Arrival::Stored => self.acknowledge(now_ms, frame),
            Arrival::Refused => {}
        }
    }

    fn process_stored(&mut self, now: Instant, now_ms: u64) {
        while let Some(frame) = self.inbound.next_stored().cloned() {
            if !self.process(now, now_ms, &frame) {
                return;
            }
            self.inbound.drop_next();
        }
    }

    /// Whether the message was understood and there was room for it.
    fn process(&mut self, now: Instant, now_ms: u64, frame: &Frame) -> bool {
        match frame.payload_type {
            HANDSHAKE_RESPONSE => self.finish_handshake(now, now_ms, &frame.payload),
            // What is typed during a handshake is lost.
            _ if matches!(self.handshake, Handshake::Awaited { .. }) => {}
            OUTPUT if frame.payload.is_empty() => {}
            OUTPUT if self.input_room == 0 => return false,
            OUTPUT => {
                self.input_room = self.input_room.saturating_sub(frame.payload.len());
                self.events.push_back(Event::Input(frame.payload.clone()));
            }
            SIZE => match serde_json::from_slice::<Size>(&frame.payload) {
                Ok(Size { cols, rows }) => self.events.push_back(Event::Resize {
                    columns: cols as u16,
                    rows: rows as u16,
                }),
                Err(_) => return false,
            },
            // Flags are for port sessions; unknown types are for agents to come.
            _ => {}
        }
        true
    }

    fn finish_handshake(&mut self, now: Instant, now_ms: u64, payload: &[u8]) {
        let Handshake::Awaited { since } = self.handshake else {
            return;
        };
        self.handshake = Handshake::Done;
        let response = serde_json::from_slice::<HandshakeResponse>(payload);
        let is_accepted = response.is_ok_and(|response| {
            !response.actions.is_empty()
                && response
                    .actions
                    .iter()
                    .all(|action| action.status == ACTION_SUCCEEDED)
        });
        if !is_accepted {
            self.events.push_back(Event::Failed(HANDSHAKE_REFUSED.to_owned()));
            return;
        }
        let took_ns = now.saturating_duration_since(since).as_nanos() as u64;
        let complete = json!({"HandshakeTimeToComplete": took_ns, "CustomerMessage": ""});
        self.send(now, now_ms, HANDSHAKE_COMPLETE, complete.to_string().into());
    }

    fn send(&mut self, now: Instant, now_ms: u64, payload_type: u32, payload: Bytes) {
        let mut frame = Frame::new("output_stream_data", now_ms, payload);
        frame.payload_type = payload_type;
        frame.sequence = self.outbound.next_sequence();
        frame.flags = if frame.sequence == 0 { SYN } else { 0 };
        let bytes = frame.encode();
        self.outbound.remember(now, bytes.clone());
        if !self.is_paused {
            self.transmits.push_back(bytes);
        }
    }

    fn acknowledge(&mut self, now_ms: u64, frame: &Frame) {
        let mut payload = BytesMut::with_capacity(200).writer();
        let acknowledged = Acknowledgement {
            message_type: &frame.message_type,
            message_id: frame.id.as_hyphenated().to_string(),
            sequence: frame.sequence,
            is_sequential: true,
        };
        if serde_json::to_writer(&mut payload, &acknowledged).is_ok() {
            let payload = payload.into_inner().freeze();
            self.transmits
                .push_back(Frame::new("acknowledge", now_ms, payload).encode());
        }
    }
}

#[derive(Serialize)]
struct Acknowledgement<'a> {
    #[serde(rename = "AcknowledgedMessageType")]
    message_type: &'a str,
    #[serde(rename = "AcknowledgedMessageId")]
    message_id: String,
    #[serde(rename = "AcknowledgedMessageSequenceNumber")]
    sequence: i64,
    #[serde(rename = "IsSequentialMessage")]
    is_sequential: bool,
}

#[derive(Deserialize)]
struct Acknowledged {
    #[serde(rename = "AcknowledgedMessageSequenceNumber")]
    sequence: i64,
}

#[derive(Deserialize)]
struct Size {
    cols: u32,
    rows: u32,
}

#[derive(Deserialize)]
struct HandshakeResponse {
    #[serde(rename = "ProcessedClientActions")]
    actions: Vec<ProcessedAction>,
}

#[derive(Deserialize)]
struct ProcessedAction {
    #[serde(rename = "ActionStatus")]
    status: u32,
}

fn handshake_request() -> Bytes {
    let request = r#"{"AgentVersion":"3.3.987.0","RequestedClientActions":[{"ActionType":"SessionType","ActionParameters":{"SessionType":"Standard_Stream","Properties":null}}]}"#;
    Bytes::from_static(request.as_bytes())
}

const OUTPUT: u32 = 1;
const SIZE: u32 = 3;
const HANDSHAKE_REQUEST: u32 = 5;
const HANDSHAKE_RESPONSE: u32 = 6;
const HANDSHAKE_COMPLETE: u32 = 7;
const ACTION_SUCCEEDED: u32 = 1;

const TICK: Duration = Duration::from_millis(100);
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(15);
const HANDSHAKE_TIMED_OUT: &str =
    "----------ERROR-------\nEncountered error while initiating handshake. Handshake timed out.";
const HANDSHAKE_REFUSED: &str = "----------ERROR-------\nEncountered error while initiating handshake. The client did not process an action.";

/// Messages under way. The real agent keeps 100,000 and then loses the rest; here the terminal waits.
pub(crate) const WINDOW: usize = 1024;

#[cfg(test)]
mod tests;
