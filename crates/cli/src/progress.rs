//! Progress on a terminal, silence in a pipe.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::{Style, printable, warn};

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
        bar.set_style(style_of(if total.is_some() { BAR } else { COUNTER }));
        Self { bar }
    }

    /// Shows nothing.
    pub(crate) fn silent() -> Self {
        Self {
            bar: ProgressBar::hidden(),
        }
    }

    /// Says which file is on its way.
    pub(crate) fn name(&self, name: &str) {
        self.bar.set_message(printable(name));
    }

    /// A bar that knew no total learns it now.
    pub(crate) fn expect(&self, total: Option<u64>) {
        if let Some(total) = total
            && self.bar.length().is_none()
        {
            self.bar.set_length(total);
            self.bar.set_style(style_of(BAR));
        }
    }

    /// More bytes have passed.
    pub(crate) fn add(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Prints a line above the bar, or to standard error when there is none.
    pub(crate) fn note(&self, style: &Style, text: &str) {
        let line = format!("note: {}", printable(text));
        if style.is_quiet {
        } else if self.bar.is_hidden() {
            warn(&line);
        } else {
            self.bar.println(line);
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn style_of(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the template is valid")
        .progress_chars("█▉▊▋▌▍▎▏ ")
}

const BAR: &str = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left  {msg:30!}";
const COUNTER: &str = "{spinner} {bytes} {bytes_per_sec}  {msg:30!}";
