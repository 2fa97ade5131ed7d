//! The data channel of a Session Manager session: a terminal's bytes over a WebSocket.
//!
//! ```text
//! client                                     agent
//!   | -- OpenDataChannel (text, token) -->      |
//!   | -- Size, input 0 ------------------->     |
//!   | <-------------- prompt, output 0 (SYN) -- |
//!   | -- acknowledge output 0 ------------>     |
//!   | -- keystrokes, input 1 ------------->     |
//! ```
//!
//! [`Channel`] is the state machine: it owns no socket. [`frame`] is a message's bytes. Each stream message is
//! acknowledged by itself and sent again until it is; numbers put them in order. An agent may ask for a handshake first.

pub mod frame;
mod incoming;
mod outgoing;
mod pace;
mod payload;
mod rto;
mod state;

pub use payload::{TerminalSize, open_data_channel};
pub use state::{Channel, ChannelConfig, ChannelEnd};
