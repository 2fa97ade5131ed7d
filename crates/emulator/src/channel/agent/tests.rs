use super::*;
use crate::channel::frame::FIN;

const NOW_MS: u64 = 1_503_434_274_948;

struct Bench {
    agent: Agent,
    now: Instant,
}

impl Bench {
    fn new(has_handshake: bool) -> Self {
        let now = Instant::now();
        let mut agent = Agent::new(now, has_handshake);
        agent.handle_input_room(now, NOW_MS, 1 << 20);
        agent.handle_connected(now, NOW_MS);
        Self { agent, now }
    }

    /// Hands over input; returns what was acknowledged.
    fn input(&mut self, sequence: i64, payload_type: u32, payload: &str) -> Vec<i64> {
        let mut frame = Frame::new("input_stream_data", NOW_MS, payload.to_owned());
        (frame.sequence, frame.payload_type, frame.flags) = (sequence, payload_type, 0);
        self.agent.handle_frame(self.now, NOW_MS, &frame);
        let sent = self.sent();
        let acknowledgements = sent.iter().filter(|sent| sent.message_type == "acknowledge");
        acknowledgements.map(|sent| acknowledged(sent, &frame)).collect()
    }

    fn acknowledge(&mut self, sequence: i64) {
        let payload = format!(r#"{{"AcknowledgedMessageSequenceNumber":{sequence}}}"#);
        let frame = Frame::new("acknowledge", NOW_MS, payload);
        self.agent.handle_frame(self.now, NOW_MS, &frame);
    }

    fn output(&mut self, text: &'static str) {
        self.agent
            .send_output(self.now, NOW_MS, Bytes::from_static(text.as_bytes()));
    }

    fn pass(&mut self, ms: u64) -> Vec<Frame> {
        let until = self.now + Duration::from_millis(ms);
        while let Some(due) = self.agent.poll_timeout().filter(|due| *due <= until) {
            self.now = due;
            self.agent.handle_timeout(due);
        }
        self.now = until;
        self.sent()
    }

    fn sent(&mut self) -> Vec<Frame> {
        let sent = std::iter::from_fn(|| self.agent.poll_transmit());
        sent.map(|bytes| Frame::decode(&bytes).unwrap()).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.agent.poll_event()).collect()
    }
}

/// Checks an acknowledgement; returns the number it is about.
fn acknowledged(sent: &Frame, of: &Frame) -> i64 {
    assert_eq!(
        (sent.message_type.as_str(), sent.sequence, sent.flags),
        ("acknowledge", 0, SYN | FIN)
    );
    let text = std::str::from_utf8(&sent.payload).unwrap();
    let expected = format!(
        r#"{{"AcknowledgedMessageType":"input_stream_data","AcknowledgedMessageId":"{}","AcknowledgedMessageSequenceNumber":{},"IsSequentialMessage":true}}"#,
        of.id, of.sequence
    );
    assert_eq!(text, expected);
    of.sequence
}

fn typed(text: &'static str) -> Event {
    Event::Input(Bytes::from_static(text.as_bytes()))
}

#[test]
fn input_is_put_in_order_and_each_message_acknowledged() {
    let mut bench = Bench::new(false);
    assert_eq!(bench.input(1, 1, "b"), [1]);
    assert_eq!(bench.events(), []);
    assert_eq!(bench.input(0, 1, "a"), [0]);
    assert_eq!(bench.events(), [typed("a"), typed("b")]);
    assert_eq!(bench.input(0, 1, "a"), [0], "again");
    assert_eq!(bench.events(), []);
}

#[test]
fn input_without_room_is_not_acknowledged() {
    let mut bench = Bench::new(false);
    bench.agent.handle_input_room(bench.now, NOW_MS, 0);
    assert_eq!(bench.input(0, 1, "a"), [0; 0]);
    assert_eq!(bench.input(1, 1, "b"), [1]);
    bench.agent.handle_input_room(bench.now, NOW_MS, 1);
    assert_eq!(bench.input(0, 1, "a"), [0]);
    assert_eq!(bench.events(), [typed("a")]);
    bench.agent.handle_input_room(bench.now, NOW_MS, 1);
    assert_eq!(bench.events(), [typed("b")]);
}

#[test]
fn a_size_that_is_none_is_not_acknowledged_and_an_unknown_type_is() {
    let mut bench = Bench::new(false);
    assert_eq!(bench.input(0, 3, "wide"), [0; 0]);
    assert_eq!(bench.input(0, 3, r#"{"cols":300,"rows":100}"#), [0]);
    assert_eq!(bench.input(1, 10, "\0\0\0\u{2}"), [1]);
    assert_eq!(bench.input(2, 99, "?"), [2]);
    assert_eq!(
        bench.events(),
        [Event::Resize {
            columns: 300,
            rows: 100
        }]
    );
}

#[test]
fn only_the_first_output_starts_the_stream() {
    let mut bench = Bench::new(false);
    bench.output("one");
    bench.output("two");
    let sent = bench.sent();
    let heads: Vec<_> = sent
        .iter()
        .map(|frame| (frame.sequence, frame.flags, frame.payload_type))
        .collect();
    assert_eq!(heads, [(0, SYN, 1), (1, 0, 1)]);
}

#[test]
fn the_oldest_output_is_resent_unchanged_until_it_is_acknowledged() {
    let mut bench = Bench::new(false);
    bench.output("one");
    bench.output("two");
    let first = bench.sent();
    let again = bench.pass(300);
    assert_eq!(again, first[..1]);
    bench.acknowledge(0);
    let next = bench.pass(300);
    assert!(
        next.iter().all(|frame| *frame == first[1]) && !next.is_empty(),
        "{next:?}"
    );
    bench.acknowledge(1);
    assert_eq!(bench.pass(10_000), []);
    assert!(bench.agent.is_drained());
}

#[test]
fn a_paused_agent_is_silent_until_the_client_is_back() {
    let mut bench = Bench::new(false);
    bench.output("one");
    bench.sent();
    bench.agent.handle_paused();
    assert!(!bench.agent.can_send());
    assert_eq!(bench.pass(10_000), []);
    bench.agent.handle_connected(bench.now, NOW_MS);
    assert_eq!(bench.pass(100).len(), 1);
    let pause = Frame::new("pause_publication", NOW_MS, "");
    bench.agent.handle_frame(bench.now, NOW_MS, &pause);
    assert_eq!(bench.pass(10_000), []);
    assert_eq!(bench.input(0, 1, "x"), [0]);
    assert!(bench.agent.can_send(), "input ends a pause");
}

#[test]
fn a_window_of_unacknowledged_output_is_enough() {
    let mut bench = Bench::new(false);
    let sent = (0..).take_while(|_| {
        let can_send = bench.agent.can_send();
        bench.output("x");
        can_send
    });
    assert_eq!(sent.count(), WINDOW);
}

#[test]
fn a_handshake_comes_before_the_terminal() {
    let mut bench = Bench::new(true);
    let request = bench.sent().remove(0);
    assert_eq!(
        (request.sequence, request.flags, request.payload_type),
        (0, SYN, 5)
    );
    assert_eq!(request.payload, handshake_request());
    assert_eq!(request.payload.len(), 155, "as recorded");
    assert!(!bench.agent.can_send());
    assert_eq!(bench.input(0, 1, "too early"), [0]);
    let mut response = Frame::new(
        "input_stream_data",
        NOW_MS,
        r#"{"ClientVersion":"1.2.764.0","ProcessedClientActions":[{"ActionType":"SessionType","ActionStatus":1,"ActionResult":null,"Error":""}],"Errors":null}"#,
    );
    (response.sequence, response.payload_type) = (1, 6);
    bench.agent.handle_frame(bench.now, NOW_MS, &response);
    let kinds: Vec<_> = bench
        .sent()
        .iter()
        .map(|frame| (frame.message_type.clone(), frame.payload_type))
        .collect();
    assert_eq!(
        kinds,
        [
            ("output_stream_data".to_owned(), 7),
            ("acknowledge".to_owned(), 0)
        ]
    );
    assert!(bench.agent.can_send());
    assert_eq!(bench.events(), [], "what was typed too early is lost");
}

#[test]
fn a_handshake_that_is_refused_or_forgotten_ends_the_session() {
    let mut bench = Bench::new(true);
    bench.input(0, 6, r#"{"ProcessedClientActions":[{"ActionStatus":2}]}"#);
    assert_eq!(bench.events(), [Event::Failed(HANDSHAKE_REFUSED.to_owned())]);
    let mut bench = Bench::new(true);
    bench.pass(15_000);
    assert_eq!(bench.events(), []);
    bench.pass(200);
    assert_eq!(bench.events(), [Event::Failed(HANDSHAKE_TIMED_OUT.to_owned())]);
}
