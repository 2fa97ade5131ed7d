//! A shell in a pseudo-terminal.

use std::io;
use std::path::Path;

use pty_process::{Command, OwnedReadPty, OwnedWritePty};
use tokio::process::Child;
use uuid::Uuid;

use crate::homes::HomePath;
use crate::processes;

/// A shell and the two halves of its terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    pub(crate) reader: OwnedReadPty,
    pub(crate) writer: OwnedWritePty,
    pub(crate) shell: Child,
}

/// Whose shell it is.
#[derive(Clone, Debug)]
pub(crate) struct ShellSpec {
    pub(crate) environment: Uuid,
    pub(crate) region: String,
    pub(crate) home: HomePath,
    /// For a shell in tmux.
    pub(crate) tab: Option<Uuid>,
}

impl Terminal {
    /// Starts the shell.
    ///
    /// # Errors
    ///
    /// If there is no terminal to be had, or no `bash`.
    pub(crate) fn open(spec: &ShellSpec) -> io::Result<Self> {
        let (pty, terminal) = pty_process::open().map_err(io::Error::other)?;
        pty.resize(pty_process::Size::new(24, 80))
            .map_err(io::Error::other)?;
        let shell = spec.command().spawn(terminal).map_err(io::Error::other)?;
        let (reader, writer) = pty.into_split();
        Ok(Self {
            reader,
            writer,
            shell,
        })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(id) = self.shell.id() {
            processes::kill_group(id);
        }
    }
}

impl ShellSpec {
    fn command(&self) -> Command {
        let startup = self.home.startup_file();
        let command = match self.tab {
            None => Command::new("bash").arg("--rcfile").arg(startup),
            Some(tab) => Command::new("tmux")
                .args(["-f", "/dev/null", "-L"])
                .arg(self.environment.simple().to_string())
                .args(["new-session", "-A", "-s"])
                .arg(tab.as_hyphenated().to_string())
                .arg(format!("exec bash --rcfile {}", quoted(&startup))),
        };
        command
            .env_clear()
            .env("HOME", self.home.directory())
            .env("PATH", SEARCH_PATH)
            .env("USER", "cloudshell-user")
            .env("LOGNAME", "cloudshell-user")
            .env("SHELL", "/bin/bash")
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .env("AWS_EXECUTION_ENV", "CloudShell")
            .env("AWS_REGION", &self.region)
            .env("AWS_DEFAULT_REGION", &self.region)
            .env(processes::MARK, self.environment.as_hyphenated().to_string())
            .current_dir(self.home.directory())
            .kill_on_drop(true)
    }
}

/// Whether sessions of type `TMUX` can be had on this machine.
pub(crate) fn has_tmux() -> bool {
    SEARCH_PATH
        .split(':')
        .any(|directory| Path::new(directory).join("tmux").is_file())
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";
