//! Text for people.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use time::OffsetDateTime;

use crate::arguments::GlobalArguments;
use crate::error::CommandError;

/// What suits whoever reads the output.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    /// One JSON document on standard output.
    pub(crate) is_json: bool,
    /// Nothing but errors.
    pub(crate) is_quiet: bool,
    has_color: bool,
    /// Whether a person reads standard output.
    pub(crate) is_terminal: bool,
    /// Whether a person reads standard error.
    pub(crate) has_progress: bool,
}

impl Style {
    pub(crate) fn new(arguments: &GlobalArguments) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            is_json: arguments.json,
            is_quiet: arguments.quiet,
            has_color: is_terminal && io::stderr().is_terminal() && !no_color,
            is_terminal,
            has_progress: io::stderr().is_terminal() && !arguments.quiet,
        }
    }

    pub(crate) fn red(&self, text: &str) -> String {
        self.paint(text, "31")
    }

    pub(crate) fn dim(&self, text: &str) -> String {
        self.paint(text, "2")
    }

    pub(crate) fn bold(&self, text: &str) -> String {
        self.paint(text, "1")
    }

    fn paint(&self, text: &str, code: &str) -> String {
        if self.has_color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// A name as it may be shown: a terminal must not obey what somebody put into a file's name.
    pub(crate) fn name(&self, name: &str) -> String {
        if self.is_terminal {
            printable(name)
        } else {
            name.to_owned()
        }
    }

    /// What was done, unless nobody wants to know.
    pub(crate) fn say(&self, text: &str) -> Result<(), CommandError> {
        if self.is_quiet || self.is_json {
            Ok(())
        } else {
            print_text(&format!("{text}\n"))
        }
    }
}

/// Text without what a terminal would obey.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// Prints a line to standard error; if nobody reads that, there is nobody to tell.
pub(crate) fn warn(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Prints to standard output; a closed pipe is an error, not a panic.
pub(crate) fn print_text(text: &str) -> Result<(), CommandError> {
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

/// Prints one JSON document.
pub(crate) fn print_json(document: &impl Serialize) -> Result<(), CommandError> {
    let text =
        serde_json::to_string_pretty(document).map_err(|error| CommandError::failed(error.to_string()))?;
    print_text(&format!("{text}\n"))
}

/// Rows of cells, the columns aligned: numbers are for the caller to right-align with `Right`.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Left(String),
    Right(String),
}

impl Table {
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(Cell::width)
                .max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let line = |row: &Vec<Cell>| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| cell.pad(*width))
                .collect();
            format!("{}\n", cells.join("  ").trim_end())
        };
        self.rows.iter().map(line).collect()
    }
}

impl Cell {
    fn width(&self) -> usize {
        let (Self::Left(text) | Self::Right(text)) = self;
        text.chars().count()
    }

    fn pad(&self, width: usize) -> String {
        match self {
            Self::Left(text) => format!("{text:<width$}"),
            Self::Right(text) => format!("{text:>width$}"),
        }
    }
}

/// A moment as `2026-11-23 14:05:09`, in UTC.
pub(crate) fn timestamp(unix_ms: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(unix_ms.div_euclid(1000));
    let moment = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        moment.year(),
        u8::from(moment.month()),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second()
    )
}

/// A file's time, in milliseconds since 1970.
pub(crate) fn unix_ms(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_millis() as i64,
        Err(before) => -(before.duration().as_millis() as i64),
    }
}

/// Milliseconds since 1970 as a file's time.
pub(crate) fn system_time(unix_ms: i64) -> SystemTime {
    let offset = Duration::from_millis(unix_ms.unsigned_abs());
    if unix_ms < 0 {
        UNIX_EPOCH - offset
    } else {
        UNIX_EPOCH + offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_dates() {
        let cases = [
            (0, "1970-01-01 00:00:00"),
            (-1, "1969-12-31 23:59:59"),
            (951_782_400_000, "2000-02-29 00:00:00"),
            (1_795_442_709_000, "2026-11-23 14:05:09"),
            (4_107_542_400_000, "2100-03-01 00:00:00"),
        ];
        for (unix_ms, text) in cases {
            assert_eq!(timestamp(unix_ms), text);
            assert_eq!(super::unix_ms(system_time(unix_ms)), unix_ms);
        }
    }

    #[test]
    fn a_terminal_gets_nothing_to_obey() {
        assert_eq!(printable("naïve 空"), "naïve 空");
        assert_eq!(printable("a\x1b[2J\nb\u{9b}"), "a\\u{1b}[2J\\nb\\u{9b}");
    }

    #[test]
    fn columns_align() {
        let mut table = Table::default();
        table.row([Cell::Left("name".into()), Cell::Right("size".into())]);
        table.row([Cell::Left("naïve".into()), Cell::Right("7".into())]);
        assert_eq!(table.render(), "name   size\nnaïve     7\n");
    }
}
