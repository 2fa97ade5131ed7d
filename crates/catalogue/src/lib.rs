//! The catalogue: a SQL index of objects, versions, stripes and nodes.

mod catalogue;
mod error;

pub use catalogue::{
    Catalogue, Commit, ListEntry, ListPage, ListQuery, NodeEntry, Object, PlacedChunk, PlacementCount,
    Stripe, Totals, Version, VersionBody,
};
pub use error::CatalogueError;
