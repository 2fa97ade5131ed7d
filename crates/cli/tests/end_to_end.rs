//! The whole path of a file: the real client, the real daemon and nine real agents in processes of their own, real files
//! on a real disk. Three agents fall silent, processes are killed at any moment; what was acknowledged comes back
//! byte-identical.

mod programs;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use testkit::{DaemonProcess, Lottery};

use crate::programs::{agent, program, scratch};

const NODES: usize = 9;

fn start(dir: &Path) -> DaemonProcess {
    DaemonProcess::start(&program(), &agent(), dir, NODES)
}

fn new_store() -> (TempDir, DaemonProcess) {
    let dir = scratch();
    let store = dir.path().join("store");
    DaemonProcess::init(&program(), &store);
    let daemon = start(&store);
    (dir, daemon)
}

/// What a user might have: this repository's history packed, random bytes, many small files, odd names.
fn write_files(folder: &Path, lottery: &mut Lottery) {
    fs::create_dir_all(folder).expect("made");
    let packed = Command::new("git")
        .args(["bundle", "create", "--quiet"])
        .arg(folder.join("history.bundle"))
        .arg("HEAD")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    // A source archive has no history; the rest is enough then.
    if !packed.is_ok_and(|status| status.success()) {
        println!("note: no git history to pack");
    }
    fs::write(folder.join("random.bin"), lottery.bytes(200 << 20)).expect("written");
    fs::write(folder.join("zeroes.bin"), vec![0; 20 << 20]).expect("written");
    for n in 0..2000 {
        let sub = folder.join(format!("many/{}", n % 40));
        fs::create_dir_all(&sub).expect("made");
        let len = lottery.below(6000);
        fs::write(sub.join(format!("{n}.dat")), lottery.bytes(len)).expect("written");
    }
    let odd = [
        "with space",
        "-dash",
        "Ünïcode 空",
        "quote'\"",
        "percent%20",
        "tab\tnewline\n",
        "a#b?c&d",
        "…",
        "back\\slash",
    ];
    for name in odd {
        fs::write(folder.join(name), name).expect("written");
    }
    fs::write(folder.join("empty"), "").expect("written");
}

/// Hashes of all files below a folder, by their path in it.
fn hashes(folder: &Path) -> BTreeMap<PathBuf, Sha256Hash> {
    let files = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.expect("readable"));
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            (
                entry.path().strip_prefix(folder).expect("below").to_owned(),
                hash(entry.path()),
            )
        })
        .collect()
}

/// By a function that the store itself does not use.
fn hash(path: &Path) -> Sha256Hash {
    Sha256::digest(fs::read(path).expect("readable")).into()
}

type Sha256Hash = [u8; 32];

/// Fetches the folder and compares.
fn check(daemon: &DaemonProcess, dest: &Path, expected: &BTreeMap<PathBuf, Sha256Hash>) {
    let _ = fs::remove_dir_all(dest);
    daemon.run(&["get", "-r", "files", dest.to_str().expect("UTF-8")]);
    let got = hashes(dest);
    assert_eq!(got.len(), expected.len());
    for (path, hash) in expected {
        assert_eq!(got.get(path), Some(hash), "{}", path.display());
    }
}

#[test]
fn files_survive_three_silent_agents_and_a_restart_of_everything() {
    let (dir, daemon) = new_store();
    let mut lottery = Lottery::from_env();
    let files = dir.path().join("files");
    write_files(&files, &mut lottery);
    let expected = hashes(&files);
    let dest = dir.path().join("back");

    daemon.run(&["put", "-r", files.to_str().expect("UTF-8")]);
    let status = daemon.status();
    assert_eq!(status["domains_may_be_lost"], 3, "{status:#}");
    assert_eq!(status["objects"], expected.len());
    assert_eq!(daemon.nodes_in("connected"), NODES);
    check(&daemon, &dest, &expected);

    for node in ["local-1", "local-5", "local-9"] {
        daemon.signal(node, Signal::STOP);
    }
    check(&daemon, &dest, &expected);
    daemon.wait_for("lost", 3);
    assert_eq!(daemon.status()["domains_may_be_lost"], 0);
    check(&daemon, &dest, &expected);
    for node in ["local-1", "local-5", "local-9"] {
        daemon.signal(node, Signal::CONT);
    }
    daemon.wait_for("connected", NODES);
    assert_eq!(daemon.status()["domains_may_be_lost"], 3);

    // Everything is killed at once, as by a power cut that spares the disk's cache.
    for agent in daemon.agents() {
        daemon.signal(&agent.node, Signal::KILL);
    }
    daemon.crash();
    let daemon = start(&dir.path().join("store"));
    check(&daemon, &dest, &expected);
}

#[test]
fn the_next_daemon_finds_the_agents_that_a_killed_one_left() {
    let (dir, daemon) = new_store();
    daemon.run(&["put", "-r", env!("CARGO_MANIFEST_DIR"), "crate/"]);
    let before = daemon.agents();
    assert_eq!(before.len(), NODES);
    daemon.crash();
    let daemon = start(&dir.path().join("store"));
    assert_eq!(daemon.agents(), before, "the same processes");
    assert!(
        daemon
            .run(&["cat", "crate/cli/Cargo.toml"])
            .contains("cloudshell-store")
    );
    let status = daemon.status();
    assert_eq!(status["nodes"].as_array().expect("a list").len(), NODES);
    daemon.wait_for_path("direct", NODES);
}

#[test]
fn what_was_acknowledged_before_the_daemon_was_killed_is_all_there() {
    let (dir, daemon) = new_store();
    let mut lottery = Lottery::from_env();
    let kill_after = 20 + lottery.below(40);
    let mut acknowledged = BTreeMap::new();
    // The upload that is under way when the daemon is killed, from a pipe that never ends.
    let mut endless = daemon
        .client(&["put", "-", "endless"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut pipe = endless.stdin.take().expect("it is piped");
    pipe.write_all(&lottery.bytes(3 << 20)).expect("the client reads");
    for n in 0..kill_after {
        let name = format!("files/{n}");
        let len = [100, 70_000, 1_500_000][lottery.below(3)];
        let bytes = lottery.bytes(len);
        put_bytes(&daemon, &name, &bytes);
        acknowledged.insert(name, bytes);
    }
    daemon.crash();
    drop(pipe);
    assert!(
        !endless.wait().expect("it ends").success(),
        "an upload to a killed daemon is no success"
    );

    let daemon = start(&dir.path().join("store"));
    for (name, bytes) in &acknowledged {
        let got = daemon.client(&["cat", name]).output().expect("it runs").stdout;
        assert!(got == *bytes, "{name}");
    }
    let listed = daemon.run(&["ls", "-r"]);
    assert_eq!(listed.lines().count(), acknowledged.len(), "{listed}");
}

#[test]
fn an_agent_killed_during_a_put_costs_nothing_and_comes_back() {
    let (dir, daemon) = new_store();
    let mut lottery = Lottery::from_env();
    let file = dir.path().join("file");
    fs::write(&file, lottery.bytes(60 << 20)).expect("written");
    let victim = format!("local-{}", 1 + lottery.below(NODES));
    let mut put = daemon
        .client(&["put", file.to_str().expect("UTF-8"), "file"])
        .stdout(Stdio::null())
        .spawn()
        .expect("it runs");
    daemon.signal(&victim, Signal::KILL);
    assert!(put.wait().expect("it ends").success());
    let got = daemon.client(&["cat", "file"]).output().expect("it runs").stdout;
    assert!(got == fs::read(&file).expect("there"));
    daemon.wait_for("connected", NODES);
}

#[test]
fn a_wrong_passphrase_is_refused_and_a_changed_one_counts() {
    let dir = scratch();
    let store = dir.path().join("store");
    let secret = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (old, new) = (
        secret("old", "correct horse\n"),
        secret("new", "battery staple\n"),
    );
    let run = |arguments: &[&str]| {
        Command::new(program())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("it runs")
    };
    let store_text = store.to_str().expect("UTF-8");
    assert!(
        run(&["init", "--dir", store_text, "--passphrase-file", &old])
            .status
            .success()
    );
    let refused = run(&[
        "serve",
        "--dir",
        store_text,
        "--key",
        "wrong",
        "--addr",
        "127.0.0.1:0",
    ]);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("wrong passphrase") && stderr.contains("process list"),
        "{stderr}"
    );

    fs::write(store.join("config.toml"), format!("key_file = {old:?}\n")).expect("written");
    let daemon = start(&store);
    daemon.run(&["put", &new, "kept"]);
    daemon.run(&["passwd", "--passphrase-file", &old, "--new-passphrase-file", &new]);
    let again = daemon
        .client(&["passwd", "--passphrase-file", &old, "--new-passphrase-file", &new])
        .output()
        .expect("it runs");
    assert_eq!(
        again.status.code(),
        Some(1),
        "the old passphrase opens nothing any more"
    );
    daemon.crash();

    fs::write(store.join("config.toml"), format!("key_file = {new:?}\n")).expect("written");
    let daemon = start(&store);
    assert_eq!(daemon.run(&["cat", "kept"]), "battery staple\n");
}

fn put_bytes(daemon: &DaemonProcess, name: &str, bytes: &[u8]) {
    let mut put = daemon
        .client(&["put", "-", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("it runs");
    put.stdin
        .take()
        .expect("it is piped")
        .write_all(bytes)
        .expect("the client reads");
    assert!(put.wait().expect("it ends").success(), "{name}");
}
