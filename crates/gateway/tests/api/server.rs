//! A server for a test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use catalogue::CatalogueError;
use engine::Engine;
use gateway::api::{Cipher, ErrorBody, ErrorCode, Lock};
use gateway::{AddNode, GatewayConfig, Operator, OperatorError, StoreInfo, serve};
use model::{NodeId, StoreId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, RequestBuilder, Response};
use testkit::TestStore;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

pub(crate) struct TestServer {
    pub(crate) store: TestStore,
    pub(crate) operator: Arc<TestOperator>,
    pub(crate) addr: SocketAddr,
    pub(crate) client: Client,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl TestServer {
    /// Nine nodes, on loopback.
    pub(crate) async fn start() -> Self {
        Self::over(TestStore::new(9).await).await
    }

    pub(crate) async fn over(store: TestStore) -> Self {
        Self::with(store, "127.0.0.1:0", |_| {}).await
    }

    pub(crate) async fn with(
        store: TestStore,
        addr: &str,
        configure: impl FnOnce(&mut GatewayConfig),
    ) -> Self {
        let operator = Arc::new(TestOperator::new(store.engine.clone()));
        let mut config = GatewayConfig::new(store.engine.clone(), Arc::clone(&operator) as Arc<dyn Operator>);
        configure(&mut config);
        let listener = TcpListener::bind(addr).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        Self {
            store,
            operator,
            addr: SocketAddr::from(([127, 0, 0, 1], port)),
            client: plain_client(),
            stop,
            serving: tokio::spawn(serve(listener, config, shutdown)),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// The address of an object, whatever its name.
    pub(crate) fn object(&self, path: &str) -> String {
        self.url(&format!(
            "/api/v1/objects/{}",
            utf8_percent_encode(path, NON_ALPHANUMERIC)
        ))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        send(self.client.get(self.url(path))).await
    }

    pub(crate) async fn put(&self, path: &str, bytes: &[u8]) -> Response {
        send(self.client.put(self.object(path)).body(bytes.to_vec())).await
    }

    /// Ends it as the daemon does.
    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("it is serving");
        self.serving.await.expect("no panic").expect("it served");
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Response {
    request.send().await.expect("the server answers")
}

/// The status and code of an error.
pub(crate) async fn refusal(response: Response) -> (u16, ErrorCode) {
    let status = response.status().as_u16();
    let body: ErrorBody = response.json().await.expect("errors are JSON");
    assert!(!body.error.message.is_empty());
    (status, body.error.code)
}

pub(crate) fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().expect("text"))
}

/// A daemon of which only what the API asks for exists.
#[derive(Debug)]
pub(crate) struct TestOperator {
    engine: Engine,
    pub(crate) added: Mutex<Vec<AddNode>>,
    passphrase: Mutex<String>,
}

impl TestOperator {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine,
            added: Mutex::default(),
            passphrase: Mutex::new("old".to_owned()),
        }
    }
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
        if request.provider != "local" {
            let reason = format!("there is no provider {:?}", request.provider);
            return Err(OperatorError::Refused { reason });
        }
        let id = request
            .id
            .clone()
            .unwrap_or_else(|| "local-10".parse().expect("a name"));
        self.added.lock().expect("no panic").push(request);
        Ok(id)
    }

    async fn remove_node(&self, id: &NodeId) -> Result<(), OperatorError> {
        if self.engine.nodes().get(id).is_none() {
            return Err(OperatorError::NodeNotFound { node: id.clone() });
        }
        match self.engine.catalogue().remove_node(id).await {
            Ok(()) => Ok(()),
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

/// In a build of the whole workspace the links' library turns reqwest's TLS on without choosing its cryptography, and
/// reqwest then refuses to start, even for plain http.
fn plain_client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}
