//! A store whose nodes are in memory.

use std::sync::Arc;

use bytes::Bytes;
use catalogue::{Catalogue, NodeEntry, SqliteCatalogue};
use codec::{Cipher, MasterKey, Sealer};
use engine::{BodyError, Engine, EngineConfig, GetError, Node, PutError, PutOptions};
use futures_util::stream::{self, Stream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use model::{NodeState, ObjectPath, StoreId};
use shardstore::{Fault, FaultyStore, MemoryStore, Rule, ShardStore as _};
use tempfile::TempDir;

/// The real engine over a real catalogue and nodes that fail as they are told.
#[derive(Debug)]
pub struct TestStore {
    /// The engine.
    pub engine: Engine,
    /// Its nodes, `node-0` first, each a domain of its own.
    pub nodes: Vec<TestNode>,
    _dir: TempDir,
}

/// A node in memory.
#[derive(Clone, Debug)]
pub struct TestNode {
    /// What the engine sees.
    pub node: Arc<Node>,
    /// What makes it fail.
    pub faults: Arc<FaultyStore<MemoryStore>>,
}

impl TestStore {
    /// A store of so many nodes of 256 MiB.
    pub async fn new(nodes: usize) -> Self {
        Self::with(nodes, 256 << 20, EngineConfig::default()).await
    }

    /// A store of so many nodes of this capacity.
    pub async fn with(nodes: usize, capacity_bytes: u64, config: EngineConfig) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let catalogue = SqliteCatalogue::open(dir.path().join("catalogue.sqlite"))
            .await
            .expect("a new catalogue");
        let catalogue: Arc<dyn Catalogue> = Arc::new(catalogue);
        let sealer = Sealer::new(
            StoreId::from_bytes([7; 16]),
            Cipher::Aes256Gcm,
            &MasterKey::from_bytes([8; 32]),
        );
        let engine = Engine::new(Arc::clone(&catalogue), sealer, 1, config)
            .await
            .expect("an engine");
        let mut store = Self {
            engine,
            nodes: Vec::new(),
            _dir: dir,
        };
        for n in 0..nodes {
            let name = format!("node-{n}");
            store.add_node(&name, &name, capacity_bytes).await;
        }
        store
    }

    /// Adds a node.
    pub async fn add_node(&mut self, id: &str, domain: &str, capacity_bytes: u64) {
        let entry = NodeEntry {
            id: id.parse().expect("a name"),
            domain: domain.parse().expect("a name"),
            provider: "memory".to_owned(),
            capacity_bytes,
        };
        self.engine
            .catalogue()
            .put_node(entry.clone())
            .await
            .expect("the catalogue takes it");
        let faults = Arc::new(FaultyStore::new(MemoryStore::new(capacity_bytes)));
        let node = Arc::new(Node::new(
            entry,
            Arc::clone(&faults) as Arc<dyn shardstore::ShardStore>,
        ));
        node.set_state(NodeState::Connected, None);
        self.engine.nodes().insert(Arc::clone(&node));
        self.nodes.push(TestNode { node, faults });
    }

    /// Stores these bytes, in frames of odd lengths.
    pub async fn put(&self, path: &str, bytes: &[u8]) -> Result<catalogue::Object, PutError> {
        self.engine
            .put(&parse(path), PutOptions::default(), body(bytes))
            .await
    }

    /// Reads an object whole.
    pub async fn get(&self, path: &str) -> Result<Vec<u8>, GetError> {
        read_all(&self.engine, path).await
    }

    /// All paths of the store.
    pub async fn paths(&self) -> Vec<String> {
        let query = catalogue::ListQuery {
            limit: 1000,
            ..Default::default()
        };
        let page = self.engine.list(&query).await.expect("the catalogue answers");
        page.entries.iter().map(|entry| entry.key().to_owned()).collect()
    }

    /// Nothing fails any more, and nothing is held against any node.
    pub async fn heal(&self) {
        for node in &self.nodes {
            node.faults.heal();
            node.node
                .set_usage(node.faults.usage().await.expect("nothing fails any more"));
            node.node.set_state(NodeState::Connected, None);
        }
    }
}

impl TestNode {
    /// Every call fails from now on.
    pub fn fail(&self, fault: Fault) {
        self.faults.add_rule(Rule::always(fault));
    }

    /// The daemon knows that the node is gone.
    pub fn disconnect(&self) {
        self.fail(Fault::Unavailable);
        self.node.set_state(NodeState::Lost, None);
    }
}

/// Bytes as an uploader's stream.
pub fn body(bytes: &[u8]) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + use<> {
    frames(bytes).map(Ok)
}

/// Bytes in frames of odd lengths.
pub fn frames(bytes: &[u8]) -> impl Stream<Item = Bytes> + Send + use<> {
    let frames: Vec<Bytes> = bytes.chunks(77_777).map(Bytes::copy_from_slice).collect();
    stream::iter(frames)
}

/// Reads an object whole.
pub async fn read_all(engine: &Engine, path: &str) -> Result<Vec<u8>, GetError> {
    read_range(engine, path, 0..u64::MAX).await
}

/// Reads a range of an object.
pub async fn read_range(
    engine: &Engine,
    path: &str,
    range: std::ops::Range<u64>,
) -> Result<Vec<u8>, GetError> {
    let stream = engine.open(&parse(path)).await?.stream(range).await?;
    let parts: Vec<Bytes> = stream.try_collect().await?;
    Ok(parts.concat())
}

fn parse(path: &str) -> ObjectPath {
    path.parse().expect("tests use valid paths")
}
