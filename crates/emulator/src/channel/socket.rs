//! A client's WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::session::Link;
use crate::faults::{Delayed, Toward};
use crate::shared::Shared;

/// Lets a client in; the token is in its first message.
pub(crate) fn upgrade(shared: Arc<Shared>, session: String, upgrade: WebSocketUpgrade) -> Response {
    let Ok(permit) = Arc::clone(&shared.sockets).try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let tracked = shared.tasks.token();
    upgrade
        .max_message_size(MESSAGE_LEN_MAX)
        .max_frame_size(MESSAGE_LEN_MAX)
        .on_upgrade(move |socket| async move {
            let _held = (permit, tracked);
            let closing = shared.closing.clone();
            tokio::select! {
                () = closing.cancelled() => {}
                () = serve(&shared, &session, socket) => {}
            }
        })
}

async fn serve(shared: &Arc<Shared>, session: &str, mut socket: WebSocket) {
    let refusal = match timeout(OPEN_TIME_MAX, socket.recv()).await {
        Ok(Some(Ok(Message::Text(text)))) => match open(shared, session, text.as_str()).await {
            Ok((region, opened)) => return converse(shared, &region, socket, opened).await,
            Err(refusal) => refusal,
        },
        Ok(Some(Ok(_))) => "the first message must be OpenDataChannel, as text".to_owned(),
        Ok(_) => return,
        Err(_) => "OpenDataChannel did not come".to_owned(),
    };
    tracing::debug!(session, refusal, "a data channel was refused");
    let _ = timeout(WRITE_TIME_MAX, socket.send(close(POLICY, &refusal))).await;
}

/// The socket's ends of the queues to the session.
struct Opened {
    incoming: mpsc::Sender<Bytes>,
    outgoing: mpsc::Receiver<Bytes>,
}

/// Checks the first message and attaches the session.
async fn open(shared: &Arc<Shared>, session: &str, text: &str) -> Result<(String, Opened), String> {
    let request: OpenDataChannel = serde_json::from_str(text).map_err(|error| error.to_string())?;
    request.check(shared.config.channel.requires_client_id)?;
    let handle = shared.open_session(session, &request.token_value)?;
    let (incoming, received) = mpsc::channel(INCOMING_MAX);
    let (sender, outgoing) = mpsc::channel(OUTGOING_MAX);
    let link = Link {
        incoming: received,
        outgoing: sender,
    };
    handle.attach(link).await;
    Ok((handle.region, Opened { incoming, outgoing }))
}

/// Carries messages until either side has had enough.
async fn converse(shared: &Arc<Shared>, region: &str, socket: WebSocket, opened: Opened) {
    let (mut sink, stream) = socket.split();
    let line = shared.faults.line(region);
    let bye_at = Instant::now() + shared.config.channel.socket_lifetime;
    let goodbye = tokio::select! {
        () = line.severed() => return,
        () = carry_in(&line, stream, opened.incoming) => return,
        goodbye = carry_out(&line, &mut sink, opened.outgoing) => goodbye,
        () = sleep_until(bye_at) => Some("Bye"),
    };
    if let Some(reason) = goodbye {
        let _ = timeout(WRITE_TIME_MAX, sink.send(close(NORMAL, reason))).await;
    }
}

/// Ends when the client or the session is gone.
async fn carry_in(
    line: &crate::faults::Line,
    mut stream: impl Stream<Item = Result<Message, axum::Error>> + Unpin,
    session: mpsc::Sender<Bytes>,
) {
    let mut delayed = Delayed::default();
    loop {
        let message = tokio::select! {
            message = stream.next(), if !delayed.is_full() => message,
            bytes = delayed.next() => {
                if session.send(bytes).await.is_err() {
                    return;
                }
                continue;
            }
        };
        match message {
            Some(Ok(Message::Binary(bytes))) => line.pass(Toward::Agent, bytes, &mut delayed),
            // Pings are answered by the library; text after the first message means nothing.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return,
        }
    }
}

/// Ends with a reason when the session is over, without one when the client cannot be reached.
async fn carry_out(
    line: &crate::faults::Line,
    sink: &mut (impl Sink<Message, Error = axum::Error> + Unpin),
    mut session: mpsc::Receiver<Bytes>,
) -> Option<&'static str> {
    let mut delayed = Delayed::default();
    let mut is_over = false;
    loop {
        if is_over && delayed.is_empty() {
            return Some("");
        }
        let bytes = tokio::select! {
            bytes = session.recv(), if !is_over && !delayed.is_full() => {
                match bytes {
                    Some(bytes) => line.pass(Toward::Client, bytes, &mut delayed),
                    None => is_over = true,
                }
                continue;
            }
            bytes = delayed.next() => bytes,
        };
        match timeout(WRITE_TIME_MAX, sink.send(Message::Binary(bytes))).await {
            Ok(Ok(())) => {}
            _ => return None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OpenDataChannel {
    message_schema_version: String,
    request_id: String,
    token_value: String,
    client_id: Option<String>,
    client_version: Option<String>,
}

impl OpenDataChannel {
    fn check(&self, requires_client_id: bool) -> Result<(), String> {
        if self.message_schema_version != "1.0" {
            return Err(format!(
                "MessageSchemaVersion is {:?}, not 1.0",
                self.message_schema_version
            ));
        }
        if self.request_id.parse::<uuid::Uuid>().is_err() {
            return Err("RequestId is no UUID".to_owned());
        }
        if requires_client_id && (self.client_id.is_none() || self.client_version.is_none()) {
            return Err("ClientId and ClientVersion are required".to_owned());
        }
        Ok(())
    }
}

fn close(code: u16, reason: &str) -> Message {
    // A control frame holds 125 bytes.
    let reason: String = reason.chars().take(30).collect();
    Message::Close(Some(CloseFrame {
        code,
        reason: reason.into(),
    }))
}

const NORMAL: u16 = 1000;
const POLICY: u16 = 1008;

/// Far above what any client sends; the protocol's messages are about 1 KiB.
const MESSAGE_LEN_MAX: usize = 64 << 10;
const OPEN_TIME_MAX: Duration = Duration::from_secs(10);
/// A client that reads nothing for so long is gone.
const WRITE_TIME_MAX: Duration = Duration::from_secs(60);
const INCOMING_MAX: usize = 64;
/// A full window, and as many acknowledgements.
const OUTGOING_MAX: usize = 2 * super::agent::WINDOW;
