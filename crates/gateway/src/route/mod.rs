//! What is done for each address, one file per noun.

pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod index;
pub(crate) mod layout;
pub(crate) mod list;
pub(crate) mod metrics;
pub(crate) mod nodes;
pub(crate) mod objects;
pub(crate) mod rename;
pub(crate) mod status;
pub(crate) mod store;
