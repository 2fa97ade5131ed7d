//! Failures of single files, which do not stop the rest.

use std::fmt;

use serde_json::{Value, json};

use crate::error::{CommandError, Kind};
use crate::output::Style;

/// What went wrong with which file.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    list: Vec<(String, CommandError)>,
}

impl Failures {
    pub(crate) fn add(&mut self, name: impl fmt::Display, error: CommandError) {
        self.list.push((name.to_string(), error));
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// As `--json` shows them.
    pub(crate) fn document(&self) -> Value {
        let entry =
            |(name, error): &(String, CommandError)| json!({ "name": name, "error": error.message() });
        self.sorted().into_iter().map(entry).collect()
    }

    /// Ends a command that was to do something to `total` files. Several failures are reported one by one; the exit code is
    /// theirs if they agree.
    pub(crate) fn conclude(mut self, total: usize, done: &str, style: &Style) -> Result<(), CommandError> {
        if total <= 1
            && let Some((name, error)) = self.list.pop()
        {
            return Err(error.about(name));
        }
        let Some(kind) = self.common_kind() else {
            return Ok(());
        };
        let failed = self.len();
        for (name, error) in self.sorted() {
            let _ = error.clone().about(name).report(style);
        }
        Err(CommandError::new(
            kind,
            format!("{failed} of {total} were not {done}"),
        ))
    }

    /// Files are handled several at a time; reports do not depend on which was first.
    fn sorted(&self) -> Vec<&(String, CommandError)> {
        let mut sorted: Vec<_> = self.list.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
        sorted
    }

    fn common_kind(&self) -> Option<Kind> {
        let mut kinds = self.list.iter().map(|(_, error)| error.kind());
        let first = kinds.next()?;
        Some(if kinds.all(|kind| kind == first) {
            first
        } else {
            Kind::Failed
        })
    }
}
