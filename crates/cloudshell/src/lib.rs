//! AWS CloudShell: its API, its data channel, and the shell they make.

mod api;
pub mod channel;
mod credentials;
mod tls;

pub use api::{
    Api, ApiConfig, ApiError, ApiSetupError, Environment, EnvironmentStatus, ErrorKind, FileUrls, Operation,
    RetryPolicy, SessionGrant,
};
pub use credentials::{LoadCredentialsError, load_credentials, static_credentials};
