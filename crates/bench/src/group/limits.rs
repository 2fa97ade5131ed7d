//! What the machine allows at best.

use crate::bench::Bench;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::machine::busy_cores;

/// First of all: later steps are work themselves.
pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>, BenchError> {
    let others = busy_cores().map(|cores| {
        Figure::new("busy with something else", cores, "cores")
            .at_most(BUSY_CORES_MAX)
            .limited_by("beyond this the figures say little")
    });
    let limits = [
        Figure::new(
            "limit: raw QUIC over loopback",
            bench.machine.link_mb_per_s()?,
            "MB/s",
        ),
        Figure::new(
            "limit: sequential write + fsync",
            bench.machine.disk_mb_per_s()?,
            "MB/s",
        ),
    ];
    Ok(others.into_iter().chain(limits).collect())
}

/// A tenth of the smallest machine that the targets are stated for.
const BUSY_CORES_MAX: f64 = 0.2;
