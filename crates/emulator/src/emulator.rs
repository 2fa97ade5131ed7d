//! Starting and ending.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::config::{Credential, EmulatorConfig};
use crate::control::Control;
use crate::server::serve;
use crate::shared::Shared;
use crate::{processes, stun};

/// Starts emulators.
#[derive(Debug)]
pub struct Emulator;

impl Emulator {
    /// Listens, and serves until the result is shut down or dropped.
    ///
    /// Environments whose homes an earlier run left in the directory are there again, asleep; what that run left running in
    /// them is ended.
    ///
    /// # Errors
    ///
    /// [`StartError`], before anything was changed but perhaps an empty directory made.
    pub async fn start(config: EmulatorConfig) -> Result<RunningEmulator, StartError> {
        check(&config)?;
        let unusable = |source| StartError::Directory {
            path: config.dir.display().to_string(),
            source,
        };
        std::fs::create_dir_all(&config.dir).map_err(unusable)?;
        // Shells start in their homes: a relative path would lead elsewhere there.
        let dir = config.dir.canonicalize().map_err(unusable)?;
        let config = EmulatorConfig { dir, ..config };
        let addr = config.addr;
        let unavailable = |source| StartError::Listen { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(unavailable)?;
        let bound = listener.local_addr().map_err(unavailable)?;
        let stun_socket = UdpSocket::bind((addr.ip(), 0)).await.map_err(unavailable)?;
        let stun_addr = stun_socket.local_addr().map_err(unavailable)?;
        let shared = Shared::new(config, bound.to_string());
        shared.bucket.prepare().map_err(|source| StartError::Directory {
            path: shared.config.dir.display().to_string(),
            source,
        })?;
        processes::kill_all(&shared.environments());
        let shared = Arc::new(shared);
        let server = tokio::spawn(serve(Arc::clone(&shared), listener));
        let time = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move { shared.keep_time().await }
        });
        Ok(RunningEmulator {
            shared,
            tasks: vec![server, time, tokio::spawn(stun::serve(stun_socket))],
            stun_addr,
        })
    }
}

/// An emulator that serves until it is dropped.
#[derive(Debug)]
pub struct RunningEmulator {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
    stun_addr: SocketAddr,
}

impl RunningEmulator {
    /// What to put in place of `https://cloudshell.<region>.amazonaws.com`: `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.shared.authority)
    }

    /// Where its STUN server listens (UDP).
    pub fn stun_addr(&self) -> SocketAddr {
        self.stun_addr
    }

    /// The emulator's levers.
    pub fn control(&self) -> Control {
        Control {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Who may sign requests, with their secrets.
    pub fn credentials(&self) -> Vec<Credential> {
        self.shared.credentials()
    }

    /// Ends everything, and returns when it has ended, or after [`SHUTDOWN_TIME_MAX`].
    pub async fn shutdown(self) {
        self.end();
        self.shared.tasks.close();
        if timeout(SHUTDOWN_TIME_MAX, self.shared.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("the emulator's connections did not end in time");
        }
    }

    fn end(&self) {
        self.shared.closing.cancel();
        for task in &self.tasks {
            task.abort();
        }
        // Whoever opens a session now finds the emulator closing; whoever did before is in the list.
        let environments = self.shared.environments();
        for session in self.shared.sessions_in(None) {
            session.close("");
        }
        if self.shared.config.kills_processes_on_drop {
            processes::kill_all(&environments);
        }
    }
}

impl Drop for RunningEmulator {
    fn drop(&mut self) {
        self.end();
    }
}

/// Why an emulator does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Whoever holds a credential gets a shell of this machine.
    #[error("{0} is not loopback: an emulator listens on loopback only")]
    NotLoopback(SocketAddr),
    /// It would be the name of a directory.
    #[error(
        "principal {0:?} must be made of letters, digits, hyphens, underscores and dots, and not begin with a dot"
    )]
    Principal(String),
    /// A principal belongs to one account.
    #[error("principal {0:?} is given two accounts: give each account's principals names of their own")]
    TwoAccounts(String),
    /// The address is taken, most likely.
    #[error("cannot listen on {addr}")]
    Listen {
        /// What was asked for.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Homes could not be made in it.
    #[error("cannot use the directory {path}")]
    Directory {
        /// What was asked for.
        path: String,
        /// What the system says.
        source: io::Error,
    },
}

fn check(config: &EmulatorConfig) -> Result<(), StartError> {
    if !config.addr.ip().is_loopback() {
        return Err(StartError::NotLoopback(config.addr));
    }
    let mut accounts = HashMap::new();
    for credential in &config.credentials {
        let name = &credential.principal;
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.bytes().all(is_good) {
            return Err(StartError::Principal(name.clone()));
        }
        if *accounts.entry(name).or_insert(&credential.account) != &credential.account {
            return Err(StartError::TwoAccounts(name.clone()));
        }
    }
    Ok(())
}

/// How long [`RunningEmulator::shutdown`] waits.
pub const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(5);
