//! The program, run to its end.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder of its own in which the program runs.
#[derive(Debug)]
pub(crate) struct Desk {
    url: String,
    dir: TempDir,
}

/// What a run left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Desk {
    pub(crate) fn new(url: String) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Self { url, dir }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file, and the folders that it lies in.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let file = self.path().join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(&file, bytes).expect("written");
        file
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(name)).expect("it is there")
    }

    /// All files here, in order.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = walkdir::WalkDir::new(self.path()).sort_by_file_name();
        let files = entries.into_iter().map(|entry| entry.expect("it can be read"));
        let files = files.filter(|entry| !entry.file_type().is_dir());
        files
            .map(|entry| {
                let below = entry.path().strip_prefix(self.path()).expect("it is below");
                below.to_str().expect("UTF-8").to_owned()
            })
            .collect()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloudshell-store"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("CLOUDSHELL_STORE_URL", &self.url)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments).output().expect("the program runs"))
    }

    pub(crate) fn run_with_stdin(&self, arguments: &[&str], stdin: &[u8]) -> Ended {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let mut pipe = child.stdin.take().expect("it is piped");
        // A program that refuses what was typed reads nothing.
        let _ = pipe.write_all(stdin);
        drop(pipe);
        Ended::of(child.wait_with_output().expect("it ends"))
    }

    /// Runs a command that must succeed without a word on standard error, and returns what it prints.
    #[track_caller]
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
        ended.stdout
    }

    /// Runs a command that must print nothing on standard output, and this on standard error.
    #[track_caller]
    pub(crate) fn fail(&self, arguments: &[&str], code: i32, stderr: &str) {
        let expected = Ended {
            code: Some(code),
            stdout: String::new(),
            stderr: stderr.to_owned(),
        };
        assert_eq!(self.run(arguments), expected, "{arguments:?}");
    }

    /// The one document that a command prints.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        document(&self.succeed(arguments))
    }
}

impl Ended {
    fn of(output: std::process::Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

/// Exactly one document.
#[track_caller]
pub(crate) fn document(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("one JSON document")
}
