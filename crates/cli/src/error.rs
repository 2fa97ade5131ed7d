//! What went wrong, what to do about it, and the exit code.

use std::fmt;
use std::io;
use std::process::ExitCode;

use gateway::api::ErrorCode;

use crate::daemon::DaemonError;
use crate::output::Style;

/// A command's failure, for a person and for the shell.
#[derive(Debug)]
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
    /// Whoever read the output has seen enough.
    PipeClosed,
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

    /// What the API answered.
    pub(crate) fn from_api(code: ErrorCode, message: String, hint: Option<String>) -> Self {
        let kind = match code {
            ErrorCode::NotFound => Kind::NotFound,
            ErrorCode::TooFewNodes => Kind::NotEnoughNodes,
            ErrorCode::BadPath => Kind::Usage,
            _ => Kind::Failed,
        };
        Self { kind, message, hint }
    }

    /// Prints the failure and returns the exit code.
    pub(crate) fn report(&self, style: &Style) -> ExitCode {
        let code = match self.kind {
            Kind::PipeClosed => return ExitCode::SUCCESS,
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::NotFound => 3,
            Kind::NotEnoughNodes => 4,
        };
        eprintln!("{} {}", style.red("error:"), self.message);
        if let Some(hint) = &self.hint {
            eprintln!("{} {hint}", style.dim("hint:"));
        }
        ExitCode::from(code)
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
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
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
