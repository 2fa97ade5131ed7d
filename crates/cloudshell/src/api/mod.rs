//! CloudShell's API in one region: signed JSON over HTTP.

mod answer;
mod error;
mod retry;
mod sign;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::provider::SharedCredentialsProvider;
use bytes::Bytes;
use reqwest::{Client, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tracing::{debug, instrument};

pub use answer::{Environment, EnvironmentStatus, FileUrls, SessionGrant};
pub use error::{ApiError, ErrorKind, Operation};
pub use retry::RetryPolicy;
pub(crate) use sign::{Signer, sign};

use crate::credentials::{CachedCredentials, chain};

/// What an [`Api`] needs to know.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// For example `eu-west-1`.
    pub region: String,
    /// Where the API is; `None` for AWS.
    pub endpoint: Option<Url>,
    /// Who asks. Kept until shortly before they expire.
    pub credentials: SharedCredentialsProvider,
    /// When to ask again.
    pub retry: RetryPolicy,
    /// The longest that one attempt may take; connecting may take a third of it.
    pub attempt_timeout: Duration,
    /// What time it is; signatures are valid for minutes.
    pub clock: fn() -> SystemTime,
}

impl ApiConfig {
    /// AWS's own endpoint of a region, with limits that suit it.
    pub fn new(region: impl Into<String>, credentials: SharedCredentialsProvider) -> Self {
        Self {
            region: region.into(),
            endpoint: None,
            credentials,
            retry: RetryPolicy::default(),
            attempt_timeout: ATTEMPT_TIMEOUT,
            clock: SystemTime::now,
        }
    }
}

/// A client of CloudShell's API in one region. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    region: String,
    endpoint: String,
    credentials: CachedCredentials,
    retry: RetryPolicy,
    clock: fn() -> SystemTime,
    http: Client,
    tls: Arc<rustls::ClientConfig>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Api({} at {})", self.inner.region, self.inner.endpoint)
    }
}

impl Api {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// [`ApiSetupError`] if the region is no name or the HTTP client cannot be made.
    pub fn new(config: ApiConfig) -> Result<Self, ApiSetupError> {
        if !is_region(&config.region) {
            return Err(ApiSetupError::Region {
                region: config.region,
            });
        }
        let endpoint = match &config.endpoint {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("https://cloudshell.{}.amazonaws.com", config.region),
        };
        let tls = Arc::new(crate::tls::client_config());
        let http = Client::builder()
            .tls_backend_preconfigured((*tls).clone())
            .connect_timeout(config.attempt_timeout / 3)
            .timeout(config.attempt_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|source| ApiSetupError::Http { source })?;
        let inner = Inner {
            region: config.region,
            endpoint,
            credentials: CachedCredentials::new(config.credentials, config.clock),
            retry: config.retry,
            clock: config.clock,
            http,
            tls,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The region that it asks.
    pub fn region(&self) -> &str {
        &self.inner.region
    }

    /// The environments of whoever asks, deleted ones for a while too.
    ///
    /// # Errors
    ///
    /// [`ApiError`], as for every operation.
    pub async fn describe_environments(&self) -> Result<Vec<Environment>, ApiError> {
        let answer: Value = self.ask(Operation::DescribeEnvironments, &json!({})).await?;
        answer::environments(answer).map_err(|reason| self.misread(Operation::DescribeEnvironments, reason))
    }

    /// The default environment: the one there is, in whatever state, or a new one.
    ///
    /// # Errors
    ///
    /// [`ApiError`], as for every operation.
    pub async fn create_environment(&self) -> Result<Environment, ApiError> {
        self.ask(Operation::CreateEnvironment, &json!({})).await
    }

    /// What state an environment is in.
    ///
    /// # Errors
    ///
    /// [`ApiError`]; of the kind [`ErrorKind::Gone`] for whatever refusal that is not about who asks.
    pub async fn environment_status(&self, environment_id: &str) -> Result<EnvironmentStatus, ApiError> {
        let operation = Operation::GetEnvironmentStatus;
        self.ask(operation, &OfEnvironment { environment_id })
            .await
            .map_err(ApiError::into_gone)
    }

    /// Wakes a suspended environment.
    ///
    /// # Errors
    ///
    /// [`ApiError`]; of the kind [`ErrorKind::WrongState`] if it is not suspended.
    pub async fn start_environment(&self, environment_id: &str) -> Result<(), ApiError> {
        self.tell(Operation::StartEnvironment, environment_id).await
    }

    /// Suspends a running environment, and with it ends its sessions and processes; its home directory stays.
    ///
    /// # Errors
    ///
    /// [`ApiError`]; of the kind [`ErrorKind::WrongState`] if it is not running.
    pub async fn stop_environment(&self, environment_id: &str) -> Result<(), ApiError> {
        self.tell(Operation::StopEnvironment, environment_id).await
    }

    /// Deletes an environment with its home directory, for ever.
    ///
    /// # Errors
    ///
    /// [`ApiError`], as for every operation.
    pub async fn delete_environment(&self, environment_id: &str) -> Result<(), ApiError> {
        self.tell(Operation::DeleteEnvironment, environment_id).await
    }

    /// Opens a plain terminal session in a running environment; connect at once, and delete it in the end.
    ///
    /// # Errors
    ///
    /// [`ApiError`]. A lost answer is not asked for again: the session that it named would count on.
    pub async fn create_session(&self, environment_id: &str) -> Result<SessionGrant, ApiError> {
        let request = CreateSession {
            environment_id,
            q_cli_disabled: true,
        };
        self.ask(Operation::CreateSession, &request).await
    }

    /// Ends a session.
    ///
    /// # Errors
    ///
    /// [`ApiError`], as for every operation.
    pub async fn delete_session(&self, environment_id: &str, session_id: &str) -> Result<(), ApiError> {
        let request = OfSession {
            environment_id,
            session_id,
        };
        let _: Value = self.ask(Operation::DeleteSession, &request).await?;
        Ok(())
    }

    /// Says that an environment is in use.
    ///
    /// # Errors
    ///
    /// [`ApiError`], as for every operation.
    pub async fn send_heartbeat(&self, environment_id: &str) -> Result<(), ApiError> {
        self.tell(Operation::SendHeartBeat, environment_id).await
    }

    /// Where to put a file, and where an environment gets it.
    ///
    /// # Errors
    ///
    /// [`ApiError`], as for every operation.
    pub async fn file_upload_urls(&self, environment_id: &str, path: &str) -> Result<FileUrls, ApiError> {
        let request = FileUpload {
            environment_id,
            file_upload_path: path,
        };
        self.ask(Operation::GetFileUploadUrls, &request).await
    }

    pub(crate) fn http(&self) -> &Client {
        &self.inner.http
    }

    /// Whether it speaks to a service that is not encrypted, as one of this machine's.
    pub(crate) fn is_plain(&self) -> bool {
        self.inner.endpoint.starts_with("http://")
    }

    pub(crate) fn tls(&self) -> Arc<rustls::ClientConfig> {
        Arc::clone(&self.inner.tls)
    }

    /// Who asks now, for requests that are signed elsewhere; `None` if nobody can be found.
    pub(crate) async fn signer(&self) -> Option<Signer> {
        let credentials = self.inner.credentials.provide_credentials().await.ok()?;
        let (region, time) = (self.inner.region.clone(), (self.inner.clock)());
        Some(Signer {
            credentials,
            region,
            time,
        })
    }

    async fn tell(&self, operation: Operation, environment_id: &str) -> Result<(), ApiError> {
        let _: Value = self.ask(operation, &OfEnvironment { environment_id }).await?;
        Ok(())
    }

    #[instrument(name = "api.ask", level = "debug", skip_all, fields(region = self.inner.region, operation = operation.path()))]
    async fn ask<T: DeserializeOwned>(
        &self,
        operation: Operation,
        request: &impl Serialize,
    ) -> Result<T, ApiError> {
        let body = serde_json::to_vec(request).map_err(|error| self.misread(operation, error.to_string()))?;
        let body = Bytes::from(body);
        let answer = self.attempt_until_final(operation, body).await?;
        // Operations without a result may as well answer nothing.
        let answer: &[u8] = if answer.is_empty() { b"{}" } else { &answer };
        serde_json::from_slice(answer).map_err(|error| self.misread(operation, error.to_string()))
    }

    async fn attempt_until_final(&self, operation: Operation, body: Bytes) -> Result<Bytes, ApiError> {
        let begun = Instant::now();
        let mut attempt = 1;
        loop {
            let error = match self.attempt(operation, body.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let delay = self
                .inner
                .retry
                .delay(attempt, begun.elapsed(), error.retry_after());
            let Some(delay) = delay.filter(|_| error.may_be_repeated()) else {
                return Err(error);
            };
            debug!(%error, attempt, ?delay, "asking again");
            tokio::time::sleep(delay).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, operation: Operation, body: Bytes) -> Result<Bytes, ApiError> {
        let network = |error: reqwest::Error| ApiError::network(operation, &self.inner.region, &error);
        let request = self.signed(operation, body).await?;
        let answer = self.inner.http.execute(request).await.map_err(network)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = limited_body(answer).await.map_err(|reason| match reason {
            BodyError::Network(error) => network(error),
            BodyError::TooLong => self.misread(operation, BodyError::TooLong.to_string()),
        })?;
        if status.is_success() {
            return Ok(text);
        }
        Err(ApiError::refused(
            operation,
            &self.inner.region,
            status.as_u16(),
            &headers,
            &text,
        ))
    }

    async fn signed(&self, operation: Operation, body: Bytes) -> Result<reqwest::Request, ApiError> {
        let credentials = self.inner.credentials.provide_credentials().await;
        let credentials = credentials
            .map_err(|error| ApiError::credentials(operation, &self.inner.region, chain(&error)))?;
        let signer = Signer {
            credentials,
            region: self.inner.region.clone(),
            time: (self.inner.clock)(),
        };
        let url = format!("{}/{}", self.inner.endpoint, operation.path());
        let headers = [("content-type", CONTENT_TYPE)];
        let signature = sign(&signer, "cloudshell", "POST", &url, &headers, &body)
            .map_err(|reason| self.misread(operation, reason))?;
        let mut request = self.inner.http.post(&url).header("content-type", CONTENT_TYPE);
        for (name, value) in signature {
            request = request.header(name, value);
        }
        request
            .body(body)
            .build()
            .map_err(|error| ApiError::network(operation, &self.inner.region, &error))
    }

    fn misread(&self, operation: Operation, reason: String) -> ApiError {
        ApiError::misread(operation, &self.inner.region, reason)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OfEnvironment<'a> {
    environment_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OfSession<'a> {
    environment_id: &'a str,
    session_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CreateSession<'a> {
    environment_id: &'a str,
    /// The integration hooks itself into the prompt.
    q_cli_disabled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FileUpload<'a> {
    environment_id: &'a str,
    file_upload_path: &'a str,
}

/// Why there is no [`Api`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiSetupError {
    /// A region's name becomes part of a host name.
    #[error("{region:?} is no AWS region: names are like eu-west-1")]
    Region {
        /// What was given.
        region: String,
    },
    /// The HTTP client does not start.
    #[error("the HTTP client cannot be made")]
    Http {
        /// Why.
        #[source]
        source: reqwest::Error,
    },
}

/// Lower-case words and digits, joined by hyphens.
fn is_region(region: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    region.len() <= REGION_LEN_MAX && region.split('-').all(is_word)
}

/// Reads a body that may be too long.
pub(crate) async fn limited_body(mut answer: reqwest::Response) -> Result<Bytes, BodyError> {
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(BodyError::Network)? {
        if body.len() + part.len() > ANSWER_LEN_MAX {
            return Err(BodyError::TooLong);
        }
        body.extend_from_slice(&part);
    }
    Ok(body.into())
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the answer broke off")]
    Network(#[source] reqwest::Error),
    #[error("the answer is longer than {ANSWER_LEN_MAX} bytes")]
    TooLong,
}

/// Other clients send it.
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// Answers have some hundred bytes; a list of environments has a few kilobytes.
const ANSWER_LEN_MAX: usize = 1 << 20;
const REGION_LEN_MAX: usize = 40;
/// The slowest operations answer within a few seconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
