//! Where an object's shards are.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::list::check_limit;
use crate::api::{ErrorBody, Layout, LayoutParameters};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{PathOf, QueryOf};

/// Where an object's shards are, and how much may be lost
#[utoipa::path(
    get,
    path = "/api/v1/layout/{*path}",
    tag = "objects",
    params(("path" = String, Path, description = "The object, percent-encoded"), LayoutParameters),
    responses((status = OK, body = Layout), (status = "default", description = "An error", body = ErrorBody))
)]
pub(crate) async fn layout(
    State(gateway): State<Arc<Gateway>>,
    PathOf(path): PathOf<3>,
    QueryOf(parameters): QueryOf<LayoutParameters>,
) -> Result<Json<Layout>, ApiError> {
    let limit = check_limit(parameters.limit)?;
    let layout = gateway.engine.layout(&path, parameters.first, limit).await?;
    Ok(Json(layout.into()))
}
