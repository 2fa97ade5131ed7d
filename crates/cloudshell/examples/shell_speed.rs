//! Measures a terminal of the emulator: what its shell carries, either way, in megabytes of text a second.
//!
//! Prints a JSON line for each figure, such as `{"figure": "shell_up_paced", "value": …, "unit": "MB/s"}`. `paced` is with
//! an agent that waits a millisecond after each kilobyte, as the real one does; `fast` is with one that never waits. The
//! client types at most a kilobyte a millisecond at either.

use std::time::{Duration, Instant};

use cloudshell::{Api, ApiConfig, EnvironmentShell, ShellOptions, static_credentials};
use emulator::{Delays, Emulator, EmulatorConfig, Pump, RunningEmulator};
use shell::Shell as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

#[tokio::main]
async fn main() {
    for (name, pump) in [("paced", Pump::default()), ("fast", Pump::fast())] {
        let dir = tempfile::tempdir().expect("a directory");
        let mut config = EmulatorConfig::new(dir.path());
        config.service.delays = Delays::NONE;
        config.channel.pump = pump;
        let emulator = Emulator::start(config).await.expect("loopback can be bound");
        let shell = shell_of(&emulator).await;
        print("up", name, timeout(TIME_MAX, up(&shell)).await.expect("in time"));
        print(
            "down",
            name,
            timeout(TIME_MAX, down(&shell)).await.expect("in time"),
        );
        shell.close().await;
        emulator.shutdown().await;
    }
}

async fn shell_of(emulator: &RunningEmulator) -> EnvironmentShell {
    let credential = emulator.credentials().remove(0);
    let credentials = static_credentials(&credential.access_key_id, &credential.secret_access_key, None);
    let api = Api::new(ApiConfig {
        endpoint: emulator.endpoint().parse().ok(),
        ..ApiConfig::new("eu-west-1", credentials)
    });
    let api = api.expect("the region is one");
    let environment = api.create_environment().await.expect("it is created");
    EnvironmentShell::new(api, environment.environment_id, ShellOptions::default())
}

/// Until the command has read it all, and its word of that has come back.
async fn up(shell: &EnvironmentShell) -> Duration {
    let command = format!("head -c {LEN} > /dev/null; printf k");
    let mut stream = shell.stream(&command).await.expect("the shell runs");
    let started = Instant::now();
    stream
        .writer
        .write_all(&vec![b'x'; LEN])
        .await
        .expect("it is taken");
    stream.reader.read_u8().await.expect("an answer");
    started.elapsed()
}

/// From the command's start signal until its last byte is here.
async fn down(shell: &EnvironmentShell) -> Duration {
    let command = format!("read start; head -c {LEN} /dev/zero | tr '\\0' x");
    let mut stream = shell.stream(&command).await.expect("the shell runs");
    let started = Instant::now();
    stream.writer.write_all(b"\n").await.expect("it is taken");
    let mut text = vec![0; LEN];
    stream.reader.read_exact(&mut text).await.expect("all of it");
    started.elapsed()
}

fn print(way: &str, pump: &str, took: Duration) {
    let mb_per_s = LEN as f64 / 1e6 / took.as_secs_f64();
    println!(r#"{{"figure": "shell_{way}_{pump}", "value": {mb_per_s:.2}, "unit": "MB/s"}}"#);
}

/// Some seconds at a kilobyte a millisecond.
const LEN: usize = 4_000_000;
const TIME_MAX: Duration = Duration::from_secs(120);
