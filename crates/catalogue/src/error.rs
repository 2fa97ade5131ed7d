//! Why the catalogue could not answer.

use model::NodeId;

/// Why the catalogue could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The database was written by a newer program; it is left untouched.
    #[error(
        "the catalogue has schema version {found}, this program knows up to {known}; use a newer program"
    )]
    Newer {
        /// Version in the file.
        found: i64,
        /// Newest version this program can read.
        known: i64,
    },
    /// Stripes still lie on the node.
    #[error("node {node} still holds shards of {stripes} stripes")]
    NodeInUse {
        /// The node.
        node: NodeId,
        /// Stripes placed on it.
        stripes: u64,
    },
    /// A commit or a removal named a node that is not in the catalogue.
    #[error("node {node} is not in the catalogue")]
    UnknownNode {
        /// The node.
        node: NodeId,
    },
    /// A row does not make sense; the catalogue should be rebuilt from the nodes.
    #[error("the catalogue is damaged: {what}")]
    Corrupt {
        /// Which row, and what is wrong with it.
        what: String,
    },
    /// The disk is full; nothing was recorded.
    #[error("no space left for the catalogue")]
    Full,
    /// The database could not do it now.
    #[error("the catalogue's database failed")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}
