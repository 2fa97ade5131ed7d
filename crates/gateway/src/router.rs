//! Addresses, and what answers at them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::GatewayConfig;
use crate::api::ErrorCode;
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::observe::observe;
use crate::openapi;
use crate::request::JSON_LEN_MAX;
use crate::route::{events, health, index, layout, list, metrics, nodes, objects, rename, status, store};

/// The API as a service, for a server listening at `bound`. [`serve`](crate::serve) is that server, with the limits on
/// connections and time that a service alone cannot keep.
pub fn router(config: GatewayConfig, bound: SocketAddr) -> Router {
    router_until(config, bound, CancellationToken::new())
}

/// The same; event streams end when `closing` says so.
pub(crate) fn router_until(config: GatewayConfig, bound: SocketAddr, closing: CancellationToken) -> Router {
    let (routes, document) = described_routes().split_for_parts();
    let gateway = Arc::new(Gateway::new(config, bound, closing, openapi::to_json(document)));
    routes
        .fallback(no_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(JSON_LEN_MAX))
        .layer(from_fn_with_state(Arc::clone(&gateway), guard))
        .layer(from_fn_with_state(Arc::clone(&gateway), observe))
        .with_state(gateway)
}

/// Every address with its description: what is not described is not served.
fn described_routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(index::index))
        .routes(routes!(
            objects::get,
            objects::head,
            objects::put,
            objects::delete
        ))
        .routes(routes!(list::list))
        .routes(routes!(rename::rename))
        .routes(routes!(layout::layout))
        .routes(routes!(nodes::list, nodes::add))
        .routes(routes!(nodes::remove))
        .routes(routes!(nodes::wake))
        .routes(routes!(nodes::sleep))
        .routes(routes!(store::store))
        .routes(routes!(store::change_passphrase))
        .routes(routes!(status::status))
        .routes(routes!(health::health))
        .routes(routes!(events::events))
        .routes(routes!(metrics::metrics))
        .routes(routes!(openapi::document))
}

/// The address at which a request's connection arrived, for a server bound to a wildcard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArrivedAt(pub(crate) IpAddr);

async fn guard(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let local = request.extensions().get::<ArrivedAt>().map(|at| at.0);
    let mut response = match gateway.guard.admit(request.uri(), request.headers(), local) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // Other sites may not even embed what they cannot read.
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("same-origin"),
    );
    response
}

async fn no_route(uri: Uri) -> ApiError {
    // A wildcard does not match nothing, but it is the path that is wrong.
    if matches!(uri.path(), "/api/v1/objects/" | "/api/v1/layout/") {
        return model::ParsePathError::EmptySegment.into();
    }
    let message = "there is nothing at this address";
    ApiError::new(StatusCode::NOT_FOUND, ErrorCode::NoRoute, message).hint("see /api/v1/openapi.json")
}

async fn method_not_allowed(method: Method) -> ApiError {
    let message = format!("this address does not know the method {method}");
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::MethodNotAllowed,
        message,
    )
}
