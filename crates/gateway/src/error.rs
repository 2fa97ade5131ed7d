//! From errors to answers: the one place that decides on status and code.

use std::error::Error;
use std::fmt::Write as _;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use catalogue::CatalogueError;
use engine::{BodyError, DeleteError, GetError, LayoutError, PutError, ReadError, RenameError, WriteError};
use model::{ParseNameError, ParsePathError};

use crate::OperatorError;
use crate::api::{ErrorBody, ErrorCode, ErrorDetail};
use crate::request::UploadStalled;

/// An answer that is not what was asked for.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    hint: Option<&'static str>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            hint: None,
            header: None,
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, message)
    }

    /// Too much of this is going on; the client should come again.
    pub(crate) fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Busy, message).retry_later()
    }

    pub(crate) fn hint(self, hint: &'static str) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }

    pub(crate) fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self {
            header: Some((name, value)),
            ..self
        }
    }

    fn retry_later(self) -> Self {
        self.header(header::RETRY_AFTER, RETRY_AFTER)
    }

    /// The message is the error with all its sources.
    fn from_error(status: StatusCode, code: ErrorCode, error: &dyn Error) -> Self {
        Self::new(status, code, chain(error))
    }

    fn internal(error: &dyn Error) -> Self {
        Self::from_error(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, error)
            .hint("see the daemon's log")
    }

    fn corrupt(error: &dyn Error) -> Self {
        Self::from_error(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Corrupt, error)
    }

    fn not_found(error: &dyn Error) -> Self {
        Self::from_error(StatusCode::NOT_FOUND, ErrorCode::NotFound, error)
    }

    fn precondition_failed(error: &dyn Error) -> Self {
        Self::from_error(
            StatusCode::PRECONDITION_FAILED,
            ErrorCode::PreconditionFailed,
            error,
        )
    }

    fn full(error: &dyn Error) -> Self {
        Self::from_error(StatusCode::INSUFFICIENT_STORAGE, ErrorCode::Full, error)
            .hint("delete objects, or add nodes")
    }

    fn too_few_nodes(error: &dyn Error) -> Self {
        Self::from_error(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::TooFewNodes, error)
            .hint("wait until more nodes are connected; the status shows which are not")
            .retry_later()
    }
}

impl From<PutError> for ApiError {
    fn from(error: PutError) -> Self {
        match &error {
            PutError::PreconditionFailed { .. } => Self::precondition_failed(&error),
            PutError::Body(body) => body.into(),
            PutError::SizeMismatch { .. } => {
                Self::from_error(StatusCode::BAD_REQUEST, ErrorCode::SizeMismatch, &error)
                    .hint("the file changed while it was read; send it again")
            }
            PutError::Write(write) => write.into(),
            PutError::Catalogue(catalogue) => catalogue.into(),
            other => Self::internal(other),
        }
    }
}

impl From<&BodyError> for ApiError {
    fn from(error: &BodyError) -> Self {
        if error.0.is::<UploadStalled>() {
            return Self::from_error(StatusCode::REQUEST_TIMEOUT, ErrorCode::Timeout, error);
        }
        Self::from_error(StatusCode::BAD_REQUEST, ErrorCode::UploadCut, error)
    }
}

impl From<GetError> for ApiError {
    fn from(error: GetError) -> Self {
        match &error {
            GetError::NotFound => Self::not_found(&error),
            GetError::Read(read) => read.into(),
            GetError::Record(_) | GetError::OtherRecord { .. } => Self::corrupt(&error),
            GetError::Catalogue(catalogue) => catalogue.into(),
            other => Self::internal(other),
        }
    }
}

impl From<DeleteError> for ApiError {
    fn from(error: DeleteError) -> Self {
        match &error {
            DeleteError::NotFound => Self::not_found(&error),
            DeleteError::PreconditionFailed { .. } => Self::precondition_failed(&error),
            DeleteError::Write(write) => write.into(),
            DeleteError::Catalogue(catalogue) => catalogue.into(),
            other => Self::internal(other),
        }
    }
}

impl From<RenameError> for ApiError {
    fn from(error: RenameError) -> Self {
        match error {
            RenameError::NotFound => Self::not_found(&error),
            RenameError::Exists { .. } => Self::from_error(StatusCode::CONFLICT, ErrorCode::Exists, &error)
                .hint("ask to overwrite it, or choose another path"),
            RenameError::Get(get) => get.into(),
            RenameError::Write(write) => (&write).into(),
            RenameError::Catalogue(catalogue) => (&catalogue).into(),
            other => Self::internal(&other),
        }
    }
}

impl From<LayoutError> for ApiError {
    fn from(error: LayoutError) -> Self {
        match &error {
            LayoutError::NotFound => Self::not_found(&error),
            LayoutError::Catalogue(catalogue) => catalogue.into(),
        }
    }
}

impl From<&ReadError> for ApiError {
    fn from(error: &ReadError) -> Self {
        if error.is_transient() {
            Self::too_few_nodes(error)
        } else {
            Self::corrupt(error)
        }
    }
}

impl From<&WriteError> for ApiError {
    fn from(error: &WriteError) -> Self {
        match error {
            WriteError::TooFewNodes { .. } if error.is_full() => Self::full(error),
            WriteError::TooFewNodes { .. } => Self::too_few_nodes(error),
            WriteError::Seal(_) => Self::internal(error),
        }
    }
}

impl From<&CatalogueError> for ApiError {
    fn from(error: &CatalogueError) -> Self {
        match error {
            CatalogueError::Full => Self::full(error).hint("make room on the daemon's own disk"),
            CatalogueError::Corrupt { .. } => Self::corrupt(error),
            CatalogueError::NodeInUse { .. } => {
                Self::from_error(StatusCode::CONFLICT, ErrorCode::NodeInUse, error)
            }
            // A node was removed between placing a stripe on it and recording that.
            CatalogueError::UnknownNode { .. } => Self::busy(chain(error)),
            other => Self::internal(other),
        }
    }
}

impl From<CatalogueError> for ApiError {
    fn from(error: CatalogueError) -> Self {
        (&error).into()
    }
}

impl From<OperatorError> for ApiError {
    fn from(error: OperatorError) -> Self {
        let with = |status, code| Self::from_error(status, code, &error);
        match &error {
            OperatorError::NodeNotFound { .. } => Self::not_found(&error),
            OperatorError::NodeInUse { .. } => with(StatusCode::CONFLICT, ErrorCode::NodeInUse)
                .hint("only nodes without shards can be removed"),
            OperatorError::Refused { .. } => with(StatusCode::CONFLICT, ErrorCode::Refused),
            OperatorError::WrongPassphrase => with(StatusCode::FORBIDDEN, ErrorCode::WrongPassphrase),
            OperatorError::Failed(_) => Self::internal(&error),
        }
    }
}

impl From<ParsePathError> for ApiError {
    fn from(error: ParsePathError) -> Self {
        Self::from_error(StatusCode::BAD_REQUEST, ErrorCode::BadPath, &error)
    }
}

impl From<ParseNameError> for ApiError {
    fn from(error: ParseNameError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // What the client did is its own affair; the message may name its objects.
        if self.status.is_server_error() {
            tracing::warn!(status = self.status.as_u16(), code = ?self.code, "request failed");
        }
        let error = ErrorDetail {
            code: self.code,
            message: self.message,
            hint: self.hint.map(str::to_owned),
        };
        let mut response = (self.status, Json(ErrorBody { error })).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// The error and its sources, as one sentence.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // A transparent error and its source say the same.
        let message = error.to_string();
        if !text.ends_with(&message) {
            let _ = write!(text, ": {message}");
        }
        source = error.source();
    }
    text
}

/// Seconds: a node that lost its link is back within about as many, if it comes back at all.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");
