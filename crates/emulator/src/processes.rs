//! Ending everything that was started in an environment.
//!
//! Whatever a shell starts inherits the variable [`MARK`], even what detached itself from the terminal, and so it is found
//! again in `/proc`. Where there is no `/proc`, only the shells themselves and their process groups end.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use uuid::Uuid;

/// The variable that names the environment a process was started in.
pub(crate) const MARK: &str = "CLOUDSHELL_EMULATED_ENVIRONMENT";

/// Kills every process of these environments; returns when none is left, or after [`ROUNDS_MAX`] rounds.
pub(crate) fn kill_all(environments: &[Uuid]) {
    let marks: Vec<_> = environments.iter().map(mark).collect();
    for _ in 0..ROUNDS_MAX {
        let found = marked(&marks);
        if found.is_empty() {
            return;
        }
        for process in found {
            let _ = kill_process(process, Signal::KILL);
        }
        // A killed process is seen until the kernel has freed its memory.
        std::thread::sleep(ROUND_PAUSE);
    }
    tracing::warn!(?environments, "processes outlive their environment");
}

/// Kills a shell and what is in its process group.
pub(crate) fn kill_group(leader: u32) {
    let leader = i32::try_from(leader).ok().and_then(Pid::from_raw);
    if let Some(leader) = leader {
        let _ = kill_process_group(leader, Signal::KILL);
    }
}

/// Counts the processes of an environment.
pub(crate) fn count(environment: Uuid) -> usize {
    marked(&[mark(&environment)]).len()
}

fn mark(environment: &Uuid) -> Vec<u8> {
    format!("{MARK}={}", environment.as_hyphenated()).into_bytes()
}

fn marked(marks: &[Vec<u8>]) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let ours = std::process::id();
    let is_marked = |id: &u32| {
        let variables = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        let mut variables = variables.split(|byte| *byte == 0);
        variables.any(|variable| marks.iter().any(|mark| mark == variable))
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        // An emulator that runs in an emulated shell carries that shell's mark, not one of its own; still, never itself.
        .filter(|id| *id != ours && is_marked(id))
        .filter_map(|id| Pid::from_raw(i32::try_from(id).ok()?))
        .collect()
}

/// Something that forks as fast as it is killed is given up on.
const ROUNDS_MAX: u32 = 200;
const ROUND_PAUSE: Duration = Duration::from_millis(1);
