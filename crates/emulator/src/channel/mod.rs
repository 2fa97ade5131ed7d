//! The data channel: service and agent in one process.

mod agent;
mod filter;
mod frame;
mod inbound;
mod outbound;
mod session;
mod socket;
mod terminal;

pub(crate) use self::session::SessionHandle;
pub(crate) use self::socket::upgrade;
pub(crate) use self::terminal::{ShellSpec, has_tmux};
