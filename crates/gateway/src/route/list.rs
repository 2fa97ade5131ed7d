//! Listing objects.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use catalogue::ListQuery;
use data_encoding::BASE64URL_NOPAD;

use crate::api::{ErrorBody, LIST_LIMIT_MAX, ListParameters, ObjectPage};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::QueryOf;

/// Objects in byte order of their paths, a page at a time
#[utoipa::path(
    get,
    path = "/api/v1/objects",
    tag = "objects",
    params(ListParameters),
    responses((status = OK, body = ObjectPage), (status = "default", description = "An error", body = ErrorBody))
)]
pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    QueryOf(parameters): QueryOf<ListParameters>,
) -> Result<Json<ObjectPage>, ApiError> {
    let page = gateway.engine.list(&parse_query(&parameters)?).await?;
    let last = page.entries.last().filter(|_| page.is_truncated);
    Ok(Json(ObjectPage {
        next_cursor: last.map(|entry| BASE64URL_NOPAD.encode(entry.key().as_bytes())),
        entries: page.entries.into_iter().map(Into::into).collect(),
    }))
}

fn parse_query(parameters: &ListParameters) -> Result<ListQuery, ApiError> {
    Ok(ListQuery {
        prefix: parameters.prefix.clone(),
        delimiter: parameters.delimiter.as_deref().map(one_character).transpose()?,
        after: parameters.cursor.as_deref().map(parse_cursor).transpose()?,
        limit: check_limit(parameters.limit)?,
    })
}

fn one_character(text: &str) -> Result<char, ApiError> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(delimiter), None) => Ok(delimiter),
        _ => Err(ApiError::bad_request("the delimiter is not one character")),
    }
}

/// A cursor is the last entry's key; it is encoded so that nobody is tempted to make one up.
fn parse_cursor(text: &str) -> Result<String, ApiError> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| ApiError::bad_request("the cursor is not one of this store"))
}

/// The number of entries asked for.
pub(crate) fn check_limit(limit: Option<usize>) -> Result<usize, ApiError> {
    match limit.unwrap_or(LIST_LIMIT_MAX) {
        limit @ 1..=LIST_LIMIT_MAX => Ok(limit),
        limit => Err(ApiError::bad_request(format!(
            "the limit is {limit}, and must be 1 to {LIST_LIMIT_MAX}"
        ))),
    }
}
