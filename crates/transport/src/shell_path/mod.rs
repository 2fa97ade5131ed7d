//! The shell as a path of a link: QUIC datagrams as lines of text on a shell's input and output.
//!
//! ```text
//! iroh ── CustomSender ──► queue per peer ──► frame_datagram ──► shell's stdin
//! iroh ◄─ CustomEndpoint ◄─ one queue  ◄──────── Deframer  ◄──── shell's stdout
//! ```
//!
//! Datagrams may be lost, as on any path: full queues drop, QUIC sends again.

mod framing;
mod hub;
mod iroh_transport;

pub use framing::{Deframer, SHELL_LINE_LEN_MAX, frame_datagram};
pub(crate) use hub::ShellHub;
pub(crate) use iroh_transport::{ShellTransport, shell_address};
