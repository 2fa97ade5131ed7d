//! What an emulator is told at its start.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

/// Settings of an [`Emulator`](crate::Emulator).
#[derive(Clone, Debug)]
pub struct EmulatorConfig {
    /// Where it listens. Only loopback is allowed: whoever holds a credential gets a shell of this machine.
    pub addr: SocketAddr,
    /// Homes live at `<dir>/<principal>/<region>/home`.
    pub dir: PathBuf,
    /// Who may sign requests.
    pub credentials: Vec<Credential>,
    /// How environments behave.
    pub service: ServiceConfig,
    /// How terminals behave.
    pub channel: ChannelConfig,
    /// How the presigned uploads behave.
    pub bucket: BucketConfig,
    /// Whether `/_emulator/` answers. It can break environments, but runs nothing.
    pub has_admin_api: bool,
    /// Whether dropping the emulator also kills what was started in its environments and detached itself.
    pub kills_processes_on_drop: bool,
}

impl EmulatorConfig {
    /// The service as it is known, on a free port, with one credential of fresh random secrets.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            dir: dir.into(),
            credentials: vec![Credential::random()],
            service: ServiceConfig::default(),
            channel: ChannelConfig::default(),
            bucket: BucketConfig::default(),
            has_admin_api: true,
            kills_processes_on_drop: true,
        }
    }

    /// As [`Self::new`], but nothing takes longer than it must: no delays, no pacing. For tests and demonstrations.
    pub fn fast(dir: impl Into<PathBuf>) -> Self {
        let mut config = Self::new(dir);
        config.service.delays = Delays::NONE;
        config.channel.pump = Pump::fast();
        config
    }
}

/// An access key that the emulator knows, and whose it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: String,
    /// Present for temporary credentials: requests must then carry it.
    pub session_token: Option<String>,
    /// When the token ends, by the emulator's clock.
    pub expires_at: Option<SystemTime>,
    /// Twelve digits. The monthly hours are counted per account and region.
    pub account: String,
    /// Whose environments these are; also the name of a directory: letters, digits, `-`, `_`, `.`.
    pub principal: String,
}

impl Credential {
    /// Long-lived keys nobody else knows, of principal `user` in account 123456789012.
    pub fn random() -> Self {
        let id = Uuid::new_v4().simple().to_string().to_uppercase();
        Self {
            access_key_id: format!("AKIA{}", &id[..16]),
            secret_access_key: format!("{}{}", Uuid::new_v4().simple(), &id[16..24]),
            session_token: None,
            expires_at: None,
            account: "123456789012".to_owned(),
            principal: "user".to_owned(),
        }
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential")
            .field("access_key_id", &self.access_key_id)
            .field("account", &self.account)
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

/// The life cycle's times and limits.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// How long the passing states last.
    pub delays: Delays,
    /// An environment without input or heartbeat is suspended after this. The service says 20 to 30 minutes.
    pub idle_timeout: Duration,
    /// An environment that runs this long is suspended whatever happens in it.
    pub running_time_max: Duration,
    /// Running time per calendar month, account and region.
    pub monthly_time_max: Duration,
    /// Open sessions per account and region.
    pub sessions_max: usize,
    /// A home unused for this long is deleted.
    pub retention: Duration,
    /// VPC environments per principal and region.
    pub vpc_environments_max: usize,
    /// For how long a deleted environment is still listed.
    pub deleted_entry_lingers: Duration,
    /// Whether every answer has a member that nobody has heard of.
    pub has_unknown_members: bool,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            delays: Delays::default(),
            idle_timeout: Duration::from_secs(25 * 60),
            running_time_max: Duration::from_secs(12 * 3600),
            monthly_time_max: Duration::from_secs(200 * 3600),
            sessions_max: 10,
            retention: Duration::from_secs(120 * 24 * 3600),
            vpc_environments_max: 2,
            deleted_entry_lingers: Duration::ZERO,
            has_unknown_members: false,
        }
    }
}

/// How long the passing states of an environment last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    /// `CREATING`.
    pub creating: Duration,
    /// `RESUMING`.
    pub resuming: Duration,
    /// `SUSPENDING`.
    pub suspending: Duration,
    /// `DELETING`.
    pub deleting: Duration,
}

impl Delays {
    /// The next look at an environment shows the state it was on its way to.
    pub const NONE: Self = Self {
        creating: Duration::ZERO,
        resuming: Duration::ZERO,
        suspending: Duration::ZERO,
        deleting: Duration::ZERO,
    };
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            creating: Duration::from_secs(20),
            resuming: Duration::from_secs(10),
            suspending: Duration::from_secs(5),
            deleting: Duration::from_secs(5),
        }
    }
}

/// How the data channel behaves.
#[derive(Clone, Debug)]
pub struct ChannelConfig {
    /// From `createSession` until the channel must be open.
    pub token_lifetime: Duration,
    /// Whether a token opens the channel once only, so that a lost socket means a lost session.
    pub token_is_single_use: bool,
    /// After this the service closes a socket with code 1000 and reason `Bye`.
    pub socket_lifetime: Duration,
    /// Whether the agent asks for a handshake before it shows the terminal.
    pub has_handshake: bool,
    /// Whether frames whose digest is wrong are dropped. The service lets them pass.
    pub checks_digests: bool,
    /// Whether `OpenDataChannel` must name a `ClientId` and a `ClientVersion`. Old clients do not.
    pub requires_client_id: bool,
    /// How the terminal's output is sent.
    pub pump: Pump,
    /// How long unacknowledged output is waited for when the shell has ended.
    pub drain_time_max: Duration,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            token_lifetime: Duration::from_secs(60),
            token_is_single_use: true,
            socket_lifetime: Duration::from_secs(3600),
            has_handshake: false,
            checks_digests: false,
            requires_client_id: false,
            pump: Pump::default(),
            drain_time_max: Duration::from_secs(2),
        }
    }
}

/// How the agent moves the terminal's output to the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pump {
    /// From the start of the shell to its first output.
    pub initial_wait: Duration,
    /// After each message.
    pub pause: Duration,
    /// Whether output goes through the agent's UTF-8 filter, which harms what is not UTF-8.
    pub filters_utf8: bool,
    /// Bytes read at once.
    pub read_len: usize,
}

impl Pump {
    /// Neither waits nor filter: as much as the machine can do.
    pub fn fast() -> Self {
        Self {
            initial_wait: Duration::ZERO,
            pause: Duration::ZERO,
            filters_utf8: false,
            read_len: 1024,
        }
    }
}

impl Default for Pump {
    /// As the real agent has it: below 1 MB/s.
    fn default() -> Self {
        Self {
            initial_wait: Duration::from_secs(1),
            pause: Duration::from_millis(1),
            filters_utf8: true,
            read_len: 1024,
        }
    }
}

/// How the stand-in for S3 behaves.
#[derive(Clone, Debug)]
pub struct BucketConfig {
    /// How long the presigned URLs work.
    pub url_lifetime: Duration,
    /// Bytes of one object.
    pub object_len_max: u64,
    /// Bytes of all objects together; the oldest make room.
    pub total_len_max: u64,
}

impl Default for BucketConfig {
    fn default() -> Self {
        Self {
            url_lifetime: Duration::from_secs(15 * 60),
            object_len_max: 1 << 30,
            total_len_max: 2 << 30,
        }
    }
}
