//! A small client: signs with the SDK's own signer, builds frames from a recorded one, and keeps a terminal's text.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use data_encoding::HEXLOWER;
use emulator::{Control, Credential, Emulator, EmulatorConfig, RunningEmulator};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

/// Longer than anything takes here; only a test that fails waits for it.
pub(crate) const LONG: Duration = Duration::from_secs(20);
pub(crate) const REGION: &str = "eu-west-1";

pub(crate) struct World {
    pub(crate) emulator: RunningEmulator,
    pub(crate) dir: TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut EmulatorConfig)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut config = EmulatorConfig::fast(dir.path());
        change(&mut config);
        let emulator = Emulator::start(config).await.unwrap();
        Self { emulator, dir }
    }

    pub(crate) fn control(&self) -> Control {
        self.emulator.control()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.emulator, REGION)
    }
}

pub(crate) struct Client {
    pub(crate) endpoint: String,
    pub(crate) credential: Credential,
    pub(crate) region: String,
    pub(crate) http: reqwest::Client,
}

impl Client {
    pub(crate) fn new(emulator: &RunningEmulator, region: &str) -> Self {
        Self {
            endpoint: emulator.endpoint(),
            credential: emulator.credentials().remove(0),
            region: region.to_owned(),
            http: plain_http(),
        }
    }

    /// The headers that sign a request.
    pub(crate) fn sign(
        &self,
        service: &str,
        method: &str,
        url: &str,
        body: &[u8],
        time: SystemTime,
    ) -> Vec<(String, String)> {
        let credential = &self.credential;
        let identity = Credentials::new(
            &credential.access_key_id,
            &credential.secret_access_key,
            credential.session_token.clone(),
            None,
            "test",
        )
        .into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .unwrap();
        let headers = std::iter::empty();
        let request = SignableRequest::new(method, url, headers, SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(request, &parameters.into()).unwrap().into_parts();
        let headers = instructions.headers();
        headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    pub(crate) async fn send(&self, operation: &str, body: &[u8]) -> reqwest::Response {
        self.send_at(operation, body, SystemTime::now()).await
    }

    pub(crate) async fn send_at(&self, operation: &str, body: &[u8], time: SystemTime) -> reqwest::Response {
        let url = format!("{}/{operation}", self.endpoint);
        let mut request = self.http.post(&url).body(body.to_vec());
        for (name, value) in self.sign("cloudshell", "POST", &url, body, time) {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    }

    pub(crate) async fn call(&self, operation: &str, body: Value) -> (u16, Value) {
        let response = self.send(operation, body.to_string().as_bytes()).await;
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }

    pub(crate) async fn ok(&self, operation: &str, body: Value) -> Value {
        let (status, answer) = self.call(operation, body).await;
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// Asserts status and code of a refusal.
    pub(crate) async fn refused(&self, operation: &str, body: Value, status: u16, code: &str) {
        let (answered, answer) = self.call(operation, body).await;
        assert_eq!(
            (answered, answer["code"].as_str()),
            (status, Some(code)),
            "{operation}: {answer}"
        );
    }

    /// Creates the default environment, or finds it.
    pub(crate) async fn environment_id(&self) -> String {
        let created = self.ok("createEnvironment", json!({})).await;
        created["EnvironmentId"].as_str().unwrap().to_owned()
    }

    /// Creates the default environment, and waits until it runs.
    pub(crate) async fn environment(&self) -> String {
        let id = self.environment_id().await;
        self.wait_for(&id, "RUNNING").await;
        id
    }

    pub(crate) async fn status(&self, id: &str) -> String {
        let status = self
            .ok("getEnvironmentStatus", json!({"EnvironmentId": id}))
            .await;
        status["Status"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn wait_for(&self, id: &str, status: &str) {
        let wait = async { while self.status(id).await != status {} };
        timeout(LONG, wait)
            .await
            .unwrap_or_else(|_| panic!("never {status}"));
    }

    pub(crate) async fn session(&self, environment: &str) -> Value {
        self.ok("createSession", json!({"EnvironmentId": environment}))
            .await
    }

    /// A terminal in a running default environment.
    pub(crate) async fn terminal(&self) -> Terminal {
        let environment = self.environment().await;
        let session = self.session(&environment).await;
        Terminal::open(&session).await
    }
}

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One end of a data channel.
pub(crate) struct Terminal {
    pub(crate) socket: Socket,
    pub(crate) next_input: i64,
    pub(crate) next_output: i64,
    early: BTreeMap<i64, Vec<u8>>,
    unacknowledged: BTreeMap<i64, Vec<u8>>,
    pub(crate) text: String,
    /// `Output` of `channel_closed`.
    pub(crate) closed: Option<String>,
    /// Other messages, in order.
    pub(crate) seen: Vec<Received>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) message_type: String,
    pub(crate) sequence: i64,
    pub(crate) flags: u64,
    pub(crate) id: String,
    pub(crate) payload_type: u32,
    pub(crate) payload: Vec<u8>,
}

impl Terminal {
    pub(crate) async fn open(session: &Value) -> Self {
        let socket = connect(session).await;
        Self::over(socket)
    }

    pub(crate) fn over(socket: Socket) -> Self {
        Self {
            socket,
            next_input: 0,
            next_output: 0,
            early: BTreeMap::new(),
            unacknowledged: BTreeMap::new(),
            text: String::new(),
            closed: None,
            seen: Vec::new(),
        }
    }

    pub(crate) async fn type_text(&mut self, text: &str) {
        self.input(1, text.as_bytes()).await;
    }

    /// Sends input of a payload type, under the next number.
    pub(crate) async fn input(&mut self, payload_type: u32, payload: &[u8]) {
        let bytes = frame("input_stream_data", self.next_input, 0, payload_type, payload);
        self.unacknowledged.insert(self.next_input, bytes.clone());
        self.next_input += 1;
        self.send(bytes).await;
    }

    pub(crate) async fn send(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::Binary(bytes.into())).await.unwrap();
    }

    /// Reads until the terminal's text contains this; returns the text up to its end, and keeps the rest.
    pub(crate) async fn read_until(&mut self, marker: &str) -> String {
        let wait = async {
            while !self.text.contains(marker) {
                assert!(
                    self.step().await,
                    "the channel ended before {marker:?}: {:?}",
                    self.text
                );
            }
        };
        let found = timeout(LONG, wait).await;
        assert!(found.is_ok(), "no {marker:?} in {:?}", self.text);
        let end = self.text.find(marker).unwrap() + marker.len();
        let rest = self.text.split_off(end);
        std::mem::replace(&mut self.text, rest)
    }

    /// Runs a command without echo, returns its output. Resends like any client would.
    pub(crate) async fn run(&mut self, command: &str) -> String {
        let id = Uuid::new_v4().simple().to_string();
        self.type_text(&format!("echo b''{id}; {command}; echo e''{id}\r"))
            .await;
        self.read_until(&format!("b{id}\r\n")).await;
        let output = self.read_until(&format!("e{id}\r\n")).await;
        output.strip_suffix(&format!("e{id}\r\n")).unwrap().to_owned()
    }

    /// Receives until the channel ends; returns the text.
    pub(crate) async fn read_to_end(&mut self) -> String {
        timeout(LONG, async { while self.step().await {} })
            .await
            .expect("the channel stays open");
        std::mem::take(&mut self.text)
    }

    /// Handles one message; false at the end. While input is unacknowledged, it is resent twice a second.
    pub(crate) async fn step(&mut self) -> bool {
        let message = tokio::select! {
            message = self.socket.next() => message,
            () = tokio::time::sleep(Duration::from_millis(200)), if !self.unacknowledged.is_empty() => {
                let oldest = self.unacknowledged.values().next().unwrap().clone();
                return self.socket.send(Message::Binary(oldest.into())).await.is_ok();
            }
        };
        match message {
            Some(Ok(Message::Binary(bytes))) => self.receive(&bytes).await,
            Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
            Some(Ok(_)) => {}
        }
        true
    }

    async fn receive(&mut self, bytes: &[u8]) {
        let received = decode(bytes);
        match received.message_type.as_str() {
            "output_stream_data" => {
                let acknowledgement = acknowledgement(&received);
                let _ = self.socket.send(Message::Binary(acknowledgement.into())).await;
                self.take_output(received);
            }
            "acknowledge" => {
                let payload: Value = serde_json::from_slice(&received.payload).unwrap();
                let sequence = payload["AcknowledgedMessageSequenceNumber"].as_i64().unwrap();
                self.unacknowledged.remove(&sequence);
                self.seen.push(received);
            }
            "channel_closed" => {
                let payload: Value = serde_json::from_slice(&received.payload).unwrap();
                self.closed = Some(payload["Output"].as_str().unwrap().to_owned());
            }
            _ => self.seen.push(received),
        }
    }

    fn take_output(&mut self, received: Received) {
        if received.payload_type != 1 {
            self.next_output = self.next_output.max(received.sequence + 1);
            self.seen.push(received);
            return;
        }
        if received.sequence >= self.next_output {
            self.early.insert(received.sequence, received.payload);
        }
        while let Some(payload) = self.early.remove(&self.next_output) {
            self.text.push_str(&String::from_utf8_lossy(&payload));
            self.next_output += 1;
        }
    }
}

/// Connects and sends the token.
pub(crate) async fn connect(session: &Value) -> Socket {
    let (mut socket, _) = connect_async(session["StreamUrl"].as_str().unwrap())
        .await
        .unwrap();
    let open = json!({
        "MessageSchemaVersion": "1.0",
        "RequestId": Uuid::new_v4().to_string(),
        "TokenValue": session["TokenValue"],
    });
    socket.send(Message::text(open.to_string())).await.unwrap();
    socket
}

/// What a socket ends with: the code and reason of its close frame, or nothing.
pub(crate) async fn close_reason(socket: &mut Socket) -> Option<(u16, String)> {
    loop {
        match timeout(LONG, socket.next()).await.expect("the socket stays open") {
            Some(Ok(Message::Close(Some(close)))) => {
                return Some((close.code.into(), close.reason.to_string()));
            }
            Some(Ok(Message::Close(None)))
            | None
            | Some(Err(SocketError::ConnectionClosed | SocketError::Protocol(_) | SocketError::Io(_))) => {
                return None;
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => panic!("{error}"),
        }
    }
}

/// Changes a recorded message (keystrokes `ls`, number 1) into another.
pub(crate) fn frame(
    message_type: &str,
    sequence: i64,
    flags: u64,
    payload_type: u32,
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = HEXLOWER.decode(RECORDED.as_bytes()).unwrap();
    bytes.truncate(120);
    bytes[4..36].fill(b' ');
    bytes[4..4 + message_type.len()].copy_from_slice(message_type.as_bytes());
    bytes[48..56].copy_from_slice(&sequence.to_be_bytes());
    bytes[56..64].copy_from_slice(&flags.to_be_bytes());
    bytes[64..80].copy_from_slice(Uuid::new_v4().as_bytes());
    bytes[80..112].copy_from_slice(&Sha256::digest(payload));
    bytes[112..116].copy_from_slice(&payload_type.to_be_bytes());
    bytes[116..120].copy_from_slice(&(payload.len() as u32).to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

pub(crate) fn decode(bytes: &[u8]) -> Received {
    let number = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
    let payload = bytes[120..].to_vec();
    assert_eq!(bytes[..4], [0, 0, 0, 116]);
    assert_eq!(bytes[80..112], Sha256::digest(&payload)[..], "the digest");
    assert_eq!(
        bytes[116..120],
        (payload.len() as u32).to_be_bytes(),
        "the length"
    );
    let id = u128::from(number(72)) << 64 | u128::from(number(64));
    Received {
        message_type: String::from_utf8(bytes[4..36].to_vec())
            .unwrap()
            .trim_end()
            .to_owned(),
        sequence: number(48) as i64,
        flags: number(56),
        id: Uuid::from_u128(id).to_string(),
        payload_type: u32::from_be_bytes(bytes[112..116].try_into().unwrap()),
        payload,
    }
}

pub(crate) fn acknowledgement(received: &Received) -> Vec<u8> {
    let payload = format!(
        r#"{{"AcknowledgedMessageType":"{}","AcknowledgedMessageId":"{}","AcknowledgedMessageSequenceNumber":{},"IsSequentialMessage":true}}"#,
        received.message_type, received.id, received.sequence
    );
    frame("acknowledge", 0, 3, 0, payload.as_bytes())
}

const RECORDED: &str = "00000074696e7075745f73747265616d5f6461746120202020202020202020202020202020000000010000015e0baa788400000000000000010000000000000000844455555555555511111111222243331d887ce0f8672e4914d9000e801cd74ecd805dd9366c0bc42dc16adc0197dc2f00000001000000036c730d";

/// Built with the rest of the workspace, the HTTP client asks for a TLS library even where it needs none.
fn plain_http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
