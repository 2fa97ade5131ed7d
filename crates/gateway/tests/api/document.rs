//! The OpenAPI document lists what is served, and what it lists is served.

use std::collections::BTreeSet;

use gateway::api::{ErrorBody, ErrorCode};
use reqwest::Method;
use serde_json::Value;

use crate::server::{TestServer, send};

const OPERATIONS: [(&str, &[&str]); 16] = [
    ("/", &["get"]),
    ("/metrics", &["get"]),
    ("/api/v1/events", &["get"]),
    ("/api/v1/health", &["get"]),
    ("/api/v1/layout/{path}", &["get"]),
    ("/api/v1/move", &["post"]),
    ("/api/v1/nodes", &["get", "post"]),
    ("/api/v1/nodes/{id}", &["delete"]),
    ("/api/v1/nodes/{id}/sleep", &["post"]),
    ("/api/v1/nodes/{id}/wake", &["post"]),
    ("/api/v1/objects", &["get"]),
    ("/api/v1/objects/{path}", &["get", "head", "put", "delete"]),
    ("/api/v1/openapi.json", &["get"]),
    ("/api/v1/status", &["get"]),
    ("/api/v1/store", &["get"]),
    ("/api/v1/store/passphrase", &["post"]),
];

async fn document(server: &TestServer) -> Value {
    server
        .get("/api/v1/openapi.json")
        .await
        .json()
        .await
        .expect("JSON")
}

#[tokio::test]
async fn the_document_lists_every_operation() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    let mut listed = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        listed.extend(
            item.as_object()
                .expect("operations")
                .keys()
                .map(|method| (path.clone(), method.clone())),
        );
    }
    let served = OPERATIONS
        .iter()
        .flat_map(|(path, methods)| methods.iter().map(|method| (*path, *method)));
    let served: BTreeSet<_> = served
        .map(|(path, method)| (path.to_owned(), method.to_owned()))
        .collect();
    assert_eq!(listed, served);
}

#[tokio::test]
async fn what_is_listed_is_served_and_nothing_else() {
    let server = TestServer::start().await;
    for (path, methods) in OPERATIONS {
        let url = server.url(&path.replace("{path}", "x").replace("{id}", "x"));
        for method in ["get", "put", "post", "delete", "patch"] {
            let request = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let response = send(server.client.request(request, &url)).await;
            let is_stream = response.status() == 200;
            let body: Option<ErrorBody> = if is_stream {
                None
            } else {
                response.json().await.ok()
            };
            let code = body.map(|body| body.error.code);
            assert_ne!(code, Some(ErrorCode::NoRoute), "{method} {path}");
            let is_refused = code == Some(ErrorCode::MethodNotAllowed);
            assert_eq!(
                is_refused,
                !methods.contains(&method),
                "{method} {path}: {code:?}"
            );
        }
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_no_secret_is_shown() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3."))
    );
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
    let passphrase = &document["components"]["schemas"]["ChangePassphraseRequest"]["properties"]["old"];
    assert!(passphrase.is_object(), "{passphrase}");
    assert!(document["components"]["securitySchemes"]["token"].is_object());
}
