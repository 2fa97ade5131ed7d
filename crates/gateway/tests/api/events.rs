//! Server-sent events.

use std::time::Duration;

use engine::Event;
use gateway::GatewayConfig;
use gateway::api::{ErrorCode, EventData, MoveRequest, NodeState};
use reqwest::Response;
use testkit::TestStore;

use crate::server::{TestServer, refusal, send};

/// Reads events until `is_last` says so.
async fn read_until(stream: &mut Response, is_last: impl Fn(&EventData) -> bool) -> Vec<EventData> {
    let (mut text, mut events) = (String::new(), Vec::new());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let frame = tokio::time::timeout_at(deadline, stream.chunk()).await;
        let frame = frame.unwrap_or_else(|_| panic!("no further event after {events:?}"));
        text.push_str(std::str::from_utf8(&frame.expect("a frame").expect("no end")).expect("text"));
        while let Some((event, rest)) = text.split_once("\n\n") {
            events.extend(parse(event));
            text = rest.to_owned();
            if events.last().is_some_and(&is_last) {
                return events;
            }
        }
    }
}

fn parse(event: &str) -> Option<EventData> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
    let data: EventData = serde_json::from_str(field("data: ")?).expect("JSON");
    assert_eq!(field("event: "), Some(data.name()));
    Some(data)
}

#[tokio::test]
async fn listeners_hear_what_happens() {
    let server = TestServer::start().await;
    let mut stream = server.get("/api/v1/events").await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    server.put("a\nb", &vec![7; 1_500_000]).await;
    let request = MoveRequest {
        from: "a\nb".to_owned(),
        to: "c".to_owned(),
        overwrite: false,
    };
    send(server.client.post(server.url("/api/v1/move")).json(&request)).await;
    let node = "node-1".parse().expect("a name");
    server.store.engine.announce(Event::NodeChanged {
        node,
        state: model::NodeState::Asleep,
    });
    send(server.client.delete(server.object("c"))).await;
    let events = read_until(&mut stream, |event| {
        matches!(event, EventData::ObjectDeleted { .. })
    })
    .await;
    let path = |path: &str| path.to_owned();
    let progress = |durable_bytes| EventData::UploadProgress {
        path: path("a\nb"),
        durable_bytes,
    };
    let [
        first,
        second,
        EventData::ObjectPut {
            path: put,
            size_bytes,
            ..
        },
        rest @ ..,
    ] = events.as_slice()
    else {
        panic!("{events:?}");
    };
    assert_eq!((first, second), (&progress(1 << 20), &progress(1_500_000)));
    assert_eq!((put.as_str(), *size_bytes), ("a\nb", 1_500_000));
    let expected = [
        EventData::ObjectMoved {
            from: path("a\nb"),
            to: path("c"),
        },
        EventData::NodeChanged {
            node: "node-1".to_owned(),
            state: NodeState::Asleep,
        },
        EventData::ObjectDeleted { path: path("c") },
    ];
    assert_eq!(rest, expected);
}

/// One thread runs server and test, so that nothing is sent while the events are made.
#[tokio::test(flavor = "current_thread")]
async fn a_listener_that_lags_is_told_so() {
    let server = TestServer::start().await;
    let mut stream = server.get("/api/v1/events").await;
    for bytes in 0..10_000 {
        let path = "x".parse().expect("a path");
        server
            .store
            .engine
            .announce(Event::UploadProgress { path, bytes });
    }
    let events = read_until(&mut stream, |event| {
        matches!(
            event,
            EventData::UploadProgress {
                durable_bytes: 9999,
                ..
            }
        )
    })
    .await;
    let EventData::Lagged { missed } = events[0] else {
        panic!("first came {:?}", events[0]);
    };
    assert_eq!(missed as usize + events.len() - 1, 10_000, "missed and seen");
}

#[tokio::test]
async fn open_streams_are_limited_and_end_with_the_server() {
    let configure = |config: &mut GatewayConfig| config.limits.event_streams_max = 2;
    let server = TestServer::with(TestStore::new(9).await, "127.0.0.1:0", configure).await;
    let mut first = server.get("/api/v1/events").await;
    let _second = server.get("/api/v1/events").await;
    assert_eq!(
        refusal(server.get("/api/v1/events").await).await,
        (503, ErrorCode::Busy)
    );
    server.stop().await;
    assert!(first.chunk().await.expect("a proper end").is_none());
}
