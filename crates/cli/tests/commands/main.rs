//! The client commands: the real program against the real gateway and engine, over nodes in memory that fail as told.
//! Shown are standard output, standard error and the exit code, whole.

mod fake;
mod get;
mod list;
mod mv;
mod nodes;
mod program;
mod put;
mod rm;
mod server;
mod usage;
