//! The trait [`Catalogue`] and what it speaks of.

use std::fmt::Debug;

use async_trait::async_trait;
use model::{ChunkRef, Domain, NodeId, ObjectAttributes, ObjectPath, StripeId, VersionStamp};

use crate::CatalogueError;

/// The index of objects, versions, stripes and nodes.
///
/// It is an index: everything in it but the node list can be rebuilt from the nodes' records and inventories.
///
/// # Guarantees every implementation gives
///
/// - [`commit`](Self::commit) is atomic and survives a power cut when it returns `Ok`.
/// - Reads see every commit that returned before they began.
/// - Of two versions of a path the greater stamp is current, in whatever order they were committed.
#[async_trait]
pub trait Catalogue: Debug + Send + Sync {
    /// The current version of an object; `None` if there never was one or it is deleted.
    async fn head(&self, path: &ObjectPath) -> Result<Option<Object>, CatalogueError>;

    /// The chunks `first..first + limit` of a version, in order, with their placement.
    /// Fewer than `limit` mean that the version ends there; an inline object has none.
    async fn chunks(
        &self,
        path: &ObjectPath,
        stamp: VersionStamp,
        first: u64,
        limit: usize,
    ) -> Result<Vec<PlacedChunk>, CatalogueError>;

    /// The stripes with these ids, in the order asked; `None` for one that is not known.
    async fn stripes(&self, ids: &[StripeId]) -> Result<Vec<Option<Stripe>>, CatalogueError>;

    /// Objects in byte order of their path.
    async fn list(&self, query: &ListQuery) -> Result<ListPage, CatalogueError>;

    /// Records stripes and versions in one transaction. Committing what is already there changes nothing,
    /// except that a stripe's placement is replaced.
    async fn commit(&self, commit: Commit) -> Result<(), CatalogueError>;

    /// All nodes, by id.
    async fn nodes(&self) -> Result<Vec<NodeEntry>, CatalogueError>;

    /// Adds a node, or replaces what is known of it.
    async fn put_node(&self, node: NodeEntry) -> Result<(), CatalogueError>;

    /// Forgets a node that no stripe is placed on.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::NodeInUse`] with the number of stripes, if there are any.
    async fn remove_node(&self, id: &NodeId) -> Result<(), CatalogueError>;

    /// Counts over the whole store.
    async fn totals(&self) -> Result<Totals, CatalogueError>;

    /// For each set of nodes that some stripe of a live object is placed on: how many stripes. Small: with
    /// round-robin placement there are about as many sets as domains. Basis of the store's tolerance.
    async fn placements(&self) -> Result<Vec<PlacementCount>, CatalogueError>;
}

/// The current version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its path.
    pub path: ObjectPath,
    /// Which version this is.
    pub stamp: VersionStamp,
    /// What a user can see of it.
    pub attributes: ObjectAttributes,
    /// The stripe of its record.
    pub record: StripeId,
    /// Whether the bytes are in the record.
    pub is_inline: bool,
}

/// A chunk of a version, and where its shards are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedChunk {
    /// Id and plaintext length.
    pub chunk: ChunkRef,
    /// Its stripe.
    pub stripe: Stripe,
}

/// A stripe, and where its shards are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stripe {
    /// Which one.
    pub id: StripeId,
    /// How it is cut.
    pub geometry: model::Geometry,
    /// Plaintext length in bytes.
    pub len: u32,
    /// The node of each shard, by shard index; `None` where the shard was never durable. As long as the geometry is wide.
    pub placement: Vec<Option<NodeId>>,
}

/// What one transaction records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Stripes that are durable on their nodes. All nodes named must be known.
    pub stripes: Vec<Stripe>,
    /// Versions whose records are durable.
    pub versions: Vec<Version>,
}

/// A version to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The object's path.
    pub path: ObjectPath,
    /// Its place in the order of versions.
    pub stamp: VersionStamp,
    /// The stripe of its record.
    pub record: StripeId,
    /// What the version says.
    pub body: VersionBody,
}

/// What a version says of its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionBody {
    /// The object is deleted.
    Tombstone,
    /// The object has these attributes and bytes.
    Object {
        /// What a user can see of it.
        attributes: ObjectAttributes,
        /// Its chunks in order; empty when the bytes are in the record (or there are none).
        chunks: Vec<ChunkRef>,
    },
}

/// Which objects to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only paths that begin with this text.
    pub prefix: String,
    /// Fold paths that agree up to the next delimiter behind the prefix into one entry.
    pub delimiter: Option<char>,
    /// Begin behind this entry of an earlier page (a path, or a folded prefix).
    pub after: Option<String>,
    /// At most this many entries.
    pub limit: usize,
}

/// A part of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// Entries in byte order.
    pub entries: Vec<ListEntry>,
    /// Whether there are more behind the last entry.
    pub is_truncated: bool,
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListEntry {
    /// An object.
    Object(Object),
    /// A folded prefix, ending in the delimiter.
    Prefix(String),
}

impl ListEntry {
    /// The path or prefix: what a following page begins behind.
    pub fn key(&self) -> &str {
        match self {
            Self::Object(object) => object.path.as_str(),
            Self::Prefix(prefix) => prefix,
        }
    }
}

/// What is known of a node between runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    /// Its name.
    pub id: NodeId,
    /// What it fails together with.
    pub domain: Domain,
    /// How it is obtained: `local`, later `cloudshell`, `ssh`, `bucket`.
    pub provider: String,
    /// Capacity it is given, in bytes.
    pub capacity_bytes: u64,
}

/// Counts over the whole store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Live objects.
    pub objects: u64,
    /// Bytes of live objects.
    pub bytes: u64,
    /// Stripes of any kind.
    pub stripes: u64,
    /// The greatest stamp ever committed.
    pub latest: Option<VersionStamp>,
}

/// A set of nodes and how many stripes lie on exactly it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacementCount {
    /// Data shards needed.
    pub data: usize,
    /// The node of each shard, by index.
    pub placement: Vec<Option<NodeId>>,
    /// Number of stripes.
    pub stripes: u64,
}
