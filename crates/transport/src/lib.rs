//! Moves bytes between endpoints.
//!
//! An [`Endpoint`] has a [`LinkKey`] and dials or accepts [`Link`]s: one QUIC connection each, with several paths.
//! The first path is the node's shell ([`Endpoint::attach_shell`]), so a link exists as soon as a shell does. The
//! endpoints then tell each other their UDP addresses, try them, and move the link there; when UDP dies the link
//! falls back to the shell.
//!
//! What this crate does not do: it knows no messages (see `wire`), starts no program and opens no shell. It decides
//! neither when to dial nor whom to trust beyond the key that it is told to expect.
//!
//! All use of iroh is in this crate, and all use of its unstable custom transport in [`shell_path`](self).

mod endpoint;
mod key;
mod link;
mod path_selector;
mod shell_path;

pub use endpoint::{AttachedShell, BindError, Endpoint, EndpointConfig, Listener};
pub use key::{LinkKey, ParsePeerIdError, PeerId};
pub use link::{Link, LinkClosed, LinkStream, PathReport, RecvHalf, SendHalf};
pub use shell_path::{Deframer, SHELL_LINE_LEN_MAX, frame_datagram};

/// Names the protocol and its version in the QUIC handshake; endpoints that disagree do not connect.
pub const PROTOCOL: &[u8] = b"cloudshell-store/link/1";
