//! The client's end of a data channel, as a state machine.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::frame::{FLAG_FIN, FLAG_SYN, Frame, MessageType, PayloadType};
use super::incoming::{Arrival, Reorder};
use super::outgoing::InFlight;
use super::pace::Pace;
use super::payload::{self, TerminalSize};

/// A data channel: a stream of bytes each way over messages that may be lost, repeated or reordered.
///
/// Owns no socket and reads no clock. After each input ([`Self::handle_message`], [`Self::handle_timeout`],
/// [`Self::write`], [`Self::read`]) drain [`Self::poll_transmit`], then wait for a message or for
/// [`Self::poll_timeout`]. What was written is sent once the agent is ready for it. Memory is bounded: at most 64 KiB
/// unsent, 256 messages unacknowledged, and some megabytes unread.
#[derive(Debug)]
pub struct Channel {
    stamps: Stamps,
    size: TerminalSize,
    phase: Phase,
    phase_since: Instant,

    incoming: Reorder,
    unread: VecDeque<Vec<u8>>,
    unread_bytes: usize,
    dropped: u64,

    acknowledgements: VecDeque<Vec<u8>>,
    resends: VecDeque<Vec<u8>>,
    control: VecDeque<(PayloadType, Vec<u8>)>,
    unsent: VecDeque<u8>,
    next_number: i64,
    in_flight: InFlight,
    pace: Pace,

    paused_since: Option<Instant>,
    refusal: Option<String>,
    end: Option<ChannelEnd>,
}

/// Whether the agent is ready for keystrokes; what comes before is acknowledged by it and thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing came yet: there may be a handshake.
    Opening,
    /// The agent asked; it has not said that it is content.
    Handshake,
    /// Bytes flow.
    Open,
}

impl Channel {
    /// A channel that begins now, on a connection that was opened for it.
    pub fn new(now: Instant, config: ChannelConfig) -> Self {
        let size = config.size;
        Self {
            stamps: Stamps::new(now, &config),
            size,
            phase: Phase::Opening,
            phase_since: now,
            incoming: Reorder::default(),
            unread: VecDeque::new(),
            unread_bytes: 0,
            dropped: 0,
            acknowledgements: VecDeque::new(),
            resends: VecDeque::new(),
            control: VecDeque::from([(PayloadType::Size, size.to_payload().into_bytes())]),
            unsent: VecDeque::new(),
            next_number: 0,
            in_flight: InFlight::default(),
            pace: Pace::new(now),
            paused_since: None,
            refusal: None,
            end: None,
        }
    }

    /// Takes one WebSocket message. What is no faithful message is dropped.
    pub fn handle_message(&mut self, now: Instant, bytes: &[u8]) {
        if self.end.is_some() {
            return;
        }
        let Ok(frame) = Frame::decode(bytes) else {
            self.dropped += 1;
            return;
        };
        match frame.message_type {
            MessageType::OutputStreamData => self.handle_output(now, &frame),
            MessageType::Acknowledge => self.handle_acknowledgement(now, &frame.payload),
            MessageType::ChannelClosed => self.handle_closed(&frame.payload),
            MessageType::PausePublication => self.paused_since = self.paused_since.or(Some(now)),
            MessageType::StartPublication => self.resume(now),
            MessageType::InputStreamData | MessageType::Other(_) => self.dropped += 1,
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.end.is_some() {
            return;
        }
        if self.paused_since.is_some_and(|since| since + PAUSE_MAX <= now) {
            self.end = Some(ChannelEnd::Paused);
        } else if self.phase != Phase::Open && self.phase_since + OPEN_TIMEOUT <= now {
            self.end = Some(ChannelEnd::NeverOpened {
                refusal: self.refusal.take(),
            });
        } else if self.may_open_by_itself() && self.phase_since + HANDSHAKE_PATIENCE <= now {
            self.enter(now, Phase::Open);
        }
        if self.may_resend() {
            match self.in_flight.take_due(now) {
                Ok(due) => self.resends.extend(due),
                Err(error) => self.end = Some(ChannelEnd::Unanswered { sends: error.sends }),
            }
        }
    }

    /// The connection is lost.
    pub fn handle_disconnect(&mut self, reason: String) {
        self.end.get_or_insert(ChannelEnd::Disconnected { reason });
    }

    /// Takes as many bytes as there is room for, to be sent in order. Returns how many.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let len = bytes.len().min(self.write_room());
        self.unsent.extend(bytes.iter().take(len));
        len
    }

    /// How many bytes [`Self::write`] takes now; none after the end.
    pub fn write_room(&self) -> usize {
        if self.end.is_some() {
            return 0;
        }
        UNSENT_MAX - self.unsent.len()
    }

    /// The next bytes that the terminal printed; those that came before the end can be read after it.
    pub fn read(&mut self, now: Instant) -> Option<Vec<u8>> {
        let was_full = !self.can_receive();
        let bytes = self.unread.pop_front()?;
        self.unread_bytes -= bytes.len();
        if was_full && self.can_receive() {
            // Acknowledgements waited unread in the socket, behind what the reader did not want yet.
            self.in_flight.excuse(now);
        }
        Some(bytes)
    }

    /// Whether messages should be taken from the socket: not while the reader has much to read.
    pub fn can_receive(&self) -> bool {
        self.unread_bytes < UNREAD_SOFT_MAX
    }

    /// The next WebSocket message to send, if any.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        if let Some(acknowledgement) = self.acknowledgements.pop_front() {
            return Some(acknowledgement);
        }
        if self.end.is_some() || self.paused_since.is_some() {
            return None;
        }
        if let Some(resend) = self.resends.pop_front() {
            return Some(resend);
        }
        if !self.in_flight.has_room() {
            return None;
        }
        let (payload_type, payload) = match self.control.pop_front() {
            Some(control) => control,
            None => (PayloadType::Output, self.next_keystrokes(now)?),
        };
        Some(self.send(now, payload_type, payload))
    }

    /// When [`Self::handle_timeout`] wants to be called, if nothing happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.end.is_some() {
            return None;
        }
        let pause = self.paused_since.map(|since| since + PAUSE_MAX);
        let open = (self.phase != Phase::Open).then(|| self.phase_since + OPEN_TIMEOUT);
        let patience = self
            .may_open_by_itself()
            .then(|| self.phase_since + HANDSHAKE_PATIENCE);
        let resend = self.may_resend().then(|| self.in_flight.resend_at()).flatten();
        let pace = self.has_keystrokes().then(|| self.pace.next_at());
        [pause, open, patience, resend, pace].into_iter().flatten().min()
    }

    /// Why the channel is over, if it is.
    pub fn end(&self) -> Option<&ChannelEnd> {
        self.end.as_ref()
    }

    /// Messages that were of no use: damaged, unknown, or too early to keep.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn handle_output(&mut self, now: Instant, frame: &Frame) {
        self.resume(now);
        let is_full = self.unread_bytes >= UNREAD_HARD_MAX || self.acknowledgements.len() >= UNSENT_ACKS_MAX;
        if is_full || self.incoming.push(frame) == Arrival::Drop {
            self.dropped += 1;
            return;
        }
        self.acknowledge(now, frame);
        while let Some(due) = self.incoming.next_due() {
            self.deliver(now, due);
        }
    }

    fn deliver(&mut self, now: Instant, frame: Frame) {
        match frame.payload_type {
            PayloadType::HandshakeRequest => self.answer_handshake(now, &frame.payload),
            PayloadType::HandshakeComplete => self.finish_handshake(now),
            text if payload::is_text(text) => {
                // Text is the proof that there is a terminal, unless the agent says otherwise.
                if self.phase == Phase::Opening {
                    self.enter(now, Phase::Open);
                }
                self.unread_bytes += frame.payload.len();
                self.unread.push_back(frame.payload);
            }
            _ => {}
        }
    }

    fn answer_handshake(&mut self, now: Instant, request: &[u8]) {
        if self.phase != Phase::Opening {
            return;
        }
        let (response, refusal) = payload::handshake_response(request);
        self.refusal = refusal;
        self.control
            .push_back((PayloadType::HandshakeResponse, response.into_bytes()));
        self.enter(now, Phase::Handshake);
    }

    fn finish_handshake(&mut self, now: Instant) {
        if self.phase != Phase::Handshake {
            return;
        }
        // A size that came during the handshake was thrown away.
        let size = self.size.to_payload().into_bytes();
        self.control.push_back((PayloadType::Size, size));
        self.enter(now, Phase::Open);
    }

    fn enter(&mut self, now: Instant, phase: Phase) {
        self.phase = phase;
        self.phase_since = now;
    }

    /// Agents take the size when the terminal is there: then silence means a shell without a prompt.
    fn may_open_by_itself(&self) -> bool {
        self.phase == Phase::Opening && self.next_number > 0 && self.in_flight.resend_at().is_none()
    }

    fn handle_acknowledgement(&mut self, now: Instant, payload: &[u8]) {
        let Some(number) = payload::acknowledged(payload) else {
            self.dropped += 1;
            return;
        };
        self.resume(now);
        self.in_flight.acknowledge(now, number);
    }

    fn handle_closed(&mut self, payload: &[u8]) {
        let words = payload::closing_words(payload);
        let refusal = self.refusal.take();
        self.end = Some(ChannelEnd::Closed { words, refusal });
    }

    fn resume(&mut self, now: Instant) {
        if self.paused_since.take().is_some() {
            self.in_flight.excuse(now);
        }
    }

    fn may_resend(&self) -> bool {
        self.paused_since.is_none() && self.can_receive()
    }

    fn acknowledge(&mut self, now: Instant, frame: &Frame) {
        let acknowledgement = Frame {
            message_type: MessageType::Acknowledge,
            created_ms: self.stamps.milliseconds(now),
            sequence: 0,
            flags: FLAG_SYN | FLAG_FIN,
            message_id: self.stamps.next_id(),
            payload_type: PayloadType::None,
            payload: payload::acknowledge(frame).into_bytes(),
        };
        self.acknowledgements.push_back(acknowledgement.encode());
    }

    fn has_keystrokes(&self) -> bool {
        let may_send = self.phase == Phase::Open && self.paused_since.is_none() && self.in_flight.has_room();
        may_send && !self.unsent.is_empty()
    }

    fn next_keystrokes(&mut self, now: Instant) -> Option<Vec<u8>> {
        if !self.has_keystrokes() || !self.pace.take(now) {
            return None;
        }
        let len = self.unsent.len().min(CHUNK_LEN);
        Some(self.unsent.drain(..len).collect())
    }

    fn send(&mut self, now: Instant, payload_type: PayloadType, payload: Vec<u8>) -> Vec<u8> {
        let number = self.next_number;
        self.next_number += 1;
        let frame = Frame {
            message_type: MessageType::InputStreamData,
            created_ms: self.stamps.milliseconds(now),
            sequence: number,
            flags: 0,
            message_id: self.stamps.next_id(),
            payload_type,
            payload,
        };
        let bytes = frame.encode();
        self.in_flight.push(now, number, bytes.clone());
        bytes
    }
}

/// What a channel must be told at its beginning.
#[derive(Clone, Copy, Debug)]
pub struct ChannelConfig {
    /// The time, in milliseconds since 1970.
    pub epoch_ms: u64,
    /// Random; message ids are made of it.
    pub seed: Uuid,
    /// What the programs in the terminal are told.
    pub size: TerminalSize,
}

/// Why a channel is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelEnd {
    /// The service closed the session: its shell ended, it was deleted, or it was idle for too long.
    #[error("the service closed the session{}{}", Words(words), Refusal(refusal.as_deref()))]
    Closed {
        /// What it said; often nothing.
        words: String,
        /// What the agent wanted in its handshake and this client does not do.
        refusal: Option<String>,
    },
    /// No shell became ready.
    #[error("no shell answered within {OPEN_TIMEOUT:?}{}", Refusal(refusal.as_deref()))]
    NeverOpened {
        /// What the agent wanted in its handshake and this client does not do.
        refusal: Option<String>,
    },
    /// The agent is gone, though the connection is not.
    #[error("the agent acknowledged nothing, though a message was sent {sends} times")]
    Unanswered {
        /// How often.
        sends: u32,
    },
    /// The service said that the agent is away, and did not take it back.
    #[error("the agent was away for {PAUSE_MAX:?}")]
    Paused,
    /// The connection was lost.
    #[error("the connection to the session was lost: {reason}")]
    Disconnected {
        /// How.
        reason: String,
    },
}

struct Words<'a>(&'a str);

impl std::fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.0)
    }
}

struct Refusal<'a>(Option<&'a str>);

impl std::fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(refusal) => write!(f, "; its agent asked for what this client does not do: {refusal}"),
            None => Ok(()),
        }
    }
}

/// Times and ids of messages.
#[derive(Debug)]
struct Stamps {
    start: Instant,
    epoch_ms: u64,
    seed: Uuid,
    count: u64,
}

impl Stamps {
    fn new(now: Instant, config: &ChannelConfig) -> Self {
        Self {
            start: now,
            epoch_ms: config.epoch_ms.max(1),
            seed: config.seed,
            count: 0,
        }
    }

    fn milliseconds(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.start).as_millis();
        self.epoch_ms
            .saturating_add(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    fn next_id(&mut self) -> Uuid {
        self.count += 1;
        let digest = Sha256::new()
            .chain_update(self.seed.as_bytes())
            .chain_update(self.count.to_be_bytes())
            .finalize();
        let mut random = [0; 16];
        for (place, byte) in random.iter_mut().zip(digest) {
            *place = byte;
        }
        uuid::Builder::from_random_bytes(random).into_uuid()
    }
}

/// What every client sends at most in one message.
const CHUNK_LEN: usize = 1024;
const UNSENT_MAX: usize = 64 << 10;
/// From here on the socket is left alone, so that the service feels it.
const UNREAD_SOFT_MAX: usize = 256 << 10;
/// From here on messages are not taken, should they be handed in nevertheless.
const UNREAD_HARD_MAX: usize = 1 << 20;
/// A driver sends them at once.
const UNSENT_ACKS_MAX: usize = 1024;

/// A new environment's first prompt takes seconds.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// An agent that wants a handshake asks before it takes anything; the first prompt is a second late.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(3);
/// As long as resends go on.
const PAUSE_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
