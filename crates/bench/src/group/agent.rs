//! The agent program's size: it travels through a terminal.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::bench::Bench;
use crate::error::BenchError;
use crate::figure::Figure;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>, BenchError> {
    let agent = bench.agent()?;
    let binary = std::fs::read(&agent).map_err(BenchError::io(format!("reading {}", agent.display())))?;
    let gzip = gzip_len(&binary).map_err(BenchError::io("compressing the agent"))?;
    let gzip_note = format!("gzip -9: {:.2} MB", megabytes(gzip));
    let packed = match xz_len(&agent) {
        Some(xz) => Figure::new("agent, xz -9", megabytes(xz), "MB").limited_by(gzip_note),
        None => Figure::new("agent, gzip -9", megabytes(gzip), "MB"),
    }
    .at_most(3.0);
    let size = Figure::new("agent binary", megabytes(binary.len()), "MB").at_most(8.0);
    Ok(vec![size, packed])
}

fn gzip_len(bytes: &[u8]) -> std::io::Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish().map(|packed| packed.len())
}

/// None on machines without the program.
fn xz_len(path: &Path) -> Option<usize> {
    let mut command = Command::new("xz");
    let output = command
        .args(["-9", "-c"])
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then_some(output.stdout.len())
}

fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeroes_shrink_and_noise_does_not() {
        assert!(gzip_len(&[0; 100_000]).unwrap() < 1_000);
        let mut noise = Vec::new();
        crate::noise::Noise::new("gzip")
            .write(100_000, &mut noise)
            .unwrap();
        assert!(gzip_len(&noise).unwrap() > 99_000);
    }
}
