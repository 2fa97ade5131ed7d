//! One large object in and out, with all nodes and with three stopped.

use std::process::Stdio;

use blake3::Hash;
use rustix::process::Signal;

use crate::bench::Bench;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::machine::EXPANSION;
use crate::noise::{Noise, hash_of};
use crate::program::check;
use crate::sample::{mb_per_s, median_of};
use crate::scale::{NODES, STOPPED};
use crate::store::RunningStore;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>, BenchError> {
    let link = bench.machine.link_mb_per_s()?;
    let load = Load {
        store: bench.store()?,
        len: bench.scale.object_len,
    };
    let (put, hashes) = load.put_all()?;
    load.verify(&object(0), hashes[0])?;
    let got = load.get_all()?;
    let got_without_three = load.without_three(|| load.get_all())?;
    load.verify(&object(1), hashes[1])?;
    let share = put / (link / EXPANSION) * 100.0;
    let size = format!("{} MiB", load.len >> 20);
    let put_limit = bench.machine.put_limit()?;
    let get_limit = bench.machine.get_limit()?;
    Ok(vec![
        Figure::new(format!("PUT {size}"), put, "MB/s")
            .at_least(120.0)
            .limited_by(put_limit),
        Figure::new(format!("PUT {size} of raw QUIC ÷ 1.5"), share, "%").at_least(60.0),
        Figure::new(format!("GET {size}"), got, "MB/s")
            .at_least(200.0)
            .limited_by(get_limit.clone()),
        Figure::new(
            format!("GET {size}, three nodes stopped"),
            got_without_three,
            "MB/s",
        )
        .at_least(120.0)
        .limited_by(get_limit),
    ])
}

/// A store and the length of what goes through it.
struct Load {
    store: RunningStore,
    len: u64,
}

impl Load {
    /// The median speed of putting objects that differ, and their hashes.
    fn put_all(&self) -> Result<(f64, Vec<Hash>), BenchError> {
        let mut hashes = Vec::new();
        let median = median_of(RUNS, |run| {
            let (name, file) = (object(run), self.store.file("source"));
            hashes.push(Noise::new(&name).write_file(self.len, &file)?);
            let time = self.store.time(&["put", &file.to_string_lossy(), &name])?;
            Ok(mb_per_s(self.len, time))
        })?;
        Ok((median, hashes))
    }

    fn get_all(&self) -> Result<f64, BenchError> {
        median_of(RUNS, |run| {
            let time = self.store.time(&["cat", &object(run)])?;
            Ok(mb_per_s(self.len, time))
        })
    }

    /// Reads an object and compares it with what was put.
    fn verify(&self, name: &str, expected: Hash) -> Result<(), BenchError> {
        let failed = || BenchError::io(format!("reading {name}"));
        let mut client = self.store.client(&["cat", name]);
        let mut child = client.stdout(Stdio::piped()).spawn().map_err(failed())?;
        let hash = child.stdout.take().map(hash_of).transpose().map_err(failed())?;
        check("cat", child.wait_with_output().map_err(failed())?)?;
        if hash == Some(expected) {
            return Ok(());
        }
        Err(BenchError::Different {
            what: name.to_owned(),
        })
    }

    /// Measures while three agents are stopped and the daemon knows; then they go on.
    fn without_three(&self, measure: impl FnOnce() -> Result<f64, BenchError>) -> Result<f64, BenchError> {
        let daemon = self.store.daemon();
        STOPPED.iter().for_each(|node| daemon.signal(node, Signal::STOP));
        self.store.wait_until_missed(STOPPED.len())?;
        let measured = measure();
        STOPPED.iter().for_each(|node| daemon.signal(node, Signal::CONT));
        daemon.wait_for("connected", NODES);
        measured
    }
}

fn object(run: usize) -> String {
    format!("object-{run}")
}

const RUNS: usize = 5;
