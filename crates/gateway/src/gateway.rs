//! What all requests share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::Engine;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::error::ApiError;
use crate::guard::Guard;
use crate::observe::RequestMetrics;
use crate::{GatewayConfig, Operator};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) engine: Engine,
    pub(crate) operator: Arc<dyn Operator>,
    pub(crate) guard: Guard,
    pub(crate) metrics: RequestMetrics,
    /// The description of the API, as JSON.
    pub(crate) document: Bytes,
    /// Event streams never end by themselves; this ends them.
    pub(crate) closing: CancellationToken,
    /// Stretching a passphrase takes much memory and a second: one at a time.
    pub(crate) passphrase_changes: Semaphore,
    uploads: Arc<Semaphore>,
    downloads: Arc<Semaphore>,
    event_streams: Arc<Semaphore>,
}

impl Gateway {
    pub(crate) fn new(
        config: GatewayConfig,
        bound: SocketAddr,
        closing: CancellationToken,
        document: Bytes,
    ) -> Self {
        let limits = config.limits;
        Self {
            engine: config.engine,
            operator: config.operator,
            guard: Guard::new(bound, &config.host_names, config.token),
            metrics: RequestMetrics::default(),
            document,
            closing,
            passphrase_changes: Semaphore::new(1),
            uploads: Arc::new(Semaphore::new(limits.uploads_max)),
            downloads: Arc::new(Semaphore::new(limits.downloads_max)),
            event_streams: Arc::new(Semaphore::new(limits.event_streams_max)),
        }
    }

    /// Leave to receive an object, once it is this request's turn.
    pub(crate) async fn upload_permit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        permit_in_turn(&self.uploads, "uploads").await
    }

    /// Leave to send an object, once it is this request's turn.
    pub(crate) async fn download_permit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        permit_in_turn(&self.downloads, "downloads").await
    }

    /// Leave to send events. Streams last, so there is no point in waiting for another's end.
    pub(crate) fn event_permit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.event_streams)
            .try_acquire_owned()
            .map_err(|_| ApiError::busy("too many event streams are open"))
    }
}

async fn permit_in_turn(transfers: &Arc<Semaphore>, what: &str) -> Result<OwnedSemaphorePermit, ApiError> {
    let turn = Arc::clone(transfers).acquire_owned();
    match tokio::time::timeout(TURN_WAIT_MAX, turn).await {
        Ok(permit) => Ok(permit.expect("the semaphore is never closed")),
        Err(_) => Err(ApiError::busy(format!("too many {what} are under way"))),
    }
}

/// Shorter than the time after which HTTP clients commonly give up.
const TURN_WAIT_MAX: Duration = Duration::from_secs(20);
