//! What the machine allows at best.

use crate::bench::Bench;
use crate::error::BenchError;
use crate::figure::Figure;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>, BenchError> {
    Ok(vec![
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
    ])
}
