//! The meeting point of one endpoint and the shells attached to it.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tracing::debug;

use super::framing::{Deframer, frame_datagram};
use crate::PeerId;

/// Routes datagrams between an endpoint and its attached shells.
#[derive(Debug)]
pub(crate) struct ShellHub {
    outgoing: Mutex<HashMap<PeerKey, Route>>,
    incoming: mpsc::Sender<Datagram>,
    /// Taken once, by the endpoint that polls it.
    inbox: Mutex<Option<mpsc::Receiver<Datagram>>>,
}

/// A peer's public key as bytes. Making a [`PeerId`] of it checks that it is a point of the curve, which takes longer
/// than everything else that is done for a datagram.
pub(crate) type PeerKey = [u8; 32];

/// A datagram that came through a peer's shell.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) from: PeerKey,
    pub(crate) bytes: Bytes,
}

#[derive(Debug)]
struct Route {
    queue: mpsc::Sender<Bytes>,
    /// Tells a route from the one that replaced it.
    attachment: u64,
}

impl ShellHub {
    pub(crate) fn new() -> Arc<Self> {
        let (incoming, inbox) = mpsc::channel(INBOX_DATAGRAMS_MAX);
        Arc::new(Self {
            outgoing: Mutex::default(),
            incoming,
            inbox: Mutex::new(Some(inbox)),
        })
    }

    /// The receiving end, once.
    pub(crate) fn take_inbox(&self) -> Option<mpsc::Receiver<Datagram>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Queues a datagram, or loses it when the peer has no shell or a full queue.
    pub(crate) fn send(&self, to: &PeerKey, datagram: &[u8]) {
        let routes = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = routes.get(to) {
            // A full queue is a congested path: losing the datagram is what tells QUIC to slow down.
            let _ = route.queue.try_send(Bytes::copy_from_slice(datagram));
        }
    }

    /// Carries datagrams to and from `peer` over a shell's streams until either ends. A later attachment of the same
    /// peer takes over sending; both are listened to.
    pub(crate) async fn run_shell<R, W>(&self, peer: PeerId, reader: R, writer: W) -> io::Result<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let peer = *peer.as_bytes();
        let (queue, outbox) = mpsc::channel(OUTBOX_DATAGRAMS_MAX);
        let attachment = self.add_route(peer, queue);
        let result = tokio::select! {
            result = self.receive(peer, reader) => result,
            result = transmit(outbox, writer) => result,
        };
        self.remove_route(peer, attachment);
        result
    }

    fn add_route(&self, peer: PeerKey, queue: mpsc::Sender<Bytes>) -> u64 {
        let mut routes = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        let attachment = routes.get(&peer).map_or(0, |route| route.attachment + 1);
        routes.insert(peer, Route { queue, attachment });
        attachment
    }

    fn remove_route(&self, peer: PeerKey, attachment: u64) {
        let mut routes = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        if routes
            .get(&peer)
            .is_some_and(|route| route.attachment == attachment)
        {
            routes.remove(&peer);
        }
    }

    async fn receive<R: AsyncRead + Unpin>(&self, from: PeerKey, mut reader: R) -> io::Result<()> {
        let mut deframer = Deframer::default();
        let mut buffer = vec![0; READ_LEN];
        loop {
            let len = reader.read(&mut buffer).await?;
            if len == 0 {
                debug!(skipped_lines = deframer.skipped_lines(), "shell path ended");
                return Ok(());
            }
            deframer.push(buffer.get(..len).unwrap_or_default(), |bytes| {
                let _ = self.incoming.try_send(Datagram {
                    from,
                    bytes: Bytes::copy_from_slice(bytes),
                });
            });
        }
    }
}

/// Writes queued datagrams, as many as are waiting at a time. Replaced routes drain and end here.
async fn transmit<W: AsyncWrite + Unpin>(mut outbox: mpsc::Receiver<Bytes>, mut writer: W) -> io::Result<()> {
    let mut lines = Vec::new();
    while let Some(first) = outbox.recv().await {
        lines.clear();
        frame_datagram(&first, &mut lines);
        while lines.len() < WRITE_LEN {
            let Ok(datagram) = outbox.try_recv() else { break };
            frame_datagram(&datagram, &mut lines);
        }
        writer.write_all(&lines).await?;
        writer.flush().await?;
    }
    // Another shell of this peer sends now; this one keeps listening.
    std::future::pending().await
}

/// One burst of a QUIC sender; more would only wait, and waiting datagrams are resent before they arrive.
const OUTBOX_DATAGRAMS_MAX: usize = 64;

/// Shared by all shells of an endpoint.
const INBOX_DATAGRAMS_MAX: usize = 1024;

const READ_LEN: usize = 64 << 10;
const WRITE_LEN: usize = 16 << 10;
