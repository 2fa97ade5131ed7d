//! Going to the background.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use lexopt::Parser;

use crate::arguments::{self, Arguments};
use crate::home;
use crate::serve::{READY, ServeError};

/// Starts this program again without `--detach`, in a session of its own, and returns when it is ready: the agent
/// then outlives the shell that started it.
pub(crate) fn serve_detached() -> Result<(), ServeError> {
    let executable = std::env::current_exe()?;
    let mut child = Command::new(executable);
    child.args(
        std::env::args_os()
            .skip(1)
            .filter(|argument| argument != "--detach"),
    );
    enter_home()?;
    let log = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(home::LOG)?;
    child
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .env(DETACHED, "1")
        .process_group(0);
    let mut child = child.spawn()?;
    let mut answer = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout.take(ANSWER_LEN_MAX)).read_line(&mut answer)?;
    }
    if answer.trim() == READY {
        return Ok(());
    }
    child.wait()?;
    Err(ServeError::NotStarted {
        log: std::fs::read_to_string(home::LOG).unwrap_or_default(),
    })
}

/// In the child: leaves the session of the shell, whose end would otherwise end the agent too.
pub(crate) fn leave_session() {
    if std::env::var_os(DETACHED).is_some() {
        // It fails only for the leader of a process group; then a hang-up is all that threatens.
        let _ = rustix::process::setsid();
    }
}

fn enter_home() -> Result<(), ServeError> {
    match Arguments::parse(Parser::from_env()) {
        Ok(Arguments {
            command: arguments::Command::Serve(options),
        }) => Ok(home::enter(&options.identity)?),
        _ => Ok(()),
    }
}

const DETACHED: &str = "CLOUDSHELL_STORE_AGENT_DETACHED";
const ANSWER_LEN_MAX: u64 = 4096;
