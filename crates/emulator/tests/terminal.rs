//! Shows that a client gets a real shell: what is typed runs, what it prints arrives, whatever happens to the line, and
//! bytes that mean nothing do no harm.

mod client;

use client::{Client, LONG, REGION, Terminal, World, close_reason, connect, frame};
use emulator::{Command, LineFaults, Pump, Toward};
use futures_util::SinkExt as _;
use serde_json::json;
use testkit::Lottery;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

#[tokio::test]
async fn a_command_runs_and_its_output_is_exact() {
    let world = World::start().await;
    let mut terminal = world.client().terminal().await;
    let prompt = terminal.read_until("$ ").await;
    assert!(
        prompt.contains("[cloudshell-user@ip-10-") && prompt.ends_with(" ~]$ "),
        "{prompt:?}"
    );
    let output = terminal
        .run("echo hello; printf '%s' \"$AWS_EXECUTION_ENV\"")
        .await;
    assert_eq!(output, "hello\r\nCloudShell");
    let home = world
        .dir
        .path()
        .canonicalize()
        .unwrap()
        .join("user/eu-west-1/home");
    assert_eq!(
        terminal.run("pwd; echo ~").await,
        format!("{0}\r\n{0}\r\n", home.display())
    );
    terminal.type_text("exit\r").await;
    terminal.read_to_end().await;
    assert_eq!(terminal.closed.as_deref(), Some(""));
}

#[tokio::test]
async fn the_size_of_the_window_reaches_the_program() {
    let world = World::start().await;
    let mut terminal = world.client().terminal().await;
    terminal.input(3, br#"{"cols":123,"rows":45}"#).await;
    assert_eq!(terminal.run("stty size").await, "45 123\r\n");
}

#[tokio::test]
async fn keystrokes_control_the_program() {
    let world = World::start().await;
    let mut terminal = world.client().terminal().await;
    terminal.read_until("$ ").await;
    terminal.type_text("sleep 1000\r").await;
    terminal.read_until("sleep 1000\r\n").await;
    terminal.type_text("\u{3}").await;
    assert_eq!(terminal.run("echo back").await, "back\r\n");
}

#[tokio::test]
async fn much_output_arrives_whole_over_a_bad_line() {
    let world = World::start().await;
    let mut lottery = Lottery::from_env();
    for toward in [Toward::Client, Toward::Agent] {
        let faults = LineFaults {
            loss_permille: 10,
            ack_loss_permille: 20,
            duplication_permille: 50,
            reordering_permille: 50,
            delay_ms: 1,
            jitter_ms: 3,
            seed: lottery.bits(),
        };
        let region = REGION.to_owned();
        world.control().apply(Command::SetLine {
            region,
            toward,
            faults,
        });
    }
    let mut terminal = world.client().terminal().await;
    terminal.read_until("$ ").await;
    let output = terminal.run("stty -echo; seq 1 20000").await;
    let expected: String = (1..=20_000).map(|number| format!("{number}\r\n")).collect();
    assert!(output == expected, "{} bytes of {}", output.len(), expected.len());
}

#[tokio::test]
async fn the_real_pump_sends_text_unchanged() {
    let world = World::with(|config| config.channel.pump = Pump::default()).await;
    let mut terminal = world.client().terminal().await;
    let output = terminal
        .run("for i in $(seq 1 3000); do echo €uro $i; done")
        .await;
    let expected: String = (1..=3000).map(|number| format!("€uro {number}\r\n")).collect();
    assert!(output == expected, "{} bytes of {}", output.len(), expected.len());
}

#[tokio::test]
async fn the_terminal_waits_for_a_client_that_does_not_read() {
    let world = World::start().await;
    let mut terminal = world.client().terminal().await;
    terminal.read_until("$ ").await;
    terminal.type_text("seq 1 300000; echo the''end\r").await;
    // Another terminal works meanwhile.
    let mut other = world.client().terminal().await;
    assert_eq!(other.run("echo here").await, "here\r\n");
    let output = terminal.read_until("theend\r\n").await;
    assert!(
        output.contains("\r\n299999\r\n300000\r\n"),
        "{} bytes",
        output.len()
    );
}

#[tokio::test]
async fn a_token_opens_its_session_once() {
    let world = World::start().await;
    let client = world.client();
    let environment = client.environment().await;
    let session = client.session(&environment).await;
    let mut terminal = Terminal::open(&session).await;
    assert_eq!(terminal.run("echo first").await, "first\r\n");
    let mut second = connect(&session).await;
    let (code, reason) = close_reason(&mut second).await.unwrap();
    assert_eq!(
        (code, reason.starts_with("the token has been used")),
        (1008, true),
        "{reason}"
    );
    assert_eq!(terminal.run("echo still").await, "still\r\n");
}

#[tokio::test]
async fn a_token_that_is_wrong_or_late_opens_nothing() {
    let world = World::start().await;
    let client = world.client();
    let environment = client.environment().await;
    let mut session = client.session(&environment).await;
    let late = session.clone();
    session["TokenValue"] = json!("wrong");
    let (code, reason) = close_reason(&mut connect(&session).await).await.unwrap();
    assert_eq!(
        (code, reason.starts_with("the token is of no session")),
        (1008, true),
        "{reason}"
    );
    world.control().apply(Command::AdvanceClock { seconds: 61 });
    let (code, reason) = close_reason(&mut connect(&late).await).await.unwrap();
    assert_eq!(
        (code, reason.starts_with("the token has expired")),
        (1008, true),
        "{reason}"
    );
}

#[tokio::test]
async fn a_lost_socket_is_replaced_and_nothing_is_lost() {
    let world = World::with(|config| config.channel.token_is_single_use = false).await;
    let client = world.client();
    let environment = client.environment().await;
    let session = client.session(&environment).await;
    let mut terminal = Terminal::open(&session).await;
    terminal.read_until("$ ").await;
    terminal
        .type_text("echo before; read line; echo got $line\r")
        .await;
    terminal.read_until("before\r\n").await;
    world.control().apply(Command::DropSockets { region: None });
    assert_eq!(close_reason(&mut terminal.socket).await, None);
    terminal.socket = connect(&session).await;
    terminal.type_text("after\r").await;
    terminal.read_until("got after\r\n").await;
}

#[tokio::test]
async fn the_service_says_bye_when_the_socket_is_old() {
    let world = World::with(|config| config.channel.socket_lifetime = std::time::Duration::ZERO).await;
    let client = world.client();
    let environment = client.environment().await;
    let mut socket = connect(&client.session(&environment).await).await;
    assert_eq!(close_reason(&mut socket).await, Some((1000, "Bye".to_owned())));
}

#[tokio::test]
async fn sockets_break_after_so_many_bytes() {
    let world = World::start().await;
    let mut terminal = world.client().terminal().await;
    terminal.read_until("$ ").await;
    let region = REGION.to_owned();
    world.control().apply(Command::DropSocketsAfter {
        region,
        bytes: 20_000,
    });
    terminal.type_text("seq 1 100000\r").await;
    let output = terminal.read_to_end().await;
    assert!(
        terminal.closed.is_none() && output.len() < 200_000,
        "{} bytes",
        output.len()
    );
}

#[tokio::test]
async fn deleting_a_session_closes_its_channel() {
    let world = World::start().await;
    let client = world.client();
    let environment = client.environment().await;
    let session = client.session(&environment).await;
    let mut terminal = Terminal::open(&session).await;
    terminal.read_until("$ ").await;
    client
        .ok(
            "deleteSession",
            json!({"EnvironmentId": environment, "SessionId": session["SessionId"]}),
        )
        .await;
    terminal.read_to_end().await;
    assert_eq!(terminal.closed.as_deref(), Some(""));
}

#[tokio::test]
async fn a_handshake_comes_first_when_asked_for() {
    let world = World::with(|config| config.channel.has_handshake = true).await;
    let client = world.client();
    let environment = client.environment().await;
    let mut terminal = Terminal::open(&client.session(&environment).await).await;
    while terminal.seen.is_empty() {
        assert!(terminal.step().await);
    }
    assert_eq!((terminal.seen[0].payload_type, terminal.seen[0].flags), (5, 1));
    let response = br#"{"ClientVersion":"1.2.707.0","ProcessedClientActions":[{"ActionType":"SessionType","ActionStatus":1,"ActionResult":null,"Error":""}],"Errors":null}"#;
    terminal.input(6, response).await;
    assert_eq!(terminal.run("echo shaken").await, "shaken\r\n");
    assert!(
        terminal.seen.iter().any(|seen| seen.payload_type == 7),
        "{:?}",
        terminal.seen
    );
}

#[tokio::test]
async fn pauses_are_sent_in_bursts() {
    let world = World::start().await;
    let mut terminal = world.client().terminal().await;
    terminal.read_until("$ ").await;
    world.control().apply(Command::PauseBurst {
        region: None,
        count: 3,
    });
    assert_eq!(terminal.run("echo on").await, "on\r\n");
    let kinds: Vec<_> = terminal
        .seen
        .iter()
        .map(|seen| seen.message_type.as_str())
        .collect();
    assert_eq!(
        kinds.iter().filter(|kind| **kind == "pause_publication").count(),
        3,
        "{kinds:?}"
    );
    assert_eq!(
        kinds.iter().filter(|kind| **kind == "start_publication").count(),
        3,
        "{kinds:?}"
    );
}

#[tokio::test]
async fn an_unsigned_upgrade_is_refused_where_a_signature_is_required() {
    let world = World::start().await;
    let client = world.client();
    let environment = client.environment().await;
    let session = client.session(&environment).await;
    let region = Some(REGION.to_owned());
    world
        .control()
        .apply(Command::RequireSignedUpgrades { region, is_on: true });
    let url = session["StreamUrl"].as_str().unwrap();
    match connect_async(url).await {
        Err(SocketError::Http(response)) => assert_eq!(response.status(), 401),
        other => panic!("{other:?}"),
    }
    let signed_url = url.replacen("ws:", "http:", 1);
    let mut request =
        tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(url).unwrap();
    for (name, value) in client.sign(
        "ssmmessages",
        "GET",
        &signed_url,
        b"",
        std::time::SystemTime::now(),
    ) {
        let name: tokio_tungstenite::tungstenite::http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    connect_async(request).await.unwrap();
}

#[tokio::test]
async fn a_tab_in_tmux_is_found_again() {
    let world = World::start().await;
    let client = world.client();
    let environment = client.environment().await;
    let tab = uuid::Uuid::new_v4().to_string();
    let request =
        json!({"EnvironmentId": environment, "SessionType": "TMUX", "TabId": tab, "QCliDisabled": true});
    let (status, session) = client.call("createSession", request.clone()).await;
    if status == 400 {
        assert!(session["message"].as_str().unwrap().contains("tmux"), "{session}");
        return;
    }
    let mut terminal = Terminal::open(&session).await;
    terminal.read_until("$").await;
    terminal.type_text("echo in tm''ux; answer=42\r").await;
    terminal.read_until("in tmux").await;
    let session = client.ok("createSession", request).await;
    let mut again = Terminal::open(&session).await;
    again.read_until("$").await;
    again.type_text("echo the answer is $answer\r").await;
    again.read_until("the answer is 42").await;
}

#[tokio::test]
async fn bytes_that_mean_nothing_do_no_harm() {
    let world = World::start().await;
    let mut terminal = world.client().terminal().await;
    terminal.read_until("$ ").await;
    let mut lottery = Lottery::from_env();
    for _ in 0..500 {
        let len = lottery.below(300);
        let mut bytes = lottery.bytes(len);
        if lottery.once_in(2) {
            // Nearly right: the type, but any number and any payload.
            let sequence = 1000 + lottery.below(1 << 20) as i64;
            bytes = frame("input_stream_data", sequence, 0, lottery.below(20) as u32, &bytes);
            let at = lottery.below(bytes.len());
            bytes[at] ^= lottery.bits() as u8;
        }
        terminal.send(bytes).await;
    }
    terminal.socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(terminal.run("echo alive").await, "alive\r\n");
}

#[tokio::test]
async fn a_first_message_that_is_none_is_refused() {
    let world = World::start().await;
    let client = world.client();
    let environment = client.environment().await;
    let session = client.session(&environment).await;
    let mut lottery = Lottery::from_env();
    for _ in 0..50 {
        let (mut socket, _) = connect_async(session["StreamUrl"].as_str().unwrap())
            .await
            .unwrap();
        let len = lottery.below(200);
        let bytes = lottery.bytes(len);
        let message = match lottery.below(3) {
            0 => Message::binary(bytes),
            1 => Message::text(String::from_utf8_lossy(&bytes).into_owned()),
            _ => Message::text(json!({"MessageSchemaVersion": "1.0", "TokenValue": len}).to_string()),
        };
        socket.send(message).await.unwrap();
        assert_eq!(close_reason(&mut socket).await.map(|(code, _)| code), Some(1008));
    }
    assert_eq!(Terminal::open(&session).await.run("echo fine").await, "fine\r\n");
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_socket() {
    let world = World::start().await;
    let mut terminal = world.client().terminal().await;
    terminal.read_until("$ ").await;
    let bytes = frame("input_stream_data", 0, 0, 1, &vec![b'x'; 70 << 10]);
    let _ = terminal.socket.send(Message::binary(bytes)).await;
    terminal.read_to_end().await;
}

#[tokio::test]
async fn nine_regions_have_nine_homes() {
    let world = World::start().await;
    for number in 1..=9 {
        let client = Client::new(&world.emulator, &format!("xx-test-{number}"));
        let mut terminal = client.terminal().await;
        let command = format!("[ -e name ] || echo {number} > name; cat name; echo $AWS_REGION");
        assert_eq!(
            terminal.run(&command).await,
            format!("{number}\r\nxx-test-{number}\r\n")
        );
    }
    timeout(LONG, world.emulator.shutdown()).await.unwrap();
}
