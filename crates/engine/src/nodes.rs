//! The nodes an engine works with.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use catalogue::NodeEntry;
use model::{Domain, NodeId, NodeState, PathKind};
use shardstore::{ShardStore, Usage};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::plan::Candidate;

/// The nodes an engine works with, by id.
#[derive(Debug, Default)]
pub struct Nodes {
    by_id: RwLock<HashMap<NodeId, Arc<Node>>>,
}

impl Nodes {
    /// Adds a node, or replaces the one with its id.
    pub fn insert(&self, node: Arc<Node>) {
        self.by_id
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(node.id().clone(), node);
    }

    /// Takes a node away.
    pub fn remove(&self, id: &NodeId) -> Option<Arc<Node>> {
        self.by_id
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id)
    }

    /// The node with this id.
    pub fn get(&self, id: &NodeId) -> Option<Arc<Node>> {
        self.by_id
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    /// All nodes, in order of their ids; `local-10` behind `local-9`.
    pub fn all(&self) -> Vec<Arc<Node>> {
        let mut nodes: Vec<_> = self
            .by_id
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect();
        nodes.sort_by_key(|node| natural_key(node.id()));
        nodes
    }
}

/// A place that keeps shards, as the engine sees it.
#[derive(Debug)]
pub struct Node {
    entry: NodeEntry,
    store: Arc<dyn ShardStore>,
    view: RwLock<View>,
    state: watch::Sender<NodeState>,
    /// When its shards were wanted last.
    wanted: watch::Sender<Option<Instant>>,
}

#[derive(Clone, Debug)]
struct View {
    /// It was asleep when its shards were wanted, and has not come to a state of its own since.
    is_waking: bool,
    reason: Option<String>,
    path: Option<PathKind>,
    latency: Option<Duration>,
    usage: Option<Usage>,
    allowance: Option<Allowance>,
    /// How many shards fewer it holds than are placed on it.
    missing_shards: u64,
    /// When it answered last.
    seen: Option<Instant>,
    /// It failed: until then others are asked first.
    suspect_until: Option<Instant>,
    /// It kept a writer waiting in vain: until then nothing is put there. A node that refuses at once costs nothing,
    /// so it is only suspect.
    stalled_until: Option<Instant>,
}

/// What is known of a node at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSnapshot {
    /// Its name, domain, provider and capacity.
    pub entry: NodeEntry,
    /// How its link is doing.
    pub state: NodeState,
    /// Why, when there is something to say.
    pub reason: Option<String>,
    /// Which way packets go.
    pub path: Option<PathKind>,
    /// Round-trip time of its link.
    pub latency: Option<Duration>,
    /// How full it was when last asked.
    pub usage: Option<Usage>,
    /// How long ago it answered; what is shown of it is as old.
    pub seen_ago: Option<Duration>,
    /// What its provider still allows; `None` where nothing is counted.
    pub allowance: Option<Allowance>,
}

/// What a provider allows a node, as far as this machine has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How long it was awake this month.
    pub awake: Duration,
    /// How long it may be awake in a month.
    pub awake_max: Duration,
    /// When its home is removed if it is not used before, in milliseconds since 1970; `None` if it was never used.
    pub kept_until_unix_ms: Option<i64>,
}

impl Node {
    /// A node that is being connected to.
    pub fn new(entry: NodeEntry, store: Arc<dyn ShardStore>) -> Self {
        let view = View {
            is_waking: false,
            reason: None,
            path: None,
            latency: None,
            usage: None,
            allowance: None,
            missing_shards: 0,
            seen: None,
            suspect_until: None,
            stalled_until: None,
        };
        Self {
            entry,
            store,
            view: RwLock::new(view),
            state: watch::Sender::new(NodeState::Connecting),
            wanted: watch::Sender::new(None),
        }
    }

    /// Its name.
    pub fn id(&self) -> &NodeId {
        &self.entry.id
    }

    /// What it fails together with.
    pub fn domain(&self) -> &Domain {
        &self.entry.domain
    }

    /// Its shards.
    pub fn store(&self) -> &Arc<dyn ShardStore> {
        &self.store
    }

    /// What is known of it now.
    pub fn snapshot(&self) -> NodeSnapshot {
        let view = self.read(Clone::clone);
        NodeSnapshot {
            entry: self.entry.clone(),
            state: self.state(),
            reason: view.reason,
            path: view.path,
            latency: view.latency,
            usage: view.usage,
            seen_ago: view.seen.map(|seen| seen.elapsed()),
            allowance: view.allowance,
        }
    }

    /// How its link is doing.
    pub fn state(&self) -> NodeState {
        *self.state.borrow()
    }

    /// Says how its link is doing, and why.
    pub fn set_state(&self, state: NodeState, reason: Option<String>) {
        self.write(|view| {
            if state == NodeState::Connected {
                (view.suspect_until, view.stalled_until) = (None, None);
            } else {
                (view.path, view.latency) = (None, None);
            }
            view.is_waking &= matches!(state, NodeState::Asleep | NodeState::Connecting);
            view.reason = reason;
        });
        self.state.send_replace(state);
    }

    /// Says that its shards are wanted: a node that sleeps is to be woken, one that is awake kept so.
    pub fn want(&self) {
        let now = Instant::now();
        let is_asleep = self.state() == NodeState::Asleep;
        self.wanted.send_if_modified(|wanted| {
            let is_news = is_asleep || wanted.is_none_or(|before| now - before >= WANTED_RESOLUTION);
            if is_news {
                *wanted = Some(now);
            }
            is_news
        });
        if is_asleep {
            self.write(|view| view.is_waking = true);
        }
    }

    /// Says that it may sleep now, however lately it was wanted.
    pub fn rest(&self) {
        self.wanted.send_replace(None);
    }

    /// Says how many shards fewer it holds than are placed on it.
    pub fn set_missing_shards(&self, count: u64) {
        self.write(|view| view.missing_shards = count);
    }

    /// How many shards fewer it holds than are placed on it, as far as is known.
    pub fn missing_shards(&self) -> u64 {
        self.read(|view| view.missing_shards)
    }

    /// Says what its provider still allows.
    pub fn set_allowance(&self, allowance: Allowance) {
        self.write(|view| view.allowance = Some(allowance));
    }

    /// When its shards were wanted last, to about a second; `None` if they never were, or it was told to rest since.
    pub fn wanted(&self) -> watch::Receiver<Option<Instant>> {
        self.wanted.subscribe()
    }

    /// Whether it can be expected to answer after a while, if it is wanted.
    pub(crate) fn is_asleep(&self) -> bool {
        let can_wake = match self.state() {
            NodeState::Asleep => true,
            NodeState::Connecting => self.read(|view| view.is_waking),
            _ => false,
        };
        can_wake && !self.is_suspect()
    }

    /// Whether it was wanted while it slept, and is on its way.
    pub(crate) fn is_waking(&self) -> bool {
        self.read(|view| view.is_waking)
    }

    /// How much of its allowance is used; nothing, where nothing is counted.
    pub(crate) fn awake_this_month(&self) -> Duration {
        self.read(|view| view.allowance.map_or(Duration::ZERO, |allowance| allowance.awake))
    }

    /// Wakes it. Returns whether it answers within the time.
    pub(crate) async fn wake(&self, timeout: Duration) -> bool {
        let mut state = self.state.subscribe();
        self.want();
        let settled = state.wait_for(|state| !matches!(state, NodeState::Asleep | NodeState::Connecting));
        match tokio::time::timeout(timeout, settled).await {
            Ok(Ok(state)) => *state == NodeState::Connected,
            Ok(Err(_)) => false,
            // Nobody waits for it again for a while.
            Err(_) => {
                self.suspect();
                false
            }
        }
    }

    /// Says which way its packets go, and how long they take.
    pub fn set_path(&self, path: Option<PathKind>, latency: Option<Duration>) {
        self.write(|view| (view.path, view.latency) = (path, latency));
    }

    /// Says how full it is.
    pub fn set_usage(&self, usage: Usage) {
        self.write(|view| (view.usage, view.seen) = (Some(usage), Some(Instant::now())));
    }

    /// Whether its shards can be asked for.
    pub(crate) fn is_readable(&self) -> bool {
        self.state() == NodeState::Connected
    }

    /// Whether it failed lately.
    pub(crate) fn is_suspect(&self) -> bool {
        self.read(|view| view.suspect_until.is_some_and(|until| Instant::now() < until))
    }

    /// It kept a writer waiting in vain.
    pub(crate) fn stall(&self) {
        self.suspect();
        self.write(|view| view.stalled_until = view.suspect_until);
    }

    /// It was slow or failed: others are asked first for a while.
    pub(crate) fn suspect(&self) {
        self.write(|view| view.suspect_until = Some(Instant::now() + SUSPICION));
    }

    /// It answered: nothing is held against it.
    pub(crate) fn trust(&self) {
        if self.read(|view| view.suspect_until.is_some()) {
            self.write(|view| view.suspect_until = None);
        }
    }

    /// It said that it is full; its usage is asked again later.
    pub(crate) fn set_full(&self) {
        self.write(|view| {
            let usage = view.usage.get_or_insert_default();
            usage.capacity_bytes = usage.capacity_bytes.max(self.entry.capacity_bytes);
            usage.used_bytes = usage.capacity_bytes;
        });
    }

    /// Until its usage is asked again, what was put there counts.
    pub(crate) fn add_used(&self, bytes: u64) {
        self.write(|view| {
            if let Some(usage) = &mut view.usage {
                usage.used_bytes = usage.used_bytes.saturating_add(bytes);
            }
        });
    }

    pub(crate) fn candidate(&self) -> Candidate {
        let usage = self.read(|view| view.usage);
        let is_stalled = self.read(|view| view.stalled_until.is_some_and(|until| Instant::now() < until));
        Candidate {
            domain: self.entry.domain.clone(),
            free_bytes: usage.map_or(self.entry.capacity_bytes, |usage| usage.free_bytes()),
            is_usable: self.state() == NodeState::Connected && !is_stalled,
        }
    }

    fn read<T>(&self, read: impl FnOnce(&View) -> T) -> T {
        read(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, write: impl FnOnce(&mut View)) {
        write(&mut self.view.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Splits a trailing number off, so that numbers sort as numbers.
fn natural_key(id: &NodeId) -> (String, u64) {
    let text = id.as_str();
    let digits = text.len() - text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (name, number) = text.split_at(digits);
    (name.to_owned(), number.parse().unwrap_or(0))
}

/// Long enough that a stuck node does not slow every chunk of an upload, short enough to notice that it is back.
const SUSPICION: Duration = Duration::from_secs(15);

/// How often a node in use is said to be in use.
const WANTED_RESOLUTION: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_sort_as_people_count() {
        let mut ids: Vec<NodeId> = ["local-10", "local-9", "eu-west-1"]
            .iter()
            .map(|id| id.parse().expect("a name"))
            .collect();
        ids.sort_by_key(natural_key);
        assert_eq!(
            ids.iter().map(NodeId::as_str).collect::<Vec<_>>(),
            ["eu-west-1", "local-9", "local-10"]
        );
    }
}
