//! The catalogue: a SQL index of objects, versions, stripes and nodes.
//!
//! [`Catalogue`] is what the engine sees; [`SqliteCatalogue`] keeps it in one file. The statements are written for
//! SQLite and PostgreSQL alike, so that several daemons can share a catalogue one day.
//!
//! What this crate does not do: it holds no bytes of objects and no keys, and decides nothing about placement.
//! It is an index: everything but the list of nodes can be rebuilt from the nodes.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use catalogue::{Catalogue, ListQuery, SqliteCatalogue};
//!
//! let dir = tempfile::TempDir::new()?;
//! let catalogue = SqliteCatalogue::open(dir.path().join("catalogue.sqlite")).await?;
//! let folder = ListQuery {
//!     prefix: "photos/".to_owned(),
//!     delimiter: Some('/'),
//!     after: None,
//!     limit: 1000,
//! };
//! assert_eq!(catalogue.list(&folder).await?.entries, []);
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The feature `contract` holds the promises of the trait as test functions. Start reading at [`Catalogue`].

mod catalogue;
#[cfg(feature = "contract")]
pub mod contract;
mod error;
mod sql;
mod sqlite;

pub use catalogue::{
    Catalogue, Commit, ListEntry, ListPage, ListQuery, NodeEntry, Object, PlacedChunk, PlacementCount,
    Stripe, Totals, Version, VersionBody,
};
pub use error::CatalogueError;
pub use sqlite::SqliteCatalogue;
