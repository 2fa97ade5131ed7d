//! One terminal session: opened, carried over a WebSocket, and deleted in the end.

mod driver;
mod socket;

use std::time::{Duration, SystemTime};

use tokio::io::DuplexStream;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};
use uuid::Uuid;

use crate::api::{Api, ApiError, SessionGrant};
use crate::channel::{Channel, ChannelConfig, ChannelEnd, TerminalSize, open_data_channel};

pub use socket::ConnectError;

/// A terminal on an environment, as a stream of bytes each way with back-pressure. Dropped, it is closed at once, and
/// deleted in the background: sessions that are left over count against the account's ten.
#[derive(Debug)]
pub struct Session {
    io: DuplexStream,
    lifetime: SessionLifetime,
}

/// What keeps a session open.
#[derive(Debug)]
pub struct SessionLifetime {
    end: watch::Receiver<Option<ChannelEnd>>,
    driver: JoinHandle<()>,
    _deletion: Deletion,
}

impl Drop for SessionLifetime {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Session {
    /// Opens a session in a running environment. Whoever gives up waiting leaves none behind.
    ///
    /// # Errors
    ///
    /// [`OpenSessionError`] if the API does not grant a session, or it cannot be connected to.
    pub async fn open(api: &Api, environment_id: &str) -> Result<Self, OpenSessionError> {
        Self::open_among(api, environment_id, &TaskTracker::new()).await
    }

    /// Opens a session whose deletion will be one of `deletions`.
    pub(crate) async fn open_among(
        api: &Api,
        environment_id: &str,
        deletions: &TaskTracker,
    ) -> Result<Self, OpenSessionError> {
        let (grant, deletion) = grant(api, environment_id, deletions).await?;
        let open = open_data_channel(&grant.token_value, Uuid::new_v4(), Uuid::new_v4());
        let connecting = socket::connect(api, &grant.stream_url, open);
        let socket = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(socket) => socket?,
            Err(_) => return Err(ConnectError::TimedOut(CONNECT_TIMEOUT).into()),
        };
        let now = tokio::time::Instant::now().into_std();
        let channel = Channel::new(now, channel_config());
        let (io, far_io) = tokio::io::duplex(PIPE_LEN);
        let (end_sender, end) = watch::channel(None);
        let driver = tokio::spawn(driver::drive(socket, channel, far_io, end_sender));
        Ok(Self {
            io,
            lifetime: SessionLifetime {
                end,
                driver,
                _deletion: deletion,
            },
        })
    }

    /// The terminal's bytes. Reading ends when the session does, and behind all that came before.
    pub fn io(&mut self) -> &mut DuplexStream {
        &mut self.io
    }

    /// Whether the session goes on, as far as is known.
    pub fn is_open(&self) -> bool {
        self.lifetime.end.borrow().is_none()
    }

    /// Why the session ended, if it did.
    pub fn end(&self) -> Option<ChannelEnd> {
        self.lifetime.end.borrow().clone()
    }

    /// The bytes and what keeps them flowing, apart.
    pub fn into_parts(self) -> (DuplexStream, SessionLifetime) {
        (self.io, self.lifetime)
    }
}

/// In a task of its own: whoever gives up waiting leaves no session behind.
async fn grant(
    api: &Api,
    environment_id: &str,
    deletions: &TaskTracker,
) -> Result<(SessionGrant, Deletion), OpenSessionError> {
    let (api, environment_id, deletions) = (api.clone(), environment_id.to_owned(), deletions.clone());
    let granting = tokio::spawn(async move {
        let grant = api.create_session(&environment_id).await?;
        let session_id = grant.session_id.clone();
        let deletion = Deletion {
            api,
            environment_id,
            session_id,
            deletions,
        };
        Ok((grant, deletion))
    });
    granting.await.map_err(|_| OpenSessionError::Abandoned)?
}

fn channel_config() -> ChannelConfig {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    ChannelConfig {
        epoch_ms: u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
        seed: Uuid::new_v4(),
        size: TERMINAL_SIZE,
    }
}

/// Deletes a session when dropped.
#[derive(Debug)]
struct Deletion {
    api: Api,
    environment_id: String,
    session_id: String,
    deletions: TaskTracker,
}

impl Drop for Deletion {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else {
            warn!(
                session = self.session_id,
                "a session is left over: nobody is there to delete it"
            );
            return;
        };
        let (api, environment_id, session_id) = (
            self.api.clone(),
            std::mem::take(&mut self.environment_id),
            std::mem::take(&mut self.session_id),
        );
        let delete = async move {
            // A session that has ended by itself may be unknown already.
            if let Err(error) = api.delete_session(&environment_id, &session_id).await {
                debug!(session = session_id, %error, "not deleted");
            }
        };
        self.deletions.spawn_on(delete, &runtime);
    }
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenSessionError {
    /// The API did not grant one.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// It was granted and cannot be connected to.
    #[error("the session cannot be connected to: {0}")]
    Connect(#[from] ConnectError),
    /// The program is ending.
    #[error("the program is ending")]
    Abandoned,
}

/// What programs are told when there is nobody to see them; other clients say the same.
const TERMINAL_SIZE: TerminalSize = TerminalSize { cols: 300, rows: 100 };
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
const PIPE_LEN: usize = 64 << 10;
