//! A session: a shell that outlives the sockets through which it is seen.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use pty_process::OwnedReadPty;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

use super::agent::{Agent, Event};
use super::filter::Utf8Filter;
use super::frame::Frame;
use super::terminal::{ShellSpec, Terminal};
use crate::calendar::unix_ms;
use crate::shared::Shared;

/// How a running session is reached.
#[derive(Clone, Debug)]
pub(crate) struct SessionHandle {
    commands: mpsc::Sender<Command>,
    closing: watch::Sender<Option<&'static str>>,
    pub(crate) region: String,
}

/// The two queues between a session and the socket of its client.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) incoming: mpsc::Receiver<Bytes>,
    pub(crate) outgoing: mpsc::Sender<Bytes>,
}

enum Command {
    Attach(Link),
    PauseBurst(u32),
}

impl SessionHandle {
    /// Starts the shell and the task that serves it.
    ///
    /// # Errors
    ///
    /// If the shell cannot be started.
    pub(crate) fn start(shared: &Arc<Shared>, id: &str, spec: &ShellSpec) -> std::io::Result<Self> {
        let terminal = Terminal::open(spec)?;
        let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
        let (closing, closed) = watch::channel(None);
        let now = Instant::now();
        let session = Session {
            agent: Agent::new(now.into_std(), shared.config.channel.has_handshake),
            shared: Arc::clone(shared),
            id: id.to_owned(),
            terminal,
            link: None,
            filter: Utf8Filter::default(),
            typed: BytesMut::new(),
            read_after: now + shared.config.channel.pump.initial_wait,
            ending: None,
        };
        shared.tasks.spawn(session.run(receiver, closed));
        Ok(Self {
            commands,
            closing,
            region: spec.region.clone(),
        })
    }

    /// Gives the session a client; the one before, if any, is let go.
    pub(crate) async fn attach(&self, link: Link) {
        let _ = self.commands.send(Command::Attach(link)).await;
    }

    /// Tells the client and ends the session.
    pub(crate) fn close(&self, output: &'static str) {
        self.closing.send_replace(Some(output));
    }

    /// Sends the client as many pairs of pause and start.
    pub(crate) fn pause_burst(&self, count: u32) {
        let _ = self.commands.try_send(Command::PauseBurst(count.min(PAUSES_MAX)));
    }
}

struct Session {
    shared: Arc<Shared>,
    id: String,
    agent: Agent,
    terminal: Terminal,
    link: Option<Link>,
    filter: Utf8Filter,
    /// Input that the terminal has not taken yet.
    typed: BytesMut,
    read_after: Instant,
    ending: Option<Ending>,
}

/// The shell has ended: its last output is read and acknowledged until then.
struct Ending {
    is_read: bool,
    until: Instant,
}

/// What a session wakes up for.
enum Woken {
    Command(Option<Command>),
    Closed,
    Received(Option<Bytes>),
    Read(std::io::Result<usize>),
    Written(std::io::Result<usize>),
    ShellEnded,
    TimedOut,
}

impl Session {
    async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut closing: watch::Receiver<Option<&'static str>>,
    ) {
        let mut buffer = vec![0; self.shared.config.channel.pump.read_len.clamp(1, READ_LEN_MAX)];
        let output = loop {
            if let Err(output) = self.settle() {
                break output;
            }
            match self.woken(&mut commands, &mut closing, &mut buffer).await {
                Woken::Command(Some(command)) => self.obey(command),
                Woken::Command(None) => break String::new(),
                Woken::Closed => break closing.borrow().unwrap_or_default().to_owned(),
                Woken::Received(bytes) => self.receive(bytes),
                Woken::Read(Ok(len)) if len > 0 => self.show(&buffer[..len]),
                Woken::Read(_) => self.end_reading(),
                Woken::Written(Ok(len)) => self.typed.advance(len),
                Woken::Written(Err(_)) => self.typed.clear(),
                Woken::ShellEnded => self.begin_ending(),
                Woken::TimedOut => self.agent.handle_timeout(Instant::now().into_std()),
            }
        };
        self.say_goodbye(output).await;
    }

    async fn woken(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        closing: &mut watch::Receiver<Option<&'static str>>,
        buffer: &mut [u8],
    ) -> Woken {
        let is_read = self.ending.as_ref().is_some_and(|ending| ending.is_read);
        let can_read = !is_read && self.agent.can_send();
        let shell_runs = self.ending.is_none();
        let ends_at = self.ending.as_ref().map(|ending| ending.until);
        let ticks_at = self.agent.poll_timeout().map(Instant::from_std);
        let wakes_at = ends_at.into_iter().chain(ticks_at).min();
        let Self {
            terminal,
            link,
            typed,
            read_after,
            ..
        } = self;
        let Terminal {
            reader,
            writer,
            shell,
        } = terminal;
        tokio::select! {
            command = commands.recv() => Woken::Command(command),
            _ = closing.changed() => Woken::Closed,
            bytes = receive(link) => Woken::Received(bytes),
            read = read_no_sooner(*read_after, reader, buffer), if can_read => Woken::Read(read),
            written = writer.write(typed), if !typed.is_empty() => Woken::Written(written),
            _ = shell.wait(), if shell_runs => Woken::ShellEnded,
            () = sleep_until(wakes_at.unwrap_or_else(Instant::now)), if wakes_at.is_some() => Woken::TimedOut,
        }
    }

    /// Carries out what the agent decided. Returns the last words if the session is over.
    fn settle(&mut self) -> Result<(), String> {
        let room = TYPED_LEN_MAX.saturating_sub(self.typed.len());
        self.agent
            .handle_input_room(Instant::now().into_std(), self.now_ms(), room);
        while let Some(event) = self.agent.poll_event() {
            match event {
                Event::Input(bytes) => self.typed.extend_from_slice(&bytes),
                Event::Resize { columns, rows } => {
                    let size = pty_process::Size::new(rows, columns);
                    let _ = self.terminal.writer.resize(size);
                }
                Event::Failed(reason) => return Err(reason),
            }
        }
        while let Some(bytes) = self.agent.poll_transmit() {
            // What finds no room is lost, like on any network: both sides resend.
            if let Some(link) = &self.link {
                let _ = link.outgoing.try_send(bytes);
            }
        }
        match &self.ending {
            Some(ending) if (ending.is_read && self.agent.is_drained()) || Instant::now() >= ending.until => {
                Err(String::new())
            }
            _ => Ok(()),
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Attach(link) => {
                self.link = Some(link);
                self.agent
                    .handle_connected(Instant::now().into_std(), self.now_ms());
            }
            Command::PauseBurst(count) => {
                for _ in 0..count {
                    self.publish("pause_publication");
                    self.publish("start_publication");
                }
            }
        }
    }

    fn publish(&self, message_type: &str) {
        if let Some(link) = &self.link {
            let frame = Frame::new(message_type, self.now_ms(), Bytes::new());
            let _ = link.outgoing.try_send(frame.encode());
        }
    }

    fn receive(&mut self, bytes: Option<Bytes>) {
        let Some(bytes) = bytes else {
            self.link = None;
            self.agent.handle_paused();
            return;
        };
        let frame = match Frame::decode(&bytes) {
            Ok(frame) if frame.is_digest_right || !self.shared.config.channel.checks_digests => frame,
            refused => {
                self.shared.counters.count_refused_frame();
                tracing::debug!(session = self.id, ?refused, "a message was dropped");
                return;
            }
        };
        if frame.message_type == "input_stream_data" {
            self.shared
                .with_service_quietly(|service, now| service.input(&self.id, now));
        }
        self.agent
            .handle_frame(Instant::now().into_std(), self.now_ms(), &frame);
    }

    fn show(&mut self, read: &[u8]) {
        let pump = self.shared.config.channel.pump;
        let output = if pump.filters_utf8 {
            self.filter.pass(read)
        } else {
            read.to_vec()
        };
        let now = Instant::now();
        if !output.is_empty() {
            self.agent
                .send_output(now.into_std(), self.now_ms(), output.into());
        }
        self.read_after = now + pump.pause;
    }

    /// Processes that hold the terminal may outlive the shell: what they write is read for a moment only.
    fn begin_ending(&mut self) {
        let until = Instant::now() + self.shared.config.channel.drain_time_max;
        self.ending.get_or_insert(Ending {
            is_read: false,
            until,
        });
    }

    /// Nobody holds the terminal any more.
    fn end_reading(&mut self) {
        self.begin_ending();
        if let Some(ending) = &mut self.ending {
            ending.is_read = true;
        }
    }

    async fn say_goodbye(mut self, output: String) {
        if let Some(link) = self.link.take() {
            let closed = channel_closed(&self.id, self.now_ms(), &output);
            let _ = timeout(GOODBYE_TIME_MAX, link.outgoing.send(closed)).await;
        }
        self.shared.forget_session(&self.id);
    }

    fn now_ms(&self) -> u64 {
        unix_ms(std::time::SystemTime::now())
    }
}

/// Timers are only as fine as a millisecond: a moment that has come is not waited for.
async fn read_no_sooner(at: Instant, reader: &mut OwnedReadPty, buffer: &mut [u8]) -> std::io::Result<usize> {
    if at > Instant::now() {
        sleep_until(at).await;
    }
    reader.read(buffer).await
}

async fn receive(link: &mut Option<Link>) -> Option<Bytes> {
    match link {
        Some(link) => link.incoming.recv().await,
        None => std::future::pending().await,
    }
}

/// The service's last message.
fn channel_closed(session: &str, now_ms: u64, output: &str) -> Bytes {
    let id = Uuid::new_v4();
    let payload = json!({
        "MessageId": id.as_hyphenated().to_string(),
        "CreatedDate": now_ms.to_string(),
        "DestinationId": Uuid::new_v4().as_hyphenated().to_string(),
        "SessionId": session,
        "MessageType": "channel_closed",
        "SchemaVersion": 1,
        "Output": output,
    });
    let mut frame = Frame::new("channel_closed", now_ms, payload.to_string());
    frame.id = id;
    frame.encode()
}

const COMMANDS_MAX: usize = 16;
const PAUSES_MAX: u32 = 100;
/// What a terminal that nobody reads may hold back; beyond that, input is not acknowledged.
const TYPED_LEN_MAX: usize = 64 << 10;
const READ_LEN_MAX: usize = 32 << 10;
const GOODBYE_TIME_MAX: Duration = Duration::from_secs(2);
