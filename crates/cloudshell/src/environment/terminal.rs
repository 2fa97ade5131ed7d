//! A shell in a terminal, used by a program.

use std::time::Duration;

use shell::{OUTPUT_LEN_MAX, Output};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, warn};

use super::scan::{Found, Scan};
use super::script::{self, Mark};
use crate::session::{Session, SessionLifetime};

/// A session whose shell was made a plain one, waiting for a command.
#[derive(Debug)]
pub(super) struct Terminal {
    session: Session,
    /// Read and not yet looked at.
    unseen: Vec<u8>,
    piece_len: usize,
}

impl Terminal {
    /// Waits for a session's shell and prepares it.
    pub(super) async fn prepare(session: Session) -> Result<Self, TerminalError> {
        let mut terminal = Self {
            session,
            unseen: Vec::new(),
            piece_len: PIECE_LEN,
        };
        terminal.become_plain().await?;
        let mark = Mark::new();
        terminal.type_line(&script::print(&mark)).await?;
        timeout(SHELL_TIMEOUT, terminal.read_until(&mark.printed(), SEEN_MAX))
            .await
            .map_err(|_| TerminalError::NoShell { seen: String::new() })??;
        Ok(terminal)
    }

    /// Typed again if nothing happens: something in the login files may have read what was typed.
    async fn become_plain(&mut self) -> Result<(), TerminalError> {
        let mark = Mark::new();
        let mut scan = Scan::new(mark.printed().as_bytes(), SEEN_MAX);
        for patience in LOGIN_PATIENCE {
            self.type_line(&script::plain_shell(&mark)).await?;
            match timeout(patience, self.scan(&mut scan)).await {
                Ok(found) => {
                    self.unseen = found?.behind;
                    let rest = self.read_line().await?;
                    self.take_note_of_tmux(&rest);
                    return Ok(());
                }
                Err(_) => debug!(?patience, "the login shell does not answer yet"),
            }
        }
        Err(TerminalError::NoShell { seen: scan.seen() })
    }

    fn take_note_of_tmux(&mut self, rest: &str) {
        if rest.contains("tmux") {
            warn!("the session is inside tmux: long lines of output will be broken");
            self.piece_len = PIECE_LEN_IN_TMUX;
        }
    }

    /// Whether its session goes on, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        self.session.is_open()
    }

    /// Runs a command. Behind an error the terminal is of no more use, except behind [`TerminalError::Interrupted`].
    pub(super) async fn run(&mut self, command: &str, limit: Duration) -> Result<Output, TerminalError> {
        let (begin, end) = (Mark::new(), Mark::new());
        let deadline = Instant::now() + limit;
        let running = async {
            self.type_command(command).await?;
            self.type_line(&script::run_command(&begin, &end)).await?;
            self.read_until(&format!("{}\n", begin.printed()), 0).await?;
            self.read_output(&end).await
        };
        match timeout_at(deadline, running).await {
            Ok(output) => output,
            Err(_) => {
                self.interrupt(&end).await?;
                Err(TerminalError::Interrupted)
            }
        }
    }

    /// Ends what runs, and waits for the shell.
    async fn interrupt(&mut self, end: &Mark) -> Result<(), TerminalError> {
        let interrupting = async {
            self.type_bytes(&[INTERRUPT]).await?;
            // An interrupted shell forgets the rest of its line.
            self.type_line(&script::print_status(end)).await?;
            self.read_output(end).await
        };
        match timeout(INTERRUPT_TIMEOUT, interrupting).await {
            Ok(output) => output.map(drop),
            Err(_) => Err(TerminalError::Stuck),
        }
    }

    async fn read_output(&mut self, end: &Mark) -> Result<Output, TerminalError> {
        let before = self
            .read_until(&format!("\n{} ", end.printed()), OUTPUT_LEN_MAX)
            .await?;
        let status = self.read_line().await?;
        Ok(Output {
            status: status.trim().parse().unwrap_or(STATUS_UNKNOWN),
            text: String::from_utf8_lossy(&before).into_owned(),
        })
    }

    /// Makes the terminal a command's own: its bytes, what was already read of them, and what keeps them flowing.
    pub(super) async fn become_command(
        mut self,
        command: &str,
    ) -> Result<(Vec<u8>, DuplexStream, SessionLifetime), TerminalError> {
        let mark = Mark::new();
        let becoming = async {
            self.type_command(command).await?;
            self.type_line(&script::become_command(&mark)).await?;
            self.read_until(&format!("\n{}\n", mark.printed()), 0).await
        };
        timeout(SHELL_TIMEOUT, becoming)
            .await
            .map_err(|_| TerminalError::Stuck)??;
        let (io, lifetime) = self.session.into_parts();
        Ok((self.unseen, io, lifetime))
    }

    async fn type_command(&mut self, command: &str) -> Result<(), TerminalError> {
        for line in script::command_pieces(command, self.piece_len) {
            self.type_line(&line).await?;
        }
        Ok(())
    }

    /// Enter is a carriage return.
    async fn type_line(&mut self, line: &str) -> Result<(), TerminalError> {
        self.type_bytes(format!("{line}\r").as_bytes()).await
    }

    async fn type_bytes(&mut self, bytes: &[u8]) -> Result<(), TerminalError> {
        let written = self.session.io().write_all(bytes).await;
        written.map_err(|_| self.lost())
    }

    async fn read_line(&mut self) -> Result<String, TerminalError> {
        let line = timeout(SHELL_TIMEOUT, self.read_until("\n", LINE_MAX))
            .await
            .map_err(|_| TerminalError::Stuck)??;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// Reads up to a mark, and gives the first bytes before it.
    async fn read_until(&mut self, mark: &str, kept_max: usize) -> Result<Vec<u8>, TerminalError> {
        let mut scan = Scan::new(mark.as_bytes(), kept_max);
        let found = self.scan(&mut scan).await?;
        self.unseen = found.behind;
        Ok(found.before)
    }

    /// Can be abandoned and called again.
    async fn scan(&mut self, scan: &mut Scan) -> Result<Found, TerminalError> {
        loop {
            if let Some(found) = scan.push(&std::mem::take(&mut self.unseen)) {
                return Ok(found);
            }
            let mut bytes = [0; READ_LEN];
            match self.session.io().read(&mut bytes).await {
                Ok(len @ 1..) => self.unseen = bytes.get(..len).unwrap_or_default().to_vec(),
                Ok(0) | Err(_) => return Err(self.lost()),
            }
        }
    }

    fn lost(&self) -> TerminalError {
        let reason = self.session.end().map(|end| end.to_string());
        TerminalError::Lost {
            reason: reason.unwrap_or_else(|| "the session ended".to_owned()),
        }
    }
}

/// Why a terminal did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum TerminalError {
    /// No shell came to be used.
    #[error("no shell answers in the session; the terminal shows {seen:?}")]
    NoShell {
        /// The first of what came instead.
        seen: String,
    },
    /// The session ended.
    #[error("{reason}")]
    Lost {
        /// Why.
        reason: String,
    },
    /// The command took too long and was ended.
    #[error("the command was ended")]
    Interrupted,
    /// The shell does not come back.
    #[error("the shell in the session does not answer any more")]
    Stuck,
}

const INTERRUPT: u8 = 3;
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(3);
/// A channel opens within 30 s; then a login shell takes a second or two.
const LOGIN_PATIENCE: [Duration; 3] = [
    Duration::from_secs(20),
    Duration::from_secs(15),
    Duration::from_secs(15),
];
const SHELL_TIMEOUT: Duration = Duration::from_secs(20);

/// With the words around it, a line stays under 1,000 characters.
const PIECE_LEN: usize = 700;
/// Less than the terminal is wide.
const PIECE_LEN_IN_TMUX: usize = 200;
const LINE_MAX: usize = 256;
const SEEN_MAX: usize = 500;
const READ_LEN: usize = 8 << 10;
/// A shell that prints no number is no shell.
const STATUS_UNKNOWN: i32 = 255;
