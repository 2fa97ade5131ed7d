//! CloudShell's JSON API.

mod error;
mod operation;
mod request;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tokio::time::timeout;

pub(crate) use self::error::ApiError;
use self::operation::{Caller, perform};
use crate::faults::ApiEffect;
use crate::shared::Shared;
use crate::sigv4;

/// Answers a request of the API.
pub(crate) async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match try_answer(&shared, request).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn try_answer(shared: &Arc<Shared>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body = timeout(BODY_TIME_MAX, to_bytes(body, BODY_LEN_MAX)).await;
    let body = body
        .map_err(|_| ApiError::timed_out())?
        .map_err(|_| ApiError::too_large(BODY_LEN_MAX))?;
    let signed = sigv4::Request {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        body: &body,
    };
    let credentials = shared.credentials();
    let (credential, region) = sigv4::verify(
        &signed,
        SERVICE,
        &credentials,
        SystemTime::now(),
        shared.clock.now(),
    )?;
    let operation = parts.uri.path().trim_start_matches('/');
    if let Some(response) = suffer(shared, operation, &region).await {
        return response;
    }
    if parts.method != "POST" {
        return Err(ApiError::unknown_operation(operation));
    }
    let caller = Caller {
        credential: credential.clone(),
        place: crate::service::Caller {
            account: credential.account.clone(),
            principal: credential.principal.clone(),
            region,
        },
    };
    let mut answer = perform(shared, operation, &caller, &body)?;
    if shared.config.service.has_unknown_members
        && let Value::Object(members) = &mut answer
    {
        members.insert("UnheardOf".to_owned(), serde_json::json!({"Since": [2026]}));
    }
    Ok(json(StatusCode::OK, &answer))
}

/// Carries out the faults that concern a request; returns what is answered instead of the truth.
async fn suffer(shared: &Shared, operation: &str, region: &str) -> Option<Result<Response, ApiError>> {
    for effect in shared.faults.take_api_effects(operation, region) {
        let (status, body) = match effect {
            ApiEffect::Delay { delay_ms } => {
                tokio::time::sleep(Duration::from_millis(delay_ms).min(DELAY_MAX)).await;
                continue;
            }
            ApiEffect::Refuse {
                status,
                code,
                message,
            } => {
                return Some(Err(ApiError::new(status, code, message)));
            }
            ApiEffect::Throttle { retry_after_s } => return Some(Err(ApiError::throttled(retry_after_s))),
            ApiEffect::Answer { status, body } => (status, body),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return Some(Ok((status, body).into_response()));
    }
    None
}

/// An answer of JSON.
pub(crate) fn json(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// The name requests are signed for.
const SERVICE: &str = "cloudshell";
/// Requests are a few hundred bytes.
const BODY_LEN_MAX: usize = 64 << 10;
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
const DELAY_MAX: Duration = Duration::from_secs(60);
