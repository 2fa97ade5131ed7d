//! Refusals of the API.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::service::Refusal;
use crate::sigv4::SignatureError;

/// Status, code and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: u16,
    code: String,
    message: String,
    retry_after_s: Option<u32>,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            retry_after_s: None,
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationException", message)
    }

    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDeniedException", message)
    }

    pub(crate) fn unknown_operation(name: &str) -> Self {
        let name: String = name.chars().take(64).collect();
        Self::new(
            404,
            "UnknownOperationException",
            format!("There is no operation {name:?}."),
        )
    }

    pub(crate) fn too_large(len_max: usize) -> Self {
        Self::new(
            413,
            "RequestTooLargeException",
            format!("A request has at most {len_max} bytes."),
        )
    }

    pub(crate) fn timed_out() -> Self {
        Self::new(
            408,
            "RequestTimeoutException",
            "The request did not arrive in time.",
        )
    }

    pub(crate) fn throttled(retry_after_s: u32) -> Self {
        Self {
            retry_after_s: Some(retry_after_s),
            ..Self::new(429, "ThrottlingException", "Rate exceeded")
        }
    }
}

impl From<SignatureError> for ApiError {
    fn from(error: SignatureError) -> Self {
        Self::new(403, error.code(), error.to_string())
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match &refusal {
            Refusal::WrongStatus(_) => (400, "InvalidStatusException"),
            Refusal::NoSuchEnvironment(_) | Refusal::NoSuchSession(_) => (404, "ResourceNotFoundException"),
            Refusal::NameTaken(_) => (400, "ValidationException"),
            Refusal::OutOfHours | Refusal::TooManySessions(_) => (402, "ServiceQuotaExceededException"),
            // Attested: a VPC environment beyond the limit fails with 400.
            Refusal::TooManyVpcEnvironments(_) | Refusal::TooManyEnvironments(_) => {
                (400, "ServiceQuotaExceededException")
            }
        };
        Self::new(status, code, refusal.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = super::json(status, &json!({"code": self.code, "message": self.message}));
        if let Ok(code) = HeaderValue::from_str(&self.code) {
            let name = HeaderName::from_static("x-amzn-errortype");
            response.headers_mut().insert(name, code);
        }
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
