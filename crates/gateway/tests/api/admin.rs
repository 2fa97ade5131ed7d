//! Everything about the store that is not an object's bytes.

use gateway::api::{
    AddNodeRequest, Cipher, ErrorCode, Health, HealthState, Layout, ListEntry, Lock, MoveRequest, Node,
    NodeAdded, NodeList, NodeState, Object, ObjectPage, ShardState, Status, Store, StripeKind,
};
use model::NodeState as State;
use serde_json::json;

use crate::server::{TestServer, refusal, send};

#[tokio::test]
async fn the_root_says_what_this_is() {
    let server = TestServer::start().await;
    let text = server.get("/").await.text().await.expect("text");
    assert_eq!(text.lines().count(), 1);
    assert!(text.contains("/api/v1/openapi.json"), "{text}");
}

#[tokio::test]
async fn addresses_that_are_none_and_methods_that_are_none() {
    let server = TestServer::start().await;
    for path in [
        "/api",
        "/api/v1",
        "/api/v1/nothing",
        "/api/v2/objects",
        "/favicon.ico",
        "/api/v1/nodes/a/b",
    ] {
        assert_eq!(
            refusal(server.get(path).await).await,
            (404, ErrorCode::NoRoute),
            "{path}"
        );
    }
    let patch = send(server.client.patch(server.object("x"))).await;
    assert!(patch.headers().contains_key("allow"));
    assert_eq!(refusal(patch).await, (405, ErrorCode::MethodNotAllowed));
}

#[tokio::test]
async fn objects_move() {
    let server = TestServer::start().await;
    server.put("a", b"a").await;
    server.put("b", b"b").await;
    let ask = |from: &str, to: &str, overwrite| {
        let request = MoveRequest {
            from: from.to_owned(),
            to: to.to_owned(),
            overwrite,
        };
        server.client.post(server.url("/api/v1/move")).json(&request)
    };
    assert_eq!(
        refusal(send(ask("a", "b", false)).await).await,
        (409, ErrorCode::Exists)
    );
    assert_eq!(
        refusal(send(ask("x", "y", false)).await).await,
        (404, ErrorCode::NotFound)
    );
    assert_eq!(
        refusal(send(ask("a", "../b", false)).await).await,
        (400, ErrorCode::BadPath)
    );
    let moved: Object = send(ask("a", "b", true)).await.json().await.expect("an object");
    assert_eq!((moved.path.as_str(), moved.size_bytes), ("b", 1));
    assert_eq!(server.store.get("b").await.expect("moved"), b"a");
    assert_eq!(server.store.paths().await, ["b"]);
}

#[tokio::test]
async fn json_bodies_are_checked() {
    let server = TestServer::start().await;
    let post = |body: String| {
        server
            .client
            .post(server.url("/api/v1/move"))
            .header("content-type", "application/json")
            .body(body)
    };
    for body in [
        "",
        "{",
        "[]",
        "{\"from\":1,\"to\":\"b\"}",
        "{\"from\":\"a\"}",
        "{\"from\":\"a\",\"to\":\"b\",\"x\":1}",
    ] {
        assert_eq!(
            refusal(send(post(body.to_owned())).await).await,
            (400, ErrorCode::BadRequest),
            "{body}"
        );
    }
    let long = json!({"from": "x".repeat(70_000), "to": "b"}).to_string();
    assert_eq!(refusal(send(post(long)).await).await, (413, ErrorCode::TooLarge));
    let form = server
        .client
        .post(server.url("/api/v1/move"))
        .header("content-type", "text/plain")
        .body("{}");
    assert_eq!(refusal(send(form).await).await, (415, ErrorCode::BadRequest));
}

#[tokio::test]
async fn a_layout_shows_where_every_shard_is() {
    let server = TestServer::start().await;
    server.put("x", &vec![7; 2_500_000]).await;
    server.store.nodes[0].disconnect();
    let layout: Layout = server
        .get("/api/v1/layout/x")
        .await
        .json()
        .await
        .expect("a layout");
    assert_eq!(
        (
            layout.stripe_count,
            layout.stripes.len(),
            layout.domains_may_be_lost
        ),
        (4, 4, Some(2))
    );
    assert_eq!(layout.stripes[0].kind, StripeKind::Record);
    assert_eq!(layout.stripes[3].len_bytes, 2_500_000 - 2 * (1 << 20));
    for stripe in &layout.stripes {
        assert_eq!((stripe.shards.len(), stripe.id.len()), (9, 64));
        let lost = stripe
            .shards
            .iter()
            .filter(|shard| shard.state == ShardState::Unreachable);
        let lost: Vec<_> = lost.filter_map(|shard| shard.node.as_deref()).collect();
        assert_eq!(lost, ["node-0"]);
    }
    let window: Layout = server
        .get("/api/v1/layout/x?first=1&limit=2")
        .await
        .json()
        .await
        .expect("a layout");
    assert_eq!(window.stripes, layout.stripes[1..3]);
    assert_eq!(
        (window.first, window.domains_may_be_lost),
        (1, Some(2)),
        "the whole counts"
    );
    assert_eq!(
        refusal(server.get("/api/v1/layout/y").await).await,
        (404, ErrorCode::NotFound)
    );
    assert_eq!(
        refusal(server.get("/api/v1/layout/x?limit=0").await).await,
        (400, ErrorCode::BadRequest)
    );
}

#[tokio::test]
async fn nodes_are_listed_added_and_removed() {
    let server = TestServer::start().await;
    server.store.nodes[1]
        .node
        .set_state(State::Lost, Some("no answer".to_owned()));
    let list: NodeList = server.get("/api/v1/nodes").await.json().await.expect("nodes");
    let expected = Node {
        id: "node-1".to_owned(),
        state: NodeState::Lost,
        path: None,
        domain: "node-1".to_owned(),
        provider: "memory".to_owned(),
        used_bytes: None,
        capacity_bytes: 256 << 20,
        latency_ms: None,
        seen_ms_ago: None,
        reason: Some("no answer".to_owned()),
        allowance: None,
    };
    assert_eq!((list.nodes.len(), &list.nodes[1]), (9, &expected));

    let add = |request: &serde_json::Value| server.client.post(server.url("/api/v1/nodes")).json(request);
    let wanted = json!({"provider": "local", "id": "local-3", "domain": "here", "capacity_bytes": 1000});
    let response = send(add(&wanted)).await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.json::<NodeAdded>().await.expect("added").id, "local-3");
    let added = server
        .operator
        .added
        .lock()
        .expect("no panic")
        .pop()
        .expect("added");
    assert_eq!(added.capacity.map(|bytes| bytes.0), Some(1000));
    assert_eq!(
        added,
        serde_json::from_value::<AddNodeRequest>(wanted)
            .expect("a request")
            .try_into()
            .expect("valid")
    );
    for (request, refused) in [
        (json!({"provider": "cloud"}), (409, ErrorCode::Refused)),
        (
            json!({"provider": "local", "id": "A/B"}),
            (400, ErrorCode::BadRequest),
        ),
        (json!({}), (400, ErrorCode::BadRequest)),
    ] {
        assert_eq!(refusal(send(add(&request)).await).await, refused, "{request}");
    }

    server.put("x", b"1").await;
    let remove = |id: &str| server.client.delete(server.url(&format!("/api/v1/nodes/{id}")));
    assert_eq!(
        refusal(send(remove("node-2")).await).await,
        (409, ErrorCode::NodeInUse)
    );
    assert_eq!(
        refusal(send(remove("node-99")).await).await,
        (404, ErrorCode::NotFound)
    );
    assert_eq!(
        refusal(send(remove("%2e%2e")).await).await,
        (404, ErrorCode::NoRoute),
        "tidied by the client"
    );
    assert_eq!(
        refusal(send(remove("A%2FB%ff")).await).await,
        (400, ErrorCode::BadRequest)
    );
}

#[tokio::test]
async fn an_empty_node_can_be_removed() {
    let server = TestServer::start().await;
    let response = send(server.client.delete(server.url("/api/v1/nodes/node-2"))).await;
    assert_eq!(
        (
            response.status().as_u16(),
            response.bytes().await.expect("none").len()
        ),
        (204, 0)
    );
}

#[tokio::test]
async fn the_passphrase_is_changed_by_who_knows_it() {
    let server = TestServer::start().await;
    let change = |old: &str, new: &str| {
        let request = json!({"old": old, "new": new});
        server
            .client
            .post(server.url("/api/v1/store/passphrase"))
            .json(&request)
    };
    assert_eq!(
        refusal(send(change("wrong", "new")).await).await,
        (403, ErrorCode::WrongPassphrase)
    );
    assert_eq!(
        refusal(send(change("old", "")).await).await,
        (400, ErrorCode::BadRequest)
    );
    assert_eq!(send(change("old", "new")).await.status(), 204);
    assert_eq!(
        refusal(send(change("old", "newer")).await).await,
        (403, ErrorCode::WrongPassphrase)
    );
}

#[tokio::test]
async fn the_status_says_it_all() {
    let server = TestServer::start().await;
    let empty: Status = server.get("/api/v1/status").await.json().await.expect("a status");
    assert_eq!(
        (empty.objects, empty.expansion, empty.domains_may_be_lost),
        (0, None, Some(3))
    );
    server.put("x", &vec![7; 600_000]).await;
    server.store.heal().await;
    server.store.nodes[0].disconnect();
    let status: Status = server.get("/api/v1/status").await.json().await.expect("a status");
    assert_eq!(
        (status.objects, status.bytes, status.nodes.len()),
        (1, 600_000, 9)
    );
    assert_eq!(status.domains_may_be_lost, Some(2));
    let stripes: u64 = status
        .stripes_by_tolerance
        .iter()
        .map(|count| count.stripes)
        .sum();
    assert_eq!((stripes, status.stripes_degraded), (2, 0));
    let expansion = status.expansion.expect("there are bytes");
    assert!((1.5..1.6).contains(&expansion), "{expansion}");
    let store: Store = server.get("/api/v1/store").await.json().await.expect("a store");
    assert_eq!(store, status.store);
    assert_eq!(
        (store.cipher, store.lock, store.id.len()),
        (Cipher::Aes256Gcm, Lock::Passphrase, 32)
    );
    let json: serde_json::Value = server.get("/api/v1/store").await.json().await.expect("JSON");
    assert_eq!(
        (&json["cipher"], &json["lock"]),
        (&json!("aes-256-gcm"), &json!("passphrase"))
    );
}

#[tokio::test]
async fn health_gets_worse_as_nodes_go() {
    let server = TestServer::start().await;
    server.put("x", b"1").await;
    for (lost, state, domains) in [
        (0, HealthState::Healthy, Some(3)),
        (1, HealthState::Degraded, Some(2)),
        (3, HealthState::Degraded, Some(0)),
        (4, HealthState::Unreadable, None),
    ] {
        server.store.nodes[..lost]
            .iter()
            .for_each(testkit::TestNode::disconnect);
        let health: Health = server.get("/api/v1/health").await.json().await.expect("health");
        assert_eq!(
            (health.state, health.domains_may_be_lost),
            (state, domains),
            "{lost} lost"
        );
        assert_eq!((health.nodes_connected, health.nodes), (9 - lost, 9));
    }
}

#[tokio::test]
async fn a_listing_is_what_the_put_said() {
    let server = TestServer::start().await;
    let object: Object = server.put("x", b"1").await.json().await.expect("an object");
    let page: ObjectPage = server.get("/api/v1/objects").await.json().await.expect("a page");
    assert_eq!(page.entries, [ListEntry::Object(object)]);
}

#[tokio::test]
async fn nodes_are_woken_and_sent_to_sleep() {
    let server = TestServer::start().await;
    let node = &server.store.nodes[1].node;
    node.set_state(State::Asleep, None);
    let wanted = node.wanted();
    let post = |route: &str| server.client.post(server.url(route));
    assert_eq!(send(post("/api/v1/nodes/node-1/wake")).await.status(), 202);
    assert!(wanted.borrow().is_some());
    assert_eq!(send(post("/api/v1/nodes/node-1/sleep")).await.status(), 202);
    assert!(wanted.borrow().is_none());
    assert_eq!(send(post("/api/v1/nodes/nobody/wake")).await.status(), 404);
}
