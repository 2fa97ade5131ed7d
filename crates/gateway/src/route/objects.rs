//! Objects: reading, writing, deleting.

use std::ops::Range;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, RANGE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use catalogue::Object;
use engine::{ObjectReader, PutOptions};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::sync::OwnedSemaphorePermit;

use crate::api::{self, ErrorBody, ErrorCode};
use crate::error::{ApiError, chain};
use crate::gateway::Gateway;
use crate::object_headers::{entity_tag, object_headers};
use crate::request::{
    Conditions, PathOf, RangeAnswer, answer_range, content_type, frames, modified_unix_ms, user_metadata,
};

/// An object's bytes, or a part of them
#[utoipa::path(
    get,
    path = "/api/v1/objects/{*path}",
    tag = "objects",
    params(
        ("path" = String, Path, description = "The object, percent-encoded"),
        ("Range" = Option<String>, Header, description = "One range of bytes; several are answered with the whole"),
        ("If-Range" = Option<String>, Header, description = "The version of which the range is wanted"),
        ("If-Match" = Option<String>, Header, description = "Versions, one of which it must be"),
        ("If-None-Match" = Option<String>, Header, description = "Versions that the client has")
    ),
    responses(
        (status = OK, description = "The whole", body = [u8], content_type = "application/octet-stream"),
        (status = PARTIAL_CONTENT, description = "A part", body = [u8], content_type = "application/octet-stream"),
        (status = NOT_MODIFIED, description = "The client has it"),
        (status = "default", description = "An error", body = ErrorBody)
    )
)]
pub(crate) async fn get(
    State(gateway): State<Arc<Gateway>>,
    PathOf(path): PathOf<3>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let conditions = Conditions::parse(&headers)?;
    let permit = gateway.download_permit().await?;
    let reader = gateway.engine.open(&path).await?;
    let object = reader.object().clone();
    if let Some(not_modified) = unless_modified(&conditions, &object)? {
        return Ok(not_modified);
    }
    let part = wanted_part(&headers, &conditions, &object)?;
    let range = part.clone().unwrap_or(0..object.attributes.size);
    let bytes = first_bytes(reader, range, permit).await?;
    Ok(answer(&object, part, bytes))
}

/// What a GET would say, without the bytes
#[utoipa::path(
    head,
    path = "/api/v1/objects/{*path}",
    tag = "objects",
    params(
        ("path" = String, Path, description = "The object, percent-encoded"),
        ("If-Match" = Option<String>, Header, description = "Versions, one of which it must be"),
        ("If-None-Match" = Option<String>, Header, description = "Versions that the client has")
    ),
    responses(
        (status = OK, description = "Its headers"),
        (status = NOT_MODIFIED, description = "The client has it"),
        (status = "default", description = "An error, without its body")
    )
)]
pub(crate) async fn head(
    State(gateway): State<Arc<Gateway>>,
    PathOf(path): PathOf<3>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let conditions = Conditions::parse(&headers)?;
    let object = gateway
        .engine
        .head(&path)
        .await?
        .ok_or(engine::GetError::NotFound)?;
    if let Some(not_modified) = unless_modified(&conditions, &object)? {
        return Ok(not_modified);
    }
    // RFC 9110 §14.2: a range is defined for GET alone.
    Ok(answer(&object, None, Body::empty()))
}

/// Stores the body as the object's new version
#[utoipa::path(
    put,
    path = "/api/v1/objects/{*path}",
    tag = "objects",
    params(
        ("path" = String, Path, description = "The object, percent-encoded"),
        ("Content-Type" = Option<String>, Header, description = "Media type, kept with the object"),
        ("If-Match" = Option<String>, Header, description = "Versions, one of which must be replaced"),
        ("If-None-Match" = Option<String>, Header, description = "* to replace nothing"),
        ("X-Store-Modified" = Option<i64>, Header, description = "Last change of the content, in milliseconds since 1970"),
        ("X-Store-Meta-*" = Option<String>, Header, description = "The uploader's own pairs, 8 KiB together")
    ),
    request_body(content = [u8], content_type = "application/octet-stream"),
    responses(
        (status = OK, description = "It replaced a version", body = api::Object),
        (status = CREATED, description = "It is new", body = api::Object),
        (status = "default", description = "An error; nothing is visible", body = ErrorBody)
    )
)]
pub(crate) async fn put(
    State(gateway): State<Arc<Gateway>>,
    PathOf(path): PathOf<3>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let options = put_options(&headers)?;
    let _permit = gateway.upload_permit().await?;
    let status = match gateway.engine.head(&path).await? {
        Some(_) => StatusCode::OK,
        None => StatusCode::CREATED,
    };
    let object = gateway.engine.put(&path, options, frames(body)).await?;
    let tag = [(ETAG, entity_tag(object.stamp))];
    Ok((status, tag, Json(api::Object::from(object))).into_response())
}

/// Deletes an object
#[utoipa::path(
    delete,
    path = "/api/v1/objects/{*path}",
    tag = "objects",
    params(
        ("path" = String, Path, description = "The object, percent-encoded"),
        ("If-Match" = Option<String>, Header, description = "Versions, one of which it must be")
    ),
    responses(
        (status = NO_CONTENT, description = "It is deleted"),
        (status = "default", description = "An error", body = ErrorBody)
    )
)]
pub(crate) async fn delete(
    State(gateway): State<Arc<Gateway>>,
    PathOf(path): PathOf<3>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let precondition = Conditions::parse(&headers)?.precondition();
    gateway.engine.delete(&path, &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn put_options(headers: &HeaderMap) -> Result<PutOptions, ApiError> {
    Ok(PutOptions {
        precondition: Conditions::parse(headers)?.precondition(),
        modified_unix_ms: modified_unix_ms(headers)?,
        content_type: content_type(headers)?,
        metadata: user_metadata(headers)?,
        size: announced_len(headers)?,
    })
}

/// The server refuses malformed lengths before this; a chunked body has none.
fn announced_len(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(CONTENT_LENGTH) else {
        return Ok(None);
    };
    let len = value.to_str().ok().and_then(|text| text.parse().ok());
    len.map(Some)
        .ok_or_else(|| ApiError::bad_request("Content-Length is not a number"))
}

/// RFC 9110 §13.2.2: first `If-Match`, then `If-None-Match`.
fn unless_modified(conditions: &Conditions, object: &Object) -> Result<Option<Response>, ApiError> {
    if !conditions.matches(object.stamp) {
        let message = format!("the current version is {}, which If-Match excludes", object.stamp);
        return Err(ApiError::new(
            StatusCode::PRECONDITION_FAILED,
            ErrorCode::PreconditionFailed,
            message,
        ));
    }
    let not_modified = || (StatusCode::NOT_MODIFIED, object_headers(object)).into_response();
    Ok(conditions.is_not_modified(object.stamp).then(not_modified))
}

/// The part asked for; `None` for the whole.
fn wanted_part(
    headers: &HeaderMap,
    conditions: &Conditions,
    object: &Object,
) -> Result<Option<Range<u64>>, ApiError> {
    let asked = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let Some(asked) = asked.filter(|_| conditions.wants_range_of(object.stamp)) else {
        return Ok(None);
    };
    let size = object.attributes.size;
    match answer_range(asked, size) {
        RangeAnswer::Whole => Ok(None),
        RangeAnswer::Part(range) => Ok(Some(range)),
        RangeAnswer::Unsatisfiable => {
            let (status, code) = (StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::RangeNotSatisfiable);
            let error = ApiError::new(status, code, format!("the object has {size} bytes"));
            Err(error.header(CONTENT_RANGE, ascii(&format!("bytes */{size}"))))
        }
    }
}

/// The body, once its first bytes are there: before that an answer can still say that there are too few nodes.
async fn first_bytes(
    reader: ObjectReader,
    range: Range<u64>,
    permit: OwnedSemaphorePermit,
) -> Result<Body, ApiError> {
    let mut bytes = reader.stream(range).await?;
    let first = bytes.next().await.transpose()?;
    let rest: BoxStream<'static, _> = bytes
        .inspect_err(|error| tracing::warn!(error = chain(error), "a download was cut"))
        .inspect(move |_| {
            let _held_until_the_stream_ends = &permit;
        })
        .boxed();
    // An error ends the body early, which closes the connection: the client counts too few bytes.
    Ok(Body::from_stream(stream::iter(first.map(Ok)).chain(rest)))
}

fn answer(object: &Object, part: Option<Range<u64>>, bytes: Body) -> Response {
    let size = object.attributes.size;
    let mut headers = object_headers(object);
    let len = part.as_ref().map_or(size, |part| part.end - part.start);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
    let Some(part) = part else {
        return (StatusCode::OK, headers, bytes).into_response();
    };
    let shown = format!("bytes {}-{}/{size}", part.start, part.end - 1);
    headers.insert(CONTENT_RANGE, ascii(&shown));
    (StatusCode::PARTIAL_CONTENT, headers, bytes).into_response()
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("digits and plain marks")
}
