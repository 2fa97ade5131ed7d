//! The whole path on emulated CloudShell regions: real client, real daemon, agents put on nine environments through their
//! shells. Regions fall asleep, sessions are cut, agents are killed, a home is wiped.

mod programs;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use emulator::{Command, Control, Emulator, EmulatorConfig, RunningEmulator};
use tempfile::TempDir;
use testkit::{DaemonProcess, Lottery};

use crate::programs::{agent, program, scratch};

const REGIONS: [&str; 9] = [
    "us-east-1",
    "us-east-2",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "eu-north-1",
    "ap-northeast-1",
    "ap-southeast-2",
    "sa-east-1",
];

/// A store on nine emulated regions, connected.
struct World {
    daemon: DaemonProcess,
    control: Control,
    dir: TempDir,
    // Fields are dropped in this order: the daemon goes first.
    _emulator: RunningEmulator,
    _runtime: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
        let dir = scratch();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let emulator = runtime
            .block_on(Emulator::start(EmulatorConfig::fast(dir.path().join("aws"))))
            .expect("the emulator starts");
        let begun = Instant::now();
        let daemon = start(dir.path(), &emulator);
        daemon.wait_for("connected", REGIONS.len());
        let elapsed = begun.elapsed();
        println!("nine regions from nothing to connected in {elapsed:.1?}");
        assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
        Self {
            daemon,
            control: emulator.control(),
            dir,
            _emulator: emulator,
            _runtime: runtime,
        }
    }

    fn put_noise(&self, name: &str, len: usize) -> Vec<u8> {
        let bytes = Lottery::from_env().bytes(len);
        let file = self.dir.path().join(name);
        fs::write(&file, &bytes).expect("written");
        self.daemon.run(&["put", file.to_str().expect("UTF-8"), name]);
        bytes
    }

    fn get(&self, name: &str) -> Vec<u8> {
        let output = self
            .daemon
            .client(&["cat", name])
            .output()
            .expect("the program runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// The node's own entry in `status`.
    fn node(&self, region: &str) -> serde_json::Value {
        let status = self.daemon.status();
        let nodes = status["nodes"].as_array().expect("nodes");
        nodes
            .iter()
            .find(|node| node["id"] == region)
            .expect("a node of each region")
            .clone()
    }

    fn wait_for(&self, region: &str, what: &str, is_so: impl Fn(&serde_json::Value) -> bool) -> Duration {
        let begun = Instant::now();
        loop {
            let node = self.node(region);
            if is_so(&node) {
                return begun.elapsed();
            }
            assert!(
                begun.elapsed() < Duration::from_secs(40),
                "{region} is not {what}: {node:#}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn agent_file(&self, region: &str) -> PathBuf {
        let homes = self.dir.path().join("aws");
        let principal = fs::read_dir(&homes)
            .expect("homes")
            .map(|entry| entry.expect("readable").path())
            .find(|path| path.join(region).is_dir())
            .expect("a principal");
        principal.join(region).join("home/.cloudshell-store/agent")
    }
}

fn start(dir: &Path, emulator: &RunningEmulator) -> DaemonProcess {
    let store = dir.join("store");
    if !store.exists() {
        DaemonProcess::init(&program(), &store);
    }
    let key = &emulator.credentials()[0];
    let variables = [
        ("AWS_ENDPOINT_URL", emulator.endpoint()),
        ("AWS_ACCESS_KEY_ID", key.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", key.secret_access_key.clone()),
    ];
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let arguments = ["--regions", &REGIONS.join(",")];
    DaemonProcess::start_with(&program(), &agent(), &store, &arguments, &variables)
}

fn region(name: &str) -> Option<String> {
    Some(name.to_owned())
}

fn is_connected(node: &serde_json::Value) -> bool {
    node["state"] == "connected"
}

#[test]
fn files_come_back_with_three_regions_suspended_and_the_regions_come_back_too() {
    let world = World::new();
    let bytes = world.put_noise("big", 256 << 20);
    for name in &REGIONS[..3] {
        world.control.apply(Command::Suspend { region: region(name) });
    }
    assert!(world.get("big") == bytes, "with three regions suspended");
    // They were in use, so they are woken again.
    for name in &REGIONS[..3] {
        world.wait_for(name, "connected", is_connected);
    }
    assert!(world.get("big") == bytes, "with all of them back");
}

#[test]
fn cut_sessions_and_killed_agents_heal_by_themselves() {
    let world = World::new();
    let bytes = world.put_noise("a", 24 << 20);
    world.daemon.wait_for_path("direct", REGIONS.len());

    // A session of a region is cut while a file is read: the link lives on over UDP.
    let reading = std::thread::scope(|scope| {
        let reading = scope.spawn(|| world.get("a"));
        world.control.apply(Command::DropSockets {
            region: region("eu-west-1"),
        });
        reading.join().expect("read")
    });
    assert!(reading == bytes, "while a session was cut");
    world.wait_for("eu-west-1", "connected", is_connected);

    let program_before = fs::metadata(world.agent_file("eu-north-1"))
        .expect("there")
        .modified()
        .expect("a time");
    let begun = Instant::now();
    world.control.apply(Command::KillProcesses {
        region: region("eu-north-1"),
    });
    let pid_file_is_new = || {
        let home = world.agent_file("eu-north-1");
        let folder = home.parent().expect("a folder").to_owned();
        walk(&folder, "agent.pid")
            .and_then(|path| fs::read_to_string(path).ok())
            .is_some_and(|pid| is_alive(pid.trim()))
    };
    while !(pid_file_is_new() && is_connected(&world.node("eu-north-1"))) {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{:#}",
            world.node("eu-north-1")
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("a killed agent was back after {:.1?}", begun.elapsed());
    assert!(world.get("a") == bytes, "with a new agent");
    let program_after = fs::metadata(world.agent_file("eu-north-1"))
        .expect("there")
        .modified()
        .expect("a time");
    assert_eq!(program_before, program_after, "it was not uploaded again");
}

fn walk(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).into_iter();
    let found = entries
        .filter_map(Result::ok)
        .find(|entry| entry.file_name() == name)?;
    Some(found.into_path())
}

fn is_alive(pid: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z ")
}

#[test]
fn regions_sleep_when_told_and_wake_as_few_as_a_read_needs() {
    let world = World::new();
    let bytes = world.put_noise("a", 3 << 20);
    let mut sleep = vec!["region", "sleep"];
    sleep.extend(REGIONS);
    world.daemon.run(&sleep);
    for name in REGIONS {
        world.wait_for(name, "asleep", |node| node["state"] == "asleep");
    }
    assert!(world.get("a") == bytes, "from sleep");
    assert_eq!(
        world.daemon.nodes_in("connected"),
        6,
        "{:#}",
        world.daemon.status()
    );
}

#[test]
fn a_wiped_home_comes_back_empty_and_says_so() {
    let world = World::new();
    let bytes = world.put_noise("a", 3 << 20);
    world.control.apply(Command::Suspend {
        region: region("sa-east-1"),
    });
    world.control.apply(Command::WipeHomes {
        region: region("sa-east-1"),
    });
    world.daemon.run(&["region", "wake", "sa-east-1"]);
    world.wait_for("sa-east-1", "connected and empty", |node| {
        is_connected(node)
            && node["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains("it holds 0 of the"))
    });
    assert_eq!(world.daemon.status()["domains_may_be_lost"], 2);
    assert!(world.get("a") == bytes, "from the others");
}

#[test]
fn no_session_is_left_behind_when_the_daemon_ends() {
    let World {
        daemon,
        control,
        dir: _dir,
        _emulator,
        _runtime,
    } = World::new();
    let sessions = || {
        control
            .state()
            .environments
            .iter()
            .map(|environment| environment.sessions.len())
            .sum::<usize>()
    };
    assert!(sessions() > 0);
    daemon.terminate();
    assert_eq!(sessions(), 0, "{:#?}", control.state());
}
