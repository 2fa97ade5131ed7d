//! Keeping one node as connected as it is to be.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use model::NodeState;
use shardstore::ShardStore as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{debug, info, warn};
use transport::{Endpoint, Link, PeerId};

use crate::bootstrap::{AgentSpec, Attached, BootstrapError, bootstrap};
use crate::environment::{Again, Environment, EnvironmentError, EnvironmentState};
use crate::lifecycle::{Decision, Happening, KeepAwake, Lifecycle, Step};
use crate::remote::RemoteStore;

/// Carries out what a [`Lifecycle`] decides: wakes the environment, starts the agent through its shell, attaches, dials,
/// and does so again whenever link or shell is lost.
#[derive(Debug)]
pub struct Supervisor {
    /// What stands behind the node.
    pub environment: Arc<dyn Environment>,
    /// When it is to be awake.
    pub policy: KeepAwake,
    /// Changes whenever the node's shards are wanted.
    pub wanted: watch::Receiver<Option<Instant>>,
    /// How its agent is to run.
    pub spec: AgentSpec,
    /// The daemon's endpoint.
    pub endpoint: Endpoint,
    /// The store that is given each new link.
    pub remote: Arc<RemoteStore>,
    /// The daemon's key envelope, put on the node when it has another.
    pub envelope: watch::Receiver<Bytes>,
}

/// How a node's link is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// In a word.
    pub state: NodeState,
    /// In a sentence, when there is something to say.
    pub reason: Option<String>,
}

impl Supervisor {
    /// Runs until `status` has no receivers left.
    pub async fn run(self, status: watch::Sender<LinkStatus>) {
        // Nodes that were lost together must not try again together.
        let seed = RandomState::new().build_hasher().finish();
        let lifecycle = Lifecycle::new(self.policy, seed);
        let (wanted, envelope) = (self.wanted.clone(), self.envelope.clone());
        let run = Run {
            supervisor: Arc::new(self),
            lifecycle,
            begun: Instant::now(),
            shell: None,
            link: None,
            step: None,
            wanted,
            envelope,
        };
        tokio::select! {
            () = status.closed() => {}
            () = run.run(&status) => {}
        }
    }

    async fn carry_out(self: Arc<Self>, step: Step, peer: Option<PeerId>) -> Outcome {
        let environment = &self.environment;
        let done = match step {
            Step::Look => return environment.look().await.map_or_else(failed, Outcome::Looked),
            Step::Attach => return self.attach().await.map_or_else(failed, Outcome::Attached),
            Step::Connect => return self.connect(peer).await.map_or_else(failed, Outcome::Connected),
            Step::Create => environment.create().await,
            Step::Wake => environment.wake().await,
            Step::Sleep => environment.sleep().await,
            Step::Heartbeat => environment.heartbeat().await,
        };
        done.map_or_else(failed, |()| Outcome::Done)
    }

    async fn attach(&self) -> Result<CarryingShell, EnvironmentError> {
        let shell = self.environment.shell().await?;
        let Attached { peer, stream, is_new } =
            bootstrap(&*shell, &self.spec).await.map_err(bootstrap_error)?;
        let attached = self.endpoint.attach_shell(peer);
        let carrier = tokio::spawn(async move {
            let _guard = stream.guard;
            let ended = attached.run(stream.reader, stream.writer).await;
            format!("the shell ended: {ended:?}")
        });
        Ok(CarryingShell {
            peer,
            is_new,
            carrier,
        })
    }

    async fn connect(&self, peer: Option<PeerId>) -> Result<Link, EnvironmentError> {
        let soon = |reason: String| EnvironmentError {
            reason,
            again: Again::Soon,
        };
        let peer = peer.ok_or_else(|| soon("there is no shell".to_owned()))?;
        let link = self.endpoint.connect_over_shell(peer).await;
        let link = link.map_err(|error| soon(error.to_string()))?;
        let greeted = self.remote.set_link(link.clone(), self.spec.store).await;
        greeted.map_err(|error| soon(error.to_string()))?;
        info!(%peer, "node connected");
        Ok(link)
    }

    async fn publish_envelope(self: Arc<Self>, ours: Bytes) {
        let published = match self.remote.envelope().await {
            Ok(Some(theirs)) if theirs == ours => return,
            Ok(_) => self.remote.put_envelope(ours).await,
            Err(error) => Err(error),
        };
        if let Err(error) = published {
            warn!(%error, "the key envelope could not be put on the node; it is tried again with the next link");
        }
    }
}

/// A supervisor at work.
struct Run {
    supervisor: Arc<Supervisor>,
    lifecycle: Lifecycle,
    begun: Instant,
    shell: Option<CarryingShell>,
    link: Option<Link>,
    step: Option<(Step, BoxFuture<'static, Outcome>)>,
    wanted: watch::Receiver<Option<Instant>>,
    envelope: watch::Receiver<Bytes>,
}

/// How a step went.
enum Outcome {
    Looked(EnvironmentState),
    Attached(CarryingShell),
    Connected(Link),
    Done,
    Failed(EnvironmentError),
}

fn failed(error: EnvironmentError) -> Outcome {
    Outcome::Failed(error)
}

impl Run {
    async fn run(mut self, status: &watch::Sender<LinkStatus>) {
        loop {
            let now = self.begun.elapsed();
            let mut wake_at = None;
            match self.lifecycle.decide(now) {
                Decision::Do(step) => self.start(step),
                Decision::WaitUntil(time) => wake_at = Some(self.begun + time),
                Decision::Wait => {}
            }
            self.let_go();
            self.report(status);
            self.wait(wake_at).await;
        }
    }

    fn start(&mut self, step: Step) {
        debug!(?step, "node");
        let peer = self.shell.as_ref().map(|shell| shell.peer);
        let work = Arc::clone(&self.supervisor).carry_out(step, peer);
        self.step = Some((step, work.boxed()));
    }

    /// Drops what the life-cycle holds to be gone.
    fn let_go(&mut self) {
        if !self.lifecycle.has_shell() {
            self.shell = None;
        }
        if !self.lifecycle.has_link() && self.link.take().is_some() {
            self.supervisor.remote.clear_link();
        }
    }

    fn report(&self, status: &watch::Sender<LinkStatus>) {
        let (state, reason) = self.lifecycle.status(self.begun.elapsed());
        let now = LinkStatus { state, reason };
        status.send_if_modified(|before| {
            let is_news = *before != now;
            if is_news {
                if now.state == NodeState::Lost && before.state != NodeState::Lost {
                    warn!(reason = now.reason, "node lost");
                }
                *before = now;
            }
            is_news
        });
    }

    /// Waits until something happens, and tells the life-cycle.
    async fn wait(&mut self, wake_at: Option<Instant>) {
        let happening = tokio::select! {
            (step, outcome) = run_step(&mut self.step) => Some(self.take(step, outcome)),
            reason = closed(self.link.as_ref()) => Some(Happening::LinkLost(reason)),
            reason = ended(self.shell.as_mut()) => Some(Happening::ShellLost(reason)),
            Ok(()) = self.wanted.changed() => Some(match *self.wanted.borrow_and_update() {
                Some(_) => Happening::Wanted,
                None => Happening::Dismissed,
            }),
            Ok(()) = self.envelope.changed(), if self.link.is_some() => {
                self.send_envelope();
                None
            }
            () = sleep_until(wake_at) => None,
        };
        if let Some(happening) = happening {
            self.lifecycle.happened(happening, self.begun.elapsed());
        }
    }

    fn take(&mut self, step: Step, outcome: Outcome) -> Happening {
        self.step = None;
        match outcome {
            Outcome::Looked(state) => return Happening::Looked(state),
            Outcome::Failed(error) => return Happening::Failed(step, error),
            Outcome::Done => {}
            Outcome::Attached(shell) => {
                let leads_there = |link: &Link| link.peer_id() == shell.peer && !shell.is_new;
                let is_stale = self.link.as_ref().is_some_and(|link| !leads_there(link));
                self.shell = Some(shell);
                if is_stale {
                    let lost = Happening::LinkLost("its agent was started anew".to_owned());
                    self.lifecycle.happened(lost, self.begun.elapsed());
                }
            }
            Outcome::Connected(link) => {
                self.link = Some(link);
                self.send_envelope();
            }
        }
        Happening::Done(step)
    }

    /// In a task of its own: a stuck agent must not hold up the life-cycle.
    fn send_envelope(&mut self) {
        let ours = self.envelope.borrow_and_update().clone();
        tokio::spawn(Arc::clone(&self.supervisor).publish_envelope(ours));
    }
}

async fn run_step(step: &mut Option<(Step, BoxFuture<'static, Outcome>)>) -> (Step, Outcome) {
    match step {
        Some((step, work)) => (*step, work.await),
        None => std::future::pending().await,
    }
}

async fn closed(link: Option<&Link>) -> String {
    match link {
        Some(link) => link.closed().await.to_string(),
        None => std::future::pending().await,
    }
}

async fn ended(shell: Option<&mut CarryingShell>) -> String {
    match shell {
        Some(shell) => (&mut shell.carrier)
            .await
            .unwrap_or_else(|error| format!("the shell's carrier failed: {error}")),
        None => std::future::pending().await,
    }
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// A shell that carries datagrams in a task of its own.
struct CarryingShell {
    peer: PeerId,
    /// Whether its agent was started for it.
    is_new: bool,
    carrier: JoinHandle<String>,
}

impl Drop for CarryingShell {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}

fn bootstrap_error(error: BootstrapError) -> EnvironmentError {
    let again = match error {
        // Somebody has to change something on the node.
        BootstrapError::Platform { .. } | BootstrapError::NoSpace { .. } => Again::After(HOPELESS_DELAY),
        _ => Again::Soon,
    };
    EnvironmentError {
        reason: chain(&error),
        again,
    }
}

/// An error with its causes, for people.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

const HOPELESS_DELAY: Duration = Duration::from_secs(5 * 60);
