//! What all connections share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::bucket::Bucket;
use crate::channel::{SessionHandle, ShellSpec};
use crate::clock::Clock;
use crate::config::{Credential, EmulatorConfig};
use crate::faults::Faults;
use crate::homes::Homes;
use crate::processes;
use crate::service::{Effect, Service};

/// The emulator without its listener. Locks are taken in the order of the fields, and never held while waiting.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: EmulatorConfig,
    /// `127.0.0.1:port`.
    pub(crate) authority: String,
    pub(crate) clock: Clock,
    pub(crate) homes: Homes,
    pub(crate) faults: Faults,
    pub(crate) bucket: Bucket,
    pub(crate) counters: Counters,
    pub(crate) tasks: TaskTracker,
    pub(crate) closing: CancellationToken,
    /// A permit for each data channel that may be open.
    pub(crate) sockets: Arc<Semaphore>,
    credentials: Mutex<Vec<Credential>>,
    service: Mutex<Service>,
    sessions: Mutex<HashMap<String, SessionHandle>>,
    changed: Notify,
}

/// What was seen since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    refused_frames: AtomicU64,
}

impl Counters {
    pub(crate) fn count_refused_frame(&self) {
        self.refused_frames.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused_frames(&self) -> u64 {
        self.refused_frames.load(Ordering::Relaxed)
    }
}

impl Shared {
    pub(crate) fn new(config: EmulatorConfig, authority: String) -> Self {
        let mut service = Service::new(config.service.clone());
        let homes = Homes::new(config.dir.clone());
        let clock = Clock::default();
        let mut seen = std::collections::BTreeSet::new();
        for credential in config
            .credentials
            .iter()
            .filter(|credential| seen.insert(&credential.principal))
        {
            for (id, owner) in homes.left_by(&credential.account, &credential.principal) {
                service.restore(id, owner, clock.now());
            }
        }
        Self {
            credentials: Mutex::new(config.credentials.clone()),
            bucket: Bucket::new(config.bucket.clone(), config.dir.join(".bucket")),
            config,
            authority,
            clock,
            homes,
            faults: Faults::default(),
            counters: Counters::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            sockets: Arc::new(Semaphore::new(SOCKETS_MAX)),
            service: Mutex::new(service),
            sessions: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Does something with the service as of now, and carries out what follows from it.
    pub(crate) fn with_service<T>(&self, act: impl FnOnce(&mut Service, SystemTime) -> T) -> T {
        let result = self.with_service_quietly(act);
        self.changed.notify_one();
        result
    }

    /// As [`Self::with_service`], for what can only postpone the next transition.
    pub(crate) fn with_service_quietly<T>(&self, act: impl FnOnce(&mut Service, SystemTime) -> T) -> T {
        let mut service = lock(&self.service);
        let now = self.clock.now();
        service.advance(now);
        self.carry_out(service.take_effects());
        let result = act(&mut service, now);
        service.advance(now);
        self.carry_out(service.take_effects());
        result
    }

    /// Makes transitions as they come due. Never ends.
    pub(crate) async fn keep_time(&self) {
        loop {
            let due = self.with_service_quietly(|service, now| {
                let due = service.poll_timeout()?;
                Some(due.duration_since(now).unwrap_or_default())
            });
            match due {
                None => self.changed.notified().await,
                Some(wait) => tokio::select! {
                    () = self.changed.notified() => {}
                    () = tokio::time::sleep(wait) => {}
                },
            }
        }
    }

    /// Uses a token; returns the session's handle, starting its shell if this is the first time.
    pub(crate) fn open_session(
        self: &Arc<Self>,
        session: &str,
        token: &str,
    ) -> Result<SessionHandle, String> {
        self.with_service(|service, now| {
            if self.closing.is_cancelled() {
                return Err("the emulator is closing".to_owned());
            }
            let redeemed = service.redeem(session, token, now, &self.config.channel);
            let (owned, tab) = redeemed.map_err(|error| error.to_string())?;
            let mut sessions = lock(&self.sessions);
            if let Some(handle) = sessions.get(session) {
                return Ok(handle.clone());
            }
            let spec = ShellSpec {
                environment: owned.id,
                region: owned.owner.region.clone(),
                home: self.homes.path(&owned.home()),
                tab,
            };
            let handle = SessionHandle::start(self, session, &spec).map_err(|error| {
                tracing::error!(%error, "a shell was not started");
                "the shell did not start".to_owned()
            })?;
            sessions.insert(session.to_owned(), handle.clone());
            Ok(handle)
        })
    }

    /// A session's task has ended.
    pub(crate) fn forget_session(&self, session: &str) {
        self.with_service_quietly(|service, _| service.forget_session(session));
        lock(&self.sessions).remove(session);
    }

    /// The running sessions of a region, or of all.
    pub(crate) fn sessions_in(&self, region: Option<&str>) -> Vec<SessionHandle> {
        let sessions = lock(&self.sessions);
        let is_there = |handle: &&SessionHandle| region.is_none_or(|region| region == handle.region);
        sessions.values().filter(is_there).cloned().collect()
    }

    /// The region of a session that counts.
    pub(crate) fn region_of(&self, session: &str) -> Option<String> {
        self.with_service_quietly(|service, _| service.region_of(session))
    }

    /// The ids of all environments.
    pub(crate) fn environments(&self) -> Vec<Uuid> {
        let service = lock(&self.service);
        service.environments().iter().map(|owned| owned.id).collect()
    }

    pub(crate) fn credentials(&self) -> Vec<Credential> {
        lock(&self.credentials).clone()
    }

    /// Lets the token of an access key be expired from now on.
    pub(crate) fn expire(&self, access_key_id: &str) {
        let now = self.clock.now();
        let mut credentials = lock(&self.credentials);
        for credential in credentials
            .iter_mut()
            .filter(|credential| credential.access_key_id == access_key_id)
        {
            credential.expires_at = Some(now);
        }
    }

    /// Puts the clock forward and lets happen what would have happened.
    pub(crate) fn advance_clock(&self, step: std::time::Duration) {
        self.clock.advance(step);
        self.with_service(|_, _| ());
    }

    /// Processes die before anything else happens to their environment, so that one that wakes again finds none of them.
    fn carry_out(&self, effects: Vec<Effect>) {
        for effect in effects {
            let done = match &effect {
                Effect::CloseSession { session, output } => {
                    if let Some(handle) = lock(&self.sessions).get(session) {
                        handle.close(output);
                    }
                    Ok(())
                }
                Effect::KillProcesses { environment } => {
                    processes::kill_all(&[*environment]);
                    Ok(())
                }
                Effect::MakeHome { home } => self.homes.make(home),
                Effect::NoteId { home, environment } => self.homes.note_id(home, *environment),
                Effect::RemoveHome { home } => self.homes.remove(home),
            };
            if let Err(error) = done {
                tracing::error!(?effect, %error, "the emulator's directory is not as it should be");
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ten shells in each of thirty regions, and as many that have not said who they are.
const SOCKETS_MAX: usize = 600;
