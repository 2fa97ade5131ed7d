//! A shell on this machine: child processes.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::{OUTPUT_LEN_MAX, Output, Shell, ShellError, ShellStream, quote};

/// Runs commands in child processes with a home directory of their own, so that several nodes fit on one machine.
#[derive(Clone, Debug)]
pub struct LocalShell {
    home: PathBuf,
}

impl LocalShell {
    /// A shell whose home is this directory; it must exist.
    pub fn new(home: impl Into<PathBuf>) -> Self {
        Self { home: home.into() }
    }

    /// Where its commands start.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Its environment is the home and a path: what a node's agent sees must not depend on who started the daemon.
    fn command(&self, command: &str) -> Command {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(command);
        shell
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", SEARCH_PATH)
            .current_dir(&self.home);
        shell
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        shell
    }
}

#[async_trait]
impl Shell for LocalShell {
    async fn run(&self, command: &str, timeout: Duration) -> Result<Output, ShellError> {
        let child = self
            .command(&format!("{{ {command}\n}} 2>&1"))
            .spawn()
            .map_err(unavailable)?;
        match tokio::time::timeout(timeout, collect(child)).await {
            Ok(output) => output.map_err(unavailable),
            Err(_) => Err(ShellError::TimedOut {
                command: command.to_owned(),
                timeout,
            }),
        }
    }

    async fn stream(&self, command: &str) -> Result<ShellStream, ShellError> {
        let mut child = self
            .command(command)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(unavailable)?;
        let (Some(reader), Some(writer)) = (child.stdout.take(), child.stdin.take()) else {
            return Err(ShellError::Unavailable {
                reason: "the child has no streams".to_owned(),
            });
        };
        Ok(ShellStream {
            reader: Box::new(reader),
            writer: Box::new(writer),
            guard: Box::new(child),
        })
    }

    async fn put_file(&self, path: &str, bytes: &[u8], is_executable: bool) -> Result<(), ShellError> {
        let not_written = |reason: String| ShellError::NotWritten {
            path: path.to_owned(),
            reason,
        };
        let mode = if is_executable { "700" } else { "600" };
        let (path, temporary) = (quote(path), quote(&format!("{path}.new")));
        let script = format!(
            "umask 077; cat > {temporary} && chmod {mode} {temporary} && sync {temporary} && mv {temporary} {path}"
        );
        let mut child = self
            .command(&script)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(unavailable)?;
        if let Some(mut input) = child.stdin.take() {
            input
                .write_all(bytes)
                .await
                .map_err(|error| not_written(error.to_string()))?;
        }
        let output = collect(child).await.map_err(unavailable)?;
        if output.status == 0 {
            Ok(())
        } else {
            Err(not_written(output.text))
        }
    }
}

async fn collect(mut child: Child) -> std::io::Result<Output> {
    let mut bytes = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        (&mut stdout)
            .take(OUTPUT_LEN_MAX as u64)
            .read_to_end(&mut bytes)
            .await?;
        // The rest is read and forgotten, so that the command is not stopped by a full pipe.
        tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await?;
    }
    let status = status_of(child.wait().await?);
    Ok(Output {
        status,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    })
}

fn status_of(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

fn unavailable(error: std::io::Error) -> ShellError {
    ShellError::Unavailable {
        reason: error.to_string(),
    }
}

const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn shell() -> (TempDir, LocalShell) {
        let home = tempfile::tempdir().expect("a temporary directory");
        let shell = LocalShell::new(home.path());
        (home, shell)
    }

    #[tokio::test]
    async fn commands_run_at_home_and_give_their_status() {
        let (home, shell) = shell();
        let output = shell
            .run("pwd; echo problem >&2; exit 7", LONG)
            .await
            .expect("the shell runs");
        let home = home.path().canonicalize().expect("it exists");
        assert_eq!(
            output,
            Output {
                status: 7,
                text: format!("{}\nproblem\n", home.display())
            }
        );
        let killed = shell.run("kill -9 $$", LONG).await.expect("the shell runs");
        assert_eq!(killed.status, 137);
    }

    #[tokio::test]
    async fn endless_output_and_endless_commands_end() {
        let (_home, shell) = shell();
        let output = shell
            .run("yes | head -c 1000000", LONG)
            .await
            .expect("the shell runs");
        assert_eq!((output.status, output.text.len()), (0, OUTPUT_LEN_MAX));
        let error = shell
            .run("sleep 1000", Duration::from_millis(50))
            .await
            .expect_err("too long");
        assert!(matches!(error, ShellError::TimedOut { .. }), "{error}");
    }

    #[tokio::test]
    async fn files_arrive_whole_with_odd_names() {
        let (home, shell) = shell();
        let bytes: Vec<u8> = (0..300_000_u32).map(|i| (i % 253) as u8).collect();
        shell
            .put_file("an odd 'name", &bytes, true)
            .await
            .expect("it is written");
        let path = home.path().join("an odd 'name");
        assert_eq!(std::fs::read(&path).expect("it is there"), bytes);
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            std::fs::metadata(&path)
                .expect("it is there")
                .permissions()
                .mode()
                & 0o777,
            0o700
        );
        let error = shell
            .put_file("no/such/folder", b"x", false)
            .await
            .expect_err("nowhere to put it");
        assert!(matches!(error, ShellError::NotWritten { .. }), "{error}");
    }

    #[tokio::test]
    async fn streams_carry_bytes_both_ways_and_end_with_their_guard() {
        let (_home, shell) = shell();
        let mut stream = shell.stream("tr a-z A-Z").await.expect("the shell runs");
        stream.writer.write_all(b"hello\n").await.expect("written");
        drop(stream.writer);
        let mut text = String::new();
        stream.reader.read_to_string(&mut text).await.expect("read");
        assert_eq!(text, "HELLO\n");

        let mut endless = shell
            .stream("echo started; exec sleep 1000")
            .await
            .expect("the shell runs");
        let mut started = [0; 8];
        endless.reader.read_exact(&mut started).await.expect("it runs");
        drop(endless.guard);
        assert_eq!(
            endless.reader.read(&mut started).await.expect("the pipe closes"),
            0
        );
    }
}
