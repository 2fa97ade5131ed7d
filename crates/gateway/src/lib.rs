//! The gateway: the daemon's HTTP API.

pub mod api;
mod operator;

pub use operator::{AddNode, Operator, OperatorError, StoreInfo};
