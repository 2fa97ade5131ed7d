//! One side of many links.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use iroh::endpoint::{
    AckFrequencyConfig, IdleTimeout, Incoming, QuicTransportConfig, RelayMode, VarInt, presets,
};
use iroh::{EndpointAddr, TransportAddr};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tracing::debug;

use crate::link::{Link, LinkClosed};
use crate::path_selector::ShellLast;
use crate::shell_path::{ShellHub, ShellTransport, shell_address};
use crate::{LinkKey, PROTOCOL, PeerId};

/// How an [`Endpoint`] is set up.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Who it is.
    pub key: LinkKey,
    /// UDP addresses it binds; port 0 for any. Without one, links stay on their shells.
    pub bind: Vec<SocketAddr>,
}

/// One side of many links: it has a key, UDP sockets, and shells attached to it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    inner: iroh::Endpoint,
    hub: Arc<ShellHub>,
}

impl Endpoint {
    /// Binds the sockets.
    ///
    /// # Errors
    ///
    /// [`BindError`] if an address cannot be bound.
    pub async fn bind(config: EndpointConfig) -> Result<Self, BindError> {
        let hub = ShellHub::new();
        let transport = ShellTransport {
            hub: Arc::clone(&hub),
            local: config.key.peer_id(),
        };
        let mut builder = iroh::Endpoint::builder(presets::Minimal)
            .secret_key(config.key.as_iroh().clone())
            .alpns(vec![PROTOCOL.to_vec()])
            .relay_mode(RelayMode::Disabled)
            .transport_config(quic_config())
            .path_selector(Arc::new(ShellLast))
            .add_custom_transport(Arc::new(transport))
            .clear_ip_transports();
        for address in &config.bind {
            builder = builder
                .bind_addr(*address)
                .map_err(|error| BindError::new(*address, &error))?;
        }
        let inner = builder.bind().await.map_err(|error| BindError {
            reason: error.to_string(),
        })?;
        let endpoint = Self { inner, hub };
        endpoint.announce_loopback().await;
        Ok(endpoint)
    }

    /// Who this endpoint is.
    pub fn peer_id(&self) -> PeerId {
        PeerId::from_iroh(self.inner.id())
    }

    /// The UDP addresses it is bound to.
    pub fn bound_addresses(&self) -> Vec<SocketAddr> {
        self.inner.bound_sockets()
    }

    /// Lets datagrams of `peer` pass through a shell's streams. Returned future runs until a stream ends.
    pub fn attach_shell(&self, peer: PeerId) -> AttachedShell {
        AttachedShell {
            hub: Arc::clone(&self.hub),
            peer,
        }
    }

    /// Dials `peer` over its shell, which must be attached; the link moves to UDP by itself.
    ///
    /// # Errors
    ///
    /// [`LinkClosed`] if the handshake fails or does not finish within ten seconds.
    pub async fn connect_over_shell(&self, peer: PeerId) -> Result<Link, LinkClosed> {
        let address = EndpointAddr::from_parts(peer.as_iroh(), [TransportAddr::Custom(shell_address(peer))]);
        self.connect(address).await
    }

    /// Dials `peer` at a UDP address.
    ///
    /// # Errors
    ///
    /// As [`Self::connect_over_shell`].
    pub async fn connect_over_udp(&self, peer: PeerId, address: SocketAddr) -> Result<Link, LinkClosed> {
        self.connect(EndpointAddr::new(peer.as_iroh()).with_ip_addr(address))
            .await
    }

    /// Takes links that someone with the key of `expected` opens.
    pub fn listen(&self, expected: PeerId) -> Listener {
        Listener {
            endpoint: self.inner.clone(),
            expected,
            handshakes: JoinSet::new(),
        }
    }

    /// Closes all links and sockets, telling the peers.
    pub async fn close(&self) {
        self.inner.close().await;
    }

    async fn connect(&self, address: EndpointAddr) -> Result<Link, LinkClosed> {
        let connecting = self.inner.connect(address, PROTOCOL);
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, connecting).await {
            Ok(Ok(connection)) => Ok(Link::new(connection)),
            Ok(Err(error)) => Err(LinkClosed::new(error)),
            Err(_) => Err(LinkClosed::new("no answer to the handshake")),
        }
    }

    /// iroh leaves loopback addresses out of what it tells its peers; a peer on this machine needs them.
    async fn announce_loopback(&self) {
        for address in self
            .inner
            .bound_sockets()
            .into_iter()
            .filter(|address| address.ip().is_loopback())
        {
            self.inner.add_external_addr(address).await;
        }
    }
}

/// Takes links from one peer; strangers are turned away after the handshake has shown who they are.
#[derive(Debug)]
pub struct Listener {
    endpoint: iroh::Endpoint,
    expected: PeerId,
    handshakes: JoinSet<Option<Link>>,
}

impl Listener {
    /// The next link; `None` when the endpoint is closed. Safe to cancel.
    ///
    /// Handshakes go on side by side: one that stalls keeps nobody else waiting.
    pub async fn accept(&mut self) -> Option<Link> {
        loop {
            tokio::select! {
                incoming = self.endpoint.accept(), if self.handshakes.len() < HANDSHAKES_MAX => {
                    self.handshakes.spawn(shake_hands(incoming?, self.expected));
                }
                Some(done) = self.handshakes.join_next() => if let Ok(Some(link)) = done {
                    return Some(link);
                }
            }
        }
    }
}

async fn shake_hands(incoming: Incoming, expected: PeerId) -> Option<Link> {
    let accepting = incoming.accept().ok()?;
    let connection = match tokio::time::timeout(HANDSHAKE_TIMEOUT, accepting).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            debug!(%error, "handshake failed");
            return None;
        }
        Err(_) => return None,
    };
    if PeerId::from_iroh(connection.remote_id()) == expected {
        return Some(Link::new(connection));
    }
    connection.close(CODE_STRANGER, b"this agent belongs to another daemon");
    None
}

/// The place of a shell at an endpoint.
#[derive(Debug)]
pub struct AttachedShell {
    hub: Arc<ShellHub>,
    peer: PeerId,
}

impl AttachedShell {
    /// Carries datagrams until a stream ends. Dropping the future detaches the shell.
    ///
    /// # Errors
    ///
    /// What reading or writing the streams failed with.
    pub async fn run<R, W>(self, reader: R, writer: W) -> io::Result<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        self.hub.run_shell(self.peer, reader, writer).await
    }
}

/// An endpoint could not be set up.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot bind the link endpoint: {reason}")]
pub struct BindError {
    reason: String,
}

impl BindError {
    fn new(address: SocketAddr, error: &dyn std::fmt::Display) -> Self {
        Self {
            reason: format!("{address}: {error}"),
        }
    }
}

/// Both sides use the same settings; DESIGN's measurements of failing paths rest on them.
fn quic_config() -> QuicTransportConfig {
    let mut acks = AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(VarInt::from_u32(10));
    QuicTransportConfig::builder()
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(WINDOW_LEN))
        .receive_window(VarInt::from_u32(WINDOW_LEN))
        .send_window(WINDOW_LEN.into())
        .ack_frequency_config(Some(acks))
        .max_idle_timeout(IdleTimeout::try_from(LINK_IDLE_TIMEOUT).ok())
        .default_path_max_idle_timeout(PATH_IDLE_TIMEOUT)
        .default_path_keep_alive_interval(PATH_KEEP_ALIVE)
        .build()
}

/// 200 ms × 1 Gbit/s: the bandwidth-delay product of a distant region on a fast line.
const WINDOW_LEN: u32 = 25_000_000;

/// Requests under way at once on one link; the agent's memory bounds it.
const STREAMS_MAX: u32 = 256;

/// A path that is silent for so long is dead, and traffic moves to the shell: measured, 2.5 s after UDP was cut.
const PATH_IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// Four chances before [`PATH_IDLE_TIMEOUT`]. It also keeps the idle shell path open and NAT mappings alive.
const PATH_KEEP_ALIVE: Duration = Duration::from_millis(500);

/// All paths were dead for so long that the supervisor should dial anew.
const LINK_IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// A shell with 150 ms of delay and a lost packet or two finishes a handshake in a third of it.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Strangers who stall can take no more memory than these; they are given up after [`HANDSHAKE_TIMEOUT`].
const HANDSHAKES_MAX: usize = 32;

const CODE_STRANGER: VarInt = VarInt::from_u32(1);
