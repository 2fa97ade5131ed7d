//! A connection between two endpoints.

use std::time::Duration;

use iroh::TransportAddr;
use iroh::endpoint::{Connection, ConnectionError, VarInt};
use model::PathKind;

use crate::PeerId;

/// The sending half of a stream.
pub type SendHalf = iroh::endpoint::SendStream;
/// The receiving half of a stream.
pub type RecvHalf = iroh::endpoint::RecvStream;

/// Both halves of a stream.
#[derive(Debug)]
pub struct LinkStream {
    /// Bytes to the peer.
    pub send: SendHalf,
    /// Bytes from the peer.
    pub recv: RecvHalf,
}

/// A connection between two endpoints that know each other's key. Cheap to clone; closed when the last clone goes.
#[derive(Clone, Debug)]
pub struct Link {
    connection: Connection,
}

impl Link {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// The other side.
    pub fn peer_id(&self) -> PeerId {
        PeerId::from_iroh(self.connection.remote_id())
    }

    /// Opens a stream; waits while the peer allows no more.
    ///
    /// # Errors
    ///
    /// [`LinkClosed`] if the link is.
    pub async fn open(&self) -> Result<LinkStream, LinkClosed> {
        let (send, recv) = self.connection.open_bi().await.map_err(LinkClosed::new)?;
        Ok(LinkStream { send, recv })
    }

    /// The next stream that the peer opens. Safe to cancel.
    ///
    /// # Errors
    ///
    /// [`LinkClosed`] if the link is.
    pub async fn accept(&self) -> Result<LinkStream, LinkClosed> {
        let (send, recv) = self.connection.accept_bi().await.map_err(LinkClosed::new)?;
        Ok(LinkStream { send, recv })
    }

    /// Which way packets go now; `None` for an instant between two paths.
    pub fn path(&self) -> Option<PathReport> {
        let paths = self.connection.paths();
        paths
            .iter()
            .find(|path| path.is_selected())
            .map(|path| PathReport {
                kind: kind_of(path.remote_addr()),
                remote: path.remote_addr().to_string(),
                rtt: path.rtt(),
            })
    }

    /// Waits until the link is closed and says why.
    pub async fn closed(&self) -> LinkClosed {
        match self.connection.closed().await {
            ConnectionError::LocallyClosed => LinkClosed::new("given up on this side, for want of an answer"),
            error => LinkClosed::new(error),
        }
    }

    /// Closes the link, telling the peer.
    pub fn close(&self, reason: &str) {
        self.connection.close(VarInt::from_u32(0), reason.as_bytes());
    }
}

/// The path that a link's packets take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathReport {
    /// Direct or through the shell.
    pub kind: PathKind,
    /// The peer's address on it.
    pub remote: String,
    /// Smoothed round-trip time.
    pub rtt: Duration,
}

/// A link is closed, or was never made; the reason is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("link closed: {reason}")]
pub struct LinkClosed {
    reason: String,
}

impl LinkClosed {
    pub(crate) fn new(reason: impl std::fmt::Display) -> Self {
        Self {
            reason: reason.to_string(),
        }
    }
}

fn kind_of(address: &TransportAddr) -> PathKind {
    match address {
        TransportAddr::Custom(_) => PathKind::Shell,
        _ => PathKind::Direct,
    }
}
