//! Clients that keep silent or do not read, and too many of them. Time is paused where it matters: it jumps to the next
//! timer as soon as nothing else is to be done.

use std::time::Duration;

use gateway::GatewayConfig;
use gateway::api::ErrorCode;
use testkit::TestStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::raw::{RawAnswer, connect, read_to_end};
use crate::server::{TestServer, refusal, send};

#[tokio::test]
async fn half_a_head_is_not_waited_for_for_ever() {
    let server = TestServer::start().await;
    let mut silent = connect(server.addr, b"GET / HTTP/1.1\r\nHost: local").await;
    tokio::time::pause();
    read_to_end(&mut silent).await;
    tokio::time::resume();
    assert_eq!(server.get("/").await.status(), 200);
}

#[tokio::test]
async fn half_a_json_body_is_not_waited_for_for_ever() {
    let server = TestServer::start().await;
    let head = "POST /api/v1/move HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{";
    let mut silent = connect(server.addr, head.as_bytes()).await;
    tokio::time::pause();
    let answer = RawAnswer::parse(&read_to_end(&mut silent).await);
    assert_eq!((answer.status, answer.code().as_str()), (408, "timeout"));
}

#[tokio::test]
async fn a_download_that_is_not_read_is_given_up() {
    let server = TestServer::start().await;
    let bytes = vec![7; 64 << 20];
    server.put("x", &bytes).await;
    let mut idle = connect(
        server.addr,
        b"GET /api/v1/objects/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    )
    .await;
    let mut first = [0; 1000];
    idle.read_exact(&mut first).await.expect("the beginning");
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(200)).await;
    tokio::time::resume();
    let rest = read_to_end(&mut idle).await;
    assert!(rest.len() < bytes.len() / 2, "{} bytes came", rest.len());
}

#[tokio::test]
async fn uploads_beyond_the_limit_wait_and_are_then_told_so() {
    let configure = |config: &mut GatewayConfig| config.limits.uploads_max = 1;
    let server = TestServer::with(TestStore::new(9).await, "127.0.0.1:0", configure).await;
    let head = "PUT /api/v1/objects/slow HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 5\r\n\r\n";
    let mut slow = connect(server.addr, head.as_bytes()).await;
    let mut go_on = [0; 25];
    slow.read_exact(&mut go_on)
        .await
        .expect("the upload has its turn");
    assert!(go_on.starts_with(b"HTTP/1.1 100 "), "{go_on:?}");
    tokio::time::pause();
    let put = server.client.put(server.object("x")).body("x");
    assert_eq!(refusal(send(put).await).await, (503, ErrorCode::Busy));
    tokio::time::resume();
    slow.write_all(b"bytes").await.expect("sent");
    assert_eq!(RawAnswer::parse(&read_to_end(&mut slow).await).status, 201);
    assert_eq!(server.put("x", b"x").await.status(), 201, "it is free again");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let configure = |config: &mut GatewayConfig| config.limits.connections_max = 1;
    let server = TestServer::with(TestStore::new(9).await, "127.0.0.1:0", configure).await;
    let mut first = connect(server.addr, b"GET / HTTP/1.1\r\n").await;
    let mut second = connect(
        server.addr,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    )
    .await;
    first
        .write_all(b"Host: localhost\r\nConnection: close\r\n\r\n")
        .await
        .expect("sent");
    assert_eq!(RawAnswer::parse(&read_to_end(&mut first).await).status, 200);
    drop(first);
    assert_eq!(RawAnswer::parse(&read_to_end(&mut second).await).status, 200);
}

#[tokio::test]
async fn requests_under_way_are_finished_before_the_server_ends() {
    let server = TestServer::start().await;
    let head = "PUT /api/v1/objects/x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let mut upload = connect(server.addr, head.as_bytes()).await;
    let mut go_on = [0; 25];
    upload
        .read_exact(&mut go_on)
        .await
        .expect("the upload has its turn");
    let engine = server.store.engine.clone();
    let finish = async {
        upload.write_all(b"bytes").await.expect("sent");
        RawAnswer::parse(&read_to_end(&mut upload).await)
    };
    let ((), answer) = tokio::join!(server.stop(), finish);
    assert_eq!(answer.status, 201);
    let path = "x".parse().expect("a path");
    assert!(engine.head(&path).await.is_ok(), "the store outlives the server");
}
