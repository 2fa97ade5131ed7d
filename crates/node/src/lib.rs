//! A node, from both ends.
//!
//! - On the node: [`NodeServer`] answers a daemon's exchanges from a [`ShardStore`](shardstore::ShardStore).
//! - At the daemon: [`RemoteStore`] is a `ShardStore` whose shards are on the node. Many small calls travel in one
//!   exchange.
//! - Between them: [`bootstrap()`] puts the agent on the node and starts it, through any [`Shell`](shell::Shell);
//!   [`Supervisor`] wakes what stands behind the node ([`Environment`]) and keeps the link up, as a [`lifecycle`] decides.
//!
//! What this crate does not do: it decides nothing about placement and never looks into a shard.

mod batcher;
mod bootstrap;
mod environment;
mod exchange;
mod fault;
pub mod lifecycle;
mod remote;
mod server;
mod supervisor;

pub use bootstrap::{AgentBinary, AgentSpec, Attached, BootstrapError, bootstrap};
pub use environment::{Again, AlwaysOn, Environment, EnvironmentError, EnvironmentState};
pub use lifecycle::KeepAwake;
pub use remote::{GreetError, RemoteStore};
pub use server::NodeServer;
pub use supervisor::{LinkStatus, Supervisor};

/// What `agent attach` prints before it carries datagrams, followed by the agent's peer id and its version.
pub const ATTACHED: &str = "cloudshell-store-agent attached";

/// What `agent attach` prints when no agent runs, or one that serves another daemon or capacity.
pub const NOT_ATTACHED: &str = "cloudshell-store-agent absent";
