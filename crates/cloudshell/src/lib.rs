//! AWS CloudShell: its API, its data channel, and the shell they make.

pub mod channel;
