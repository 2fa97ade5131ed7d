//! What the API may ask of the daemon beyond the engine.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use catalogue::CatalogueError;
use codec::{Cipher, EnvelopeError, KeyEnvelope, LockKind};
use gateway::api;
use gateway::{AddNode, Operator, OperatorError, StoreInfo};
use model::NodeId;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::DaemonError;
use super::fleet::{Fleet, NewNode, Provider};
use super::init::rewrap;
use super::store_dir::StoreDir;

/// The running daemon, as the API sees it.
#[derive(Debug)]
pub(crate) struct DaemonOperator {
    pub(crate) dir: StoreDir,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) envelope: Mutex<KeyEnvelope>,
    /// The nodes' supervisors put each new envelope on their nodes.
    pub(crate) published: watch::Sender<Bytes>,
}

#[async_trait]
impl Operator for DaemonOperator {
    fn store(&self) -> StoreInfo {
        let envelope = self.envelope.lock().unwrap_or_else(PoisonError::into_inner);
        StoreInfo {
            id: envelope.store(),
            cipher: match envelope.cipher() {
                Cipher::Aes256Gcm => api::Cipher::Aes256Gcm,
                Cipher::None => api::Cipher::None,
            },
            lock: match envelope.kind() {
                LockKind::Passphrase => api::Lock::Passphrase,
                LockKind::KeyFile => api::Lock::KeyFile,
                LockKind::Open => api::Lock::Open,
            },
            dir: self.dir.root().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    async fn add_node(&self, request: AddNode) -> Result<NodeId, OperatorError> {
        let provider = parse_provider(&request.provider)?;
        let new = NewNode {
            provider,
            id: request.id,
            domain: request.domain,
            capacity: request.capacity,
        };
        self.fleet.add(new).await.map_err(translate)
    }

    async fn remove_node(&self, id: &NodeId) -> Result<(), OperatorError> {
        self.fleet.remove(id).await.map_err(translate)
    }

    async fn change_passphrase(
        &self,
        old: Zeroizing<String>,
        new: Zeroizing<String>,
    ) -> Result<(), OperatorError> {
        let current = self
            .envelope
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let rewrapped = tokio::task::spawn_blocking(move || rewrap(&current, &old, &new));
        let rewrapped = rewrapped
            .await
            .map_err(|error| OperatorError::Failed(Box::new(error)))?
            .map_err(translate)?;
        self.dir.write_envelope(&rewrapped).map_err(translate)?;
        self.published.send_replace(rewrapped.to_bytes().into());
        *self.envelope.lock().unwrap_or_else(PoisonError::into_inner) = rewrapped;
        Ok(())
    }
}

fn parse_provider(text: &str) -> Result<Provider, OperatorError> {
    let found = Provider::ALL
        .into_iter()
        .find(|provider| provider.as_str() == text);
    found.ok_or_else(|| OperatorError::Refused {
        reason: format!(
            "there is no provider {text:?}; this program has {}",
            Provider::ALL.map(Provider::as_str).join(" and ")
        ),
    })
}

fn translate(error: DaemonError) -> OperatorError {
    match error {
        DaemonError::Catalogue(CatalogueError::UnknownNode { node }) => OperatorError::NodeNotFound { node },
        DaemonError::Catalogue(CatalogueError::NodeInUse { node, stripes }) => {
            OperatorError::NodeInUse { node, stripes }
        }
        DaemonError::Envelope(EnvelopeError::WrongPassphrase) => OperatorError::WrongPassphrase,
        DaemonError::Envelope(EnvelopeError::OtherLock { .. }) => OperatorError::Refused {
            reason: "the store has no passphrase".to_owned(),
        },
        error @ (DaemonError::EmptyPassphrase | DaemonError::Setting { .. }) => OperatorError::Refused {
            reason: error.to_string(),
        },
        error => OperatorError::Failed(Box::new(error)),
    }
}
