//! What went wrong, what to do about it, and the exit code.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

use gateway::api::ErrorCode;

use crate::daemon::DaemonError;
use crate::output::{Style, printable, warn};

/// A command's failure, for a person and for the shell.
#[derive(Clone, Debug)]
pub(crate) struct CommandError {
    kind: Kind,
    message: String,
    hint: Option<String>,
}

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Failed,
    Usage,
    NotFound,
    NotEnoughNodes,
    /// Something is there that was not to be replaced.
    Exists,
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// Whoever read the output has seen enough.
    PipeClosed,
}

impl Kind {
    fn exit_code(self) -> u8 {
        match self {
            Self::PipeClosed => 0,
            Self::Failed | Self::Exists => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::NotEnoughNodes => 4,
            // As shells count: 128 and the number of the signal.
            Self::Interrupted => 130,
        }
    }
}

impl CommandError {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same failure, about something in particular.
    pub(crate) fn about(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What the API answered.
    pub(crate) fn from_api(code: ErrorCode, message: String, hint: Option<String>) -> Self {
        let kind = match code {
            ErrorCode::NotFound => Kind::NotFound,
            ErrorCode::TooFewNodes => Kind::NotEnoughNodes,
            ErrorCode::BadPath => Kind::Usage,
            ErrorCode::Exists | ErrorCode::PreconditionFailed => Kind::Exists,
            _ => Kind::Failed,
        };
        Self { kind, message, hint }
    }

    /// Prints the failure and returns the exit code.
    pub(crate) fn report(&self, style: &Style) -> ExitCode {
        if self.kind != Kind::PipeClosed {
            warn(&format!("{} {}", style.red("error:"), printable(&self.message)));
            if let Some(hint) = &self.hint {
                warn(&format!("{} {}", style.dim("hint:"), printable(hint)));
            }
        }
        ExitCode::from(self.kind.exit_code())
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe {
            Kind::PipeClosed
        } else {
            Kind::Failed
        };
        Self::new(kind, error.to_string())
    }
}

impl From<DaemonError> for CommandError {
    fn from(error: DaemonError) -> Self {
        let kind = match &error {
            DaemonError::NoStore { .. } => Kind::NotFound,
            DaemonError::Setting { .. } | DaemonError::NoDirectory => Kind::Usage,
            _ => Kind::Failed,
        };
        Self {
            kind,
            message: chain(&error),
            hint: error.hint(),
        }
    }
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// The cause of a certain type, if there is one below an error.
pub(crate) fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        current = error.source();
    }
    None
}
