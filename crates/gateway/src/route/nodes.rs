//! Nodes: listing, adding, removing.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::NodeId;

use crate::api::{AddNodeRequest, ErrorBody, Node, NodeAdded, NodeList};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::operator::OperatorError;
use crate::request::JsonBody;

/// All nodes, and how they are doing
#[utoipa::path(
    get,
    path = "/api/v1/nodes",
    tag = "nodes",
    responses((status = OK, body = NodeList), (status = "default", description = "An error", body = ErrorBody))
)]
pub(crate) async fn list(State(gateway): State<Arc<Gateway>>) -> Json<NodeList> {
    Json(NodeList {
        nodes: snapshots(&gateway),
    })
}

/// Adds a node; it is connected to in the background
#[utoipa::path(
    post,
    path = "/api/v1/nodes",
    tag = "nodes",
    request_body = AddNodeRequest,
    responses((status = CREATED, body = NodeAdded), (status = "default", description = "An error", body = ErrorBody))
)]
pub(crate) async fn add(
    State(gateway): State<Arc<Gateway>>,
    JsonBody(request): JsonBody<AddNodeRequest>,
) -> Result<(StatusCode, Json<NodeAdded>), ApiError> {
    let id = gateway.operator.add_node(request.try_into()?).await?;
    Ok((StatusCode::CREATED, Json(NodeAdded { id: id.to_string() })))
}

/// Forgets a node that holds no shards
#[utoipa::path(
    delete,
    path = "/api/v1/nodes/{id}",
    tag = "nodes",
    params(("id" = String, Path, description = "The node")),
    responses(
        (status = NO_CONTENT, description = "The node is forgotten"),
        (status = "default", description = "An error", body = ErrorBody)
    )
)]
pub(crate) async fn remove(
    State(gateway): State<Arc<Gateway>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let Path(id) = id.map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
    let id: NodeId = id.parse()?;
    gateway.operator.remove_node(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Wakes a node that sleeps, as traffic would
#[utoipa::path(
    post,
    path = "/api/v1/nodes/{id}/wake",
    tag = "nodes",
    params(("id" = String, Path, description = "The node")),
    responses(
        (status = ACCEPTED, description = "It is being woken, or is awake"),
        (status = "default", description = "An error", body = ErrorBody)
    )
)]
pub(crate) async fn wake(
    State(gateway): State<Arc<Gateway>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    find(&gateway, id)?.want();
    Ok(StatusCode::ACCEPTED)
}

/// Lets a node sleep at once, if its provider can and it is not to stay awake
#[utoipa::path(
    post,
    path = "/api/v1/nodes/{id}/sleep",
    tag = "nodes",
    params(("id" = String, Path, description = "The node")),
    responses(
        (status = ACCEPTED, description = "It may sleep"),
        (status = "default", description = "An error", body = ErrorBody)
    )
)]
pub(crate) async fn sleep(
    State(gateway): State<Arc<Gateway>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    find(&gateway, id)?.rest();
    Ok(StatusCode::ACCEPTED)
}

fn find(gateway: &Gateway, id: Result<Path<String>, PathRejection>) -> Result<Arc<engine::Node>, ApiError> {
    let Path(id) = id.map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
    let id: NodeId = id.parse()?;
    let unknown = || OperatorError::NodeNotFound { node: id.clone() };
    Ok(gateway.engine.nodes().get(&id).ok_or_else(unknown)?)
}

/// All nodes as they are now.
pub(crate) fn snapshots(gateway: &Gateway) -> Vec<Node> {
    let nodes = gateway.engine.nodes().all();
    nodes.iter().map(|node| node.snapshot().into()).collect()
}
