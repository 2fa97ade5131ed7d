//! The description of the API, made from the code.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};

use crate::gateway::Gateway;

/// This document
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "about",
    responses((status = OK, body = serde_json::Value))
)]
pub(crate) async fn document(State(gateway): State<Arc<Gateway>>) -> Response {
    ([(CONTENT_TYPE, "application/json")], gateway.document.clone()).into_response()
}

/// The document without the addresses: those come from the routes.
pub(crate) fn base() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", token);
    // Without a token on loopback, with one beyond.
    document.security = Some(vec![
        SecurityRequirement::default(),
        SecurityRequirement::new("token", Vec::<String>::new()),
    ]);
    document
}

/// The document as it is served.
pub(crate) fn to_json(mut document: utoipa::openapi::OpenApi) -> Bytes {
    // OpenAPI has no word for a parameter that spans segments.
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths
        .into_iter()
        .map(|(path, item)| (path.replace("{*", "{"), item))
        .collect();
    serde_json::to_vec(&document)
        .expect("a document of strings")
        .into()
}

#[derive(OpenApi)]
#[openapi(info(
    title = "CloudShell Store",
    description = "Files on the nodes of a store. Amounts end in their unit, times are milliseconds since 1970 in UTC, \
        versions are entity tags. Every error has the same shape."
))]
struct Document;
