//! The API as clients meet it: a real server on a free port over the real engine and nodes in memory, asked by a real
//! HTTP client, and by raw bytes on a socket where a real client would not send such a thing.

mod admin;
mod conditions;
mod document;
mod events;
mod failures;
mod guard;
mod limits;
mod listing;
mod metrics;
mod objects;
mod paths;
mod raw;
mod server;
