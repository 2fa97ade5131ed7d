//! The gateway: the daemon's HTTP API.
//!
//! [`serve`] answers at `/api/v1` (objects, nodes, the store, its events) and at `/metrics`; the code describes itself at
//! `/api/v1/openapi.json`. [`api`] holds what travels as JSON, for clients too. What the API asks of the daemon
//! beyond the [`Engine`](engine::Engine) is the trait [`Operator`].
//!
//! Requests pass a guard first (`Host`, `Origin`, bearer token), because every page in a browser on the same
//! machine can send requests to a daemon on loopback. Nothing that a client sends, or fails to send, may hold
//! memory or a place in a queue for ever: heads, bodies, connections and transfers all have limits.
//!
//! What this crate does not do: it reads no configuration, speaks no TLS, and decides nothing about objects.
//!
//! Start reading at [`router()`].

pub mod api;
mod config;
mod connection;
mod error;
mod gateway;
mod guard;
mod object_headers;
mod observe;
mod openapi;
mod operator;
mod request;
mod route;
mod router;
mod server;

pub use config::{BearerToken, GatewayConfig, GatewayLimits, ParseTokenError};
pub use operator::{AddNode, Operator, OperatorError, StoreInfo};
pub use router::router;
pub use server::{SHUTDOWN_TIME_MAX, serve};
