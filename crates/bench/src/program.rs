//! Child processes.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;

use crate::error::BenchError;

/// What the example programs print, a line each.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct Line {
    figure: String,
    value: f64,
    unit: String,
}

/// The figures that one run of an example program printed.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    program: &'static str,
    lines: Vec<Line>,
}

impl Lines {
    /// Runs an example program.
    pub(crate) fn of(
        examples: &Path,
        program: &'static str,
        arguments: &[String],
    ) -> Result<Self, BenchError> {
        let output = run(Command::new(examples.join(program)).args(arguments))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        Ok(Self {
            program,
            lines: lines.collect(),
        })
    }

    /// The value of a figure, which must be in the expected unit.
    pub(crate) fn value(&self, figure: &'static str, unit: &str) -> Result<f64, BenchError> {
        let mut lines = self.lines.iter();
        let line = lines.find(|line| line.figure == figure && line.unit == unit);
        line.map(|line| line.value).ok_or(BenchError::NoFigure {
            program: self.program,
            figure,
        })
    }
}

/// Runs a program to its end; standard output is what the caller set, or captured.
pub(crate) fn run(command: &mut Command) -> Result<Output, BenchError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(BenchError::io(format!("running {program}")))?;
    check(&program, output)
}

/// Only success is a result.
pub(crate) fn check(program: &str, output: Output) -> Result<Output, BenchError> {
    if output.status.success() {
        return Ok(output);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(BenchError::Program {
        program: program.to_owned(),
        status: output.status,
        stderr: stderr.trim().replace('\n', "; "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_name_and_unit() {
        let line = r#"{"figure": "speed", "value": 2.5, "unit": "GB/s"}"#;
        let lines = Lines {
            program: "p",
            lines: vec![serde_json::from_str(line).unwrap()],
        };
        assert_eq!(lines.value("speed", "GB/s").unwrap(), 2.5);
        let error = lines.value("speed", "MB/s").unwrap_err();
        assert_eq!(error.to_string(), "p does not print the figure speed");
    }

    #[test]
    fn a_program_that_fails_says_why_on_one_line() {
        let error = run(Command::new("sh").args(["-c", "echo a >&2; echo b >&2; exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "sh ended with exit status: 3: a; b");
    }
}
