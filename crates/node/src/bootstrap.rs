//! Putting an agent on a node and starting it, through any shell.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use model::StoreId;
use shell::{Output, Shell, ShellError, ShellStream, quote};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tracing::info;
use transport::{ParsePeerIdError, PeerId};

use crate::{ATTACHED, NOT_ATTACHED};

/// The agent program to put on nodes.
#[derive(Clone)]
pub struct AgentBinary {
    /// The static executable.
    pub bytes: Bytes,
    /// Its SHA-256, in lower-case hexadecimal: `sha256sum` on the node tells whether it is there already.
    pub sha256: String,
    /// What `uname -sm` must say.
    pub platform: String,
}

impl fmt::Debug for AgentBinary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgentBinary({} bytes for {})", self.bytes.len(), self.platform)
    }
}

/// How the agent of a node is to run.
#[derive(Clone, Debug)]
pub struct AgentSpec {
    /// The store whose shards it keeps.
    pub store: StoreId,
    /// The only peer that it obeys.
    pub daemon: PeerId,
    /// The most it may keep, in bytes.
    pub capacity_bytes: u64,
    /// UDP address it binds.
    pub bind: String,
    /// The program.
    pub binary: AgentBinary,
}

/// A running agent, and a shell that carries its datagrams.
#[derive(Debug)]
pub struct Attached {
    /// Who the agent is; the shell vouches for it.
    pub peer: PeerId,
    /// The agent's datagrams, as lines.
    pub stream: ShellStream,
    /// Whether it was started just now: links to the one before it lead nowhere.
    pub is_new: bool,
}

/// Makes sure that the right agent runs on a node, and attaches to it.
///
/// Does only what is missing: a running agent is attached to, a stopped one is started, an old one is replaced. Safe to
/// repeat after any failure.
///
/// # Errors
///
/// [`BootstrapError`] says which step failed and what the node said.
pub async fn bootstrap(shell: &dyn Shell, spec: &AgentSpec) -> Result<Attached, BootstrapError> {
    if probe(shell, spec).await? == Presence::Missing {
        upload(shell, spec).await?;
    } else if let Some(attached) = attach(shell, spec).await? {
        return Ok(attached);
    }
    // An old agent, or one that serves another daemon, makes room for the right one.
    run(shell, Step::Stop, &format!("{AGENT} stop {}", arguments(spec))).await?;
    let serve = format!(
        "{AGENT} serve --detach {} --bind {}",
        arguments(spec),
        quote(&spec.bind)
    );
    let started = run(shell, Step::Start, &serve).await?;
    check(Step::Start, started)?;
    let attached = attach(shell, spec).await?.ok_or(BootstrapError::NoAnswer {
        reason: "it started and is not there".to_owned(),
    })?;
    Ok(Attached {
        is_new: true,
        ..attached
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Present,
    Missing,
}

/// Learns platform, free space and whether the program is there, in one command.
async fn probe(shell: &dyn Shell, spec: &AgentSpec) -> Result<Presence, BootstrapError> {
    let command = format!(
        "uname -sm && mkdir -p {DIRECTORY} && df -Pk . | tail -n 1; sha256sum {AGENT} 2>/dev/null; true"
    );
    let output = check(Step::Probe, run(shell, Step::Probe, &command).await?)?;
    let mut lines = output.text.lines();
    let platform = lines.next().unwrap_or_default().trim();
    if platform != spec.binary.platform {
        let (found, needed) = (platform.to_owned(), spec.binary.platform.clone());
        return Err(BootstrapError::Platform { found, needed });
    }
    let free_bytes = lines.next().and_then(free_bytes);
    if lines.any(|line| line.starts_with(&spec.binary.sha256)) {
        return Ok(Presence::Present);
    }
    let needed_bytes = spec.binary.bytes.len() as u64;
    match free_bytes {
        Some(free_bytes) if free_bytes < needed_bytes => Err(BootstrapError::NoSpace {
            needed_bytes,
            free_bytes,
        }),
        _ => Ok(Presence::Missing),
    }
}

/// The fourth column of `df -Pk`, in bytes.
fn free_bytes(line: &str) -> Option<u64> {
    line.split_whitespace()
        .nth(3)?
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

async fn upload(shell: &dyn Shell, spec: &AgentSpec) -> Result<(), BootstrapError> {
    info!(bytes = spec.binary.bytes.len(), "uploading the agent");
    shell
        .put_file(AGENT, &spec.binary.bytes, true)
        .await
        .map_err(|source| BootstrapError::Shell {
            step: Step::Upload,
            source,
        })
}

/// `None` if no agent runs with this specification.
async fn attach(shell: &dyn Shell, spec: &AgentSpec) -> Result<Option<Attached>, BootstrapError> {
    let step = Step::Attach;
    let command = format!("exec {AGENT} attach {}", arguments(spec));
    let mut stream = shell
        .stream(&command)
        .await
        .map_err(|source| BootstrapError::Shell { step, source })?;
    let answer = tokio::time::timeout(ATTACH_TIMEOUT, read_answer(&mut stream.reader)).await;
    match answer.unwrap_or(Err(format!("no answer within {ATTACH_TIMEOUT:?}"))) {
        Ok(Answer::Attached(peer)) => Ok(Some(Attached {
            peer,
            stream,
            is_new: false,
        })),
        Ok(Answer::Absent) => Ok(None),
        Err(reason) => Err(BootstrapError::NoAnswer { reason }),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Attached(PeerId),
    Absent,
}

/// Reads lines until one is the agent's; a login message or a prompt may come first.
async fn read_answer(reader: &mut (dyn AsyncRead + Send + Unpin)) -> Result<Answer, String> {
    let mut seen = String::new();
    for _ in 0..NOISE_LINES_MAX {
        let line = read_line(reader)
            .await
            .map_err(|error| format!("{error} behind {seen:?}"))?;
        if let Some(rest) = line.strip_prefix(ATTACHED) {
            let peer = rest.split_whitespace().next().unwrap_or_default().parse();
            return peer
                .map(Answer::Attached)
                .map_err(|error: ParsePeerIdError| error.to_string());
        }
        if line.starts_with(NOT_ATTACHED) {
            return Ok(Answer::Absent);
        }
        seen = line;
    }
    Err(format!(
        "no answer among {NOISE_LINES_MAX} lines, the last is {seen:?}"
    ))
}

/// Byte by byte, since what follows the line belongs to the link.
async fn read_line(reader: &mut (dyn AsyncRead + Send + Unpin)) -> std::io::Result<String> {
    let mut line = Vec::new();
    while line.len() < ANSWER_LINE_LEN_MAX {
        match reader.read_u8().await? {
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

fn arguments(spec: &AgentSpec) -> String {
    format!(
        "--store {} --daemon {} --capacity {}",
        spec.store, spec.daemon, spec.capacity_bytes
    )
}

async fn run(shell: &dyn Shell, step: Step, command: &str) -> Result<Output, BootstrapError> {
    shell
        .run(command, COMMAND_TIMEOUT)
        .await
        .map_err(|source| BootstrapError::Shell { step, source })
}

fn check(step: Step, output: Output) -> Result<Output, BootstrapError> {
    if output.status == 0 {
        return Ok(output);
    }
    Err(BootstrapError::Failed {
        step,
        status: output.status,
        text: output.text.trim().to_owned(),
    })
}

/// What the bootstrap was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Learning platform, space, and whether the program is there.
    Probe,
    /// Putting the program on the node.
    Upload,
    /// Ending an agent that runs otherwise.
    Stop,
    /// Starting the agent.
    Start,
    /// Joining the shell to it.
    Attach,
}

/// Why there is no running agent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootstrapError {
    /// The shell failed.
    #[error("{step:?} of the agent failed")]
    Shell {
        /// At which step.
        step: Step,
        /// How.
        #[source]
        source: ShellError,
    },
    /// A command failed on the node.
    #[error("{step:?} of the agent failed with status {status}: {text}")]
    Failed {
        /// At which step.
        step: Step,
        /// Its exit status.
        status: i32,
        /// What it printed.
        text: String,
    },
    /// The agent, or the shell in front of it, does not say what it must.
    #[error("the agent cannot be attached to: {reason}")]
    NoAnswer {
        /// What came instead.
        reason: String,
    },
    /// The agent does not run on this kind of machine.
    #[error("the node is {found:?}, the agent is built for {needed:?}")]
    Platform {
        /// What `uname -sm` said.
        found: String,
        /// What the agent is built for.
        needed: String,
    },
    /// No room for the program.
    #[error("the agent needs {needed_bytes} bytes, the node has {free_bytes} left")]
    NoSpace {
        /// Size of the program.
        needed_bytes: u64,
        /// Free space in the home directory.
        free_bytes: u64,
    },
}

/// Below the home directory.
const DIRECTORY: &str = ".cloudshell-store";
const AGENT: &str = ".cloudshell-store/agent";

/// Bootstrap commands take milliseconds; a shell far away adds a second.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
const ATTACH_TIMEOUT: Duration = Duration::from_secs(10);

/// A message of the day has fewer.
const NOISE_LINES_MAX: usize = 100;
const ANSWER_LINE_LEN_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_answer_is_found_behind_a_login_message() {
        let peer = transport::LinkKey::from_bytes(&[1; 32]).peer_id();
        let text = format!("Welcome\r\n\r\n{ATTACHED} {peer} 0.1.0\r\nQUJD");
        let mut reader: &[u8] = text.as_bytes();
        assert_eq!(read_answer(&mut reader).await, Ok(Answer::Attached(peer)));
        assert_eq!(reader, b"QUJD", "what follows belongs to the link");
    }

    #[tokio::test]
    async fn absence_noise_and_silence_are_told_apart() {
        assert_eq!(
            read_answer(&mut format!("{NOT_ATTACHED}: no socket\n").as_bytes()).await,
            Ok(Answer::Absent)
        );
        assert!(
            read_answer(&mut b"sh: agent: not found\n".as_slice())
                .await
                .is_err()
        );
        assert!(read_answer(&mut "noise\n".repeat(1000).as_bytes()).await.is_err());
    }

    #[test]
    fn free_space_is_in_the_fourth_column() {
        assert_eq!(free_bytes("/dev/vda 100 40 60 40% /home"), Some(61_440));
        assert_eq!(free_bytes("garbage"), None);
    }
}
