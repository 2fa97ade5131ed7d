//! A gateway in the test's process.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use catalogue::CatalogueError;
use engine::Engine;
use gateway::api::{Cipher, Lock};
use gateway::{AddNode, GatewayConfig, Operator, OperatorError, StoreInfo, serve};
use model::{NodeId, StoreId};
use testkit::TestStore;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::program::Desk;

/// A store that is served, and a desk from which to use it. Serving ends with the test.
pub(crate) struct TestServer {
    pub(crate) store: TestStore,
    pub(crate) desk: Desk,
    pub(crate) operator: Arc<TestOperator>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl TestServer {
    /// Nine nodes, on loopback.
    pub(crate) async fn start() -> Self {
        Self::over(TestStore::new(9).await, |_| {}).await
    }

    pub(crate) async fn over(store: TestStore, configure: impl FnOnce(&mut GatewayConfig)) -> Self {
        let operator = Arc::new(TestOperator {
            engine: store.engine.clone(),
            added: Mutex::default(),
            passphrase: Mutex::new("old".to_owned()),
        });
        let mut config = GatewayConfig::new(store.engine.clone(), Arc::clone(&operator) as Arc<dyn Operator>);
        configure(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        Self {
            store,
            desk: Desk::new(url),
            operator,
            serving: tokio::spawn(serve(listener, config, std::future::pending())),
        }
    }

    /// The daemon knows that so many nodes are gone.
    pub(crate) fn lose_nodes(&self, count: usize) {
        self.store
            .nodes
            .iter()
            .take(count)
            .for_each(|node| node.disconnect());
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A daemon of which only what the API asks for exists.
#[derive(Debug)]
pub(crate) struct TestOperator {
    engine: Engine,
    pub(crate) added: Mutex<Vec<AddNode>>,
    pub(crate) passphrase: Mutex<String>,
}

#[async_trait]
impl Operator for TestOperator {
    fn store(&self) -> StoreInfo {
        StoreInfo {
            id: StoreId::from_bytes([7; 16]),
            cipher: Cipher::Aes256Gcm,
            lock: Lock::Passphrase,
            dir: PathBuf::from("/srv/store"),
            version: "1.2.3".to_owned(),
        }
    }

    async fn add_node(&self, request: AddNode) -> Result<NodeId, OperatorError> {
        let id = request.id.clone();
        self.added.lock().expect("no panic").push(request);
        Ok(id.unwrap_or_else(|| "local-10".parse().expect("a name")))
    }

    async fn remove_node(&self, id: &NodeId) -> Result<(), OperatorError> {
        if self.engine.nodes().get(id).is_none() {
            return Err(OperatorError::NodeNotFound { node: id.clone() });
        }
        match self.engine.catalogue().remove_node(id).await {
            Ok(()) => {
                self.engine.nodes().remove(id);
                Ok(())
            }
            Err(CatalogueError::NodeInUse { node, stripes }) => {
                Err(OperatorError::NodeInUse { node, stripes })
            }
            Err(error) => Err(OperatorError::Failed(error.into())),
        }
    }

    async fn change_passphrase(
        &self,
        old: Zeroizing<String>,
        new: Zeroizing<String>,
    ) -> Result<(), OperatorError> {
        let mut passphrase = self.passphrase.lock().expect("no panic");
        if *passphrase != *old {
            return Err(OperatorError::WrongPassphrase);
        }
        (*new).clone_into(&mut passphrase);
        Ok(())
    }
}
