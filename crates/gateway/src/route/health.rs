//! One word for monitors.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::nodes::snapshots;
use crate::api::{ErrorBody, Health};
use crate::error::ApiError;
use crate::gateway::Gateway;

/// How the store is doing, in one word; the status is 200 whatever the word is
#[utoipa::path(
    get,
    path = "/api/v1/health",
    tag = "store",
    responses((status = OK, body = Health), (status = "default", description = "An error", body = ErrorBody))
)]
pub(crate) async fn health(State(gateway): State<Arc<Gateway>>) -> Result<Json<Health>, ApiError> {
    let health = gateway.engine.health().await?;
    Ok(Json(Health::new(&snapshots(&gateway), &health)))
}
