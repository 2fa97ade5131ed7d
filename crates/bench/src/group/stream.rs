//! How much memory the programs take while more passes through them than they may keep.

use std::process::{Child, Stdio};

use blake3::Hash;
use testkit::{peak_memory_bytes, reset_peak_memory};

use crate::bench::Bench;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::noise::{Noise, hash_of};
use crate::program::check;
use crate::store::RunningStore;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>, BenchError> {
    let len = bench.scale.stream_len;
    let store = bench.store()?;
    let (stored, putting) = watched(&store, || put(&store, len))?;
    let (got, getting) = watched(&store, || get(&store))?;
    if stored != got {
        let what = "the stream".to_owned();
        return Err(BenchError::Different { what });
    }
    let size = format!("{} MiB", len >> 20);
    let agents = putting.agent.max(getting.agent);
    Ok(vec![
        Figure::new(format!("daemon's peak memory, {size} in"), putting.daemon, "MB").at_most(200.0),
        Figure::new(format!("daemon's peak memory, {size} out"), getting.daemon, "MB").at_most(200.0),
        Figure::new("an agent's peak memory, at most", agents, "MB").at_most(64.0),
    ])
}

/// Peak memory in megabytes.
struct Peak {
    daemon: f64,
    /// Of the agent that took most.
    agent: f64,
}

/// Runs something, and says how much memory the daemon and its agents took meanwhile.
fn watched<T>(
    store: &RunningStore,
    run: impl FnOnce() -> Result<T, BenchError>,
) -> Result<(T, Peak), BenchError> {
    let agents = store.daemon().agents();
    let agents: Vec<u32> = agents.iter().map(|agent| agent.pid.unsigned_abs()).collect();
    let daemon = store.daemon().pid();
    for pid in agents.iter().chain([&daemon]) {
        reset_peak_memory(*pid).map_err(BenchError::io(format!("resetting the peak of process {pid}")))?;
    }
    let value = run()?;
    let daemon = megabytes(daemon)?;
    let agents = agents.into_iter().map(megabytes).collect::<Result<Vec<_>, _>>()?;
    let agent = agents.into_iter().fold(0.0, f64::max);
    Ok((value, Peak { daemon, agent }))
}

fn megabytes(pid: u32) -> Result<f64, BenchError> {
    let bytes =
        peak_memory_bytes(pid).map_err(BenchError::io(format!("reading the peak of process {pid}")))?;
    Ok(bytes as f64 / 1e6)
}

fn put(store: &RunningStore, len: u64) -> Result<Hash, BenchError> {
    let failed = || BenchError::io("streaming in");
    let mut client = store.client(&["put", "-", NAME]);
    let mut child = client.stdin(Stdio::piped()).spawn().map_err(failed())?;
    let mut stdin = child.stdin.take().expect("it is piped");
    let written = Noise::new(NAME).write(len, &mut stdin);
    drop(stdin);
    // What the client says explains a broken pipe better than the pipe.
    finish(child)?;
    written.map_err(failed())
}

fn get(store: &RunningStore) -> Result<Hash, BenchError> {
    let failed = || BenchError::io("streaming out");
    let mut client = store.client(&["cat", NAME]);
    let mut child = client.stdout(Stdio::piped()).spawn().map_err(failed())?;
    let hash = hash_of(child.stdout.take().expect("it is piped"));
    finish(child)?;
    hash.map_err(failed())
}

fn finish(child: Child) -> Result<(), BenchError> {
    let output = child
        .wait_with_output()
        .map_err(BenchError::io("waiting for the client"))?;
    check("the client", output).map(drop)
}

const NAME: &str = "stream";
