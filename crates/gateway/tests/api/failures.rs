//! Nodes that fail, uploads that are cut, and bodies that are not what was announced.

use gateway::api::ErrorCode;
use reqwest::header::RETRY_AFTER;
use shardstore::{Fault, Operation, Rule};
use testkit::Lottery;
use tokio::io::AsyncWriteExt as _;

use crate::raw::{RawAnswer, ask, connect, read_to_end};
use crate::server::{TestServer, refusal, send};

#[tokio::test]
async fn too_few_nodes_are_said_before_any_byte() {
    let server = TestServer::start().await;
    let bytes = Lottery::from_env().bytes(3 << 20);
    server.put("long", &bytes).await;
    server.put("short", b"short").await;
    server.store.nodes[..3]
        .iter()
        .for_each(testkit::TestNode::disconnect);
    for (path, bytes) in [("long", bytes.as_slice()), ("short", b"short")] {
        let response = send(server.client.get(server.object(path))).await;
        assert!(
            response.bytes().await.expect("six nodes are enough") == bytes,
            "{path}"
        );
    }
    server.store.nodes[3].disconnect();
    for path in ["long", "short"] {
        let response = send(server.client.get(server.object(path))).await;
        assert!(response.headers().contains_key(RETRY_AFTER));
        assert_eq!(refusal(response).await, (503, ErrorCode::TooFewNodes), "{path}");
    }
    for len in [10, 3 << 20] {
        let response = server.put("new", &vec![7; len]).await;
        assert!(response.headers().contains_key(RETRY_AFTER));
        assert_eq!(
            refusal(response).await,
            (503, ErrorCode::TooFewNodes),
            "{len} bytes"
        );
    }
    let delete = send(server.client.delete(server.object("short"))).await;
    assert_eq!(refusal(delete).await, (503, ErrorCode::TooFewNodes));
    assert_eq!(
        server.store.paths().await,
        ["long", "short"],
        "nothing was stored or deleted"
    );
}

#[tokio::test]
async fn a_refused_upload_is_answered_although_the_client_still_sends() {
    let server = TestServer::start().await;
    server.store.nodes[..4]
        .iter()
        .for_each(testkit::TestNode::disconnect);
    // Longer than all buffers together, so that the client is still sending when the answer comes.
    let response = server.put("x", &vec![7; 64 << 20]).await;
    assert_eq!(refusal(response).await, (503, ErrorCode::TooFewNodes));
}

#[tokio::test]
async fn damaged_shards_are_not_worth_waiting_for() {
    let server = TestServer::start().await;
    server.put("x", b"some bytes").await;
    let damage = Fault::FlippedBits { offset: 70, mask: 1 };
    for node in &server.store.nodes[..4] {
        node.faults.add_rule(Rule::on(Operation::Get, damage.clone()));
    }
    let response = send(server.client.get(server.object("x"))).await;
    assert_eq!(refusal(response).await, (500, ErrorCode::Corrupt));
}

#[tokio::test]
async fn full_nodes_are_full_not_absent() {
    let server = TestServer::start().await;
    for node in &server.store.nodes {
        node.faults.add_rule(Rule::on(Operation::Put, Fault::Full));
    }
    assert_eq!(
        refusal(server.put("x", b"some bytes").await).await,
        (507, ErrorCode::Full)
    );
    assert_eq!(server.store.paths().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_read_that_fails_midway_is_cut_and_never_a_short_success() {
    let server = TestServer::start().await;
    let bytes = Lottery::from_env().bytes(24 << 20);
    server.put("x", &bytes).await;
    for node in &server.store.nodes {
        node.faults
            .add_rule(Rule::on(Operation::Get, Fault::Unavailable).after(8));
    }
    let answer = ask(server.addr, "GET /api/v1/objects/x HTTP/1.1\r\nHost: localhost").await;
    assert_eq!(answer.status, 200, "the first chunk could be read");
    assert!(
        answer.head.contains("content-length: 25165824"),
        "{}",
        answer.head
    );
    assert!(
        !answer.body.is_empty() && answer.body.len() < bytes.len(),
        "{} bytes",
        answer.body.len()
    );
    assert!(bytes.starts_with(&answer.body), "what came is right");
    server.store.heal().await;
    for node in &server.store.nodes {
        node.faults
            .add_rule(Rule::on(Operation::Get, Fault::Unavailable).after(8));
    }
    let response = send(server.client.get(server.object("x"))).await;
    assert!(response.bytes().await.is_err(), "a client notices");
}

#[tokio::test]
async fn an_upload_cut_off_leaves_nothing_visible() {
    let server = TestServer::start().await;
    server.put("old", b"old").await;
    for path in ["new", "old"] {
        for sent in [10, 2 << 20] {
            let head = format!(
                "PUT /api/v1/objects/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3145728\r\n\r\n"
            );
            let mut stream = connect(server.addr, head.as_bytes()).await;
            stream.write_all(&vec![7; sent]).await.expect("sent");
            stream.shutdown().await.expect("cut");
            // The server is done with it when it closes its side.
            read_to_end(&mut stream).await;
        }
    }
    assert_eq!(server.store.paths().await, ["old"]);
    assert_eq!(server.store.get("old").await.expect("unchanged"), b"old");
}

#[tokio::test]
async fn a_chunked_upload_cut_off_leaves_nothing_visible() {
    let server = TestServer::start().await;
    let head = "PUT /api/v1/objects/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let mut stream = connect(server.addr, head.as_bytes()).await;
    stream.shutdown().await.expect("cut");
    read_to_end(&mut stream).await;
    assert_eq!(server.store.paths().await, Vec::<String>::new());

    let whole = format!("{head}0\r\n\r\n").replace("chunked", "chunked\r\nConnection: close");
    let mut stream = connect(server.addr, whole.as_bytes()).await;
    assert_eq!(RawAnswer::parse(&read_to_end(&mut stream).await).status, 201);
    assert_eq!(server.store.get("x").await.expect("stored"), b"hello");
}

#[tokio::test]
async fn malformed_requests_are_refused_and_the_server_lives_on() {
    let server = TestServer::start().await;
    let put = "PUT /api/v1/objects/x HTTP/1.1\r\nHost: localhost\r\n";
    for request in [
        "\r\n\r\n\r\n".to_owned(),
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "GET /\u{0} HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        format!("{put}Content-Length: -1\r\n\r\n"),
        format!("{put}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
        format!("{put}Content-Length: 99999999999999999999\r\n\r\n"),
        format!("{put}Transfer-Encoding: gzip\r\n\r\nx"),
        format!("{put}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        format!("{put}Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
            "x".repeat(1 << 20)
        ),
        format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
            "X: x\r\n".repeat(1000)
        ),
        format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(100_000)),
    ] {
        let mut stream = connect(server.addr, b"").await;
        // The server may close before it has read all of it.
        let _ = stream.write_all(request.as_bytes()).await;
        let _ = stream.shutdown().await;
        let bytes = read_to_end(&mut stream).await;
        let shown: String = request.chars().take(80).collect();
        assert!(
            !bytes.starts_with(b"HTTP/1.1 2"),
            "{shown:?}: {}",
            String::from_utf8_lossy(&bytes)
        );
    }
    assert_eq!(server.get("/").await.status(), 200);
    assert_eq!(server.store.paths().await, Vec::<String>::new());
}
