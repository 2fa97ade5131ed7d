//! What was measured, for people and for machines.

use serde_json::json;

use crate::error::{BenchError, chain};
use crate::figure::{Figure, Target};

/// A line of the table.
#[derive(Debug)]
pub(crate) enum Row {
    /// Something was measured.
    Measured(Figure),
    /// A step failed: its figures are missing.
    Failed { step: &'static str, error: BenchError },
}

impl Row {
    /// Whether it stands for figures that are missing.
    pub(crate) fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    fn cells(&self) -> [String; 5] {
        match self {
            Self::Measured(figure) => [
                figure.name.clone(),
                figure.measured(),
                figure.aim(),
                verdict(figure).to_owned(),
                figure.limit.clone().unwrap_or_default(),
            ],
            Self::Failed { step, error } => [
                (*step).to_owned(),
                "–".to_owned(),
                String::new(),
                "FAILED".to_owned(),
                chain(error).chars().take(NOTE_LEN_MAX).collect(),
            ],
        }
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Self::Measured(figure) => json!({
                "figure": figure.name,
                "value": figure.value,
                "unit": figure.unit,
                "at_least": match figure.target { Some(Target::AtLeast(target)) => Some(target), _ => None },
                "at_most": match figure.target { Some(Target::AtMost(target)) => Some(target), _ => None },
                "is_met": figure.is_met(),
                "limit": figure.limit,
            }),
            Self::Failed { step, error } => json!({ "step": step, "error": chain(error) }),
        }
    }
}

/// The rows as a table with aligned columns.
pub(crate) fn text(rows: &[Row]) -> String {
    let header = HEADER.map(str::to_owned);
    let lines: Vec<_> = std::iter::once(header)
        .chain(rows.iter().map(Row::cells))
        .collect();
    let widths = [0, 1, 2, 3].map(|column| {
        let width = |line: &[String; 5]| line[column].chars().count();
        lines.iter().map(width).max().unwrap_or_default()
    });
    lines.iter().map(|line| aligned(line, widths)).collect()
}

/// The rows as one JSON document a line.
pub(crate) fn json_lines(rows: &[Row]) -> String {
    rows.iter().map(|row| format!("{}\n", row.json())).collect()
}

fn aligned([name, measured, aim, verdict, limit]: &[String; 5], widths: [usize; 4]) -> String {
    let [a, b, c, d] = widths;
    let line = format!("{name:a$}  {measured:>b$}  {aim:>c$}  {verdict:d$}  {limit}");
    format!("{}\n", line.trim_end())
}

fn verdict(figure: &Figure) -> &'static str {
    match figure.is_met() {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "",
    }
}

/// A terminal's line or two; `--json` shows the whole.
const NOTE_LEN_MAX: usize = 200;
const HEADER: [&str; 5] = [
    "figure",
    "measured",
    "target",
    "",
    "the machine's own limit, and notes",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let put = Figure::new("PUT", 90.0, "MB/s").at_least(120.0);
        vec![
            Row::Measured(put.limited_by("disk 500 MB/s")),
            Row::Measured(Figure::new("first byte", 4.0, "ms").at_most(20.0)),
            Row::Failed {
                step: "list",
                error: BenchError::Panicked("it broke".to_owned()),
            },
        ]
    }

    #[test]
    fn the_table_shows_targets_verdicts_and_errors_in_columns() {
        let text = text(&rows());
        let lines: Vec<_> = text.lines().skip(1).collect();
        assert_eq!(
            lines[0],
            "PUT         90.0 MB/s  ≥ 120 MB/s  MISSED  disk 500 MB/s"
        );
        assert_eq!(lines[1], "first byte    4.00 ms   ≤ 20.0 ms  met");
        assert_eq!(lines[2], "list                –              FAILED  it broke");
    }

    #[test]
    fn every_json_line_is_a_document_with_the_value_or_the_error() {
        let text = json_lines(&rows());
        let values: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(values.len(), 3);
        assert_eq!(values[0]["value"], 90.0);
        assert_eq!(values[0]["at_least"], 120.0);
        assert_eq!(values[0]["is_met"], false);
        assert_eq!(values[1]["at_most"], 20.0);
        assert_eq!(values[2]["error"], "it broke");
    }
}
