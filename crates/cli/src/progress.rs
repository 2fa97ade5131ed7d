//! Progress on a terminal, silence in a pipe.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Style;

/// Shows bytes, rate and time left while a person watches.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar towards `total` bytes; without a total, a counter.
    pub(crate) fn new(style: &Style, total: Option<u64>) -> Self {
        if !style.has_progress || style.is_json {
            return Self::silent();
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = if total.is_some() { BAR } else { COUNTER };
        bar.set_style(
            ProgressStyle::with_template(template)
                .expect("the template is valid")
                .progress_chars("█▉▊▋▌▍▎▏ "),
        );
        Self { bar }
    }

    /// Shows nothing.
    pub(crate) fn silent() -> Self {
        Self {
            bar: ProgressBar::hidden(),
        }
    }

    /// Says which file is on its way.
    pub(crate) fn name(&self, name: String) {
        self.bar.set_message(name);
    }

    /// More bytes have passed.
    pub(crate) fn add(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Prints a line above the bar, or to standard error when there is none.
    pub(crate) fn note(&self, line: &str) {
        if self.bar.is_hidden() {
            eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

const BAR: &str = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left  {msg:.30}";
const COUNTER: &str = "{spinner} {bytes} {bytes_per_sec}  {msg:.30}";
