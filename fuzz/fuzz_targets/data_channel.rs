//! The client's end of a data channel, in the hands of a service that says anything at any time: it never panics, keeps
//! no more than it says, sends nothing but faithful frames, and gives nothing that did not come.
#![no_main]

use std::time::{Duration, Instant};

use fuzz::Script;
use fuzz::channel::frame::{Frame, MessageType, PayloadType};
use fuzz::channel::{Channel, ChannelConfig, TerminalSize};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

fuzz_target!(|bytes: &[u8]| {
    let mut script = Script::new(bytes);
    let mut driver = Driver::new();
    while driver.step(&mut script).is_some() {}
    driver.finish();
});

struct Driver {
    channel: Channel,
    now: Instant,
    /// Payload handed in so far, in bytes.
    handed: usize,
    /// Read from the channel so far, in bytes.
    read: usize,
}

impl Driver {
    fn new() -> Self {
        let now = Instant::now();
        let config = ChannelConfig {
            epoch_ms: 1,
            seed: Uuid::nil(),
            size: TerminalSize { cols: 80, rows: 24 },
        };
        Self {
            channel: Channel::new(now, config),
            now,
            handed: 0,
            read: 0,
        }
    }

    fn step(&mut self, script: &mut Script<'_>) -> Option<()> {
        match script.byte()? % 8 {
            0 => self.hand(script.bytes()?),
            1 => self.hand_output(script)?,
            2 => self.hand_other(script)?,
            3 => self.wait(Duration::from_millis(script.number()?.into())),
            4 => self.wait_until_due(),
            5 => self.write(script.number()?),
            6 => self.read_some(script.byte()?),
            _ => self.drain(),
        }
        Some(())
    }

    fn hand(&mut self, bytes: &[u8]) {
        self.handed += bytes.len();
        self.channel.handle_message(self.now, bytes);
    }

    fn hand_output(&mut self, script: &mut Script<'_>) -> Option<()> {
        let sequence = i64::from(script.number()?.cast_signed());
        let payload_type = PayloadType::from_number(script.byte()?.into());
        let payload = match payload_type {
            // Longer than the fuzzer's own bytes can be: limits are to be reached.
            PayloadType::Output => vec![b'x'; script.number()?.into()],
            _ => script.bytes()?.to_vec(),
        };
        let frame = frame(MessageType::OutputStreamData, sequence, payload_type, payload);
        self.hand(&frame.encode());
        Some(())
    }

    fn hand_other(&mut self, script: &mut Script<'_>) -> Option<()> {
        let message_type = match script.byte()? % 5 {
            0 => MessageType::PausePublication,
            1 => MessageType::StartPublication,
            2 => MessageType::ChannelClosed,
            3 => MessageType::Other("agent_job".to_owned()),
            _ => MessageType::Acknowledge,
        };
        let payload = match message_type {
            MessageType::Acknowledge => acknowledgement(script.number()?.cast_signed()),
            _ => script.bytes()?.to_vec(),
        };
        self.hand(&frame(message_type, 0, PayloadType::None, payload).encode());
        Some(())
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.channel.handle_timeout(self.now);
    }

    fn wait_until_due(&mut self) {
        if let Some(due) = self.channel.poll_timeout() {
            self.now = self.now.max(due);
            self.channel.handle_timeout(self.now);
        }
    }

    fn write(&mut self, len: u16) {
        let (room, len) = (self.channel.write_room(), usize::from(len));
        assert!(room <= UNSENT_MAX);
        assert_eq!(self.channel.write(&vec![b'x'; len]), len.min(room));
    }

    fn read_some(&mut self, times: u8) {
        for _ in 0..times {
            let Some(bytes) = self.channel.read(self.now) else {
                return;
            };
            self.read += bytes.len();
        }
        assert!(self.read <= self.handed, "bytes that did not come");
    }

    fn drain(&mut self) {
        for _ in 0..MESSAGES_MAX {
            let Some(message) = self.channel.poll_transmit(self.now) else {
                return;
            };
            let frame = Frame::decode(&message).expect("the channel sends faithful frames");
            assert!(frame.payload.len() <= SENT_PAYLOAD_LEN_MAX);
        }
        panic!("more messages at once than can be kept");
    }

    /// What is left is bounded, and can be had.
    fn finish(mut self) {
        self.drain();
        let before = self.read;
        while let Some(bytes) = self.channel.read(self.now) {
            self.read += bytes.len();
        }
        assert!(self.read <= self.handed, "bytes that did not come");
        assert!(
            self.read - before <= UNREAD_MAX,
            "{} bytes were kept",
            self.read - before
        );
        self.channel.handle_disconnect("the end".to_owned());
        assert!(self.channel.end().is_some());
        assert_eq!(
            (self.channel.write_room(), self.channel.poll_timeout()),
            (0, None)
        );
    }
}

fn frame(message_type: MessageType, sequence: i64, payload_type: PayloadType, payload: Vec<u8>) -> Frame {
    Frame {
        message_type,
        created_ms: 1,
        sequence,
        flags: 0,
        message_id: Uuid::nil(),
        payload_type,
        payload,
    }
}

fn acknowledgement(number: i16) -> Vec<u8> {
    let text = format!(
        r#"{{"AcknowledgedMessageType":"input_stream_data","AcknowledgedMessageSequenceNumber":{number}}}"#
    );
    text.into_bytes()
}

const UNSENT_MAX: usize = 64 << 10;
/// What is unread, and what came early and has become due.
const UNREAD_MAX: usize = 8 << 20;
/// 1,024 acknowledgements, and 256 messages that are unacknowledged, each perhaps once more.
const MESSAGES_MAX: usize = 2048;
/// A kilobyte of keystrokes; the answer to a handshake repeats what was asked for.
const SENT_PAYLOAD_LEN_MAX: usize = 64 << 10;
