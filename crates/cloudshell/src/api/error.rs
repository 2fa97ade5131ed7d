//! Why the API did not do what it was asked, and what to do about it.

use std::fmt;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::credentials::chain;

/// One of the API's operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are named as AWS names them")]
pub enum Operation {
    DescribeEnvironments,
    CreateEnvironment,
    GetEnvironmentStatus,
    StartEnvironment,
    StopEnvironment,
    DeleteEnvironment,
    CreateSession,
    DeleteSession,
    SendHeartBeat,
    GetFileUploadUrls,
}

impl Operation {
    /// Its path, without the slash.
    pub fn path(self) -> &'static str {
        match self {
            Self::DescribeEnvironments => "describeEnvironments",
            Self::CreateEnvironment => "createEnvironment",
            Self::GetEnvironmentStatus => "getEnvironmentStatus",
            Self::StartEnvironment => "startEnvironment",
            Self::StopEnvironment => "stopEnvironment",
            Self::DeleteEnvironment => "deleteEnvironment",
            Self::CreateSession => "createSession",
            Self::DeleteSession => "deleteSession",
            Self::SendHeartBeat => "sendHeartBeat",
            Self::GetFileUploadUrls => "getFileUploadUrls",
        }
    }

    /// The IAM action that allows it.
    pub fn iam_action(self) -> String {
        format!("cloudshell:{self:?}")
    }
}

/// What kind of refusal or failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// IAM does not allow the operation.
    NotAllowed,
    /// The environment is in a state in which this cannot be done.
    WrongState,
    /// A limit of the account is reached: hours of the month, or sessions.
    Quota,
    /// Too many requests, several times in a row.
    Throttled,
    /// There is no such environment or session.
    Gone,
    /// No credentials, or AWS does not take them.
    Credentials,
    /// This machine's clock is wrong.
    ClockSkew,
    /// The account has not enabled the region.
    RegionDisabled,
    /// The service cannot be reached, or its answer did not arrive.
    Network,
    /// The service has a problem of its own.
    ServiceFault,
    /// Any other refusal, or an answer that makes no sense.
    Refused,
}

/// Why the API did not do what it was asked. Shown, it is a sentence with a next step.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} in {region} {}", operation.path(), Explained(self))]
pub struct ApiError {
    operation: Operation,
    region: String,
    kind: ErrorKind,
    status: Option<u16>,
    code: Option<String>,
    message: String,
    retry_after: Option<Duration>,
    /// Whether the service may have done it all the same.
    may_have_happened: bool,
}

impl ApiError {
    /// What kind it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What was asked.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The service's name for the problem, for example `InvalidStatusException`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// What the service said, at most some hundred characters, or what failed instead of an answer.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether the same request may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Throttled | ErrorKind::Network | ErrorKind::ServiceFault
        )
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// A session whose name was lost on the way would count against the limit for hours.
    pub(super) fn may_be_repeated(&self) -> bool {
        let leaves_trace = self.operation == Operation::CreateSession && self.may_have_happened;
        self.is_transient() && !leaves_trace
    }

    /// A refusal that is not about who asks means that there is nothing left to ask about.
    pub(super) fn into_gone(mut self) -> Self {
        let is_client_error = self.status.is_some_and(|status| (400..500).contains(&status));
        if is_client_error && matches!(self.kind, ErrorKind::Refused | ErrorKind::WrongState) {
            self.kind = ErrorKind::Gone;
        }
        self
    }

    fn new(operation: Operation, region: &str, kind: ErrorKind, message: &str) -> Self {
        Self {
            operation,
            region: region.to_owned(),
            kind,
            status: None,
            code: None,
            message: clean(message, MESSAGE_LEN_MAX),
            retry_after: None,
            may_have_happened: false,
        }
    }

    pub(super) fn network(operation: Operation, region: &str, error: &reqwest::Error) -> Self {
        // The URL is known, and the innermost cause tells most.
        let mut found = Self::new(operation, region, ErrorKind::Network, &chain(error));
        found.may_have_happened = !error.is_connect();
        found
    }

    pub(super) fn credentials(operation: Operation, region: &str, reason: String) -> Self {
        Self::new(operation, region, ErrorKind::Credentials, &reason)
    }

    pub(super) fn misread(operation: Operation, region: &str, reason: String) -> Self {
        Self::new(
            operation,
            region,
            ErrorKind::Refused,
            &format!("the answer makes no sense: {reason}"),
        )
    }

    pub(super) fn refused(
        operation: Operation,
        region: &str,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let member = |names: [&str; 3]| names.iter().find_map(|name| body.get(name)?.as_str());
        let code = member(["code", "Code", "__type"]).or_else(|| header("x-amzn-errortype"));
        let code = code.map(bare_code).filter(|code| !code.is_empty());
        let message = member(["message", "Message", "errorMessage"]).unwrap_or_default();
        let mut error = Self::new(operation, region, classify(status, code, message), message);
        error.status = Some(status);
        error.code = code.map(|code| clean(code, CODE_LEN_MAX));
        error.retry_after = header("retry-after")
            .and_then(|value| value.trim().parse().ok())
            .map(Duration::from_secs);
        error
    }
}

/// `com.amazonaws.x#CodeException:http://…` has its code in the middle.
fn bare_code(code: &str) -> &str {
    let behind = code.rsplit_once('#').map_or(code, |(_, behind)| behind);
    behind.split(':').next().unwrap_or(behind).trim()
}

/// By the code if it is known, else by the status.
fn classify(status: u16, code: Option<&str>, message: &str) -> ErrorKind {
    let code = code.unwrap_or_default();
    let code = code.strip_suffix("Exception").unwrap_or(code);
    match code {
        "AccessDenied" | "UnauthorizedOperation" | "Forbidden" => ErrorKind::NotAllowed,
        "RequestTimeTooSkewed" | "RequestExpired" => ErrorKind::ClockSkew,
        "InvalidSignature" | "SignatureDoesNotMatch" | "AuthFailure" if tells_of_time(message) => {
            ErrorKind::ClockSkew
        }
        "ExpiredToken"
        | "InvalidSignature"
        | "SignatureDoesNotMatch"
        | "AuthFailure"
        | "InvalidClientTokenId"
        | "InvalidToken"
        | "UnrecognizedClient"
        | "MissingAuthenticationToken"
        | "IncompleteSignature"
        | "InvalidAccessKeyId"
        | "NotAuthorized" => ErrorKind::Credentials,
        "OptInRequired" | "SubscriptionRequired" | "RegionDisabled" => ErrorKind::RegionDisabled,
        "InvalidStatus" | "InvalidState" | "Conflict" => ErrorKind::WrongState,
        "ServiceQuotaExceeded" | "LimitExceeded" | "QuotaExceeded" => ErrorKind::Quota,
        "Throttling"
        | "Throttled"
        | "TooManyRequests"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "SlowDown"
        | "ThrottledRequest" => ErrorKind::Throttled,
        "ResourceNotFound" | "NotFound" => ErrorKind::Gone,
        _ => classify_status(status, message),
    }
}

fn classify_status(status: u16, message: &str) -> ErrorKind {
    match status {
        401 => ErrorKind::Credentials,
        402 => ErrorKind::Quota,
        403 if tells_of_time(message) => ErrorKind::ClockSkew,
        403 => ErrorKind::NotAllowed,
        404 => ErrorKind::Gone,
        408 => ErrorKind::ServiceFault,
        429 => ErrorKind::Throttled,
        500.. => ErrorKind::ServiceFault,
        _ => ErrorKind::Refused,
    }
}

/// AWS says `Signature expired: …` and `Signature not yet current: …`.
fn tells_of_time(message: &str) -> bool {
    message.contains("Signature expired") || message.contains("not yet current")
}

/// Bounded, and without what would spoil a terminal or a log.
fn clean(text: &str, len_max: usize) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(len_max)
        .collect()
}

/// The part of the sentence behind what was asked: what happened, and what to do.
struct Explained<'a>(&'a ApiError);

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.0;
        let action = error.operation.iam_action();
        match error.kind {
            ErrorKind::NotAllowed => {
                write!(
                    f,
                    "is not allowed{}; allow the IAM action {action}, ",
                    Said(error)
                )?;
                write!(f, "or attach the policy AWSCloudShellFullAccess")
            }
            ErrorKind::WrongState => write!(
                f,
                "does not suit the environment's state{}; wait until it has settled",
                Said(error)
            ),
            ErrorKind::Quota => {
                write!(f, "is over a limit of the account{}; ", Said(error))?;
                write!(
                    f,
                    "the hours of a month begin anew with the next one, sessions can be deleted, and Service Quotas raises both"
                )
            }
            ErrorKind::Throttled => write!(f, "was asked for too often{}; ask less, or later", Said(error)),
            ErrorKind::Gone => write!(
                f,
                "names what is not there{}; list the environments, and create one if there is none",
                Said(error)
            ),
            ErrorKind::Credentials => {
                write!(
                    f,
                    "was refused for its credentials{}; sign in again (aws sso login, or new keys), ",
                    Said(error)
                )?;
                write!(f, "and see that the region is enabled in the account")
            }
            ErrorKind::ClockSkew => write!(
                f,
                "was signed at another time than AWS's{}; set this machine's clock",
                Said(error)
            ),
            ErrorKind::RegionDisabled => write!(
                f,
                "needs a region that the account has not enabled{}; enable it in the account's settings, or leave it out",
                Said(error)
            ),
            ErrorKind::Network => write!(
                f,
                "got no answer{}; check the network, and that CloudShell exists in this region",
                Said(error)
            ),
            ErrorKind::ServiceFault => write!(f, "failed at AWS{}; try again later", Said(error)),
            ErrorKind::Refused => write!(f, "was refused{}", Said(error)),
        }
    }
}

/// What is known, in parentheses.
struct Said<'a>(&'a ApiError);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.0.status.map(|status| format!("HTTP {status}"));
        let message = (!self.0.message.is_empty()).then(|| self.0.message.clone());
        let known: Vec<String> = [status, self.0.code.clone(), message]
            .into_iter()
            .flatten()
            .collect();
        if known.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", known.join(", "))
    }
}

/// What AWS says is a sentence or two.
const MESSAGE_LEN_MAX: usize = 500;
const CODE_LEN_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> ApiError {
        ApiError::refused(
            Operation::StartEnvironment,
            "eu-west-1",
            status,
            &HeaderMap::new(),
            body.as_bytes(),
        )
    }

    #[test]
    fn each_refusal_has_its_kind() {
        let cases = [
            (
                400,
                r#"{"code":"InvalidStatusException","message":"Expected the environment status to be in SUSPENDED."}"#,
                ErrorKind::WrongState,
            ),
            (
                403,
                r#"{"code":"AccessDeniedException","message":"User: x is not authorized"}"#,
                ErrorKind::NotAllowed,
            ),
            (
                403,
                r#"{"message":"User: x is not authorized"}"#,
                ErrorKind::NotAllowed,
            ),
            (
                403,
                r#"{"message":"The security token included in the request is expired","code":"ExpiredTokenException"}"#,
                ErrorKind::Credentials,
            ),
            (
                403,
                r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException"}"#,
                ErrorKind::Credentials,
            ),
            (
                403,
                r#"{"__type":"InvalidSignatureException","message":"Signature expired: 1 is now earlier than 2"}"#,
                ErrorKind::ClockSkew,
            ),
            (
                403,
                r#"{"message":"Signature not yet current: 1 is still later than 2"}"#,
                ErrorKind::ClockSkew,
            ),
            (
                403,
                r#"{"code":"InvalidSignatureException","message":"does not match"}"#,
                ErrorKind::Credentials,
            ),
            (401, "<html>", ErrorKind::Credentials),
            (
                402,
                r#"{"code":"ServiceQuotaExceededException"}"#,
                ErrorKind::Quota,
            ),
            (400, r#"{"code":"LimitExceededException"}"#, ErrorKind::Quota),
            (400, r#"{"code":"ThrottlingException"}"#, ErrorKind::Throttled),
            (429, "", ErrorKind::Throttled),
            (404, r#"{"code":"ResourceNotFoundException"}"#, ErrorKind::Gone),
            (404, "", ErrorKind::Gone),
            (400, r#"{"code":"OptInRequired"}"#, ErrorKind::RegionDisabled),
            (
                500,
                r#"{"code":"InternalServerException"}"#,
                ErrorKind::ServiceFault,
            ),
            (503, "", ErrorKind::ServiceFault),
            (400, r#"{"code":"ValidationException"}"#, ErrorKind::Refused),
            (418, "[1, 2", ErrorKind::Refused),
        ];
        for (status, body, kind) in cases {
            assert_eq!(refused(status, body).kind(), kind, "{status} {body}");
        }
    }

    #[test]
    fn a_refusal_is_a_sentence_with_a_next_step() {
        let error = refused(
            403,
            r#"{"code":"AccessDeniedException","message":"explicit deny"}"#,
        );
        assert_eq!(
            error.to_string(),
            "startEnvironment in eu-west-1 is not allowed (HTTP 403, AccessDeniedException, explicit deny); allow the IAM \
             action cloudshell:StartEnvironment, or attach the policy AWSCloudShellFullAccess"
        );
        assert!(refused(401, "").to_string().contains("sign in again"));
        assert!(
            refused(403, r#"{"message":"Signature expired: x"}"#)
                .to_string()
                .contains("set this machine's clock")
        );
        assert!(
            refused(400, r#"{"code":"OptInRequired"}"#)
                .to_string()
                .contains("enable it in the account's settings")
        );
    }

    #[test]
    fn what_a_service_says_is_bounded_and_harmless() {
        let body = format!(r#"{{"code":"X","message":"\u001b[2J\n{}"}}"#, "x".repeat(100_000));
        let error = refused(400, &body);
        assert!(error.message().starts_with("[2Jx"));
        assert_eq!(error.message().len(), MESSAGE_LEN_MAX);
    }

    #[test]
    fn codes_and_waits_may_be_in_the_headers() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-amzn-errortype",
            "ThrottlingException:http://x/".parse().expect("a value"),
        );
        headers.insert("retry-after", "7".parse().expect("a value"));
        let error = ApiError::refused(Operation::CreateSession, "r", 400, &headers, b"");
        assert_eq!(
            (error.kind(), error.code(), error.retry_after()),
            (
                ErrorKind::Throttled,
                Some("ThrottlingException"),
                Some(Duration::from_secs(7))
            )
        );
    }

    #[test]
    fn only_a_refusal_about_the_environment_makes_it_gone() {
        assert_eq!(refused(400, "").into_gone().kind(), ErrorKind::Gone);
        assert_eq!(refused(403, "").into_gone().kind(), ErrorKind::NotAllowed);
        assert_eq!(refused(429, "").into_gone().kind(), ErrorKind::Throttled);
        assert_eq!(refused(500, "").into_gone().kind(), ErrorKind::ServiceFault);
    }
}
