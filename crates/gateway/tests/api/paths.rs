//! Paths that are none: refused with the reason, and not normalised into another path on the way. Raw requests, since
//! clients tidy a URL before they send it.

use model::{ObjectPath, ParsePathError};

use crate::raw::ask;
use crate::server::TestServer;

#[tokio::test]
async fn what_cannot_be_a_path_is_refused_with_the_reason() {
    let server = TestServer::start().await;
    server.put("secret", b"1").await;
    let long = "x".repeat(1025);
    let dots = |segment: &str| ParsePathError::DotSegment {
        segment: segment.to_owned(),
    };
    let cases = [
        ("", ParsePathError::EmptySegment),
        ("/secret", ParsePathError::EmptySegment),
        ("secret/", ParsePathError::EmptySegment),
        ("a//secret", ParsePathError::EmptySegment),
        ("a/../secret", dots("..")),
        ("..", dots("..")),
        ("../../secret", dots("..")),
        ("a/%2e%2E/secret", dots("..")),
        ("a%2F..%2Fsecret", dots("..")),
        ("./secret", dots(".")),
        ("secret%00", ParsePathError::Nul),
        ("%ff%fe", ParsePathError::NotUtf8),
        ("%c3", ParsePathError::NotUtf8),
        (long.as_str(), ParsePathError::TooLong { len_bytes: 1025 }),
    ];
    for (raw, reason) in cases {
        for (method, route) in [
            ("GET", "objects"),
            ("PUT", "objects"),
            ("DELETE", "objects"),
            ("GET", "layout"),
        ] {
            let answer = ask(
                server.addr,
                &format!("{method} /api/v1/{route}/{raw} HTTP/1.1\r\nHost: localhost"),
            )
            .await;
            // Nothing follows the prefix: it is the address that lacks a path, whatever is asked.
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (400, "bad_path"),
                "{method} {raw:?}"
            );
            let body = String::from_utf8(answer.body).expect("JSON");
            let reason = serde_json::to_string(&reason.to_string()).expect("JSON");
            assert!(body.contains(reason.trim_matches('"')), "{raw:?}: {body}");
        }
    }
    assert_eq!(server.store.paths().await, ["secret"]);
}

#[tokio::test]
async fn half_an_escape_is_refused() {
    let server = TestServer::start().await;
    for raw in ["%", "a%2", "%zz", "a%%20"] {
        let answer = ask(
            server.addr,
            &format!("GET /api/v1/objects/{raw} HTTP/1.1\r\nHost: localhost"),
        )
        .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "bad_path"),
            "{raw:?}"
        );
    }
}

#[tokio::test]
async fn the_longest_path_is_taken() {
    let server = TestServer::start().await;
    let longest = "\u{1f980}".repeat(ObjectPath::LEN_MAX / 4);
    assert_eq!(server.put(&longest, b"1").await.status(), 201);
    assert_eq!(server.store.paths().await, [longest]);
}
