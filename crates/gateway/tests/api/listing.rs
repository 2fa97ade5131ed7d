//! Listings: every object once, in order, whatever the page size and the names.

use engine::PutOptions;
use futures_util::stream::{self, StreamExt as _};
use gateway::api::{ErrorCode, ListEntry, ObjectPage};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::server::{TestServer, refusal, send};

const ODD_NAMES: [&str; 14] = [
    "a b",
    "a+b",
    "%41",
    "%2F",
    "q?x=1&y=2#z",
    "Ünïcode/空/…",
    "...",
    "tab\tnew\nline",
    "back\\slash",
    "\u{202e}turned",
    "🦀/🦀",
    "\"quoted\"",
    "-rf",
    "\u{10ffff}",
];

type Query<'a> = &'a [(&'a str, &'a str)];

async fn page(server: &TestServer, query: Query<'_>) -> ObjectPage {
    let pairs = query
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    let response = server
        .get(&format!(
            "/api/v1/objects?{}",
            pairs.collect::<Vec<_>>().join("&")
        ))
        .await;
    assert_eq!(response.status(), 200, "{query:?}");
    response.json().await.expect("a page")
}

fn key(entry: &ListEntry) -> &str {
    match entry {
        ListEntry::Object(object) => &object.path,
        ListEntry::Prefix(prefix) => &prefix.prefix,
    }
}

/// All pages one after the other.
async fn all(server: &TestServer, query: Query<'_>) -> Vec<String> {
    let (mut keys, mut cursor): (Vec<String>, Option<String>) = (Vec::new(), None);
    loop {
        let mut query = query.to_vec();
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = page(server, &query).await;
        keys.extend(page.entries.iter().map(|entry| key(entry).to_owned()));
        assert!(keys.len() < 10_000, "the listing does not end");
        cursor = Some(match page.next_cursor {
            Some(cursor) => cursor,
            None => return keys,
        });
    }
}

#[tokio::test]
async fn odd_names_go_through_urls_and_cursors() {
    let server = TestServer::start().await;
    for name in ODD_NAMES {
        assert_eq!(server.put(name, name.as_bytes()).await.status(), 201, "{name:?}");
    }
    for name in ODD_NAMES {
        let response = send(server.client.get(server.object(name))).await;
        assert_eq!(response.text().await.expect("text"), name);
    }
    let mut sorted = ODD_NAMES.map(str::to_owned);
    sorted.sort();
    for limit in ["1", "3", "1000"] {
        assert_eq!(all(&server, &[("limit", limit)]).await, sorted, "limit {limit}");
    }
    assert_eq!(all(&server, &[("prefix", "Ünïcode/")]).await, ["Ünïcode/空/…"]);
    assert_eq!(all(&server, &[("prefix", "\u{10ffff}")]).await, ["\u{10ffff}"]);
}

#[tokio::test]
async fn folders_fold_at_any_delimiter() {
    let server = TestServer::start().await;
    for name in ["a", "a/b", "a/c/d", "b/x", "ab"] {
        server.put(name, b"").await;
    }
    let cases: [(Query<'_>, &[&str]); 4] = [
        (&[("delimiter", "/")], &["a", "a/", "ab", "b/"]),
        (&[("delimiter", "/"), ("prefix", "a/")], &["a/b", "a/c/"]),
        (&[("delimiter", "b")], &["a", "a/b", "a/c/d", "ab", "b"]),
        (&[("prefix", "nothing")], &[]),
    ];
    for (query, expected) in cases {
        for limit in ["1", "2", "100"] {
            let query = [query, &[("limit", limit)]].concat();
            assert_eq!(all(&server, &query).await, expected, "{query:?}");
        }
    }
    let kinds = page(&server, &[("delimiter", "/")]).await;
    let is_object: Vec<bool> = kinds
        .entries
        .iter()
        .map(|entry| matches!(entry, ListEntry::Object(_)))
        .collect();
    assert_eq!(is_object, [true, false, true, false]);
}

#[tokio::test]
async fn cursors_lead_through_thousands_of_objects() {
    let server = TestServer::start().await;
    let names: Vec<String> = (0..2500).map(|n| format!("folder-{}/{n:04}", n % 7)).collect();
    let engine = &server.store.engine;
    stream::iter(&names)
        .for_each_concurrent(32, |name| async {
            let path = name.parse().expect("a path");
            engine
                .put(&path, PutOptions::default(), testkit::body(b"x"))
                .await
                .expect("stored");
        })
        .await;
    let mut sorted = names.clone();
    sorted.sort();
    let first = page(&server, &[]).await;
    assert_eq!((first.entries.len(), first.next_cursor.is_some()), (1000, true));
    assert_eq!(all(&server, &[]).await, sorted);
    assert_eq!(all(&server, &[("limit", "333")]).await, sorted);
    let folders: Vec<String> = (0..7).map(|n| format!("folder-{n}/")).collect();
    assert_eq!(all(&server, &[("delimiter", "/"), ("limit", "3")]).await, folders);
}

#[tokio::test]
async fn malformed_queries_are_refused() {
    let server = TestServer::start().await;
    for query in [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=many",
        "limit=99999999999999999999",
        "delimiter=",
        "delimiter=ab",
        "cursor=%00",
        "cursor=_w",
        "colour=red",
        "limit=1&limit=2",
    ] {
        let response = server.get(&format!("/api/v1/objects?{query}")).await;
        assert_eq!(refusal(response).await, (400, ErrorCode::BadRequest), "{query}");
    }
}
