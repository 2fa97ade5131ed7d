//! Running commands on a node.
//!
//! [`Shell`] is what the node bootstrap needs of any shell: run a command, have a command's streams, put a file.
//! [`LocalShell`] is a shell on this machine; CloudShell's is in `cloudshell`.
//!
//! What this crate does not do: it knows nothing of agents and links.

mod local;
mod quote;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

pub use local::LocalShell;
pub use quote::quote;

/// An authenticated way to run commands on a node, as one user, in that user's home directory.
///
/// Commands are for a POSIX shell. Their output may pass through a terminal: what is not text may be changed.
#[async_trait]
pub trait Shell: fmt::Debug + Send + Sync {
    /// Runs a command with empty input and waits for it, at most for `timeout`.
    ///
    /// # Errors
    ///
    /// [`ShellError`] if the shell fails; a command that runs and fails is an [`Output`] with its status.
    async fn run(&self, command: &str, timeout: Duration) -> Result<Output, ShellError>;

    /// Starts a command and returns its streams. Dropping them ends the command.
    ///
    /// # Errors
    ///
    /// [`ShellError`] if the shell fails.
    async fn stream(&self, command: &str) -> Result<ShellStream, ShellError>;

    /// Puts a file at a path below the home directory, whole or not at all, replacing what was there; the folder must
    /// exist. Only the owner may read it, and run it if `is_executable`.
    ///
    /// # Errors
    ///
    /// [`ShellError`] if the shell fails or the node cannot keep the file.
    async fn put_file(&self, path: &str, bytes: &[u8], is_executable: bool) -> Result<(), ShellError>;
}

/// What a finished command left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 128 + n after signal n.
    pub status: i32,
    /// What it printed, both streams in the order they were written; the first [`OUTPUT_LEN_MAX`] bytes.
    pub text: String,
}

/// A running command's input and output.
pub struct ShellStream {
    /// The command's standard output.
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
    /// The command's standard input.
    pub writer: Box<dyn AsyncWrite + Send + Unpin>,
    /// Ends the command when dropped.
    pub guard: Box<dyn Send>,
}

impl fmt::Debug for ShellStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShellStream").finish_non_exhaustive()
    }
}

/// Why a shell did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShellError {
    /// The shell cannot be reached now.
    #[error("shell unavailable: {reason}")]
    Unavailable {
        /// What a person should know.
        reason: String,
    },
    /// The command did not end in time and was ended.
    #[error("{command:?} did not finish within {timeout:?}")]
    TimedOut {
        /// The command.
        command: String,
        /// How long it was given.
        timeout: Duration,
    },
    /// The node could not keep a file.
    #[error("cannot write {path:?} on the node: {reason}")]
    NotWritten {
        /// The file's path.
        path: String,
        /// What the node said.
        reason: String,
    },
}

/// Bootstrap commands print lines; more than this is a mistake or an attack.
pub const OUTPUT_LEN_MAX: usize = 64 << 10;
