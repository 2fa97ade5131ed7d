//! Objects go in and come out, whole and in parts.

use gateway::api::{ErrorCode, Object};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, RANGE};
use testkit::Lottery;

use crate::server::{TestServer, header, refusal, send};

#[tokio::test]
async fn what_was_put_comes_back_with_its_attributes() {
    let server = TestServer::start().await;
    let bytes = Lottery::from_env().bytes(3_000_001);
    let put = server
        .client
        .put(server.object("a folder/report €.pdf"))
        .body(bytes.clone());
    let put = put
        .header(CONTENT_TYPE, "application/pdf")
        .header("X-Store-Modified", "784111777123")
        .header("X-Store-Meta-Colour", "grün".as_bytes());
    let response = send(put).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let tag = header(&response, "etag").expect("an entity tag").to_owned();
    let object: Object = response.json().await.expect("an object");
    assert_eq!(object.path, "a folder/report €.pdf");
    assert_eq!(
        (object.size_bytes, object.modified_unix_ms),
        (3_000_001, 784_111_777_123)
    );
    assert_eq!(object.metadata.get("colour").map(String::as_str), Some("grün"));
    assert_eq!(tag, format!("\"{}\"", object.version));
    assert_eq!((object.geometry.data, object.geometry.parity), (6, 3));

    for method in [reqwest::Method::GET, reqwest::Method::HEAD] {
        let is_head = method == reqwest::Method::HEAD;
        let response = send(
            server
                .client
                .request(method, server.object("a folder/report €.pdf")),
        )
        .await;
        let expected = [
            ("content-type", "application/pdf"),
            ("content-length", "3000001"),
            ("etag", &tag),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("x-store-modified", "784111777123"),
            ("accept-ranges", "bytes"),
            (
                "content-disposition",
                "attachment; filename*=UTF-8''report%20%E2%82%AC.pdf",
            ),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox"),
            ("cross-origin-resource-policy", "same-origin"),
        ];
        for (name, value) in expected {
            assert_eq!(header(&response, name), Some(value), "{name}");
        }
        assert_eq!(
            response.headers()["x-store-meta-colour"].as_bytes(),
            "grün".as_bytes()
        );
        assert_eq!(response.status(), StatusCode::OK);
        let got = response.bytes().await.expect("the whole");
        assert!(if is_head { got.is_empty() } else { got == bytes });
    }
}

#[tokio::test]
async fn every_length_around_the_limits_survives() {
    let server = TestServer::start().await;
    let mut lottery = Lottery::from_env();
    for len in [
        0,
        1,
        65_535,
        65_536,
        65_537,
        (1 << 20) - 1,
        1 << 20,
        (1 << 20) + 1,
    ] {
        let bytes = lottery.bytes(len);
        assert_eq!(server.put("x", &bytes).await.status().as_u16() / 100, 2, "{len}");
        let response = send(server.client.get(server.object("x"))).await;
        assert_eq!(
            header(&response, "content-length"),
            Some(len.to_string().as_str())
        );
        assert!(
            response.bytes().await.expect("the whole") == bytes,
            "{len} bytes changed"
        );
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_stored() {
    let server = TestServer::start().await;
    let bytes = Lottery::from_env().bytes(200_000);
    let frames: Vec<std::io::Result<Vec<u8>>> = bytes.chunks(7000).map(|frame| Ok(frame.to_vec())).collect();
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(frames));
    let response = send(server.client.put(server.object("x")).body(body)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert!(server.store.get("x").await.expect("stored") == bytes);
}

#[tokio::test]
async fn ranges_are_parts_of_the_whole() {
    let server = TestServer::start().await;
    let bytes = Lottery::from_env().bytes(2_500_000);
    server.put("x", &bytes).await;
    let cases = [
        ("bytes=0-0", 0..1),
        ("bytes=1048575-1048576", 1_048_575..1_048_577),
        ("bytes=2000000-", 2_000_000..2_500_000),
        ("bytes=-7", 2_499_993..2_500_000),
        ("bytes=100-99999999999999999999", 100..2_500_000),
    ];
    for (range, part) in cases {
        let response = send(server.client.get(server.object("x")).header(RANGE, range)).await;
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        let shown = format!("bytes {}-{}/2500000", part.start, part.end - 1);
        assert_eq!(header(&response, "content-range"), Some(shown.as_str()));
        assert_eq!(
            header(&response, "content-length"),
            Some(part.len().to_string().as_str())
        );
        assert!(
            response.bytes().await.expect("the part") == bytes[part],
            "{range}"
        );
    }
    for range in ["bytes=0-1,5-6", "bytes=9-1", "lines=1-2", "nonsense"] {
        let response = send(server.client.get(server.object("x")).header(RANGE, range)).await;
        assert_eq!(response.status(), StatusCode::OK, "{range}");
        assert!(response.bytes().await.expect("the whole") == bytes, "{range}");
    }
    let head = send(server.client.head(server.object("x")).header(RANGE, "bytes=0-0")).await;
    assert_eq!(
        (head.status(), header(&head, "content-length")),
        (StatusCode::OK, Some("2500000"))
    );
}

#[tokio::test]
async fn a_range_behind_the_end_is_refused_with_the_size() {
    let server = TestServer::start().await;
    server.put("x", b"12345").await;
    server.put("empty", b"").await;
    for range in ["bytes=5-", "bytes=-0", "bytes=99999999999999999999-"] {
        let response = send(server.client.get(server.object("x")).header(RANGE, range)).await;
        assert_eq!(header(&response, "content-range"), Some("bytes */5"), "{range}");
        assert_eq!(
            refusal(response).await,
            (416, ErrorCode::RangeNotSatisfiable),
            "{range}"
        );
    }
    let response = send(
        server
            .client
            .get(server.object("empty"))
            .header(RANGE, "bytes=0-"),
    )
    .await;
    assert_eq!(
        response.status(),
        StatusCode::OK,
        "a range of nothing is the nothing"
    );
}

#[tokio::test]
async fn deleted_objects_are_gone() {
    let server = TestServer::start().await;
    server.put("x", b"1").await;
    assert_eq!(
        send(server.client.delete(server.object("x"))).await.status(),
        StatusCode::NO_CONTENT
    );
    for request in [
        server.client.get(server.object("x")),
        server.client.delete(server.object("x")),
    ] {
        assert_eq!(refusal(send(request).await).await, (404, ErrorCode::NotFound));
    }
    let head = send(server.client.head(server.object("x"))).await;
    assert_eq!(
        (head.status(), head.bytes().await.expect("none").len()),
        (StatusCode::NOT_FOUND, 0)
    );
    assert_eq!(server.put("x", b"2").await.status(), StatusCode::CREATED);
    assert_eq!(server.put("x", b"3").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn odd_attributes_are_refused() {
    let server = TestServer::start().await;
    let long = "x".repeat(9000);
    for (name, value) in [
        ("X-Store-Modified", "yesterday"),
        ("X-Store-Meta-Long", &long),
        ("Content-Type", &long[..300]),
        ("If-Match", "unquoted"),
        ("If-None-Match", "\"open"),
    ] {
        let put = server
            .client
            .put(server.object("x"))
            .header(name, value)
            .body("x");
        assert_eq!(
            refusal(send(put).await).await,
            (400, ErrorCode::BadRequest),
            "{name}"
        );
    }
    assert_eq!(server.store.paths().await, Vec::<String>::new());
}
