//! [`ShellHub`] as an iroh custom transport. The API is marked unstable, so nothing else in the project touches it.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::{Context, Poll};

use iroh::endpoint::transports::{CustomEndpoint, CustomSender, CustomTransport, RecvInfo, Transmit};
use iroh_base::CustomAddr;
use n0_watcher::Watchable;
use tokio::sync::mpsc;

use super::hub::{Datagram, PeerKey, ShellHub};
use crate::PeerId;

/// Makes the endpoint's shell side when the endpoint is bound.
#[derive(Debug)]
pub(crate) struct ShellTransport {
    pub(crate) hub: Arc<ShellHub>,
    pub(crate) local: PeerId,
}

impl CustomTransport for ShellTransport {
    fn bind(&self) -> io::Result<Box<dyn CustomEndpoint>> {
        let inbox = self.hub.take_inbox().ok_or(io::ErrorKind::AddrInUse)?;
        let local = Watchable::new(vec![shell_address(self.local)]);
        Ok(Box::new(ShellEndpoint {
            hub: Arc::clone(&self.hub),
            inbox,
            local,
        }))
    }
}

#[derive(Debug)]
struct ShellEndpoint {
    hub: Arc<ShellHub>,
    inbox: mpsc::Receiver<Datagram>,
    local: Watchable<Vec<CustomAddr>>,
}

impl CustomEndpoint for ShellEndpoint {
    fn watch_local_addrs(&self) -> n0_watcher::Direct<Vec<CustomAddr>> {
        self.local.watch()
    }

    fn create_sender(&self) -> Arc<dyn CustomSender> {
        Arc::new(ShellSender {
            hub: Arc::clone(&self.hub),
        })
    }

    /// The sender takes bursts apart itself. iroh asks the least of all its transports, so that a smaller number here
    /// would also take segmentation offload from UDP.
    fn max_transmit_segments(&self) -> NonZeroUsize {
        const { NonZeroUsize::new(SEGMENTS_MAX).expect("not zero") }
    }

    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &mut [io::IoSliceMut<'_>],
        metas: &mut [noq_udp::RecvMeta],
        infos: &mut [RecvInfo],
    ) -> Poll<io::Result<usize>> {
        let mut filled = 0;
        for ((buffer, meta), info) in buffers.iter_mut().zip(metas).zip(infos) {
            let datagram = match self.inbox.poll_recv(cx) {
                Poll::Ready(Some(datagram)) => datagram,
                Poll::Ready(None) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                Poll::Pending => break,
            };
            let len = datagram.bytes.len();
            // A datagram longer than the buffer is one that this endpoint never agreed to receive: it is lost.
            let Some(slot) = buffer.get_mut(..len) else {
                continue;
            };
            slot.copy_from_slice(&datagram.bytes);
            (meta.len, meta.stride) = (len, len);
            *info = RecvInfo::new(address_of(&datagram.from), None);
            filled += 1;
        }
        if filled == 0 {
            Poll::Pending
        } else {
            Poll::Ready(Ok(filled))
        }
    }
}

#[derive(Debug)]
struct ShellSender {
    hub: Arc<ShellHub>,
}

impl CustomSender for ShellSender {
    fn is_valid_send_addr(&self, address: &CustomAddr) -> bool {
        peer_at(address).is_some()
    }

    fn poll_send(
        &self,
        _cx: &mut Context<'_>,
        to: &CustomAddr,
        _from: Option<&CustomAddr>,
        transmit: &Transmit<'_>,
    ) -> Poll<io::Result<()>> {
        let peer = peer_at(to).ok_or(io::ErrorKind::AddrNotAvailable)?;
        let segment_len = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        for datagram in transmit.contents.chunks(segment_len) {
            self.hub.send(peer, datagram);
        }
        Poll::Ready(Ok(()))
    }
}

/// Where a peer is reached through its shell.
pub(crate) fn shell_address(peer: PeerId) -> CustomAddr {
    address_of(peer.as_bytes())
}

fn address_of(peer: &PeerKey) -> CustomAddr {
    CustomAddr::from_parts(TRANSPORT_ID, peer)
}

fn peer_at(address: &CustomAddr) -> Option<&PeerKey> {
    let key = address.data().try_into().ok()?;
    (address.id() == TRANSPORT_ID).then_some(key)
}

/// `CSSH` in ASCII: far from the small numbers that iroh's registry gives out.
const TRANSPORT_ID: u64 = 0x4353_5348;

/// What Linux sends at once (`UDP_MAX_SEGMENTS`).
const SEGMENTS_MAX: usize = 64;
