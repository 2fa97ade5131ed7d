//! The steps, each of which measures a group of figures.

use crate::bench::Bench;
use crate::error::BenchError;
use crate::figure::Figure;

mod agent;
mod codec;
mod files;
mod limits;
mod list;
mod object;
mod range;
mod shell;
mod stream;

/// Measures a group of figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// What `--only` takes.
    pub(crate) name: &'static str,
    /// Measures; whatever it started has ended when it returns.
    pub(crate) run: fn(&Bench) -> Result<Vec<Figure>, BenchError>,
}

/// All steps in the order in which they run.
pub(crate) const STEPS: [Step; 9] = [
    Step {
        name: "limits",
        run: limits::run,
    },
    Step {
        name: "codec",
        run: codec::run,
    },
    Step {
        name: "object",
        run: object::run,
    },
    Step {
        name: "files",
        run: files::run,
    },
    Step {
        name: "range",
        run: range::run,
    },
    Step {
        name: "stream",
        run: stream::run,
    },
    Step {
        name: "list",
        run: list::run,
    },
    Step {
        name: "agent",
        run: agent::run,
    },
    Step {
        name: "shell",
        run: shell::run,
    },
];
