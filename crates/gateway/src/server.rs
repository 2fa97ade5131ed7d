//! The server: connections, and how long they may keep silent.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::GatewayConfig;
use crate::connection::guarded;
use crate::router::{ArrivedAt, router_until};

/// Serves the API until `shutdown` is done; then lets requests under way finish for [`SHUTDOWN_TIME_MAX`].
///
/// # Errors
///
/// [`io::ErrorKind::InvalidInput`] if the listener is bound to anything but loopback and there is no token; otherwise
/// what the listener says of its address.
pub async fn serve(
    listener: TcpListener,
    config: GatewayConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let bound = listener.local_addr()?;
    if !bound.ip().is_loopback() && config.token.is_none() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            TokenMissing { bound },
        ));
    }
    let closing = CancellationToken::new();
    let server = Server {
        connections: Arc::new(Semaphore::new(config.limits.connections_max)),
        router: router_until(config, bound, closing.clone()),
        tracker: TaskTracker::new(),
        closing: closing.clone(),
    };
    tokio::select! {
        () = server.accept_all(&listener) => {}
        () = shutdown => {}
    }
    drop(listener);
    closing.cancel();
    server.finish().await;
    Ok(())
}

/// Everybody on the network could use the store.
#[derive(Debug, thiserror::Error)]
#[error("{bound} is not loopback: a token is needed")]
struct TokenMissing {
    bound: SocketAddr,
}

struct Server {
    router: Router,
    connections: Arc<Semaphore>,
    tracker: TaskTracker,
    closing: CancellationToken,
}

impl Server {
    /// Never ends.
    async fn accept_all(&self, listener: &TcpListener) {
        loop {
            let connections = Arc::clone(&self.connections);
            let permit = connections
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, _)) => self.start(stream, permit),
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    // Out of file descriptors, most likely: asking again at once would only burn the processor.
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn start(&self, stream: TcpStream, permit: OwnedSemaphorePermit) {
        let (router, closing) = (self.router.clone(), self.closing.clone());
        self.tracker.spawn(async move {
            let _permit = permit;
            if let Err(error) = converse(stream, router, closing).await {
                tracing::debug!(%error, "a connection failed");
            }
        });
    }

    async fn finish(&self) {
        self.tracker.close();
        if tokio::time::timeout(SHUTDOWN_TIME_MAX, self.tracker.wait())
            .await
            .is_err()
        {
            tracing::warn!(connections = self.tracker.len(), "connections were cut");
        }
    }
}

/// Answers a connection's requests until either side has had enough.
async fn converse(stream: TcpStream, router: Router, closing: CancellationToken) -> hyper::Result<()> {
    // An answer's head and its body go out in two writes; waiting to join them would cost 40 ms.
    let _ = stream.set_nodelay(true);
    let local = stream.local_addr().ok().map(|addr| ArrivedAt(addr.ip()));
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        local.map(|local| request.extensions_mut().insert(local));
        service.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(BUFFER_LEN_MAX)
        .serve_connection(TokioIo::new(guarded(stream)), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// How long requests under way may take after the daemon was told to stop.
pub const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(10);

/// For a request's head, and for the silence between two requests: longer than clients keep idle connections in mind.
const HEAD_TIME_MAX: Duration = Duration::from_secs(60);

/// For a request's head, and for a body's frame. All connections together stay below 64 MiB.
const BUFFER_LEN_MAX: usize = 128 << 10;

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
