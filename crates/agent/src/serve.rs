//! The running agent.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use node::NodeServer;
use shardstore::DirStore;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedReadHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, mpsc};
use transport::{BindError, Endpoint, EndpointConfig};

use crate::arguments::{Identity, ServeOptions};
use crate::detach;
use crate::home::{self, PID, SHARDS, SOCKET};
use crate::socket::{Hello, LINE_LEN_MAX, refusal, welcome};

/// Serves until a signal or a `stop`. Whoever asked for the stop hears of it when the shards are closed.
pub(crate) fn serve(options: &ServeOptions) -> Result<(), ServeError> {
    detach::leave_session();
    home::enter(&options.identity)?;
    let shards = Arc::new(DirStore::open(SHARDS, options.identity.capacity.0)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build()?;
    let stopper = runtime.block_on(run(options, Arc::clone(&shards)))?;
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    drop(shards);
    drop(stopper);
    Ok(())
}

/// Returns the connection that asked for the stop, if one did.
async fn run(
    options: &ServeOptions,
    shards: Arc<DirStore>,
) -> Result<Option<std::os::unix::net::UnixStream>, ServeError> {
    let config = EndpointConfig {
        key: home::link_key()?,
        bind: vec![options.bind],
    };
    let endpoint = Endpoint::bind(config).await?;
    // The shards' lock is held, so nobody listens on a socket that is left over.
    if let Err(error) = std::fs::remove_file(SOCKET)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error.into());
    }
    let listener = UnixListener::bind(SOCKET)?;
    std::fs::write(PID, format!("{}\n", std::process::id()))?;
    let (stop, mut stopped) = mpsc::channel(1);
    let server = NodeServer::new(options.identity.store, shards);
    let serving = serve_links(endpoint.clone(), options.identity.clone(), server);
    let attaching = accept_shells(listener, endpoint.clone(), options.identity.clone(), stop);
    let mut terminate = signal(SignalKind::terminate())?;
    say_ready()?;
    let stopper = tokio::select! {
        () = serving => None,
        () = attaching => None,
        stopper = stopped.recv() => stopper,
        _ = terminate.recv() => None,
        _ = tokio::signal::ctrl_c() => None,
    };
    let _ = std::fs::remove_file(SOCKET);
    let _ = std::fs::remove_file(PID);
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, endpoint.close()).await;
    Ok(stopper.map(UnixStream::into_std).transpose()?)
}

fn say_ready() -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{READY}")?;
    stdout.flush()
}

/// One link at a time is enough for one daemon, but a dead one is noticed late: the newest are served together.
async fn serve_links(endpoint: Endpoint, identity: Identity, server: NodeServer) {
    let links = Arc::new(Semaphore::new(LINKS_MAX));
    let mut listener = endpoint.listen(identity.daemon);
    while let Some(link) = listener.accept().await {
        let Ok(permit) = Arc::clone(&links).try_acquire_owned() else {
            link.close("too many links");
            continue;
        };
        let server = server.clone();
        tokio::spawn(async move {
            server.serve(link).await;
            drop(permit);
        });
    }
}

async fn accept_shells(
    listener: UnixListener,
    endpoint: Endpoint,
    identity: Identity,
    stop: mpsc::Sender<UnixStream>,
) {
    let shells = Arc::new(Semaphore::new(SHELLS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&shells).acquire_owned().await else {
            return;
        };
        // Out of descriptors, say: better to answer nobody for a moment than to end.
        let Ok((socket, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (endpoint, identity, stop) = (endpoint.clone(), identity.clone(), stop.clone());
        tokio::spawn(async move {
            let _ = answer(socket, endpoint, identity, stop).await;
            drop(permit);
        });
    }
}

async fn answer(
    socket: UnixStream,
    endpoint: Endpoint,
    identity: Identity,
    stop: mpsc::Sender<UnixStream>,
) -> io::Result<()> {
    let (reader, mut writer) = socket.into_split();
    let mut reader = BufReader::new(reader);
    match tokio::time::timeout(HELLO_TIMEOUT, read_hello(&mut reader)).await?? {
        Some(Hello::Stop) => {
            let socket = reader.into_inner().reunite(writer).map_err(io::Error::other)?;
            let _ = stop.send(socket).await;
            Ok(())
        }
        Some(hello) if hello == Hello::attach(&identity) => {
            writer.write_all(welcome(endpoint.peer_id()).as_bytes()).await?;
            endpoint.attach_shell(identity.daemon).run(reader, writer).await
        }
        Some(Hello::Attach { .. }) => {
            writer
                .write_all(refusal("the agent serves another daemon or capacity").as_bytes())
                .await
        }
        None => writer.write_all(refusal("unknown request").as_bytes()).await,
    }
}

async fn read_hello(reader: &mut BufReader<OwnedReadHalf>) -> io::Result<Option<Hello>> {
    let mut line = String::new();
    reader.take(LINE_LEN_MAX).read_line(&mut line).await?;
    Ok(Hello::from_line(&line))
}

/// Why the agent does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the shards cannot be opened: {0}")]
    Shards(#[from] shardstore::OpenError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("the agent did not start: {}", log.trim())]
    NotStarted { log: String },
}

/// What a started agent prints.
pub(crate) const READY: &str = "ready";

/// CloudShell has one or two processors, and shards are read and written on threads of their own: a second worker
/// would mostly wake the first.
const WORKER_THREADS: usize = 1;
/// Reads that wait for the disk; each may hold a shard.
const BLOCKING_THREADS_MAX: usize = 8;
/// A daemon that reconnects has two links until the old one times out.
const LINKS_MAX: usize = 8;
/// The service allows ten shells in a region.
const SHELLS_MAX: usize = 10;
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
