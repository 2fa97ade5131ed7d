//! A store on the other side of a link keeps every promise of a store, and a hostile or broken agent cannot harm the
//! daemon, nor a hostile daemon the agent. Both sides are real; the shell is an in-memory stream, there is no UDP.

use std::sync::Arc;

use bytes::Bytes;
use model::{ChunkId, ShardId, StoreId, StripeId};
use node::{GreetError, NodeServer, RemoteStore};
use shardstore::{Fault, FaultyStore, MemoryStore, Operation, Rule, ShardStore, StoreError};
use tokio::io::{duplex, split};
use transport::{Endpoint, EndpointConfig, Link, LinkKey, LinkStream};

const STORE: StoreId = StoreId::from_bytes([5; 16]);

/// Keeps the endpoints of a link alive.
struct Wire {
    _daemon: Endpoint,
    _agent: Endpoint,
}

async fn endpoint() -> Endpoint {
    Endpoint::bind(EndpointConfig {
        key: LinkKey::generate(),
        bind: Vec::new(),
    })
    .await
    .expect("nothing to bind")
}

async fn linked() -> (Link, Link, Wire) {
    let (daemon, agent) = (endpoint().await, endpoint().await);
    let (ours, theirs) = duplex(1 << 18);
    for (endpoint, peer, shell) in [(&daemon, &agent, ours), (&agent, &daemon, theirs)] {
        let attached = endpoint.attach_shell(peer.peer_id());
        let (reader, writer) = split(shell);
        tokio::spawn(attached.run(reader, writer));
    }
    let mut listener = agent.listen(daemon.peer_id());
    let (dialled, accepted) = tokio::join!(daemon.connect_over_shell(agent.peer_id()), listener.accept());
    let wire = Wire {
        _daemon: daemon,
        _agent: agent,
    };
    (
        dialled.expect("a handshake"),
        accepted.expect("an open endpoint"),
        wire,
    )
}

async fn remote_of(shards: Arc<dyn ShardStore>) -> (RemoteStore, Wire) {
    let (ours, theirs, wire) = linked().await;
    tokio::spawn(async move { NodeServer::new(STORE, shards).serve(theirs).await });
    let remote = RemoteStore::new();
    remote
        .set_link(ours, STORE)
        .await
        .expect("the agent keeps this store");
    (remote, wire)
}

mod contract {
    use super::*;

    shardstore::contract_tests!(remote_of(Arc::new(MemoryStore::new(8 << 20))));
}

fn shard(index: u8) -> ShardId {
    StripeId::chunk(ChunkId::from_bytes([9; 32])).shard(index)
}

#[tokio::test]
async fn many_small_puts_travel_in_few_exchanges() {
    let inner = Arc::new(MemoryStore::new(64 << 20));
    let (remote, _wire) = remote_of(inner).await;
    let remote = Arc::new(remote);
    let puts = (0..1000_u32).map(|n| {
        let remote = Arc::clone(&remote);
        let id = StripeId::record(*blake(n).as_bytes()).shard(0);
        tokio::spawn(async move { remote.put(id, Bytes::from(n.to_le_bytes().to_vec())).await })
    });
    for put in puts.collect::<Vec<_>>() {
        assert_eq!(put.await.expect("no panic"), Ok(()));
    }
    let inventory = remote.list(None, 5000).await.expect("the agent answers");
    assert_eq!(inventory.len(), 1000);
    for n in [0_u32, 500, 999] {
        let id = StripeId::record(*blake(n).as_bytes()).shard(0);
        assert_eq!(remote.get(id).await, Ok(Bytes::from(n.to_le_bytes().to_vec())));
    }
}

fn blake(n: u32) -> ChunkId {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    ChunkId::from_bytes(bytes)
}

#[tokio::test]
async fn a_get_longer_than_an_exchange_is_answered_in_several() {
    let (remote, _wire) = remote_of(Arc::new(MemoryStore::new(64 << 20))).await;
    let bytes = Bytes::from(vec![3; 1 << 20]);
    for index in 0..12 {
        assert_eq!(remote.put(shard(index), bytes.clone()).await, Ok(()));
    }
    let gets = (0..12).map(|index| remote.get(shard(index)));
    for got in futures_util::future::join_all(gets).await {
        assert_eq!(got, Ok(bytes.clone()));
    }
}

#[tokio::test]
async fn without_a_link_everything_is_unavailable_at_once() {
    let remote = RemoteStore::new();
    let unavailable = StoreError::Unavailable {
        reason: "not connected".to_owned(),
    };
    assert_eq!(remote.get(shard(0)).await, Err(unavailable.clone()));
    assert_eq!(remote.put(shard(0), Bytes::new()).await, Err(unavailable.clone()));
    assert_eq!(remote.usage().await, Err(unavailable));
}

#[tokio::test]
async fn an_agent_of_another_store_is_not_used() {
    let (ours, theirs, _wire) = linked().await;
    let shards = Arc::new(MemoryStore::new(1 << 20));
    tokio::spawn(async move { NodeServer::new(STORE, shards).serve(theirs).await });
    let error = RemoteStore::new()
        .set_link(ours, StoreId::from_bytes([6; 16]))
        .await
        .expect_err("another store");
    let refused = StoreError::Refused {
        reason: "this agent keeps another store".to_owned(),
    };
    assert_eq!(error, GreetError::Store(refused));
}

#[tokio::test]
async fn faults_keep_their_kind_across_the_link() {
    let faulty = Arc::new(FaultyStore::new(MemoryStore::new(1 << 20)));
    let (remote, _wire) = remote_of(Arc::clone(&faulty) as Arc<dyn ShardStore>).await;
    faulty.add_rule(Rule::on(Operation::Put, Fault::Unavailable));
    let error = remote
        .put(shard(0), Bytes::from_static(b"x"))
        .await
        .expect_err("the store is unavailable");
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    faulty.heal();
    assert_eq!(remote.put(shard(0), Bytes::from_static(b"x")).await, Ok(()));
    let full = remote
        .put(shard(1), Bytes::from(vec![0; 1 << 20]))
        .await
        .expect_err("no room");
    assert!(
        matches!(full, StoreError::Full { needed_bytes, .. } if needed_bytes >= 1 << 20),
        "{full}"
    );
}

/// A daemon that greets and then sends these bytes on a stream, and what the agent answers within its patience.
async fn answer_to(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let (ours, theirs, _wire) = linked().await;
    let shards = Arc::new(MemoryStore::new(1 << 20));
    tokio::spawn(async move { NodeServer::new(STORE, shards).serve(theirs).await });
    let LinkStream { mut send, mut recv } = ours.open().await.expect("a stream");
    send.write_all(bytes).await.expect("sent");
    send.finish().expect("finished once");
    let answer = recv.read_to_end(1 << 20).await.map_err(|error| error.to_string());
    // Whatever came, the agent serves the next exchange.
    let remote = RemoteStore::new();
    remote
        .set_link(ours, STORE)
        .await
        .expect("the agent still answers");
    answer
}

#[tokio::test]
async fn frames_too_long_truncated_or_random_do_not_harm_the_agent() {
    let random: Vec<u8> = (0..5000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let oversized_put = wire::encode_message(&wire::Request::Put(vec![wire::ShardLen {
        id: shard(0).into(),
        len: u32::MAX,
    }]));
    let short_put = wire::encode_message(&wire::Request::Put(vec![wire::ShardLen {
        id: shard(0).into(),
        len: 1000,
    }]));
    let cases: [&[u8]; 6] = [
        &u32::MAX.to_le_bytes(),
        b"\x10\0\0\0abc",
        &random,
        b"",
        &oversized_put,
        &short_put,
    ];
    for bytes in cases {
        let answer = answer_to(bytes).await;
        assert!(
            answer.as_ref().is_ok_and(Vec::is_empty) || answer.is_err(),
            "{answer:?}"
        );
    }
}

/// What a get yields when the agent answers with these bytes.
async fn get_from_agent_answering(bytes: Vec<u8>) -> StoreError {
    let (ours, theirs, _wire) = linked().await;
    tokio::spawn(async move {
        let greeting = wire::Response::Greet(wire::Greeting::new(STORE, "0"));
        let mut answers = vec![wire::encode_message(&greeting), bytes];
        answers.reverse();
        while let Ok(mut stream) = theirs.accept().await {
            let _ = stream.recv.read_to_end(1 << 20).await;
            let _ = stream.send.write_all(&answers.pop().unwrap_or_default()).await;
            let _ = stream.send.finish();
        }
    });
    let remote = RemoteStore::new();
    remote.set_link(ours, STORE).await.expect("it greets well");
    remote.get(shard(0)).await.expect_err("the answer is bad")
}

#[tokio::test]
async fn bad_answers_are_errors_of_the_right_kind() {
    let other = wire::ShardLen {
        id: shard(1).into(),
        len: 3,
    };
    let mut other_shard = wire::encode_message(&wire::Response::Shards(vec![wire::Shard::Found(other)]));
    other_shard.extend_from_slice(b"abc");
    let announced = wire::ShardLen {
        id: shard(0).into(),
        len: 1000,
    };
    let truncated = wire::encode_message(&wire::Response::Shards(vec![wire::Shard::Found(announced)]));
    let wrong_kind = wire::encode_message(&wire::Response::Envelope(None));
    let deferring = wire::encode_message(&wire::Response::Shards(vec![wire::Shard::Deferred]));

    let corrupt = [
        other_shard,
        wrong_kind,
        u32::MAX.to_le_bytes().to_vec(),
        b"\x03\0\0\0abc".to_vec(),
    ];
    for bytes in corrupt {
        let error = get_from_agent_answering(bytes.clone()).await;
        assert!(
            matches!(error, StoreError::Corrupt { .. }),
            "{bytes:02x?} gave {error}"
        );
    }
    for bytes in [truncated, deferring, Vec::new()] {
        let error = get_from_agent_answering(bytes.clone()).await;
        assert!(
            matches!(error, StoreError::Unavailable { .. }),
            "{bytes:02x?} gave {error}"
        );
    }
}
