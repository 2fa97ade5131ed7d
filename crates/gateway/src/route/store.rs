//! The store and its passphrase.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::api::{ChangePassphraseRequest, ErrorBody, Store};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::JsonBody;

/// What store this is
#[utoipa::path(
    get,
    path = "/api/v1/store",
    tag = "store",
    responses((status = OK, body = Store), (status = "default", description = "An error", body = ErrorBody))
)]
pub(crate) async fn store(State(gateway): State<Arc<Gateway>>) -> Json<Store> {
    Json(gateway.operator.store().into())
}

/// Wraps the master key in another passphrase; no data is touched
#[utoipa::path(
    post,
    path = "/api/v1/store/passphrase",
    tag = "store",
    request_body = ChangePassphraseRequest,
    responses(
        (status = NO_CONTENT, description = "The new passphrase is the one from now on"),
        (status = "default", description = "An error", body = ErrorBody)
    )
)]
pub(crate) async fn change_passphrase(
    State(gateway): State<Arc<Gateway>>,
    JsonBody(request): JsonBody<ChangePassphraseRequest>,
) -> Result<StatusCode, ApiError> {
    let (old, new) = (request.old.into_inner(), request.new.into_inner());
    if new.is_empty() {
        return Err(ApiError::bad_request("the new passphrase is empty"));
    }
    let busy = |_| ApiError::busy("the passphrase is being changed already");
    let _one_at_a_time = gateway.passphrase_changes.try_acquire().map_err(busy)?;
    gateway.operator.change_passphrase(old, new).await?;
    Ok(StatusCode::NO_CONTENT)
}
