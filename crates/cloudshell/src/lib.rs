//! AWS CloudShell: its API, its data channel, and the shell they make.
//!
//! [`Api`] asks the API of one region: which environments there are, in what state, and for sessions. [`channel`] is a
//! session's protocol, without a socket. [`Session`] is a terminal as a stream of bytes, and [`EnvironmentShell`] makes
//! an environment a [`shell::Shell`].
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use cloudshell::{Api, ApiConfig, EnvironmentShell, ShellOptions, load_credentials};
//! use shell::Shell as _;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let region = "eu-west-1";
//! let api = Api::new(ApiConfig::new(region, load_credentials(None, region).await?))?;
//! let environment = api.create_environment().await?;
//! let shell = EnvironmentShell::new(api, environment.environment_id, ShellOptions::default());
//! let output = shell.run("uname -sm", Duration::from_secs(30)).await?;
//! println!("{}", output.text);
//! shell.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! What this crate does not do: it decides neither when an environment is started or stopped, nor whether it is kept awake;
//! and a session that lost its connection is not taken up again: the service gives the right to a session once, and ends
//! a connection after an hour, so that whoever streams must be able to begin anew.

mod api;
pub mod channel;
mod credentials;
mod environment;
mod session;
mod tls;

pub use api::{
    Api, ApiConfig, ApiError, ApiSetupError, Environment, EnvironmentStatus, ErrorKind, FileUrls, Operation,
    RetryPolicy, SessionGrant,
};
pub use credentials::{LoadCredentialsError, load_credentials, static_credentials};
pub use environment::{EnvironmentShell, ShellOptions};
pub use session::{ConnectError, OpenSessionError, Session, SessionLifetime};
