//! What tests of several crates share.
//!
//! [`TestStore`] is the real engine over a real catalogue in a temporary directory and nodes in memory that fail as they
//! are told. [`Lottery`] is a seeded source of choices, so that a failing test can be run again.

mod daemon;
mod lottery;
mod memory;
mod store;

pub use daemon::{AgentProcess, DaemonProcess};
pub use lottery::Lottery;
pub use memory::{peak_memory_bytes, reset_peak_memory};
pub use store::{TestNode, TestStore, body, frames, read_all, read_range};
