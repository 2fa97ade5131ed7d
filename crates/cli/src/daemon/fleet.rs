//! The nodes of a running daemon.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use catalogue::NodeEntry;
use engine::{Engine, Node};
use model::{ByteCount, Domain, NodeId, NodeState, StoreId};
use node::{AgentBinary, AgentSpec, AlwaysOn, Environment, KeepAwake, LinkStatus, RemoteStore, Supervisor};
use shell::LocalShell;
use tokio::sync::{Mutex, watch};
use tokio::task::AbortHandle;
use tracing::debug;
use transport::Endpoint;

use super::DaemonError;
use super::cloudshell::{CLOUDSHELL, CloudShell, REGION_CAPACITY_BYTES};
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
    /// For new nodes; each provider has a default of its own.
    pub(crate) capacity: Option<ByteCount>,
    /// Or why there is none.
    pub(crate) cloudshell: Result<CloudShell, String>,
    pub(crate) running: std::sync::Mutex<HashMap<NodeId, Running>>,
    /// One node is added or removed at a time.
    pub(crate) changes: Mutex<()>,
}

/// What runs for a node.
#[derive(Debug)]
pub(crate) struct Running {
    tasks: [AbortHandle; 2],
    environment: Arc<dyn Environment>,
}

impl Running {
    async fn stop(self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        let closed = tokio::time::timeout(CLOSE_TIMEOUT, self.environment.close()).await;
        if closed.is_err() {
            debug!("sessions are left to end by themselves");
        }
    }
}

/// A node that somebody wants to add.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewNode {
    pub(crate) provider: Provider,
    pub(crate) id: Option<NodeId>,
    pub(crate) domain: Option<Domain>,
    pub(crate) capacity: Option<ByteCount>,
}

impl Fleet {
    /// Starts the nodes that the catalogue knows, local ones until there are `local_nodes`, and regions that are missing. A
    /// store without any gets nine local ones, unless somebody said otherwise.
    pub(crate) async fn start(
        &self,
        local_nodes: Option<usize>,
        regions: &[NodeId],
    ) -> Result<(), DaemonError> {
        let known = self.engine.catalogue().nodes().await?;
        for entry in &known {
            self.run(entry.clone())?;
        }
        let is_new = known.is_empty() && regions.is_empty();
        let local_nodes = local_nodes.unwrap_or(if is_new { LOCAL_NODES } else { 0 });
        let local_known = known.iter().filter(|node| node.provider == LOCAL).count();
        for _ in local_known..local_nodes {
            self.add(NewNode::default()).await?;
        }
        for region in regions {
            if self.engine.nodes().get(region).is_none() {
                self.add(NewNode::region(region.clone())).await?;
            }
        }
        Ok(())
    }

    /// Adds a node; it is got to in the background.
    pub(crate) async fn add(&self, new: NewNode) -> Result<NodeId, DaemonError> {
        let _one_at_a_time = self.changes.lock().await;
        let id = self.id_for(&new)?;
        if self.engine.nodes().get(&id).is_some() {
            return Err(DaemonError::Setting {
                setting: "id",
                reason: format!("there is a node {id} already"),
            });
        }
        // A region is a domain. Agents on one machine fail together; as a rehearsal of regions each is a domain of its own
        // unless told otherwise.
        let own_domain = || {
            id.as_str()
                .parse()
                .expect("nodes and domains have the same names")
        };
        let entry = NodeEntry {
            capacity_bytes: useful_capacity(self.capacity_for(&new))?.0,
            provider: new.provider.as_str().to_owned(),
            domain: new.domain.unwrap_or_else(own_domain),
            id: id.clone(),
        };
        self.engine.catalogue().put_node(entry.clone()).await?;
        self.run(entry)?;
        // Made and attached to once, so that it is known to work before it is needed.
        self.engine.nodes().get(&id).iter().for_each(|node| node.want());
        Ok(id)
    }

    fn id_for(&self, new: &NewNode) -> Result<NodeId, DaemonError> {
        match (new.provider, &new.id) {
            (Provider::Local, Some(id)) => Ok(id.clone()),
            (Provider::Local, None) => Ok(self.free_id()),
            (Provider::CloudShell, Some(id)) => self.cloudshell()?.check_region(id).map(|()| id.clone()),
            (Provider::CloudShell, None) => Err(DaemonError::Setting {
                setting: "id",
                reason: "name the region".to_owned(),
            }),
        }
    }

    fn capacity_for(&self, new: &NewNode) -> ByteCount {
        new.capacity.or(self.capacity).unwrap_or(match new.provider {
            Provider::Local => LOCAL_CAPACITY,
            Provider::CloudShell => ByteCount(REGION_CAPACITY_BYTES),
        })
    }

    fn cloudshell(&self) -> Result<&CloudShell, DaemonError> {
        self.cloudshell.as_ref().map_err(|reason| DaemonError::Setting {
            setting: "regions",
            reason: reason.clone(),
        })
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
        if let Some(running) = self.running().remove(id) {
            // In the background: the service may take its time.
            tokio::spawn(running.stop());
        }
        Ok(())
    }

    /// Gives back what the nodes hold of their providers; the agents stay.
    pub(crate) async fn stop(&self) {
        let running: Vec<Running> = self.running().drain().map(|(_, running)| running).collect();
        futures_util::future::join_all(running.into_iter().map(Running::stop)).await;
        if tokio::time::timeout(CLOSE_TIMEOUT, self.endpoint.close())
            .await
            .is_err()
        {
            debug!("the agents are left to notice");
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<NodeId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, entry: NodeEntry) -> Result<(), DaemonError> {
        let remote = Arc::new(RemoteStore::new());
        let (id, spec) = (entry.id.clone(), self.spec(&entry));
        let node = Arc::new(Node::new(
            entry,
            Arc::clone(&remote) as Arc<dyn shardstore::ShardStore>,
        ));
        let (environment, policy) = self.environment(&node)?;
        let supervisor = Supervisor {
            environment: Arc::clone(&environment),
            policy,
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
        let running = Running {
            tasks: [supervising, watching],
            environment,
        };
        self.running().insert(id, running);
        Ok(())
    }

    fn environment(&self, node: &Arc<Node>) -> Result<(Arc<dyn Environment>, KeepAwake), DaemonError> {
        let entry = node.snapshot().entry;
        if entry.provider == CLOUDSHELL {
            let cloudshell = self.cloudshell()?;
            let environment = cloudshell.environment(Arc::clone(node))?;
            return Ok((environment, cloudshell.keep_awake));
        }
        let shell = LocalShell::new(self.dir.node_home(&entry.id)?);
        Ok((Arc::new(AlwaysOn::new(Arc::new(shell))), KeepAwake::Always))
    }

    fn spec(&self, entry: &NodeEntry) -> AgentSpec {
        let is_elsewhere =
            entry.provider == CLOUDSHELL && self.cloudshell.as_ref().is_ok_and(CloudShell::is_elsewhere);
        AgentSpec {
            store: self.store,
            daemon: self.endpoint.peer_id(),
            capacity_bytes: entry.capacity_bytes,
            bind: if is_elsewhere { ANYWHERE } else { LOOPBACK }.to_owned(),
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

/// How nodes are obtained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Provider {
    /// Agents on this machine.
    #[default]
    Local,
    /// AWS CloudShell.
    CloudShell,
}

impl Provider {
    pub(crate) const ALL: [Self; 2] = [Self::Local, Self::CloudShell];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Local => LOCAL,
            Self::CloudShell => CLOUDSHELL,
        }
    }
}

impl NewNode {
    fn region(id: NodeId) -> Self {
        Self {
            provider: Provider::CloudShell,
            id: Some(id),
            ..Self::default()
        }
    }
}

/// The provider of agents on this machine.
const LOCAL: &str = "local";

/// A person waits for it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// UDP addresses that agents bind.
const LOOPBACK: &str = "127.0.0.1:0";
const ANYWHERE: &str = "0.0.0.0:0";

/// As many as a stripe has shards.
const LOCAL_NODES: usize = 9;

const LOCAL_CAPACITY: ByteCount = ByteCount(1 << 30);
