//! Why a step has no figure.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why a step has no figure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    #[error("{what}")]
    Io {
        what: String,
        #[source]
        source: io::Error,
    },
    #[error("{} is not built; run: make build", path.display())]
    NotBuilt { path: PathBuf },
    #[error("{free} bytes of disk are free, {needed} are needed")]
    DiskTooSmall { free: u64, needed: u64 },
    #[error("{program} ended with {status}: {stderr}")]
    Program {
        program: String,
        status: ExitStatus,
        stderr: String,
    },
    #[error("{program} does not print the figure {figure}")]
    NoFigure {
        program: &'static str,
        figure: &'static str,
    },
    /// What came out of the store is not what went in.
    #[error("{what} differs from what was stored")]
    Different { what: String },
    #[error("{direct} of {nodes} links go over UDP")]
    NotDirect { direct: usize, nodes: usize },
    #[error("the daemon does not miss {count} nodes that were stopped")]
    NotMissed { count: usize },
    #[error("the daemon answered {head:?}")]
    Answer { head: String },
    /// An assertion of the test kit.
    #[error("{0}")]
    Panicked(String),
}

impl BenchError {
    /// Says what was being done when an input or output error came up.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        |source| Self::Io { what, source }
    }
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
