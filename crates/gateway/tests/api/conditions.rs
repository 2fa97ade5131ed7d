//! Conditional requests: nobody overwrites what they have not seen.

use gateway::api::ErrorCode;
use reqwest::header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};
use reqwest::{Method, StatusCode};

use crate::server::{TestServer, header, refusal, send};

/// A server with two versions of `x` put one after the other, and their tags.
async fn with_two_versions() -> (TestServer, String, String) {
    let server = TestServer::start().await;
    let mut tags = Vec::new();
    for bytes in ["first", "second"] {
        let response = server.put("x", bytes.as_bytes()).await;
        tags.push(header(&response, "etag").expect("a tag").to_owned());
    }
    let [old, current] = tags.try_into().expect("two");
    (server, old, current)
}

#[tokio::test]
async fn reads_heed_conditions() {
    let (server, old, current) = with_two_versions().await;
    let both = format!("{old}, {current}");
    let weak = format!("W/{current}");
    let cases = [
        (IF_MATCH, current.as_str(), 200),
        (IF_MATCH, both.as_str(), 200),
        (IF_MATCH, "*", 200),
        (IF_MATCH, old.as_str(), 412),
        (IF_MATCH, weak.as_str(), 412),
        (IF_MATCH, "\"something else\"", 412),
        (IF_NONE_MATCH, current.as_str(), 304),
        (IF_NONE_MATCH, weak.as_str(), 304),
        (IF_NONE_MATCH, both.as_str(), 304),
        (IF_NONE_MATCH, "*", 304),
        (IF_NONE_MATCH, old.as_str(), 200),
        (IF_NONE_MATCH, "\"something else\"", 200),
    ];
    for (name, value, status) in cases {
        for method in [Method::GET, Method::HEAD] {
            let request = server.client.request(method.clone(), server.object("x"));
            let response = send(request.header(&name, value)).await;
            assert_eq!(response.status(), status, "{method} {name}: {value}");
            if status == 304 {
                assert_eq!(header(&response, "etag"), Some(current.as_str()));
                assert!(response.bytes().await.expect("none").is_empty());
            }
        }
    }
}

#[tokio::test]
async fn a_range_of_another_version_is_the_whole_of_this_one() {
    let (server, old, current) = with_two_versions().await;
    let date = "Sat, 29 Oct 1994 19:43:31 GMT".to_owned();
    for (if_range, status, bytes) in [
        (&current, 206, "sec"),
        (&old, 200, "second"),
        (&date, 200, "second"),
    ] {
        let request = server.client.get(server.object("x")).header(RANGE, "bytes=0-2");
        let response = send(request.header(IF_RANGE, if_range)).await;
        assert_eq!(response.status(), status, "{if_range}");
        assert_eq!(response.text().await.expect("text"), bytes);
    }
}

#[tokio::test]
async fn writes_heed_conditions() {
    let (server, old, current) = with_two_versions().await;
    let failing = [
        (Method::PUT, "x", IF_MATCH, old.as_str()),
        (Method::PUT, "x", IF_MATCH, "\"something else\""),
        (Method::PUT, "x", IF_NONE_MATCH, "*"),
        (Method::PUT, "x", IF_NONE_MATCH, current.as_str()),
        (Method::PUT, "new", IF_MATCH, "*"),
        (Method::PUT, "new", IF_MATCH, current.as_str()),
        (Method::DELETE, "x", IF_MATCH, old.as_str()),
    ];
    for (method, path, name, value) in failing {
        let request = server
            .client
            .request(method.clone(), server.object(path))
            .header(&name, value);
        let refused = refusal(send(request.body("third")).await).await;
        assert_eq!(
            refused,
            (412, ErrorCode::PreconditionFailed),
            "{method} {path} {name}: {value}"
        );
    }
    assert_eq!(server.store.get("x").await.expect("unchanged"), b"second");
    assert_eq!(server.store.paths().await, ["x"]);

    let replace = server
        .client
        .put(server.object("x"))
        .header(IF_MATCH, &current)
        .body("third");
    assert_eq!(send(replace).await.status(), StatusCode::OK);
    let create = server
        .client
        .put(server.object("new"))
        .header(IF_NONE_MATCH, "*")
        .body("n");
    assert_eq!(send(create).await.status(), StatusCode::CREATED);
    let delete = server.client.delete(server.object("x")).header(IF_MATCH, "*");
    assert_eq!(send(delete).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn of_two_uploads_to_one_path_one_wins_whole() {
    let server = TestServer::start().await;
    let contents = [vec![1; 3 << 20], vec![2; 3 << 20]];
    let (one, two) = tokio::join!(server.put("x", &contents[0]), server.put("x", &contents[1]));
    let tags = [header(&one, "etag"), header(&two, "etag")];
    let response = send(server.client.get(server.object("x"))).await;
    let winner = tags
        .iter()
        .position(|tag| *tag == header(&response, "etag"))
        .expect("one of them");
    assert!(response.bytes().await.expect("whole") == contents[winner]);

    let create = || {
        server
            .client
            .put(server.object("y"))
            .header(IF_NONE_MATCH, "*")
            .body(vec![3; 1 << 20])
    };
    let (one, two) = tokio::join!(send(create()), send(create()));
    let mut statuses = [one.status(), two.status()];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::CREATED, StatusCode::PRECONDITION_FAILED]);
}
