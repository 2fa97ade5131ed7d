//! Moving objects.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::api::{ErrorBody, MoveRequest, Object};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::JsonBody;

/// Gives an object another path; its bytes stay where they are
#[utoipa::path(
    post,
    path = "/api/v1/move",
    tag = "objects",
    request_body = MoveRequest,
    responses(
        (status = OK, description = "The object at its new path", body = Object),
        (status = "default", description = "An error", body = ErrorBody)
    )
)]
pub(crate) async fn rename(
    State(gateway): State<Arc<Gateway>>,
    JsonBody(request): JsonBody<MoveRequest>,
) -> Result<Json<Object>, ApiError> {
    let (from, to) = (request.from.parse()?, request.to.parse()?);
    let object = gateway.engine.rename(&from, &to, request.overwrite).await?;
    Ok(Json(object.into()))
}
