//! [`Control`] over HTTP, for other programs on this machine.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::control::{Command, Control, EmulatorState};
use crate::shared::Shared;

/// `POST command` with a [`Command`], `GET state`.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/command", post(command))
        .route("/state", get(state))
        .layer(DefaultBodyLimit::max(COMMAND_LEN_MAX))
        .layer(middleware::from_fn(keep_pages_out))
}

/// A page in the user's browser could send requests to loopback, even under a name of its own.
async fn keep_pages_out(headers: HeaderMap, request: Request, next: Next) -> Response {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_local = matches!(name, "127.0.0.1" | "localhost" | "[::1]");
    if !is_local || headers.contains_key(header::ORIGIN) {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

async fn command(State(shared): State<Arc<Shared>>, Json(command): Json<Command>) -> StatusCode {
    Control { shared }.apply(command);
    StatusCode::NO_CONTENT
}

async fn state(State(shared): State<Arc<Shared>>) -> Json<EmulatorState> {
    Json(Control { shared }.state())
}

const COMMAND_LEN_MAX: usize = 64 << 10;
