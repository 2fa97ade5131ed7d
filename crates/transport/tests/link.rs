//! A link between two endpoints on one machine: over the shell alone, and moving to UDP on loopback.
//! The shell is an in-memory duplex stream, as text-safe as the real one.

use std::net::SocketAddr;
use std::time::Duration;

use model::PathKind;
use tokio::io::{DuplexStream, duplex, split};
use tokio::task::JoinHandle;
use transport::{Endpoint, EndpointConfig, Link, LinkKey};

struct Pair {
    daemon: Endpoint,
    agent: Endpoint,
    shells: Vec<JoinHandle<()>>,
}

impl Pair {
    async fn new(bind: &[SocketAddr]) -> Self {
        let daemon = endpoint(bind).await;
        let agent = endpoint(bind).await;
        let (ours, theirs) = duplex(1 << 16);
        let shells = vec![attach(&daemon, &agent, ours), attach(&agent, &daemon, theirs)];
        Self {
            daemon,
            agent,
            shells,
        }
    }

    async fn accepted(&self) -> Option<Link> {
        self.agent.listen(self.daemon.peer_id()).accept().await
    }

    async fn link(&self) -> (Link, Link) {
        let (dialled, accepted) = tokio::join!(
            self.daemon.connect_over_shell(self.agent.peer_id()),
            self.accepted()
        );
        (
            dialled.expect("the shell carries a handshake"),
            accepted.expect("the agent's endpoint is open"),
        )
    }
}

async fn endpoint(bind: &[SocketAddr]) -> Endpoint {
    let config = EndpointConfig {
        key: LinkKey::generate(),
        bind: bind.to_vec(),
    };
    Endpoint::bind(config).await.expect("loopback can be bound")
}

fn attach(endpoint: &Endpoint, peer: &Endpoint, shell: DuplexStream) -> JoinHandle<()> {
    let attached = endpoint.attach_shell(peer.peer_id());
    let (reader, writer) = split(shell);
    tokio::spawn(async move {
        let _ = attached.run(reader, writer).await;
    })
}

async fn echo(link: Link) {
    while let Ok(mut stream) = link.accept().await {
        tokio::spawn(async move {
            let bytes = stream
                .recv
                .read_to_end(1 << 20)
                .await
                .expect("the request is whole");
            stream.send.write_all(&bytes).await.expect("the answer goes out");
            stream.send.finish().expect("finished once");
            let _ = stream.send.stopped().await;
        });
    }
}

async fn round_trip(link: &Link, bytes: &[u8]) -> Vec<u8> {
    let mut stream = link.open().await.expect("a stream opens");
    stream.send.write_all(bytes).await.expect("the request goes out");
    stream.send.finish().expect("finished once");
    stream
        .recv
        .read_to_end(1 << 20)
        .await
        .expect("the answer is whole")
}

async fn wait_for_path(link: &Link, kind: PathKind) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while link.path().map(|path| path.kind) != Some(kind) {
        assert!(
            tokio::time::Instant::now() < deadline,
            "still on {:?}, not {kind}",
            link.path()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn without_udp_the_shell_carries_everything() {
    let pair = Pair::new(&[]).await;
    let (daemon, agent) = pair.link().await;
    tokio::spawn(echo(agent));
    let bytes: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
    assert_eq!(round_trip(&daemon, &bytes).await, bytes);
    assert_eq!(daemon.path().map(|path| path.kind), Some(PathKind::Shell));
}

#[tokio::test]
async fn the_link_moves_to_udp_and_survives_the_loss_of_its_shell() {
    let loopback: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let pair = Pair::new(&[loopback]).await;
    let (daemon, agent) = pair.link().await;
    tokio::spawn(echo(agent));
    assert_eq!(round_trip(&daemon, &[1; 1000]).await, [1; 1000]);
    wait_for_path(&daemon, PathKind::Direct).await;
    pair.shells.iter().for_each(JoinHandle::abort);
    assert_eq!(round_trip(&daemon, &[2; 100_000]).await, [2; 100_000]);
}

#[tokio::test]
async fn a_stranger_is_turned_away_and_harms_nobody() {
    let loopback: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let pair = Pair::new(&[loopback]).await;
    let stranger = endpoint(&[loopback]).await;
    let agent_at = pair.agent.bound_addresses()[0];
    let agent_id = pair.agent.peer_id();
    let accepting = {
        let (agent, daemon_id) = (pair.agent.clone(), pair.daemon.peer_id());
        tokio::spawn(async move { agent.listen(daemon_id).accept().await })
    };
    let link = stranger
        .connect_over_udp(agent_id, agent_at)
        .await
        .expect("the handshake itself works");
    assert!(link.closed().await.to_string().contains("another daemon"));

    let dialled = pair
        .daemon
        .connect_over_shell(agent_id)
        .await
        .expect("the daemon is still welcome");
    let accepted = accepting
        .await
        .expect("no panic")
        .expect("the agent's endpoint is open");
    assert_eq!(accepted.peer_id(), pair.daemon.peer_id());
    assert_eq!(dialled.peer_id(), agent_id);
}

#[tokio::test]
async fn a_stranger_who_stalls_keeps_nobody_waiting() {
    let pair = Pair::new(&[]).await;
    let stranger = endpoint(&[]).await;
    let agent_id = pair.agent.peer_id();
    // What the stranger sends arrives, the agent's answers do not.
    let (theirs, ours) = duplex(1 << 16);
    let (reader, writer) = split(theirs);
    tokio::spawn(stranger.attach_shell(agent_id).run(reader, writer));
    tokio::spawn(
        pair.agent
            .attach_shell(stranger.peer_id())
            .run(ours, tokio::io::sink()),
    );
    let mut listener = pair.agent.listen(pair.daemon.peer_id());
    let stalled = tokio::spawn(async move { stranger.connect_over_shell(agent_id).await });
    let listening = tokio::spawn(async move { listener.accept().await });

    let dialled =
        tokio::time::timeout(Duration::from_secs(5), pair.daemon.connect_over_shell(agent_id)).await;
    dialled
        .expect("the stranger's handshake is still open")
        .expect("the daemon is welcome");
    let accepted = listening
        .await
        .expect("no panic")
        .expect("the agent's endpoint is open");
    assert_eq!(accepted.peer_id(), pair.daemon.peer_id());
    assert!(!stalled.is_finished(), "the stranger did not stall");
}
