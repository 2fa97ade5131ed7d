//! The running daemon.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};

use aws_credential_types::provider::SharedCredentialsProvider;
use catalogue::SqliteCatalogue;
use codec::{KeyEnvelope, MasterKey, Sealer};
use engine::{Engine, EngineConfig};
use gateway::{BearerToken, GatewayConfig, Operator};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;
use transport::{Endpoint, EndpointConfig, LinkKey};
use zeroize::Zeroizing;

use super::DaemonError;
use super::agent_binary;
use super::cloudshell::{CLOUDSHELL, CloudShell, Ledger};
use super::config::{ServeArguments, ServeConfig};
use super::fleet::Fleet;
use super::operator::DaemonOperator;
use super::secret::{SecretArguments, unlock};
use super::store_dir::{StoreDir, read_limited};

/// Runs until a signal; the agents stay. With `credentials`, AWS's own way of finding some is left alone.
pub(crate) async fn serve(
    arguments: ServeArguments,
    credentials: Option<SharedCredentialsProvider>,
) -> Result<(), DaemonError> {
    start_logging();
    let dir = StoreDir::locate(arguments.dir.clone())?;
    let envelope = dir.read_envelope()?;
    let config = ServeConfig::resolve(&arguments, &dir)?;
    let _lock = dir.lock()?;
    let secret = SecretArguments {
        key: arguments.key.as_deref(),
        key_file: config.key_file.as_deref(),
    };
    let master = unlock(&dir, &envelope, &secret)?;
    // Before any agent is started, so that a refusal has no consequences.
    let token = config.token_file.as_deref().map(read_token).transpose()?;
    if token.is_none() && !config.addr.ip().is_loopback() {
        return Err(DaemonError::TokenMissing { addr: config.addr });
    }
    let listener = listen(&config).await?;
    let (published, operator, engine) = assemble(&dir, &config, envelope, &master, credentials).await?;
    let fleet = Arc::clone(&operator.fleet);
    fleet.start(config.local_nodes, &config.regions).await?;
    announce(&listener);
    info!(store = %operator.store().id, "serving");
    let gateway = GatewayConfig {
        token,
        ..GatewayConfig::new(engine, operator)
    };
    let served = gateway::serve(listener, gateway, shutdown_signal()).await;
    fleet.stop().await;
    drop(published);
    served.map_err(|source| DaemonError::Listen {
        addr: config.addr.to_string(),
        source,
    })
}

async fn assemble(
    dir: &StoreDir,
    config: &ServeConfig,
    envelope: KeyEnvelope,
    master: &MasterKey,
    credentials: Option<SharedCredentialsProvider>,
) -> Result<(watch::Receiver<bytes::Bytes>, Arc<DaemonOperator>, Engine), DaemonError> {
    let key = dir.link_key()?;
    let engine = open_engine(dir, config, &envelope, master, &key).await?;
    let (published, envelopes) = watch::channel(envelope.to_bytes().into());
    // What can be refused comes before the socket is bound.
    let binary = agent_binary::load(config.agent.as_deref())?;
    let cloudshell = cloudshell(dir, config, &engine, credentials).await?;
    let fleet = Fleet {
        dir: dir.clone(),
        store: envelope.store(),
        engine: engine.clone(),
        endpoint: Endpoint::bind(EndpointConfig {
            key,
            bind: vec![config.link_addr.unwrap_or(link_addr(&cloudshell))],
        })
        .await?,
        binary,
        envelope: envelopes.clone(),
        capacity: config.capacity,
        cloudshell,
        running: Mutex::new(HashMap::new()),
        changes: tokio::sync::Mutex::new(()),
    };
    let operator = DaemonOperator {
        dir: dir.clone(),
        fleet: Arc::new(fleet),
        envelope: Mutex::new(envelope),
        published,
    };
    Ok((envelopes, Arc::new(operator), engine))
}

/// Loopback, unless there may be nodes on other machines.
fn link_addr(cloudshell: &Result<CloudShell, String>) -> SocketAddr {
    let is_elsewhere = cloudshell.as_ref().is_ok_and(CloudShell::is_elsewhere);
    let ip = if is_elsewhere {
        Ipv4Addr::UNSPECIFIED
    } else {
        Ipv4Addr::LOCALHOST
    };
    SocketAddr::from((ip, 0))
}

/// Credentials are asked for only if the store has regions, or shall have some.
async fn cloudshell(
    dir: &StoreDir,
    config: &ServeConfig,
    engine: &Engine,
    credentials: Option<SharedCredentialsProvider>,
) -> Result<Result<CloudShell, String>, DaemonError> {
    let known = engine.catalogue().nodes().await?;
    let mut kept = known.iter().filter(|node| node.provider == CLOUDSHELL);
    let Some(region) = config.regions.first().or(kept.next().map(|node| &node.id)) else {
        return Ok(Err("start the daemon with --regions to use CloudShell".to_owned()));
    };
    let credentials = match credentials {
        Some(credentials) => credentials,
        None => ::cloudshell::load_credentials(config.profile.as_deref(), region.as_str()).await?,
    };
    let cloudshell = CloudShell {
        credentials,
        endpoint: config.endpoint_url.clone(),
        keep_awake: config.keep_awake,
        ledger: Arc::new(Ledger::open(dir.ledger())?),
    };
    config
        .regions
        .iter()
        .try_for_each(|region| cloudshell.check_region(region))?;
    Ok(Ok(cloudshell))
}

async fn open_engine(
    dir: &StoreDir,
    config: &ServeConfig,
    envelope: &KeyEnvelope,
    master: &MasterKey,
    key: &LinkKey,
) -> Result<Engine, DaemonError> {
    let catalogue = Arc::new(SqliteCatalogue::open(dir.catalogue()).await?);
    let sealer = Sealer::new(envelope.store(), envelope.cipher(), master);
    let engine_config = EngineConfig {
        geometry: config.geometry,
        spare_shards_min: config.spare_shards_min,
        ..EngineConfig::default()
    };
    let peer_id = key.peer_id();
    // Random per store directory, which is all that a writer id must be.
    let writer = u64::from_le_bytes(*peer_id.as_bytes().first_chunk().expect("a key has 32 bytes"));
    Ok(Engine::new(catalogue, sealer, writer, engine_config).await?)
}

async fn listen(config: &ServeConfig) -> Result<TcpListener, DaemonError> {
    let listen = |source| DaemonError::Listen {
        addr: config.addr.to_string(),
        source,
    };
    TcpListener::bind(config.addr).await.map_err(listen)
}

/// The one line on standard output: whoever started the daemon learns the port that was bound.
fn announce(listener: &TcpListener) {
    if let Ok(addr) = listener.local_addr() {
        println!("listening on http://{addr}");
    }
}

fn read_token(path: &Path) -> Result<BearerToken, DaemonError> {
    let bytes = Zeroizing::new(read_limited(path, TOKEN_FILE_LEN_MAX).map_err(DaemonError::io(path))?);
    let token = String::from_utf8_lossy(&bytes)
        .lines()
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned();
    BearerToken::new(Zeroizing::new(token)).map_err(|error| DaemonError::Setting {
        setting: "token_file",
        reason: format!("{}: {error}", path.display()),
    })
}

/// Returns when the process is asked to end.
pub(crate) async fn shutdown_signal() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// To standard error; `RUST_LOG` chooses what.
fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(LOG_DEFAULT));
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // A second start within one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal)
        .try_init();
}

/// The QUIC library reports every lost packet and the credentials library every source without any; their users need
/// their errors only.
const LOG_DEFAULT: &str =
    "info,aws_config=error,iroh=error,noq=error,noq_proto=error,netwatch=error,swarm_discovery=error";
const TOKEN_FILE_LEN_MAX: u64 = 4096;
