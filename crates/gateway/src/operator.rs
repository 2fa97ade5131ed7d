//! What the API asks of the daemon beyond the engine.

use std::fmt::Debug;
use std::path::PathBuf;

use async_trait::async_trait;
use model::{ByteCount, Domain, NodeId, StoreId};
use zeroize::Zeroizing;

use crate::api::{Cipher, Lock};

/// What the API asks of the daemon beyond the engine: to start and forget nodes, and to keep the key.
#[async_trait]
pub trait Operator: Debug + Send + Sync {
    /// The store that is served.
    fn store(&self) -> StoreInfo;

    /// Adds a node and starts getting to it; returns before it is connected.
    ///
    /// # Errors
    ///
    /// [`OperatorError::Refused`] if its name is taken or the provider is unknown.
    async fn add_node(&self, request: AddNode) -> Result<NodeId, OperatorError>;

    /// Forgets a node that holds no shards.
    ///
    /// # Errors
    ///
    /// [`OperatorError::NodeNotFound`], [`OperatorError::NodeInUse`].
    async fn remove_node(&self, id: &NodeId) -> Result<(), OperatorError>;

    /// Wraps the master key in another passphrase. No data is touched.
    ///
    /// # Errors
    ///
    /// [`OperatorError::WrongPassphrase`]; [`OperatorError::Refused`] if the store has no passphrase.
    async fn change_passphrase(
        &self,
        old: Zeroizing<String>,
        new: Zeroizing<String>,
    ) -> Result<(), OperatorError>;
}

/// The store that a daemon serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreInfo {
    /// Its id.
    pub id: StoreId,
    /// How shards are sealed.
    pub cipher: Cipher,
    /// What opens it.
    pub lock: Lock,
    /// The daemon's directory of it.
    pub dir: PathBuf,
    /// Version of the daemon's program.
    pub version: String,
}

/// A node that somebody wants to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddNode {
    /// How it is obtained: `local`.
    pub provider: String,
    /// Its name; the daemon chooses one if there is none.
    pub id: Option<NodeId>,
    /// What it fails together with; a domain of its own if there is none.
    pub domain: Option<Domain>,
    /// Bytes that it may use; the daemon's default if there is none.
    pub capacity: Option<ByteCount>,
}

/// Why the daemon did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// There is no such node.
    #[error("there is no node {node}")]
    NodeNotFound {
        /// Its name.
        node: NodeId,
    },
    /// The node still holds shards.
    #[error("node {node} still holds shards of {stripes} stripes")]
    NodeInUse {
        /// Its name.
        node: NodeId,
        /// Stripes placed on it.
        stripes: u64,
    },
    /// It cannot be done with this store.
    #[error("{reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// The old passphrase does not open the store.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The daemon failed.
    #[error("the daemon failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}
