//! A data channel on its WebSocket.

use std::future::poll_fn;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::{Error, Message};
use tracing::debug;

use super::socket::Socket;
use crate::channel::{Channel, ChannelEnd};

/// Carries bytes between a pipe and a channel until the channel ends or the pipe's other end is gone.
pub(super) async fn drive(
    socket: Socket,
    channel: Channel,
    pipe: DuplexStream,
    end: watch::Sender<Option<ChannelEnd>>,
) {
    let mut driver = Driver::new(socket, channel, pipe);
    let reason = loop {
        if let Some(reason) = driver.channel.end() {
            break reason.clone();
        }
        if let Err(reason) = driver.step().await {
            driver.hear_the_rest().await;
            driver.channel.handle_disconnect(reason);
        }
    };
    debug!(%reason, dropped = driver.channel.dropped(), "session ended");
    end.send_replace(Some(reason));
    // A reader that has stopped reading must not hold the task for ever.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, driver.drain()).await;
}

struct Driver {
    sink: SplitSink<Socket, Message>,
    stream: SplitStream<Socket>,
    channel: Channel,
    pipe_reader: ReadHalf<DuplexStream>,
    pipe_writer: WriteHalf<DuplexStream>,
    /// Whether the pipe may still bring something.
    has_input: bool,
    input: Vec<u8>,
    /// Read from the channel, not yet taken by the pipe.
    output: Bytes,
    outbox: Option<Message>,
    needs_flush: bool,
    ping_at: Instant,
    heard_at: Instant,
}

/// What happened first.
enum Happened {
    SocketReady(Result<(), Error>),
    Flushed(Result<(), Error>),
    Message(Option<Result<Message, Error>>),
    Input(std::io::Result<usize>),
    Output(std::io::Result<usize>),
    Time,
}

impl Driver {
    fn new(socket: Socket, channel: Channel, pipe: DuplexStream) -> Self {
        let (sink, stream) = socket.split();
        let (pipe_reader, pipe_writer) = tokio::io::split(pipe);
        let now = now();
        Self {
            sink,
            stream,
            channel,
            pipe_reader,
            pipe_writer,
            has_input: true,
            input: vec![0; INPUT_LEN],
            output: Bytes::new(),
            outbox: None,
            needs_flush: false,
            ping_at: now,
            heard_at: now,
        }
    }

    async fn step(&mut self) -> Result<(), String> {
        self.refill();
        match self.wait().await {
            Happened::SocketReady(ready) => {
                ready.map_err(text)?;
                if let Some(message) = self.outbox.take() {
                    self.sink.start_send_unpin(message).map_err(text)?;
                    self.needs_flush = true;
                }
            }
            Happened::Flushed(flushed) => {
                flushed.map_err(text)?;
                self.needs_flush = false;
            }
            Happened::Message(message) => self.take_message(message)?,
            Happened::Input(read) => self.take_input(read),
            Happened::Output(written) => {
                let written = written.map_err(|_| "the reader is gone".to_owned())?;
                self.output = self.output.slice(written..);
            }
            Happened::Time => {
                self.channel.handle_timeout(now());
                if self.channel.can_receive() && self.heard_at + SILENCE_MAX <= now() {
                    return Err(format!("nothing was heard for {SILENCE_MAX:?}"));
                }
            }
        }
        Ok(())
    }

    /// Takes the next things to send and to give from the channel.
    fn refill(&mut self) {
        let now = now();
        if self.output.is_empty() {
            self.output = self.channel.read(now).map(Bytes::from).unwrap_or_default();
        }
        if self.outbox.is_none() && self.ping_at <= now {
            self.ping_at = now + PING_INTERVAL;
            self.outbox = Some(Message::Ping(Bytes::from_static(PING)));
        }
        if self.outbox.is_none() {
            self.outbox = self.channel.poll_transmit(now).map(Message::binary);
        }
        if !self.channel.can_receive() {
            // Nobody listens: nothing can be heard.
            self.heard_at = now;
        }
    }

    /// Every branch can be abandoned without losing anything.
    async fn wait(&mut self) -> Happened {
        let input_len = self.channel.write_room().min(self.input.len());
        let input = self.input.get_mut(..input_len).unwrap_or_default();
        let deadline = self
            .channel
            .poll_timeout()
            .unwrap_or(self.ping_at)
            .min(self.ping_at)
            .min(self.heard_at + SILENCE_MAX);
        let (has_message, needs_flush) = (self.outbox.is_some(), self.needs_flush);
        let sink = &mut self.sink;
        let sending = async move {
            if has_message {
                Happened::SocketReady(poll_fn(|context| sink.poll_ready_unpin(context)).await)
            } else if needs_flush {
                Happened::Flushed(poll_fn(|context| sink.poll_flush_unpin(context)).await)
            } else {
                std::future::pending().await
            }
        };
        tokio::select! {
            happened = sending => happened,
            message = self.stream.next(), if self.channel.can_receive() => Happened::Message(message),
            read = self.pipe_reader.read(input), if self.has_input && input_len > 0 => Happened::Input(read),
            written = self.pipe_writer.write(&self.output), if !self.output.is_empty() => Happened::Output(written),
            () = tokio::time::sleep_until(deadline.into()) => Happened::Time,
        }
    }

    fn take_message(&mut self, message: Option<Result<Message, Error>>) -> Result<(), String> {
        self.heard_at = now();
        match message.ok_or_else(|| "it was closed".to_owned())?.map_err(text)? {
            Message::Binary(bytes) => self.channel.handle_message(now(), &bytes),
            Message::Text(bytes) => self.channel.handle_message(now(), bytes.as_bytes()),
            // Its answer was queued by the library.
            Message::Ping(_) => self.needs_flush = true,
            Message::Pong(_) | Message::Frame(_) => {}
            Message::Close(None) => return Err("the service closed it".to_owned()),
            Message::Close(Some(close)) => {
                let reason: String = close.reason.chars().filter(|c| !c.is_control()).collect();
                return Err(format!(
                    "the service closed it with {} {reason}",
                    u16::from(close.code)
                ));
            }
        }
        Ok(())
    }

    fn take_input(&mut self, read: std::io::Result<usize>) {
        let len = read.unwrap_or(0);
        self.has_input = len > 0;
        let taken = self.channel.write(self.input.get(..len).unwrap_or_default());
        debug_assert_eq!(taken, len, "no more was read than there was room for");
    }

    /// What arrived before the connection was found lost, perhaps while sending.
    async fn hear_the_rest(&mut self) {
        let hearing = async {
            while let Some(Ok(message)) = self.stream.next().await {
                self.channel.handle_message(now(), &message.into_data());
                if !self.channel.can_receive() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(REST_TIMEOUT, hearing).await;
    }

    async fn drain(&mut self) -> std::io::Result<()> {
        loop {
            self.pipe_writer.write_all(&self.output).await?;
            match self.channel.read(now()) {
                Some(bytes) => self.output = bytes.into(),
                None => return self.pipe_writer.shutdown().await,
            }
        }
    }
}

fn text(error: Error) -> String {
    error.to_string()
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// What other clients send.
const PING: &[u8] = b"keepalive";
const PING_INTERVAL: Duration = Duration::from_secs(60);
/// Two pings went unanswered.
const SILENCE_MAX: Duration = Duration::from_secs(150);
/// It is here already, or it does not come.
const REST_TIMEOUT: Duration = Duration::from_secs(1);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
const INPUT_LEN: usize = 8 << 10;
