//! Keeping one node connected.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::NodeState;
use shardstore::ShardStore as _;
use shell::Shell;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};
use transport::{Endpoint, Link};

use crate::bootstrap::{AgentSpec, Attached, bootstrap};
use crate::remote::RemoteStore;

/// Keeps the link of one node up: starts its agent through the shell, attaches, dials, and does so again whenever the
/// link or the shell is lost.
#[derive(Debug)]
pub struct Supervisor {
    /// The node's shell.
    pub shell: Arc<dyn Shell>,
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

impl LinkStatus {
    fn new(state: NodeState) -> Self {
        Self { state, reason: None }
    }
}

impl Supervisor {
    /// Runs until `status` has no receivers left, or for ever.
    pub async fn run(mut self, status: watch::Sender<LinkStatus>) {
        let mut delay = RETRY_DELAY_MIN;
        loop {
            let error = match self.connect().await {
                Ok(connected) => {
                    delay = RETRY_DELAY_MIN;
                    status.send_replace(LinkStatus::new(NodeState::Connected));
                    self.stay_connected(connected).await
                }
                Err(error) => error,
            };
            self.remote.clear_link();
            warn!(reason = error, "node lost");
            status.send_replace(LinkStatus {
                state: NodeState::Lost,
                reason: Some(error),
            });
            tokio::select! {
                () = status.closed() => return,
                () = tokio::time::sleep(delay) => {}
            }
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
    }

    async fn connect(&self) -> Result<Connected, String> {
        let mut shell = self.attach().await?;
        let link = tokio::select! {
            link = self.endpoint.connect_over_shell(shell.peer) => link.map_err(|error| error.to_string())?,
            end = &mut shell.carrier => return Err(format!("the shell ended: {end:?}")),
        };
        self.remote
            .set_link(link.clone(), self.spec.store)
            .await
            .map_err(|error| error.to_string())?;
        info!(peer = %shell.peer, "node connected");
        Ok(Connected { shell, link })
    }

    async fn attach(&self) -> Result<CarryingShell, String> {
        let Attached { peer, stream } = bootstrap(&*self.shell, &self.spec)
            .await
            .map_err(|error| chain(&error))?;
        let attached = self.endpoint.attach_shell(peer);
        let carrier = tokio::spawn(async move {
            let _guard = stream.guard;
            let _ = attached.run(stream.reader, stream.writer).await;
        });
        Ok(CarryingShell { peer, carrier })
    }

    /// Returns why the link ended. A lost shell is replaced while the link lives on over UDP.
    async fn stay_connected(&mut self, connected: Connected) -> String {
        let Connected { mut shell, link } = connected;
        self.envelope.mark_changed();
        loop {
            tokio::select! {
                closed = link.closed() => return closed.to_string(),
                _ = &mut shell.carrier => match self.reattach(&link).await {
                    Ok(replacement) => shell = replacement,
                    Err(error) => return error,
                },
                Ok(()) = self.envelope.changed() => self.publish_envelope().await,
            }
        }
    }

    async fn reattach(&self, link: &Link) -> Result<CarryingShell, String> {
        let mut delay = RETRY_DELAY_MIN;
        loop {
            tokio::select! {
                closed = link.closed() => return Err(closed.to_string()),
                attached = self.attach() => match attached {
                    Ok(shell) if shell.peer == link.peer_id() => return Ok(shell),
                    Ok(_) => return Err("another agent has taken over".to_owned()),
                    Err(reason) => warn!(reason, "the shell path is down, the link goes on over UDP"),
                },
            }
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
    }

    async fn publish_envelope(&mut self) {
        let ours = self.envelope.borrow_and_update().clone();
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

struct Connected {
    shell: CarryingShell,
    link: Link,
}

/// A shell that carries datagrams in a task of its own.
struct CarryingShell {
    peer: transport::PeerId,
    carrier: JoinHandle<()>,
}

impl Drop for CarryingShell {
    fn drop(&mut self) {
        self.carrier.abort();
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

/// An agent that was killed is back before a person notices.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(200);
/// A node that is away for long is asked twice a minute.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);
