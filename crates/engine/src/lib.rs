//! The engine: files to sealed shards on many nodes, and back.
//!
//! [`Engine`] sees nodes as [`ShardStore`](shardstore::ShardStore)s and the index as a
//! [`Catalogue`], never a socket: the same code runs over memory in tests and over remote agents
//! in the daemon. What to place where and how much may be lost is decided in [`plan`], which is pure.
//!
//! Order of writes (docs/format.md): shards durable → record durable → catalogue → acknowledge. A deletion's tombstone
//! goes the same way.
//!
//! What this crate does not do: it starts no node and reads no configuration.

mod body;
mod config;
mod counters;
mod delete;
mod event;
mod get;
mod health;
mod layout;
mod nodes;
mod path_locks;
pub mod plan;
mod put;
mod rename;
mod stripe_read;
mod stripe_write;
mod version;
mod wake;

use std::sync::{Arc, Mutex};

use catalogue::{Catalogue, CatalogueError, ListPage, ListQuery, Object};
use codec::Sealer;
use model::{ObjectPath, VersionClock};
use tokio::sync::{Semaphore, broadcast};

pub use body::BodyError;
pub use config::EngineConfig;
pub use counters::CounterValues;
pub use delete::DeleteError;
pub use event::Event;
pub use get::{GetError, ObjectReader};
pub use health::{Health, ToleranceCount};
pub use layout::{Layout, LayoutError, ShardPlace, ShardState, StripeLayout};
pub use nodes::{Allowance, Node, NodeSnapshot, Nodes};
pub use put::{PutError, PutOptions};
pub use rename::RenameError;
pub use stripe_read::ReadError;
pub use stripe_write::WriteError;
pub use version::Precondition;

use crate::counters::Counters;
use crate::path_locks::PathLocks;

/// Everything that happens to objects. Cheap to clone; clones share their state.
///
/// All methods are safe to cancel: an operation that is dropped has no effect a reader could see, beyond shards that
/// nothing refers to.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    catalogue: Arc<dyn Catalogue>,
    sealer: Sealer,
    nodes: Nodes,
    config: EngineConfig,
    clock: Mutex<VersionClock>,
    path_locks: PathLocks,
    /// Chunks that are being sealed and written.
    writes: Arc<Semaphore>,
    /// Objects that are being read in chunks.
    readers: Arc<Semaphore>,
    counters: Counters,
    events: broadcast::Sender<Event>,
}

impl Engine {
    /// An engine over these nodes. `writer` tells this daemon's versions from another's; keep it per store directory.
    ///
    /// # Errors
    ///
    /// [`CatalogueError`] if the catalogue cannot say which version is the latest.
    pub async fn new(
        catalogue: Arc<dyn Catalogue>,
        sealer: Sealer,
        writer: u64,
        config: EngineConfig,
    ) -> Result<Self, CatalogueError> {
        let latest = catalogue.totals().await?.latest;
        let inner = Inner {
            catalogue,
            sealer,
            nodes: Nodes::default(),
            clock: Mutex::new(VersionClock::new(writer, latest)),
            path_locks: PathLocks::default(),
            writes: Arc::new(Semaphore::new(config.chunk_writes_max)),
            readers: Arc::new(Semaphore::new(config.readers_max)),
            counters: Counters::default(),
            events: broadcast::channel(EVENTS_MAX).0,
            config,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The nodes it works with.
    pub fn nodes(&self) -> &Nodes {
        &self.inner.nodes
    }

    /// The catalogue it keeps.
    pub fn catalogue(&self) -> &Arc<dyn Catalogue> {
        &self.inner.catalogue
    }

    /// How it was set up.
    pub fn config(&self) -> &EngineConfig {
        &self.inner.config
    }

    /// What happens from now on. A receiver that lags behind loses the oldest events and is told so.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// Tells subscribers what happened.
    pub fn announce(&self, event: Event) {
        // Nobody listening is not an error.
        let _ = self.inner.events.send(event);
    }

    /// What it has done since it was made.
    pub fn counters(&self) -> CounterValues {
        self.inner.counters.values()
    }

    /// The current version of an object, `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`CatalogueError`].
    pub async fn head(&self, path: &ObjectPath) -> Result<Option<Object>, CatalogueError> {
        self.inner.catalogue.head(path).await
    }

    /// Objects in byte order of their path.
    ///
    /// # Errors
    ///
    /// [`CatalogueError`].
    pub async fn list(&self, query: &ListQuery) -> Result<ListPage, CatalogueError> {
        self.inner.catalogue.list(query).await
    }
}

/// A page that is open for long should not miss what a directory upload does within a second.
const EVENTS_MAX: usize = 4096;
