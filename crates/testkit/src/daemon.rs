//! The real daemon with real agents.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A running daemon and its agents. All end when it is dropped.
#[derive(Debug)]
pub struct DaemonProcess {
    program: PathBuf,
    dir: PathBuf,
    child: Child,
    url: String,
}

/// An agent's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentProcess {
    /// The node it keeps shards for.
    pub node: String,
    /// Its process id.
    pub pid: i32,
}

impl DaemonProcess {
    /// Makes a store in a directory, with a key file.
    pub fn init(program: &Path, dir: &Path) {
        let status = Command::new(program)
            .args(["init", "--no-passphrase", "--dir"])
            .arg(dir)
            .stdout(Stdio::null())
            .status();
        assert!(status.expect("the program runs").success(), "init failed");
    }

    /// Starts the daemon of a store on a free port, with local nodes, and waits until all of them are connected.
    pub fn start(program: &Path, agent: &Path, dir: &Path, nodes: usize) -> Self {
        let daemon = Self::start_with(program, agent, dir, &["--nodes", &format!("local:{nodes}")], &[]);
        daemon.wait_for("connected", nodes);
        daemon
    }

    /// Starts the daemon of a store on a free port with further arguments and variables, and waits until it answers.
    pub fn start_with(
        program: &Path,
        agent: &Path,
        dir: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut child = Command::new(program)
            .arg("serve")
            .arg("--dir")
            .arg(dir)
            .arg("--agent")
            .arg(agent)
            .args(["--addr", "127.0.0.1:0"])
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("the daemon speaks");
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .expect("the daemon says where it listens")
            .to_owned();
        Self {
            program: program.to_owned(),
            dir: dir.to_owned(),
            child,
            url,
        }
    }

    /// Where the API is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The daemon's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A client command.
    pub fn client(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("CLOUDSHELL_STORE_URL", &self.url)
            .stdin(Stdio::null());
        command
    }

    /// Runs a client command, which must succeed, and returns what it prints.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.client(arguments).output().expect("the program runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{arguments:?}: {}: {stderr}",
            output.status
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What `status --json` says.
    pub fn status(&self) -> serde_json::Value {
        serde_json::from_str(&self.run(&["status", "--json"])).expect("status is JSON")
    }

    /// Nodes in a state now.
    pub fn nodes_in(&self, state: &str) -> usize {
        self.nodes_with("state", state)
    }

    fn nodes_with(&self, field: &str, value: &str) -> usize {
        let status = self.status();
        let nodes = status["nodes"].as_array().expect("a list of nodes");
        nodes.iter().filter(|node| node[field] == value).count()
    }

    /// Waits until at least `count` nodes are in a state.
    pub fn wait_for(&self, state: &str, count: usize) {
        self.wait_for_nodes("state", state, count);
    }

    /// Waits until the links of at least `count` nodes take a path.
    pub fn wait_for_path(&self, path: &str, count: usize) {
        self.wait_for_nodes("path", path, count);
    }

    fn wait_for_nodes(&self, field: &str, value: &str, count: usize) {
        let deadline = Instant::now() + NODES_TIMEOUT;
        while self.nodes_with(field, value) < count {
            assert!(
                Instant::now() < deadline,
                "not {count} nodes {value}: {:#}",
                self.status()
            );
            std::thread::sleep(POLL_PERIOD);
        }
    }

    /// The agents that run, whether the daemon does or not.
    pub fn agents(&self) -> Vec<AgentProcess> {
        agents_of(&self.dir)
    }

    /// Sends a signal to the agent of a node.
    pub fn signal(&self, node: &str, signal: Signal) {
        let agents = self.agents();
        let agent = agents
            .iter()
            .find(|agent| agent.node == node)
            .expect("the node's agent runs");
        send(agent.pid, signal);
    }

    /// Ends the daemon as a crash would; the agents stay.
    pub fn crash(mut self) {
        self.end_daemon();
        // The agents belong to the next daemon.
        std::mem::forget(self);
    }

    /// Asks the daemon to end, and waits until it has.
    pub fn terminate(mut self) {
        send(self.child.id() as i32, Signal::TERM);
        let status = self.child.wait().expect("it is a child");
        assert!(status.success(), "{status}");
    }

    fn end_daemon(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for DaemonProcess {
    fn drop(&mut self) {
        self.end_daemon();
        for agent in self.agents() {
            send(agent.pid, Signal::KILL);
        }
    }
}

fn agents_of(dir: &Path) -> Vec<AgentProcess> {
    let entries = |dir: PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut agents = Vec::new();
    for node in entries(dir.join("nodes")) {
        for store in entries(node.path().join(".cloudshell-store")) {
            let pid = std::fs::read_to_string(store.path().join("agent.pid")).ok();
            let pid = pid.and_then(|pid| pid.trim().parse().ok());
            let node = node.file_name().to_string_lossy().into_owned();
            agents.extend(pid.map(|pid| AgentProcess { node, pid }));
        }
    }
    agents.sort_by(|a, b| a.node.cmp(&b.node));
    agents
}

fn send(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        // It may have ended already.
        let _ = kill_process(pid, signal);
    }
}

/// Nine agents start within a second; a crowded machine needs longer.
const NODES_TIMEOUT: Duration = Duration::from_secs(60);
/// The state is asked for, not waited out.
const POLL_PERIOD: Duration = Duration::from_millis(50);
