//! A terminal of the emulator, which is what a node has before there is a better path.

use crate::bench::Bench;
use crate::error::BenchError;
use crate::figure::Figure;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>, BenchError> {
    let lines = bench.example("shell_speed", &[])?;
    let figure = |name: &str, figure, limit: &str| {
        let value = lines.value(figure, "MB/s")?;
        Ok(Figure::new(name, value, "MB/s").limited_by(limit))
    };
    Ok(vec![
        figure("terminal, up, agent as AWS's", "shell_up_paced", TYPING)?,
        figure("terminal, down, agent as AWS's", "shell_down_paced", PUMPING)?,
        figure("terminal, up, agent without pauses", "shell_up_fast", TYPING)?,
        figure(
            "terminal, down, agent without pauses",
            "shell_down_fast",
            "the machine",
        )?,
    ])
}

/// The client's own pace, whoever listens.
const TYPING: &str = "the client types 1 KiB a millisecond: 1.02 MB/s";
/// The pauses come on top of the reading, and timers round them up.
const PUMPING: &str = "1 KiB, then a pause of a millisecond: below 1.02 MB/s, in practice near half of it";
