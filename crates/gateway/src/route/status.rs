//! The whole store at a glance.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::nodes::snapshots;
use crate::api::{ErrorBody, Status};
use crate::error::ApiError;
use crate::gateway::Gateway;

/// The whole store at a glance
#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "store",
    responses((status = OK, body = Status), (status = "default", description = "An error", body = ErrorBody))
)]
pub(crate) async fn status(State(gateway): State<Arc<Gateway>>) -> Result<Json<Status>, ApiError> {
    let health = gateway.engine.health().await?;
    let store = gateway.operator.store().into();
    Ok(Json(Status::new(snapshots(&gateway), health, store)))
}
