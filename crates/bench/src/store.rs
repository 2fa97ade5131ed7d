//! A store of its own for a step: the real daemon, nine real agents, the real client.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use testkit::DaemonProcess;

use crate::error::BenchError;
use crate::program;
use crate::sample::timed;
use crate::scale::{DIRECT_TIMEOUT, NODES};

/// A daemon with its agents and a folder for files. Dropped, the processes end; the folder stays until the run ends.
///
/// Nothing is deleted while something is measured: ext4 without a journal does not reuse an inode for some seconds after
/// its deletion, and looks through all of these for every file that is made. After the deletion of one store, that took
/// a sixth of all processor time of the next one's PUT.
#[derive(Debug)]
pub(crate) struct RunningStore {
    daemon: DaemonProcess,
    dir: PathBuf,
}

impl RunningStore {
    /// Starts a new store below a folder, and waits until every link goes over UDP.
    pub(crate) fn start(program: &Path, agent: &Path, parent: &Path) -> Result<Self, BenchError> {
        let dir = tempfile::tempdir_in(parent);
        let dir = dir.map_err(BenchError::io(format!("making a folder in {}", parent.display())))?;
        let dir = dir.keep();
        let home = dir.join("store");
        DaemonProcess::init(program, &home);
        let daemon = DaemonProcess::start(program, agent, &home, NODES);
        let store = Self { daemon, dir };
        store.wait_until_direct()?;
        Ok(store)
    }

    /// The processes.
    pub(crate) fn daemon(&self) -> &DaemonProcess {
        &self.daemon
    }

    /// A name in the folder for files, which nobody has yet.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// A client command whose output is thrown away.
    pub(crate) fn client(&self, arguments: &[&str]) -> Command {
        let mut command = self.daemon.client(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// How long a client command takes, from its start to its end.
    pub(crate) fn time(&self, arguments: &[&str]) -> Result<Duration, BenchError> {
        // What earlier steps left in the page cache is not this one's to write.
        rustix::fs::sync();
        timed(|| program::run(&mut self.client(arguments)).map(drop))
    }

    /// Waits until the daemon knows that so many nodes do not answer. A node that is lost is being connected to again
    /// and again, so that not all need be `lost` at one moment.
    pub(crate) fn wait_until_missed(&self, count: usize) -> Result<(), BenchError> {
        let deadline = Instant::now() + MISSED_TIMEOUT;
        while self.daemon.nodes_in("connected") > NODES - count {
            if Instant::now() > deadline {
                return Err(BenchError::NotMissed { count });
            }
            std::thread::sleep(POLL_PERIOD);
        }
        Ok(())
    }

    /// A link begins on the shell's path, which is not what is measured.
    fn wait_until_direct(&self) -> Result<(), BenchError> {
        let deadline = Instant::now() + DIRECT_TIMEOUT;
        loop {
            let direct = self.direct_links();
            if direct >= NODES {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(BenchError::NotDirect { direct, nodes: NODES });
            }
            std::thread::sleep(POLL_PERIOD);
        }
    }

    fn direct_links(&self) -> usize {
        let status = self.daemon.status();
        let nodes = status["nodes"].as_array();
        nodes.map_or(0, |nodes| {
            nodes.iter().filter(|node| node["path"] == "direct").count()
        })
    }
}

/// A link ends when its peer has been silent for seconds.
const MISSED_TIMEOUT: Duration = Duration::from_secs(60);
/// The daemon looks at its paths twice a second.
const POLL_PERIOD: Duration = Duration::from_millis(100);
