//! The daemon: engine, gateway and the nodes' supervisors in one process, over one store directory.

mod agent_binary;
mod cloudshell;
mod config;
mod error;
mod fleet;
mod init;
mod node_watch;
mod operator;
mod secret;
mod serve;
mod store_dir;

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use config::ServeArguments;
pub(crate) use error::DaemonError;
pub(crate) use init::{InitArguments, init};
pub(crate) use secret::{ask_passphrase, new_passphrase, passphrase_in};
pub(crate) use serve::{serve, shutdown_signal};

/// By this machine's clock.
fn now_unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
