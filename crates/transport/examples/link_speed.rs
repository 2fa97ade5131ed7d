//! Measures a bare link on loopback: the limit that the store's own figures are compared with.
//!
//! Prints one JSON line: `{"figure": "link", "value": …, "unit": "MB/s"}` (10⁶ bytes of payload a second, one direction,
//! 32 concurrent streams of 175 KB, both endpoints in this process).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use model::PathKind;
use tokio::io::{duplex, split};
use tokio::task::JoinSet;
use transport::{Endpoint, EndpointConfig, Link, LinkKey};

const STREAM_LEN: usize = 175_000;
const STREAMS: usize = 32;
const TOTAL_LEN: usize = 1 << 30;

#[tokio::main]
async fn main() {
    let (daemon, agent) = linked_pair().await;
    tokio::spawn(sink(agent));
    while daemon.path().map(|path| path.kind) != Some(PathKind::Direct) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let started = Instant::now();
    let mut senders = JoinSet::new();
    let rounds = TOTAL_LEN / STREAM_LEN / STREAMS;
    for _ in 0..STREAMS {
        let link = daemon.clone();
        senders.spawn(async move {
            for _ in 0..rounds {
                send_one(&link).await;
            }
        });
    }
    senders.join_all().await;
    let megabytes = (rounds * STREAMS * STREAM_LEN) as f64 / 1e6;
    let mb_per_s = megabytes / started.elapsed().as_secs_f64();
    println!(r#"{{"figure": "link", "value": {mb_per_s:.1}, "unit": "MB/s"}}"#);
}

async fn linked_pair() -> (Link, Link) {
    let (daemon, agent) = (endpoint().await, endpoint().await);
    let (ours, theirs) = duplex(1 << 16);
    for (endpoint, peer, shell) in [(&daemon, &agent, ours), (&agent, &daemon, theirs)] {
        let attached = endpoint.attach_shell(peer.peer_id());
        let (reader, writer) = split(shell);
        tokio::spawn(attached.run(reader, writer));
    }
    let mut listener = agent.listen(daemon.peer_id());
    let (dialled, accepted) = tokio::join!(daemon.connect_over_shell(agent.peer_id()), listener.accept());
    // The endpoints live as long as the process.
    std::mem::forget((daemon, agent));
    (
        dialled.expect("the shell carries a handshake"),
        accepted.expect("the endpoint is open"),
    )
}

async fn endpoint() -> Endpoint {
    let bind: Vec<SocketAddr> = vec!["127.0.0.1:0".parse().expect("an address")];
    Endpoint::bind(EndpointConfig {
        key: LinkKey::generate(),
        bind,
    })
    .await
    .expect("loopback can be bound")
}

async fn sink(link: Link) {
    while let Ok(mut stream) = link.accept().await {
        tokio::spawn(async move {
            while let Ok(Some(_)) = stream.recv.read_chunk(1 << 20).await {}
            let _ = stream.send.write_all(b"k").await;
            let _ = stream.send.finish();
        });
    }
}

async fn send_one(link: &Link) {
    let mut stream = link.open().await.expect("a stream opens");
    stream
        .send
        .write_chunk(vec![7; STREAM_LEN].into())
        .await
        .expect("the payload goes out");
    stream.send.finish().expect("finished once");
    stream.recv.read_to_end(1).await.expect("the answer is whole");
}
