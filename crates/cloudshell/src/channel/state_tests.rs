use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::frame::tests::vector;
use super::*;

const SIZE: TerminalSize = TerminalSize { cols: 80, rows: 24 };

fn channel(now: Instant) -> Channel {
    let config = ChannelConfig {
        epoch_ms: 1_503_434_274_948,
        seed: Uuid::from_u128(7),
        size: SIZE,
    };
    Channel::new(now, config)
}

fn output(sequence: i64, payload_type: PayloadType, payload: &[u8]) -> Vec<u8> {
    Frame {
        message_type: MessageType::OutputStreamData,
        created_ms: 1,
        sequence,
        flags: 0,
        message_id: Uuid::from_u128(sequence.unsigned_abs().into()),
        payload_type,
        payload: payload.to_vec(),
    }
    .encode()
}

fn other(message_type: MessageType, payload: &[u8]) -> Vec<u8> {
    Frame {
        message_type,
        created_ms: 1,
        sequence: 0,
        flags: 3,
        message_id: Uuid::nil(),
        payload_type: PayloadType::None,
        payload: payload.to_vec(),
    }
    .encode()
}

fn acknowledgement(number: i64) -> Vec<u8> {
    let payload = format!(
        r#"{{"AcknowledgedMessageType":"input_stream_data","AcknowledgedMessageId":"x","AcknowledgedMessageSequenceNumber":{number},"IsSequentialMessage":true}}"#
    );
    other(MessageType::Acknowledge, payload.as_bytes())
}

fn sent(channel: &mut Channel, now: Instant) -> Vec<Frame> {
    std::iter::from_fn(|| channel.poll_transmit(now))
        .map(|bytes| Frame::decode(&bytes).expect("what is sent is a frame"))
        .collect()
}

fn payloads(frames: &[Frame]) -> Vec<(i64, PayloadType, String)> {
    frames
        .iter()
        .map(|frame| {
            (
                frame.sequence,
                frame.payload_type,
                String::from_utf8_lossy(&frame.payload).into_owned(),
            )
        })
        .collect()
}

fn read_all(channel: &mut Channel, now: Instant) -> Vec<u8> {
    std::iter::from_fn(|| channel.read(now)).flatten().collect()
}

#[test]
fn the_size_is_first_and_keystrokes_wait_for_the_terminal() {
    let now = Instant::now();
    let mut channel = channel(now);
    assert_eq!(channel.write(b"ls\r"), 3);
    assert_eq!(
        payloads(&sent(&mut channel, now)),
        [(0, PayloadType::Size, r#"{"cols":80,"rows":24}"#.to_owned())]
    );
    channel.handle_message(now, &vector("D"));
    let frames = sent(&mut channel, now);
    assert_eq!(frames[0].message_type, MessageType::Acknowledge);
    assert_eq!(
        Some(&frames[0].payload),
        Frame::decode(&vector("E")).ok().map(|e| e.payload).as_ref()
    );
    assert_eq!(frames[0].flags, 3);
    assert_eq!(
        payloads(&frames[1..]),
        [(1, PayloadType::Output, "ls\r".to_owned())]
    );
    assert_eq!(read_all(&mut channel, now), b"sh-5.2$ ");
}

#[test]
fn a_handshake_is_answered_in_order_and_the_size_repeated() {
    let now = Instant::now();
    let mut channel = channel(now);
    channel.write(b"x");
    sent(&mut channel, now);
    // The second message comes first.
    channel.handle_message(now, &vector("K"));
    channel.handle_message(now, &vector("I"));
    let frames = sent(&mut channel, now);
    let kinds: Vec<_> = frames
        .iter()
        .map(|frame| (frame.sequence, frame.payload_type))
        .collect();
    assert_eq!(
        kinds,
        [
            (0, PayloadType::None),
            (0, PayloadType::None),
            (1, PayloadType::HandshakeResponse),
            (2, PayloadType::Size),
            (3, PayloadType::Output)
        ]
    );
}

#[test]
fn a_terminal_without_a_prompt_opens_after_a_while() {
    let now = Instant::now();
    let mut channel = channel(now);
    channel.write(b"x");
    sent(&mut channel, now);
    channel.handle_message(now, &acknowledgement(0));
    assert_eq!(channel.poll_timeout(), Some(now + HANDSHAKE_PATIENCE));
    let later = now + HANDSHAKE_PATIENCE;
    channel.handle_timeout(later);
    assert_eq!(
        payloads(&sent(&mut channel, later)),
        [(1, PayloadType::Output, "x".to_owned())]
    );
}

#[test]
fn silence_ends_the_channel() {
    let now = Instant::now();
    let mut channel = channel(now);
    let mut sends = 0;
    let mut at = now;
    while channel.end().is_none() {
        sends += sent(&mut channel, at).len();
        at = channel.poll_timeout().expect("it waits for something");
        channel.handle_timeout(at);
    }
    assert_eq!(at, now + OPEN_TIMEOUT);
    assert!((5..20).contains(&sends), "{sends}");
    assert_eq!(channel.end(), Some(&ChannelEnd::NeverOpened { refusal: None }));
    assert_eq!(channel.write(b"x"), 0);
}

#[test]
fn old_numbers_are_acknowledged_again_and_unknown_types_too() {
    let now = Instant::now();
    let mut channel = channel(now);
    sent(&mut channel, now);
    for _ in 0..2 {
        channel.handle_message(now, &output(0, PayloadType::Other(17), b"?"));
        assert_eq!(sent(&mut channel, now).len(), 1);
    }
    channel.handle_message(now, &output(1, PayloadType::StdErr, b"problem"));
    assert_eq!(read_all(&mut channel, now), b"problem");
}

#[test]
fn garbage_is_dropped_and_counted() {
    let now = Instant::now();
    let mut channel = channel(now);
    sent(&mut channel, now);
    let mut damaged = output(0, PayloadType::Output, b"text");
    damaged[121] ^= 1;
    for bytes in [
        damaged,
        b"TEXT".to_vec(),
        vec![0; 118],
        other(MessageType::Other("agent_job".to_owned()), b"x"),
    ] {
        channel.handle_message(now, &bytes);
    }
    assert_eq!(channel.dropped(), 4);
    assert_eq!(sent(&mut channel, now), []);
    assert_eq!(channel.read(now), None);
}

#[test]
fn a_pause_stops_sending_until_something_comes() {
    let now = Instant::now();
    let mut channel = channel(now);
    sent(&mut channel, now);
    channel.handle_message(now, &vector("D"));
    channel.handle_message(now, &vector("H"));
    channel.write(b"x");
    let frames = sent(&mut channel, now);
    assert_eq!(
        frames.iter().map(|frame| &frame.message_type).collect::<Vec<_>>(),
        [&MessageType::Acknowledge]
    );
    let later = now + Duration::from_secs(60);
    channel.handle_timeout(later);
    assert_eq!(sent(&mut channel, later), [], "nothing is sent again either");
    channel.handle_message(later, &other(MessageType::StartPublication, b""));
    assert_eq!(
        payloads(&sent(&mut channel, later)),
        [(1, PayloadType::Output, "x".to_owned())]
    );
    channel.handle_message(later, &vector("H"));
    let end = channel.poll_timeout().expect("a pause is bounded");
    channel.handle_timeout(end);
    assert_eq!(channel.end(), Some(&ChannelEnd::Paused));
}

#[test]
fn what_came_before_the_end_can_be_read_after_it() {
    let now = Instant::now();
    let mut channel = channel(now);
    channel.handle_message(now, &vector("D"));
    channel.handle_message(now, &vector("F"));
    channel.handle_message(now, &output(1, PayloadType::Output, b"late"));
    assert_eq!(
        channel.end(),
        Some(&ChannelEnd::Closed {
            words: String::new(),
            refusal: None
        })
    );
    assert_eq!(
        channel.end().map(ToString::to_string).as_deref(),
        Some("the service closed the session")
    );
    assert_eq!(read_all(&mut channel, now), b"sh-5.2$ ");
    assert_eq!(channel.poll_timeout(), None);
}

#[test]
fn a_reader_that_does_not_read_bounds_everything() {
    let now = Instant::now();
    let mut channel = channel(now);
    let block = vec![b'x'; 60_000];
    for number in 0..1000 {
        channel.handle_message(now, &output(number, PayloadType::Output, &block));
    }
    assert!(!channel.can_receive());
    let unread = read_all(&mut channel, now).len();
    assert!(
        (UNREAD_HARD_MAX..UNREAD_HARD_MAX + block.len()).contains(&unread),
        "{unread}"
    );
    assert_eq!(channel.write(&vec![0; 10 << 20]), UNSENT_MAX);
    assert_eq!(channel.write(b"x"), 0);
}

/// The agent of the tests: echoes nothing, takes input in order, sends its own text, resends all that is unacknowledged.
#[derive(Default)]
struct Agent {
    received: BTreeMap<i64, (PayloadType, Vec<u8>)>,
    unacknowledged: BTreeMap<i64, Vec<u8>>,
    to_send: Vec<Vec<u8>>,
}

impl Agent {
    fn with_output(text: &[u8], has_handshake: bool) -> Self {
        let mut agent = Self::default();
        let mut frames = Vec::new();
        if has_handshake {
            let request = Frame::decode(&vector("I")).expect("a frame").payload;
            let complete = Frame::decode(&vector("K")).expect("a frame").payload;
            frames.push((PayloadType::HandshakeRequest, request));
            frames.push((PayloadType::HandshakeComplete, complete));
        }
        frames.extend(
            text.chunks(700)
                .map(|chunk| (PayloadType::Output, chunk.to_vec())),
        );
        for (number, (payload_type, payload)) in (0..).zip(frames) {
            agent
                .unacknowledged
                .insert(number, output(number, payload_type, &payload));
        }
        agent
    }

    fn handle(&mut self, bytes: &[u8]) {
        let Ok(frame) = Frame::decode(bytes) else { return };
        match frame.message_type {
            MessageType::InputStreamData => {
                self.to_send.push(acknowledgement(frame.sequence));
                self.received
                    .entry(frame.sequence)
                    .or_insert((frame.payload_type, frame.payload));
            }
            MessageType::Acknowledge => {
                let payload: serde_json::Value = serde_json::from_slice(&frame.payload).expect("JSON");
                let number = payload["AcknowledgedMessageSequenceNumber"]
                    .as_i64()
                    .expect("a number");
                self.unacknowledged.remove(&number);
            }
            other => panic!("clients do not send {other:?}"),
        }
    }

    fn keystrokes(&self) -> Vec<u8> {
        let in_order = self
            .received
            .iter()
            .zip(0..)
            .take_while(|((number, _), expected)| **number == *expected);
        in_order
            .filter(|((_, (kind, _)), _)| *kind == PayloadType::Output)
            .flat_map(|((_, (_, bytes)), _)| bytes.clone())
            .collect()
    }
}

/// Messages on their way: by arrival in microseconds, then by a counter.
#[derive(Default)]
struct Network {
    on_their_way: BTreeMap<(u64, u64), (bool, Vec<u8>)>,
    count: u64,
    choices: u64,
    loss_percent: u64,
}

impl Network {
    /// SplitMix64.
    fn choice(&mut self, below: u64) -> u64 {
        self.choices = self.choices.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.choices;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn send(&mut self, now: u64, to_agent: bool, mut bytes: Vec<u8>) {
        if self.choice(100) < self.loss_percent {
            return;
        }
        if self.choice(100) < 3 {
            let place = usize::try_from(self.choice(bytes.len() as u64)).expect("short");
            bytes[place] ^= 0x10;
            // Nothing protects the header: only payload damage is a damage that a receiver can see.
            if place < 120 {
                return;
            }
        }
        for _ in 0..=u64::from(self.choice(100) < 10) {
            let arrival = now + 5_000 + self.choice(60_000);
            self.count += 1;
            self.on_their_way
                .insert((arrival, self.count), (to_agent, bytes.clone()));
        }
    }
}

/// Runs until both streams arrived; the virtual time that took, in seconds.
fn converse(input: &[u8], text: &[u8], seed: u64, loss_percent: u64, has_handshake: bool) -> u64 {
    let start = Instant::now();
    let mut channel = channel(start);
    let mut agent = Agent::with_output(text, has_handshake);
    let mut network = Network {
        choices: seed,
        loss_percent,
        ..Network::default()
    };
    let (mut written, mut read, mut now_us) = (0, Vec::new(), 0_u64);
    let mut agent_resends_at = 0;
    while read != text || agent.keystrokes() != input {
        let now = start + Duration::from_micros(now_us);
        assert_eq!(channel.end(), None, "after {now_us} µs");
        assert!(
            now_us < 600_000_000,
            "stuck: {} read, {} typed",
            read.len(),
            agent.keystrokes().len()
        );
        written += channel.write(&input[written..]);
        while let Some(bytes) = channel.read(now) {
            read.extend(bytes);
        }
        assert!(text.starts_with(&read), "bytes that were never sent");
        while let Some(bytes) = channel.poll_transmit(now) {
            network.send(now_us, true, bytes);
        }
        for bytes in std::mem::take(&mut agent.to_send) {
            network.send(now_us, false, bytes);
        }
        if now_us >= agent_resends_at {
            for bytes in agent
                .unacknowledged
                .values()
                .take(64)
                .cloned()
                .collect::<Vec<_>>()
            {
                network.send(now_us, false, bytes);
            }
            agent_resends_at = now_us + 200_000;
        }
        // Whatever happens next: an arrival, a timeout, or the agent's resends.
        let timeout = channel
            .poll_timeout()
            .map(|at| u64::try_from(at.saturating_duration_since(start).as_micros()).expect("short") + 1);
        let arrival = network.on_their_way.keys().next().map(|(at, _)| *at);
        let next = [timeout, arrival, Some(agent_resends_at)]
            .into_iter()
            .flatten()
            .min();
        now_us = next.expect("there is always one").max(now_us);
        let now = start + Duration::from_micros(now_us);
        channel.handle_timeout(now);
        while let Some(entry) = network.on_their_way.first_entry()
            && entry.key().0 <= now_us
        {
            let (to_agent, bytes) = entry.remove();
            if to_agent {
                agent.handle(&bytes);
            } else {
                channel.handle_message(now, &bytes);
            }
        }
    }
    now_us / 1_000_000
}

#[test]
fn a_fair_network_carries_a_megabyte_at_the_pace() {
    let input: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
    let seconds = converse(&input, b"$ ", 1, 0, false);
    assert!(seconds <= 2, "{seconds} s");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn exactly_the_bytes_arrive(
        input in proptest::collection::vec(any::<u8>(), 0..60_000),
        text in proptest::collection::vec(any::<u8>(), 1..60_000),
        seed in any::<u64>(),
        loss_percent in 0..30_u64,
        has_handshake in any::<bool>(),
    ) {
        converse(&input, &text, seed, loss_percent, has_handshake);
    }

    #[test]
    fn nothing_from_outside_panics(
        inputs in proptest::collection::vec(
            (0..9_u8, -2..6_i64, 0..14_u32, proptest::collection::vec(any::<u8>(), 0..80), 0..40_000_u64),
            0..60,
        ),
    ) {
        let mut now = Instant::now();
        let mut channel = channel(now);
        for (kind, number, payload_type, bytes, milliseconds) in inputs {
            now += Duration::from_millis(milliseconds);
            match kind {
                0 => channel.handle_message(now, &bytes),
                1 | 2 => channel.handle_message(now, &output(number, PayloadType::from_number(payload_type), &bytes)),
                3 => channel.handle_message(now, &acknowledgement(number)),
                4 => channel.handle_message(now, &other(MessageType::PausePublication, &bytes)),
                5 => channel.handle_message(now, &other(MessageType::Acknowledge, &bytes)),
                6 => { channel.write(&bytes); }
                7 => { channel.read(now); }
                _ => channel.handle_timeout(now),
            }
            let transmits = std::iter::from_fn(|| channel.poll_transmit(now)).take(10_000).count();
            prop_assert!(transmits < 10_000);
            if let Some(at) = channel.poll_timeout() {
                channel.handle_timeout(at.max(now));
            }
        }
    }
}
