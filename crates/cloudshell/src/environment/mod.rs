//! An environment as a [`Shell`].

mod scan;
mod script;
mod terminal;
mod upload;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use shell::{Output, Shell, ShellError, ShellStream};
use tokio::io::AsyncReadExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use tracing::{debug, info};

use crate::api::Api;
use crate::session::Session;
use terminal::{Terminal, TerminalError};

/// A running environment as a shell: each stream has a session of its own, commands share sessions one after the other.
///
/// Sessions are opened when they are needed and deleted when they are not; one is kept for the next command. At most
/// [`ShellOptions::sessions_max`] exist at a time, and whoever needs one more waits.
#[derive(Debug)]
pub struct EnvironmentShell {
    api: Api,
    environment_id: String,
    permits: Arc<Semaphore>,
    kept: Mutex<Option<Terminal>>,
    deletions: TaskTracker,
}

/// How an [`EnvironmentShell`] behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShellOptions {
    /// Sessions at a time, at least 2. An account has ten for a region, shared with the browser's tabs.
    pub sessions_max: usize,
}

impl Default for ShellOptions {
    fn default() -> Self {
        Self { sessions_max: 5 }
    }
}

impl EnvironmentShell {
    /// A shell on an environment, which must be running whenever the shell is used. Nothing is asked yet.
    pub fn new(api: Api, environment_id: impl Into<String>, options: ShellOptions) -> Self {
        Self {
            api,
            environment_id: environment_id.into(),
            // One session may be kept beside those in use.
            permits: Arc::new(Semaphore::new(options.sessions_max.saturating_sub(1).max(1))),
            kept: Mutex::new(None),
            deletions: TaskTracker::new(),
        }
    }

    /// Deletes the session that is kept, and waits until all sessions that ended are deleted, at most for half a minute.
    /// The shell can be used again.
    pub async fn close(&self) {
        drop(self.take_kept());
        self.deletions.close();
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.deletions.wait()).await;
        self.deletions.reopen();
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, ShellError> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        match tokio::time::timeout(PERMIT_TIMEOUT, permit).await {
            Ok(permit) => permit.map_err(unavailable),
            Err(_) => Err(unavailable(format!(
                "all sessions were in use for {PERMIT_TIMEOUT:?}"
            ))),
        }
    }

    fn take_kept(&self) -> Option<Terminal> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps a terminal for the next command; the one that was kept before, if any, is closed.
    fn keep(&self, terminal: Terminal) {
        let before = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(terminal);
        drop(before);
    }

    async fn open_terminal(&self) -> Result<Terminal, ShellError> {
        let status = self.api.environment_status(&self.environment_id).await;
        let status = status.map_err(unavailable)?;
        if !status.is_running() {
            let because = status.status_reason.filter(|reason| !reason.is_empty());
            let because = because.map(|reason| format!(" ({reason})")).unwrap_or_default();
            return Err(unavailable(format!(
                "environment {} is {}{because}, and only a running one has a shell; start it",
                self.environment_id, status.status
            )));
        }
        let session = Session::open_among(&self.api, &self.environment_id, &self.deletions)
            .await
            .map_err(unavailable)?;
        debug!(environment = self.environment_id, "session opened");
        Terminal::prepare(session).await.map_err(unavailable)
    }

    /// The kept terminal if it still is of use, else a new one.
    async fn terminal(&self) -> Result<Terminal, ShellError> {
        match self.take_kept().filter(Terminal::is_open) {
            Some(terminal) => Ok(terminal),
            None => self.open_terminal().await,
        }
    }

    async fn run_in(
        &self,
        mut terminal: Terminal,
        command: &str,
        timeout: Duration,
    ) -> Result<Output, TerminalError> {
        let output = terminal.run(command, timeout).await;
        if matches!(output, Ok(_) | Err(TerminalError::Interrupted)) {
            self.keep(terminal);
        }
        output
    }
}

#[async_trait]
impl Shell for EnvironmentShell {
    async fn run(&self, command: &str, timeout: Duration) -> Result<Output, ShellError> {
        check_len(command)?;
        let _permit = self.permit().await?;
        let terminal = self.terminal().await?;
        match self.run_in(terminal, command, timeout).await {
            Ok(output) => Ok(output),
            Err(TerminalError::Interrupted | TerminalError::Stuck) => Err(ShellError::TimedOut {
                command: command.to_owned(),
                timeout,
            }),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn stream(&self, command: &str) -> Result<ShellStream, ShellError> {
        check_len(command)?;
        let permit = self.permit().await?;
        let terminal = self.open_terminal().await?;
        let (already_read, io, lifetime) = terminal.become_command(command).await.map_err(unavailable)?;
        info!(
            environment = self.environment_id,
            "a command has a session of its own"
        );
        let (reader, writer) = tokio::io::split(io);
        Ok(ShellStream {
            reader: Box::new(std::io::Cursor::new(already_read).chain(reader)),
            writer: Box::new(writer),
            guard: Box::new((lifetime, permit)),
        })
    }

    async fn put_file(&self, path: &str, bytes: &[u8], is_executable: bool) -> Result<(), ShellError> {
        upload::put_file(self, path, bytes, is_executable).await
    }
}

/// A command is one argument of `sh -c`, of which Linux takes 128 KiB; the terminal's own limit is half of that.
fn check_len(command: &str) -> Result<(), ShellError> {
    if command.len() <= COMMAND_LEN_MAX {
        return Ok(());
    }
    Err(unavailable(format!(
        "a command of {} bytes is too long, at most {COMMAND_LEN_MAX} are taken",
        command.len()
    )))
}

fn unavailable(reason: impl ToString) -> ShellError {
    ShellError::Unavailable {
        reason: reason.to_string(),
    }
}

const COMMAND_LEN_MAX: usize = 64_000;
/// Sessions in use are given back within a command's time, unless they are streams.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(120);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);
