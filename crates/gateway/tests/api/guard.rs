//! Who is let in: tokens, hosts and origins, in raw requests, since clients set some of these by themselves.

use std::io::ErrorKind;

use gateway::{BearerToken, GatewayConfig, serve};
use testkit::TestStore;
use tokio::net::TcpListener;

use crate::raw::{RawAnswer, ask};
use crate::server::{TestOperator, TestServer};

const TOKEN: &str = "0123456789abcdef-token";

fn with_token(config: &mut GatewayConfig) {
    config.token = Some(BearerToken::new(TOKEN.to_owned().into()).expect("long enough"));
}

async fn answer(server: &TestServer, headers: &str) -> RawAnswer {
    let headers = headers.replace("PORT", &server.addr.port().to_string());
    ask(server.addr, &format!("GET /api/v1/health HTTP/1.1{headers}")).await
}

#[tokio::test]
async fn only_our_own_names_and_pages_are_let_in() {
    let configure = |config: &mut GatewayConfig| config.host_names = vec!["Store.Example".to_owned()];
    let server = TestServer::with(TestStore::new(9).await, "127.0.0.1:0", configure).await;
    let cases = [
        ("\r\nHost: 127.0.0.1:PORT", 200),
        ("\r\nHost: localhost", 200),
        ("\r\nHost: LOCALHOST:1", 200),
        ("\r\nHost: [::1]:PORT", 200),
        ("\r\nHost: store.example", 200),
        ("\r\nHost: evil.example:PORT", 403),
        ("\r\nHost: localhost.evil.example", 403),
        ("\r\nHost: 127.0.0.1.evil.example", 403),
        ("\r\nHost: 192.0.2.1", 403),
        ("\r\nHost: 0.0.0.0:PORT", 403),
        ("", 400),
        ("\r\nHost: ", 400),
        ("\r\nHost: localhost\r\nHost: localhost", 400),
        ("\r\nHost: user@localhost", 400),
        ("\r\nHost: localhost:PORT\r\nOrigin: http://localhost:PORT", 200),
        ("\r\nHost: localhost\r\nOrigin: http://localhost", 200),
        ("\r\nHost: localhost\r\nOrigin: http://localhost:80", 200),
        ("\r\nHost: store.example\r\nOrigin: https://store.example", 200),
        ("\r\nHost: localhost:PORT\r\nOrigin: http://localhost:1", 403),
        ("\r\nHost: localhost:PORT\r\nOrigin: http://127.0.0.1:PORT", 403),
        ("\r\nHost: localhost:PORT\r\nOrigin: https://evil.example", 403),
        ("\r\nHost: localhost:PORT\r\nOrigin: null", 403),
        ("\r\nHost: localhost:PORT\r\nOrigin: ", 403),
        ("\r\nHost: localhost:PORT\r\nOrigin: file://localhost:PORT", 403),
        (
            "\r\nHost: localhost\r\nOrigin: http://localhost\r\nOrigin: http://localhost",
            403,
        ),
    ];
    for (headers, status) in cases {
        let answer = answer(&server, headers).await;
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.head);
        if status == 403 {
            assert_eq!(answer.code(), "forbidden");
        }
        assert!(
            !answer.head.contains("access-control"),
            "no other site may read this"
        );
    }
    let absolute = ask(
        server.addr,
        "GET http://evil.example/api/v1/health HTTP/1.1\r\nHost: localhost",
    )
    .await;
    assert_eq!(absolute.status, 403, "the target's own host counts too");
}

#[tokio::test]
async fn a_page_elsewhere_cannot_write() {
    let server = TestServer::start().await;
    let head = "PUT /api/v1/objects/x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nContent-Length: 0";
    assert_eq!(ask(server.addr, head).await.status, 403);
    assert_eq!(server.store.paths().await, Vec::<String>::new());
}

#[tokio::test]
async fn beyond_loopback_everything_needs_the_token() {
    let server = TestServer::with(TestStore::new(9).await, "0.0.0.0:0", with_token).await;
    let cases = [
        (format!("Authorization: Bearer {TOKEN}"), 200),
        (format!("Authorization: bearer   {TOKEN} "), 200),
        (format!("Authorization: Basic {TOKEN}"), 401),
        (format!("Authorization: {TOKEN}"), 401),
        (format!("Authorization: Bearer {TOKEN}x"), 401),
        (format!("Authorization: Bearer {}", &TOKEN[1..]), 401),
        ("Authorization: Bearer ".to_owned(), 401),
        ("Authorization: Bearer".to_owned(), 401),
        ("X: none".to_owned(), 401),
    ];
    for (header, status) in cases {
        let answer = answer(&server, &format!("\r\nHost: 127.0.0.1\r\n{header}")).await;
        assert_eq!(answer.status, status, "{header:?}");
        if status == 401 {
            assert_eq!(answer.code(), "unauthorized");
            assert!(
                answer.head.contains("www-authenticate: Bearer"),
                "{}",
                answer.head
            );
        }
    }
    for path in [
        "/",
        "/metrics",
        "/api/v1/openapi.json",
        "/api/v1/store",
        "/nothing",
    ] {
        let answer = ask(server.addr, &format!("GET {path} HTTP/1.1\r\nHost: localhost")).await;
        assert_eq!(answer.status, 401, "{path}");
    }
}

#[tokio::test]
async fn beyond_loopback_nothing_is_served_without_a_token() {
    let store = TestStore::new(0).await;
    let listener = TcpListener::bind("0.0.0.0:0").await.expect("a free port");
    let operator = std::sync::Arc::new(TestOperator::new(store.engine.clone()));
    let config = GatewayConfig::new(store.engine.clone(), operator);
    let error = serve(listener, config, std::future::pending())
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("a token is needed"), "{error}");
}

#[test]
fn tokens_are_long_and_hidden() {
    for text in [
        "",
        "short",
        "fifteen-letters",
        "with a space and more",
        "new\nline-0123456789",
    ] {
        assert!(
            BearerToken::new(text.to_owned().into()).is_err(),
            "{text:?} was accepted"
        );
    }
    let token = BearerToken::new(TOKEN.to_owned().into()).expect("long enough");
    assert!(!format!("{token:?}").contains("0123"));
}
