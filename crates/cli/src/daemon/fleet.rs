//! The nodes of a running daemon.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use catalogue::NodeEntry;
use engine::{Engine, Node};
use model::{ByteCount, Domain, NodeId, NodeState, StoreId};
use node::{AgentBinary, AgentSpec, AlwaysOn, KeepAwake, LinkStatus, RemoteStore, Supervisor};
use shell::LocalShell;
use tokio::sync::{Mutex, watch};
use tokio::task::AbortHandle;
use transport::Endpoint;

use super::DaemonError;
use super::config::useful_capacity;
use super::node_watch::watch_node;
use super::store_dir::StoreDir;

/// Starts, watches and forgets nodes.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) dir: StoreDir,
    pub(crate) store: StoreId,
    pub(crate) engine: Engine,
    pub(crate) endpoint: Endpoint,
    pub(crate) binary: AgentBinary,
    pub(crate) envelope: watch::Receiver<Bytes>,
    pub(crate) capacity: ByteCount,
    pub(crate) tasks: std::sync::Mutex<HashMap<NodeId, [AbortHandle; 2]>>,
    /// One node is added or removed at a time.
    pub(crate) changes: Mutex<()>,
}

/// A node that somebody wants to add.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewNode {
    pub(crate) id: Option<NodeId>,
    pub(crate) domain: Option<Domain>,
    pub(crate) capacity: Option<ByteCount>,
}

impl Fleet {
    /// Starts the nodes that the catalogue knows, and new ones until there are `local_nodes`.
    pub(crate) async fn start(&self, local_nodes: usize) -> Result<(), DaemonError> {
        let known = self.engine.catalogue().nodes().await?;
        for entry in &known {
            self.run(entry.clone())?;
        }
        for _ in known.len()..local_nodes {
            self.add(NewNode::default()).await?;
        }
        Ok(())
    }

    /// Adds a local node; its agent is started in the background.
    pub(crate) async fn add(&self, new: NewNode) -> Result<NodeId, DaemonError> {
        let _one_at_a_time = self.changes.lock().await;
        let id = new.id.unwrap_or_else(|| self.free_id());
        if self.engine.nodes().get(&id).is_some() {
            return Err(DaemonError::Setting {
                setting: "id",
                reason: format!("there is a node {id} already"),
            });
        }
        // Agents on one machine fail together; as a rehearsal of regions each is a domain of its own unless told otherwise.
        let own_domain = || {
            id.as_str()
                .parse()
                .expect("nodes and domains have the same names")
        };
        let entry = NodeEntry {
            domain: new.domain.unwrap_or_else(own_domain),
            provider: LOCAL.to_owned(),
            capacity_bytes: useful_capacity(new.capacity.unwrap_or(self.capacity))?.0,
            id: id.clone(),
        };
        self.engine.catalogue().put_node(entry.clone()).await?;
        self.run(entry)?;
        Ok(id)
    }

    /// Forgets a node that no stripe is placed on, and leaves its agent alone.
    pub(crate) async fn remove(&self, id: &NodeId) -> Result<(), DaemonError> {
        let _one_at_a_time = self.changes.lock().await;
        // No shard is placed on it from here on, so that the check stays true.
        let node = self.engine.nodes().remove(id);
        if let Err(error) = self.engine.catalogue().remove_node(id).await {
            node.into_iter().for_each(|node| self.engine.nodes().insert(node));
            return Err(error.into());
        }
        let tasks = self
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
        tasks.into_iter().flatten().for_each(|task| task.abort());
        Ok(())
    }

    fn run(&self, entry: NodeEntry) -> Result<(), DaemonError> {
        let home = self.dir.node_home(&entry.id)?;
        let remote = Arc::new(RemoteStore::new());
        let (id, spec) = (entry.id.clone(), self.spec(entry.capacity_bytes));
        let node = Arc::new(Node::new(
            entry,
            Arc::clone(&remote) as Arc<dyn shardstore::ShardStore>,
        ));
        let supervisor = Supervisor {
            environment: Arc::new(AlwaysOn::new(Arc::new(LocalShell::new(home)))),
            policy: KeepAwake::Always,
            wanted: node.wanted(),
            spec,
            endpoint: self.endpoint.clone(),
            remote: Arc::clone(&remote),
            envelope: self.envelope.clone(),
        };
        self.engine.nodes().insert(Arc::clone(&node));
        let (status, watched) = watch::channel(LinkStatus {
            state: NodeState::Connecting,
            reason: None,
        });
        let supervising = tokio::spawn(supervisor.run(status)).abort_handle();
        let watching = tokio::spawn(watch_node(self.engine.clone(), node, remote, watched)).abort_handle();
        self.tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, [supervising, watching]);
        Ok(())
    }

    fn spec(&self, capacity_bytes: u64) -> AgentSpec {
        AgentSpec {
            store: self.store,
            daemon: self.endpoint.peer_id(),
            capacity_bytes,
            bind: "127.0.0.1:0".to_owned(),
            binary: self.binary.clone(),
        }
    }

    fn free_id(&self) -> NodeId {
        let is_free = |id: &NodeId| self.engine.nodes().get(id).is_none();
        let ids = (1_u32..).map(|n| format!("{LOCAL}-{n}").parse().expect("a plain name"));
        ids.into_iter()
            .find(is_free)
            .expect("there are more numbers than nodes")
    }
}

/// The provider of agents on this machine.
pub(crate) const LOCAL: &str = "local";
