//! What the machine allows at best: measured once in a run, when first asked for.

use std::cell::OnceCell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::BenchError;
use crate::noise::Noise;
use crate::program::Lines;
use crate::sample::{mb_per_s, timed};

/// The machine's limits.
#[derive(Debug)]
pub(crate) struct Machine {
    examples: PathBuf,
    scratch: PathBuf,
    link_mb_per_s: OnceCell<f64>,
    disk_mb_per_s: OnceCell<f64>,
}

impl Machine {
    /// A machine with the example programs in one folder, and another one on the disk that is measured.
    pub(crate) fn new(examples: PathBuf, scratch: PathBuf) -> Self {
        Self {
            examples,
            scratch,
            link_mb_per_s: OnceCell::new(),
            disk_mb_per_s: OnceCell::new(),
        }
    }

    /// A bare link on loopback: megabytes of payload a second.
    pub(crate) fn link_mb_per_s(&self) -> Result<f64, BenchError> {
        once(&self.link_mb_per_s, || {
            Lines::of(&self.examples, "link_speed", &[])?.value("link", "MB/s")
        })
    }

    /// Sequential write and fsync: megabytes a second.
    pub(crate) fn disk_mb_per_s(&self) -> Result<f64, BenchError> {
        once(&self.disk_mb_per_s, || write_speed(&self.scratch))
    }

    /// What a PUT could reach at best: each byte of an object travels, and is written, one and a half times.
    pub(crate) fn put_limit(&self) -> Result<String, BenchError> {
        let (link, disk) = (self.link_mb_per_s()?, self.disk_mb_per_s()?);
        let (link, disk) = (link / EXPANSION, disk / EXPANSION);
        Ok(format!(
            "raw QUIC ÷ 1.5: {link:.0} MB/s, disk ÷ 1.5: {disk:.0} MB/s"
        ))
    }

    /// What a GET could reach at best.
    pub(crate) fn get_limit(&self) -> Result<String, BenchError> {
        Ok(format!("raw QUIC: {:.0} MB/s", self.link_mb_per_s()?))
    }
}

/// Processors' worth of work that others are doing now; none where there is no `/proc/stat`.
///
/// Figures from a machine that is busy say nothing, and look as if they did.
pub(crate) fn busy_cores() -> Option<f64> {
    let before = busy_ticks(&std::fs::read_to_string(STAT).ok()?)?;
    std::thread::sleep(BUSY_PERIOD);
    let after = busy_ticks(&std::fs::read_to_string(STAT).ok()?)?;
    let ticks = after.saturating_sub(before) as f64;
    Some(ticks / TICKS_PER_S / BUSY_PERIOD.as_secs_f64())
}

/// Ticks that all processors together have worked (proc(5): user, nice, system, idle, iowait, irq, softirq, steal).
fn busy_ticks(stat: &str) -> Option<u64> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let fields: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
    let is_idle = |place: usize| place == 3 || place == 4;
    let working = fields
        .iter()
        .take(8)
        .enumerate()
        .filter(|(place, _)| !is_idle(*place));
    (fields.len() >= 8).then(|| working.map(|(_, ticks)| ticks).sum())
}

fn once(cell: &OnceCell<f64>, measure: impl FnOnce() -> Result<f64, BenchError>) -> Result<f64, BenchError> {
    match cell.get() {
        Some(value) => Ok(*value),
        None => measure().map(|value| *cell.get_or_init(|| value)),
    }
}

/// Writes memory, so that making the bytes is not measured.
fn write_speed(dir: &Path) -> Result<f64, BenchError> {
    let mut bytes = Vec::new();
    let failed = || BenchError::io(format!("writing to {}", dir.display()));
    Noise::new("disk")
        .write(WRITE_LEN, &mut bytes)
        .map_err(failed())?;
    let mut file = tempfile::tempfile_in(dir).map_err(failed())?;
    let time = timed(|| write_and_sync(&mut file, &bytes).map_err(failed()))?;
    Ok(mb_per_s(WRITE_LEN, time))
}

fn write_and_sync(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;

    for frame in bytes.chunks(1 << 20) {
        file.write_all(frame)?;
    }
    file.sync_all()
}

const STAT: &str = "/proc/stat";
/// USER_HZ, which Linux has fixed at 100 for every program (time(7)).
const TICKS_PER_S: f64 = 100.0;
const BUSY_PERIOD: Duration = Duration::from_millis(500);
/// Nine shards for six shards' bytes.
pub(crate) const EXPANSION: f64 = 1.5;
/// As much as a put of 256 MiB writes: a write that fits the disk's cache on one side should on the other.
const WRITE_LEN: u64 = 384 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_everything_but_idling_and_waiting_for_a_disk() {
        let stat = "cpu  1 2 4 1000 2000 8 16 32 64 128\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(busy_ticks(stat), Some(1 + 2 + 4 + 8 + 16 + 32));
        assert_eq!(busy_ticks("cpu  1 2 3"), None);
        assert_eq!(busy_ticks(""), None);
    }

    #[test]
    fn a_limit_is_measured_once_and_an_error_is_not_kept() {
        let cell = OnceCell::new();
        let error = once(&cell, || Err(BenchError::Panicked("x".to_owned()))).unwrap_err();
        assert_eq!(error.to_string(), "x");
        assert_eq!(once(&cell, || Ok(3.0)).unwrap(), 3.0);
        assert_eq!(once(&cell, || Ok(4.0)).unwrap(), 3.0);
    }
}
