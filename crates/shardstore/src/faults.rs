//! [`FaultyStore`]: a store that misbehaves on demand, for the tests of whoever uses stores.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use model::ShardId;

use crate::{ShardInfo, ShardStore, StoreError, Usage};

/// Passes calls on to `S`, except where a [`Rule`] says what goes wrong. Counts every call, faulty or not.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use shardstore::{Fault, FaultyStore, MemoryStore, Operation, Rule, ShardStore, StoreError, contract};
///
/// let store = FaultyStore::new(MemoryStore::default());
/// let id = contract::shard_id(1, 0);
/// store.put(id, "shard".into()).await?;
/// store.add_rule(Rule::on(Operation::Get, Fault::Truncated { len: 2 }).times(1));
/// assert_eq!(store.get(id).await?, "sh");
/// assert_eq!(store.get(id).await?, "shard");
/// assert_eq!(store.calls(Operation::Get), 2);
/// # Ok::<(), StoreError>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FaultyStore<S> {
    inner: S,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    calls: HashMap<Operation, u64>,
    /// What each replaced shard was before its last replacement.
    previous: HashMap<ShardId, Bytes>,
}

/// A method of [`ShardStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// [`ShardStore::put`].
    Put,
    /// [`ShardStore::get`].
    Get,
    /// [`ShardStore::delete`].
    Delete,
    /// [`ShardStore::list`].
    List,
    /// [`ShardStore::usage`].
    Usage,
    /// [`ShardStore::put_envelope`].
    PutEnvelope,
    /// [`ShardStore::envelope`].
    Envelope,
}

/// What goes wrong.
///
/// The first four befall any operation. The others damage bytes: those that `get` and `envelope` answer with, or
/// those that `put` and `put_envelope` hand on; other operations are left alone by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// [`StoreError::Unavailable`]; nothing is done.
    Unavailable,
    /// It is done, but the answer is lost: [`StoreError::Unavailable`].
    AnswerLost,
    /// No answer ever; nothing is done.
    Hang,
    /// [`StoreError::Full`]; nothing is done.
    Full,
    /// The bits of `mask` are inverted in the byte at `offset`, counted modulo the length.
    FlippedBits {
        /// Which byte.
        offset: usize,
        /// Which of its bits.
        mask: u8,
    },
    /// The bytes of another shard of the same store.
    OtherShard(ShardId),
    /// The bytes before the last replacement through this wrapper. A `put` is acknowledged and not done.
    OldVersion,
    /// Only the first `len` bytes.
    Truncated {
        /// How many are left.
        len: usize,
    },
}

/// Which calls meet which [`Fault`]. The first rule that fits a call decides.
#[derive(Clone, Debug)]
pub struct Rule {
    operation: Option<Operation>,
    shard: Option<ShardId>,
    skip: u64,
    times: u64,
    fault: Fault,
}

impl Rule {
    /// Every call of `operation` meets the fault.
    pub fn on(operation: Operation, fault: Fault) -> Self {
        Self {
            operation: Some(operation),
            ..Self::always(fault)
        }
    }

    /// Every call of every operation meets the fault.
    pub fn always(fault: Fault) -> Self {
        Self {
            operation: None,
            shard: None,
            skip: 0,
            times: u64::MAX,
            fault,
        }
    }

    /// Only calls about this shard.
    pub fn shard(self, id: ShardId) -> Self {
        Self {
            shard: Some(id),
            ..self
        }
    }

    /// Only after this many calls that would have met it.
    pub fn after(self, calls: u64) -> Self {
        Self { skip: calls, ..self }
    }

    /// Only this many times.
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    fn fits(&self, operation: Operation, shard: Option<ShardId>) -> bool {
        let is_operation = self.operation.is_none_or(|wanted| wanted == operation);
        let is_shard = self.shard.is_none() || self.shard == shard;
        is_operation && is_shard && self.times > 0
    }

    /// Counts a call that fits; the fault, if it is due.
    fn meet(&mut self) -> Option<Fault> {
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.fault.clone())
    }
}

impl<S> FaultyStore<S> {
    /// Wraps a store; without rules it behaves like it.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            state: Mutex::default(),
        }
    }

    /// Adds a rule behind those there are.
    pub fn add_rule(&self, rule: Rule) {
        self.state().rules.push(rule);
    }

    /// Removes all rules: the store is well again. What hangs keeps hanging.
    pub fn heal(&self) {
        self.state().rules.clear();
    }

    /// Calls of `operation` so far, faulty ones among them.
    pub fn calls(&self, operation: Operation) -> u64 {
        self.state().calls.get(&operation).copied().unwrap_or(0)
    }

    /// The store behind the faults.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self, operation: Operation, shard: Option<ShardId>) -> Option<Fault> {
        let mut state = self.state();
        *state.calls.entry(operation).or_default() += 1;
        let mut fitting = state.rules.iter_mut().filter(|rule| rule.fits(operation, shard));
        fitting.find_map(Rule::meet)
    }
}

impl<S: ShardStore> FaultyStore<S> {
    /// Runs `call` unless the fault comes before it. Damage to bytes is up to the caller.
    async fn run<T>(
        &self,
        fault: Option<&Fault>,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match fault {
            Some(Fault::Unavailable) => Err(unavailable()),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Full) => Err(self.full().await),
            Some(Fault::AnswerLost) => call.await.and(Err(unavailable())),
            _ => call.await,
        }
    }

    async fn full(&self) -> StoreError {
        let usage = self.inner.usage().await.unwrap_or_default();
        StoreError::Full {
            needed_bytes: usage.free_bytes().saturating_add(1),
            free_bytes: usage.free_bytes(),
            capacity_bytes: usage.capacity_bytes,
        }
    }

    async fn damage(
        &self,
        fault: Option<&Fault>,
        id: Option<ShardId>,
        bytes: Bytes,
    ) -> Result<Bytes, StoreError> {
        match fault {
            Some(&Fault::FlippedBits { offset, mask }) => Ok(flip(bytes, offset, mask)),
            Some(&Fault::OtherShard(other)) => self.inner.get(other).await,
            Some(&Fault::Truncated { len }) => Ok(bytes.slice(..len.min(bytes.len()))),
            Some(Fault::OldVersion) => Ok(self.old_version(id).unwrap_or(bytes)),
            _ => Ok(bytes),
        }
    }

    fn old_version(&self, id: Option<ShardId>) -> Option<Bytes> {
        self.state().previous.get(&id?).cloned()
    }

    async fn put_remembering(&self, id: ShardId, shard: Bytes) -> Result<(), StoreError> {
        let previous = self.inner.get(id).await;
        self.inner.put(id, shard).await?;
        if let Ok(previous) = previous {
            self.state().previous.insert(id, previous);
        }
        Ok(())
    }
}

#[async_trait]
impl<S: ShardStore> ShardStore for FaultyStore<S> {
    async fn put(&self, id: ShardId, shard: Bytes) -> Result<(), StoreError> {
        let fault = self.fault(Operation::Put, Some(id));
        if fault == Some(Fault::OldVersion) {
            return Ok(());
        }
        let shard = self.damage(fault.as_ref(), Some(id), shard).await?;
        self.run(fault.as_ref(), self.put_remembering(id, shard)).await
    }

    async fn get(&self, id: ShardId) -> Result<Bytes, StoreError> {
        let fault = self.fault(Operation::Get, Some(id));
        let shard = self.run(fault.as_ref(), self.inner.get(id)).await?;
        self.damage(fault.as_ref(), Some(id), shard).await
    }

    async fn delete(&self, id: ShardId) -> Result<(), StoreError> {
        let fault = self.fault(Operation::Delete, Some(id));
        self.run(fault.as_ref(), self.inner.delete(id)).await
    }

    async fn list(&self, after: Option<ShardId>, limit: usize) -> Result<Vec<ShardInfo>, StoreError> {
        let fault = self.fault(Operation::List, None);
        self.run(fault.as_ref(), self.inner.list(after, limit)).await
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        let fault = self.fault(Operation::Usage, None);
        self.run(fault.as_ref(), self.inner.usage()).await
    }

    async fn put_envelope(&self, envelope: Bytes) -> Result<(), StoreError> {
        let fault = self.fault(Operation::PutEnvelope, None);
        let envelope = self.damage(fault.as_ref(), None, envelope).await?;
        self.run(fault.as_ref(), self.inner.put_envelope(envelope)).await
    }

    async fn envelope(&self) -> Result<Option<Bytes>, StoreError> {
        let fault = self.fault(Operation::Envelope, None);
        match self.run(fault.as_ref(), self.inner.envelope()).await? {
            Some(envelope) => self.damage(fault.as_ref(), None, envelope).await.map(Some),
            None => Ok(None),
        }
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        reason: "injected fault".to_owned(),
    }
}

fn flip(bytes: Bytes, offset: usize, mask: u8) -> Bytes {
    let mut bytes = Vec::from(bytes);
    let len = bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(offset % len) {
        *byte ^= mask;
    }
    bytes.into()
}
