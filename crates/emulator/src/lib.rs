//! CloudShell on loopback, for demonstrations and tests.
//!
//! One listener answers what the real service answers in several places:
//!
//! ```text
//! POST /<operation>                   the JSON API, signed (SigV4, service `cloudshell`); the region is the signature's
//! GET  /v1/data-channel/<session>     a terminal: WebSocket, then the Session Manager data channel
//! POST /s3/<bucket>, GET /s3/…        presigned upload and download
//! POST /_emulator/command, GET /_emulator/state     the levers of Control
//! ```
//!
//! Besides, a STUN server on a UDP port of its own tells clients their address ([`RunningEmulator::stun_addr`]).
//!
//! A default environment per principal and region has its home at `<dir>/<principal>/<region>/home`; its shells are real
//! `bash` processes in real pseudo-terminals, run by whoever runs the emulator. There is no sandbox: a credential of the
//! emulator is as good as a login, so it listens on loopback only and its default credential is random.
//!
//! What is known of the service is done as strictly; what is assumed can be configured ([`EmulatorConfig`]). Two known
//! differences: where the real agent loses output that a slow client leaves unacknowledged, this one lets the terminal
//! wait; and the twelve hours are counted from when an environment begins to run. Without `/proc` (macOS), processes that
//! left their shell's process group outlive their environment.
//!
//! [`Emulator::start`] is where to begin; `service/` is the pure part, `channel/agent.rs` the protocol.
//!
//! ```
//! # tokio_test(async {
//! use emulator::{Command, Emulator, EmulatorConfig};
//!
//! let dir = tempfile::tempdir()?;
//! let emulator = Emulator::start(EmulatorConfig::fast(dir.path())).await?;
//! assert!(emulator.endpoint().starts_with("http://127.0.0.1:"));
//! emulator.control().apply(Command::AdvanceClock { seconds: 3600 });
//! emulator.shutdown().await;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # });
//! # fn tokio_test(test: impl Future<Output = Result<(), Box<dyn std::error::Error>>>) {
//! #     tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(test).unwrap();
//! # }
//! ```

mod admin;
mod api;
mod bucket;
mod calendar;
mod channel;
mod clock;
mod config;
mod control;
mod emulator;
mod faults;
mod homes;
mod processes;
mod s3;
mod server;
mod service;
mod shared;
mod sigv4;
mod stun;

pub use self::config::{
    BucketConfig, ChannelConfig, Credential, Delays, EmulatorConfig, Pump, ServiceConfig,
};
pub use self::control::{Command, Control, EmulatorState, EnvironmentState, HoursState};
pub use self::emulator::{Emulator, RunningEmulator, SHUTDOWN_TIME_MAX, StartError};
pub use self::faults::{ApiEffect, ApiFault, LineFaults, Toward};
pub use self::service::Status;
