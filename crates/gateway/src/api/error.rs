//! The one shape of errors.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of every answer with a status of 400 or more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorDetail {
    /// For programs.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
    /// What to do about it, where there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What went wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The request does not say what it must, or says what it must not.
    BadRequest,
    /// The path cannot name an object.
    BadPath,
    /// There is no such object or node.
    NotFound,
    /// There is no such address in this API.
    NoRoute,
    /// The address does not know this method.
    MethodNotAllowed,
    /// An object is at that path already.
    Exists,
    /// The node still holds shards.
    NodeInUse,
    /// It cannot be done, for the reason in the message.
    Refused,
    /// The current version is not what `If-Match` or `If-None-Match` asks for.
    PreconditionFailed,
    /// The range lies behind the object's end.
    RangeNotSatisfiable,
    /// The old passphrase is wrong.
    WrongPassphrase,
    /// The request lacks the bearer token, or it is wrong.
    Unauthorized,
    /// The request names another host, or comes from another site's page.
    Forbidden,
    /// Too few nodes can be reached now; the same request can succeed later.
    TooFewNodes,
    /// There is no room.
    Full,
    /// Bytes are damaged beyond repair, or the catalogue is.
    Corrupt,
    /// The request's body is longer than this address takes.
    TooLarge,
    /// The body is shorter or longer than announced.
    SizeMismatch,
    /// The upload ended early.
    UploadCut,
    /// The client sent nothing for too long.
    Timeout,
    /// Too many requests of this kind are under way.
    Busy,
    /// The daemon failed.
    Internal,
    /// A code of a newer daemon.
    #[serde(other)]
    Unknown,
}
