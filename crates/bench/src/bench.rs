//! One run: its steps, one after another.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::arguments::Arguments;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::group::{STEPS, Step};
use crate::machine::Machine;
use crate::program::Lines;
use crate::scale::Scale;
use crate::store::RunningStore;
use crate::table::Row;

/// What every step has at hand.
#[derive(Debug)]
pub(crate) struct Bench {
    arguments: Arguments,
    examples: PathBuf,
    /// How much is put through the store.
    pub(crate) scale: Scale,
    /// What the machine allows at best.
    pub(crate) machine: Machine,
    scratch: TempDir,
}

impl Bench {
    /// A run in a scratch directory, beside this program, that is removed in the end.
    pub(crate) fn new(arguments: Arguments) -> Result<Self, BenchError> {
        let release = release_dir()?;
        let examples = release.join("examples");
        let scale = if arguments.quick {
            Scale::QUICK
        } else {
            Scale::FULL
        };
        let target = release.parent().unwrap_or(&release);
        let scratch = tempfile::Builder::new().prefix("bench-").tempdir_in(target);
        let scratch = scratch.map_err(BenchError::io(format!("making a folder in {}", target.display())))?;
        require_free(scratch.path(), scale.disk_bytes)?;
        let machine = Machine::new(examples.clone(), scratch.path().to_owned());
        Ok(Self {
            arguments,
            examples,
            scale,
            machine,
            scratch,
        })
    }

    /// Runs the steps that were asked for.
    pub(crate) fn run(&self) -> Vec<Row> {
        let wanted = STEPS.iter().filter(|step| self.arguments.wants(step.name));
        wanted.flat_map(|step| self.rows(step)).collect()
    }

    /// Runs an example program.
    pub(crate) fn example(&self, program: &'static str, arguments: &[String]) -> Result<Lines, BenchError> {
        Lines::of(&self.examples, program, arguments)
    }

    /// Starts a new store with nine agents.
    pub(crate) fn store(&self) -> Result<RunningStore, BenchError> {
        RunningStore::start(&self.daemon()?, &self.agent()?, self.scratch.path())
    }

    /// The agent program.
    pub(crate) fn agent(&self) -> Result<PathBuf, BenchError> {
        self.built("cloudshell-store-agent")
    }

    fn daemon(&self) -> Result<PathBuf, BenchError> {
        self.built("cloudshell-store")
    }

    /// Agents start in folders of their own: the path must be absolute.
    fn built(&self, name: &str) -> Result<PathBuf, BenchError> {
        let path = self.arguments.dist.join(name);
        path.canonicalize().map_err(|_| BenchError::NotBuilt { path })
    }

    fn rows(&self, step: &Step) -> Vec<Row> {
        eprintln!("measuring: {}", step.name);
        match without_panic(|| (step.run)(self)) {
            Ok(figures) => figures.into_iter().map(Row::Measured).collect(),
            Err(error) => vec![Row::Failed {
                step: step.name,
                error,
            }],
        }
    }
}

/// The test kit's assertions end a step, not the run.
fn without_panic(run: impl FnOnce() -> Result<Vec<Figure>, BenchError>) -> Result<Vec<Figure>, BenchError> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|panic| Err(BenchError::Panicked(message(panic.as_ref()))))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("panicked").replace('\n', " ")
}

fn release_dir() -> Result<PathBuf, BenchError> {
    let program = std::env::current_exe().map_err(BenchError::io("finding this program"))?;
    Ok(program.parent().unwrap_or(Path::new(".")).to_owned())
}

fn require_free(dir: &Path, needed: u64) -> Result<(), BenchError> {
    let stat = rustix::fs::statvfs(dir).map_err(|error| BenchError::Io {
        what: format!("asking for the free space of {}", dir.display()),
        source: error.into(),
    })?;
    let free = stat.f_bavail * stat.f_frsize;
    if free < needed {
        return Err(BenchError::DiskTooSmall { free, needed });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_step_becomes_its_error() {
        let error = without_panic(|| panic!("not {} nodes", 9)).unwrap_err();
        assert_eq!(error.to_string(), "not 9 nodes");
    }

    #[test]
    fn a_disk_that_is_too_small_is_refused_with_both_sizes() {
        let dir = TempDir::new().unwrap();
        require_free(dir.path(), 1).unwrap();
        let error = require_free(dir.path(), u64::MAX).unwrap_err();
        assert!(
            error.to_string().ends_with("18446744073709551615 are needed"),
            "{error}"
        );
    }
}
