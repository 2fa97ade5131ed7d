//! A service of one environment, as little as the tests need: an API that checks nothing, a data channel to a real
//! terminal (of util-linux's `script`), and a bucket.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard};

use cloudshell::channel::frame::{Frame, MessageType, PayloadType};
use cloudshell::{Api, ApiConfig, EnvironmentShell, ShellOptions, static_credentials};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

impl State {
    /// Sessions that were ever created.
    pub(crate) fn session_count(&self) -> usize {
        self.session_count
    }
}

/// What the tests choose and see.
#[derive(Default)]
pub(crate) struct State {
    /// What `getEnvironmentStatus` says; running if empty.
    pub(crate) status: String,
    /// Whether files can be posted.
    pub(crate) has_bucket: bool,
    /// Whether the bucket wants the key's checksum.
    pub(crate) wants_key_md5: bool,
    /// Whether an upgrade must be signed.
    pub(crate) wants_signature: bool,
    /// Whether agents ask for a handshake.
    pub(crate) has_handshake: bool,
    /// Sessions that lose their connection after so many bytes of keystrokes, in turn; zero for never.
    pub(crate) lives: VecDeque<usize>,
    /// The shell; bash if empty.
    pub(crate) login_shell: String,
    /// Paths that were asked for.
    pub(crate) asked: Vec<String>,
    /// The longest line that was typed.
    pub(crate) longest_line: usize,
    /// Targets of upgrade requests.
    pub(crate) upgrades: Vec<String>,
    stored: Vec<u8>,
    sessions: BTreeMap<String, watch::Sender<bool>>,
    session_count: usize,
}

#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) state: Arc<Mutex<State>>,
    home: Arc<TempDir>,
    address: String,
    open: watch::Sender<usize>,
    _tasks: Arc<Mutex<JoinSet<()>>>,
}

impl Service {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let service = Self {
            state: Arc::default(),
            home: Arc::new(tempfile::tempdir().expect("a directory")),
            address: listener.local_addr().expect("bound").to_string(),
            open: watch::Sender::new(0),
            _tasks: Arc::default(),
        };
        let (for_task, mut tasks) = (service.clone_without_tasks(), JoinSet::new());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let service = for_task.clone();
                connections.spawn(async move { service.serve(socket).await });
            }
        });
        Self {
            _tasks: Arc::new(Mutex::new(tasks)),
            ..service
        }
    }

    fn clone_without_tasks(&self) -> Self {
        Self {
            _tasks: Arc::default(),
            ..self.clone()
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panicked")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.home.path().canonicalize().expect("it exists")
    }

    pub(crate) fn shell(&self) -> EnvironmentShell {
        let config = ApiConfig {
            endpoint: format!("http://{}", self.address).parse().ok(),
            ..ApiConfig::new("eu-west-1", static_credentials("AKID", "secret", None))
        };
        let api = Api::new(config).expect("it can be made");
        EnvironmentShell::new(api, "e-1", ShellOptions::default())
    }

    /// Sessions that were created and not deleted.
    pub(crate) fn sessions(&self) -> usize {
        *self.open.borrow()
    }

    /// Waits until so many sessions are open.
    pub(crate) async fn wait_for_sessions(&self, count: usize) {
        let mut open = self.open.subscribe();
        let waiting = open.wait_for(|open| *open == count);
        let waited = tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await;
        assert!(waited.is_ok(), "{} sessions, not {count}", self.sessions());
    }

    async fn serve(&self, mut socket: TcpStream) {
        let mut start = [0; 4];
        if socket.peek(&mut start).await.is_ok_and(|len| len == 4) && start == *b"GET " {
            let mut head = vec![0; 2048];
            let len = socket.peek(&mut head).await.expect("it is there");
            if String::from_utf8_lossy(&head[..len]).contains("/data-channel/") {
                return self.channel(socket).await;
            }
        }
        let (head, body) = read_request(&mut socket).await;
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let (status, answer) = self.answer(&path, &head, &body);
        let length = answer.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        let _ = socket.write_all(head.as_bytes()).await;
        let _ = socket.write_all(&answer).await;
    }

    fn answer(&self, path: &str, head: &str, body: &[u8]) -> (&'static str, Vec<u8>) {
        let mut state = self.state();
        state.asked.push(path.to_owned());
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let answer = match path {
            "/getEnvironmentStatus" if state.status.is_empty() => json!({"Status": "RUNNING"}),
            "/getEnvironmentStatus" => json!({"Status": state.status, "StatusReason": "idle"}),
            "/createSession" => self.create_session(&mut state),
            "/deleteSession" => {
                let id = request["SessionId"].as_str().expect("an id");
                if let Some(session) = state.sessions.remove(id) {
                    session.send_replace(true);
                }
                self.open.send_replace(state.sessions.len());
                json!({})
            }
            "/getFileUploadUrls" if state.has_bucket => self.urls(),
            "/bucket" => return bucket(&mut state, head, body),
            _ => return ("404 Not Found", b"{}".to_vec()),
        };
        ("200 OK", answer.to_string().into_bytes())
    }

    fn create_session(&self, state: &mut State) -> Value {
        state.session_count += 1;
        let id = format!("1-s{}", state.session_count);
        state.sessions.insert(id.clone(), watch::Sender::new(false));
        self.open.send_replace(state.sessions.len());
        let address = &self.address;
        json!({
            "SessionId": id,
            "TokenValue": "to+ken/=",
            "StreamUrl": format!("ws://{address}/v1/data-channel/{id}?role=publish_subscribe&cell-number=AAEAA+b/c=="),
        })
    }

    fn urls(&self) -> Value {
        let url = format!("http://{}/bucket", self.address);
        json!({
            "FileUploadPresignedUrl": url,
            "FileUploadPresignedFields": {
                "key": "k",
                "x-amz-server-side-encryption-customer-algorithm": "AES256",
            },
            "FileDownloadPresignedUrl": url,
            "FileDownloadPresignedKey": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        })
    }

    async fn channel(&self, socket: TcpStream) {
        let (state, mut id) = (Arc::clone(&self.state), String::new());
        #[expect(clippy::result_large_err, reason = "the library's signature")]
        let check = |request: &Request, answer: Response| -> Result<Response, ErrorResponse> {
            let mut state = state.lock().expect("nobody panicked");
            state.upgrades.push(request.uri().to_string());
            id = request
                .uri()
                .path()
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned();
            let is_signed = request.headers().get("authorization").is_some_and(|value| {
                value
                    .to_str()
                    .is_ok_and(|value| value.contains("/ssmmessages/aws4_request"))
            });
            if state.wants_signature && !is_signed {
                let mut refusal = ErrorResponse::new(None);
                *refusal.status_mut() = tokio_tungstenite::tungstenite::http::StatusCode::FORBIDDEN;
                return Err(refusal);
            }
            Ok(answer)
        };
        let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(socket, check).await else {
            return;
        };
        let opened = socket.next().await;
        let Some(Ok(Message::Text(open))) = opened else {
            panic!("the first message is text: {opened:?}")
        };
        let open: Value = serde_json::from_str(&open).expect("JSON");
        assert_eq!(open["TokenValue"], "to+ken/=");
        let (deleted, life, has_handshake, login_shell) = {
            let mut state = self.state();
            let deleted = state.sessions.get(&id).map(watch::Sender::subscribe);
            let life = state.lives.pop_front().unwrap_or(0);
            (deleted, life, state.has_handshake, state.login_shell.clone())
        };
        let Some(deleted) = deleted else { return };
        let agent = Agent {
            terminal: terminal(&self.home(), &login_shell),
            socket,
            state: Arc::clone(&self.state),
            deleted,
            life,
            sent: 0,
            expected: 0,
            line_len: 0,
        };
        agent.run(has_handshake).await;
    }
}

fn bucket(state: &mut State, head: &str, body: &[u8]) -> (&'static str, Vec<u8>) {
    if head.starts_with("POST ") {
        // The file is the last part, between an empty line and the closing boundary.
        let marker = b"filename=\"file\"";
        let at = find(body, marker).expect("a file part");
        let begin = at + find(&body[at..], b"\r\n\r\n").expect("its headers end") + 4;
        let end = body.len() - 8 - boundary(head).len();
        state.stored = body[begin..end].to_vec();
        return ("204 No Content", Vec::new());
    }
    let has = |name: &str| head.to_ascii_lowercase().contains(&format!("{name}: "));
    let has_key = has("x-amz-server-side-encryption-customer-key")
        && has("x-amz-server-side-encryption-customer-algorithm");
    if !has_key || (state.wants_key_md5 && !head.contains("-key-MD5") && !head.contains("-key-md5: ")) {
        return ("400 Bad Request", b"no key".to_vec());
    }
    ("200 OK", state.stored.clone())
}

fn boundary(head: &str) -> String {
    let (_, behind) = head.split_once("boundary=").expect("a boundary");
    behind.lines().next().unwrap_or_default().trim().to_owned()
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

async fn read_request(socket: &mut TcpStream) -> (String, Vec<u8>) {
    let mut request = Vec::new();
    loop {
        if let Some(at) = find(&request, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..at]).into_owned();
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            while request.len() < at + 4 + length {
                if socket.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            return (head, request.split_off(at + 4));
        }
        if socket.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return (String::new(), Vec::new());
        }
    }
}

/// A login shell with a prompt, a line editor and bad habits.
fn terminal(home: &std::path::Path, login_shell: &str) -> Child {
    let login_shell = if login_shell.is_empty() {
        "bash --noprofile --norc -i"
    } else {
        login_shell
    };
    Command::new("script")
        .args(["-q", "-f", "-e", "-c", login_shell, "/dev/null"])
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm-256color")
        .env("PS1", "[me@ip ~]$ ")
        .env("PROMPT_COMMAND", "echo prompted")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("util-linux has script")
}

struct Agent {
    terminal: Child,
    socket: WebSocketStream<TcpStream>,
    state: Arc<Mutex<State>>,
    deleted: watch::Receiver<bool>,
    life: usize,
    sent: i64,
    expected: i64,
    line_len: usize,
}

impl Agent {
    async fn run(mut self, has_handshake: bool) {
        let mut input: Box<dyn AsyncWrite + Send + Unpin> =
            Box::new(self.terminal.stdin.take().expect("piped"));
        let mut output: Box<dyn AsyncRead + Send + Unpin> =
            Box::new(self.terminal.stdout.take().expect("piped"));
        if has_handshake {
            let request = json!({"RequestedClientActions": [
                {"ActionType": "SessionType", "ActionParameters": {"SessionType": "Standard_Stream"}}
            ]});
            self.send(PayloadType::HandshakeRequest, request.to_string().as_bytes())
                .await;
        }
        let mut deleted = self.deleted.clone();
        let mut typed = 0;
        let mut bytes = [0; 1024];
        loop {
            tokio::select! {
                read = output.read(&mut bytes), if !has_handshake || self.sent > 1 => match read {
                    Ok(len @ 1..) => self.send(PayloadType::Output, &bytes[..len]).await,
                    _ => break,
                },
                message = self.socket.next() => {
                    let Some(Ok(message)) = message else { return };
                    let Message::Binary(message) = message else { continue };
                    let Some(keystrokes) = self.take(&message).await else { continue };
                    typed += keystrokes.len();
                    if self.life > 0 && typed > self.life {
                        return;
                    }
                    self.measure(&keystrokes);
                    if input.write_all(&keystrokes).await.is_err() || input.flush().await.is_err() {
                        break;
                    }
                }
                () = async { let _ = deleted.wait_for(|deleted| *deleted).await; } => break,
            }
        }
        let closed = Frame {
            message_type: MessageType::ChannelClosed,
            payload: br#"{"Output":""}"#.to_vec(),
            ..self.frame(PayloadType::None, b"")
        };
        let _ = self.socket.send(Message::binary(closed.encode())).await;
        let _ = self.socket.close(None).await;
        // A socket that is closed with something unread in it takes back what it sent last.
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    async fn take(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let frame = Frame::decode(message).expect("clients send frames");
        if frame.message_type != MessageType::InputStreamData {
            return None;
        }
        let payload = json!({
            "AcknowledgedMessageType": "input_stream_data",
            "AcknowledgedMessageId": frame.message_id.to_string(),
            "AcknowledgedMessageSequenceNumber": frame.sequence,
            "IsSequentialMessage": true,
        });
        let acknowledgement = Frame {
            message_type: MessageType::Acknowledge,
            sequence: 0,
            payload: payload.to_string().into_bytes(),
            ..self.frame(PayloadType::None, b"")
        };
        let _ = self.socket.send(Message::binary(acknowledgement.encode())).await;
        // Over one connection nothing overtakes: what is not next was here before.
        if frame.sequence != self.expected {
            return None;
        }
        self.expected += 1;
        if frame.payload_type == PayloadType::HandshakeResponse {
            self.send(
                PayloadType::HandshakeComplete,
                br#"{"HandshakeTimeToComplete":1,"CustomerMessage":""}"#,
            )
            .await;
        }
        (frame.payload_type == PayloadType::Output).then_some(frame.payload)
    }

    async fn send(&mut self, payload_type: PayloadType, payload: &[u8]) {
        let frame = self.frame(payload_type, payload);
        self.sent += 1;
        let _ = self.socket.send(Message::binary(frame.encode())).await;
    }

    fn frame(&self, payload_type: PayloadType, payload: &[u8]) -> Frame {
        Frame {
            message_type: MessageType::OutputStreamData,
            created_ms: 1,
            sequence: self.sent,
            flags: u64::from(self.sent == 0),
            message_id: uuid::Uuid::from_u128(self.sent.unsigned_abs().into()),
            payload_type,
            payload: payload.to_vec(),
        }
    }

    fn measure(&mut self, keystrokes: &[u8]) {
        for byte in keystrokes {
            let is_end = matches!(byte, b'\r' | b'\n');
            self.line_len = if is_end { 0 } else { self.line_len + 1 };
            let mut state = self.state.lock().expect("nobody panicked");
            state.longest_line = state.longest_line.max(self.line_len);
        }
    }
}
