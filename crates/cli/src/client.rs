//! The daemon's API, as typed calls.

use std::path::Path;

use gateway::api::{
    AddNodeRequest, ChangePassphraseRequest, ErrorBody, Layout, MoveRequest, NodeAdded, NodeList, Object,
    ObjectPage, Status,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arguments::GlobalArguments;
use crate::error::{CommandError, Kind, chain};

/// A connection to the daemon.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
    token: Option<String>,
}

/// What an upload says beside its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UploadOptions {
    /// Announced length; the daemon refuses a stream that is shorter or longer.
    pub(crate) size: Option<u64>,
    pub(crate) modified_unix_ms: Option<i64>,
    pub(crate) only_if_absent: bool,
}

impl Client {
    pub(crate) fn new(arguments: &GlobalArguments) -> Result<Self, CommandError> {
        let url = Url::parse(&arguments.url)
            .ok()
            .filter(|url| url.scheme() == "http" && !url.cannot_be_a_base())
            .ok_or_else(|| CommandError::usage(format!("{:?} is no http URL", arguments.url)))?;
        let token = match &arguments.client_token_file {
            Some(path) => Some(token_in(path)?),
            None => std::env::var(TOKEN_VARIABLE).ok(),
        };
        // The links' library turns reqwest's TLS on without choosing its cryptography, and reqwest then refuses to start,
        // even for plain http.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build();
        let http = http.map_err(|error| CommandError::failed(chain(&error)))?;
        Ok(Self { http, url, token })
    }

    pub(crate) async fn put(
        &self,
        path: &str,
        body: Body,
        options: UploadOptions,
    ) -> Result<Object, CommandError> {
        let mut request = self.request(Method::PUT, &object_route(path)).body(body);
        if let Some(size) = options.size {
            request = request.header("content-length", size);
        }
        if let Some(modified) = options.modified_unix_ms {
            request = request.header("x-store-modified", modified);
        }
        if options.only_if_absent {
            request = request.header("if-none-match", "*");
        }
        self.json(request).await
    }

    /// The answer to a GET; its body is the object's bytes.
    pub(crate) async fn get(&self, path: &str) -> Result<Response, CommandError> {
        self.send(self.request(Method::GET, &object_route(path))).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<(), CommandError> {
        self.send(self.request(Method::DELETE, &object_route(path)))
            .await
            .map(drop)
    }

    pub(crate) async fn list(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<ObjectPage, CommandError> {
        let mut query = vec![("prefix", prefix)];
        query.extend(delimiter.map(|delimiter| ("delimiter", delimiter)));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let query: Vec<String> = query
            .into_iter()
            .map(|(key, value)| format!("{key}={}", encode(value)))
            .collect();
        self.json(self.request(Method::GET, &format!("objects?{}", query.join("&"))))
            .await
    }

    pub(crate) async fn layout(&self, path: &str, limit: usize) -> Result<Layout, CommandError> {
        let limit = limit.clamp(1, gateway::api::LIST_LIMIT_MAX);
        self.json(self.request(
            Method::GET,
            &format!("layout/{}?limit={limit}", encode_path(path)),
        ))
        .await
    }

    pub(crate) async fn rename(&self, request: &MoveRequest) -> Result<Object, CommandError> {
        self.post("move", request).await
    }

    pub(crate) async fn status(&self) -> Result<Status, CommandError> {
        self.json(self.request(Method::GET, "status")).await
    }

    pub(crate) async fn nodes(&self) -> Result<NodeList, CommandError> {
        self.json(self.request(Method::GET, "nodes")).await
    }

    pub(crate) async fn add_node(&self, request: &AddNodeRequest) -> Result<NodeAdded, CommandError> {
        self.post("nodes", request).await
    }

    pub(crate) async fn remove_node(&self, id: &str) -> Result<(), CommandError> {
        self.send(self.request(Method::DELETE, &format!("nodes/{}", encode(id))))
            .await
            .map(drop)
    }

    pub(crate) async fn change_passphrase(
        &self,
        request: &ChangePassphraseRequest,
    ) -> Result<(), CommandError> {
        let body = serde_json::to_vec(request).map_err(|error| CommandError::failed(error.to_string()))?;
        let request = self
            .request(Method::POST, "store/passphrase")
            .header("content-type", "application/json");
        self.send(request.body(body)).await.map(drop)
    }

    async fn post<T: DeserializeOwned>(&self, route: &str, body: &impl Serialize) -> Result<T, CommandError> {
        self.json(self.request(Method::POST, route).json(body)).await
    }

    fn request(&self, method: Method, route: &str) -> RequestBuilder {
        let base = self.url.as_str().trim_end_matches('/');
        let request = self.http.request(method, format!("{base}/api/v1/{route}"));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CommandError> {
        let response = self.send(request).await?;
        response
            .json()
            .await
            .map_err(|error| CommandError::failed(format!("the daemon's answer: {}", chain(&error))))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CommandError> {
        let response = request.send().await.map_err(|error| self.no_answer(&error))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(refusal(response).await)
        }
    }

    fn no_answer(&self, error: &reqwest::Error) -> CommandError {
        if error.is_connect() {
            let hint =
                "start one with: cloudshell-store serve (another address: --url, or CLOUDSHELL_STORE_URL)";
            return CommandError::failed(format!("no daemon answers at {}", self.url)).with_hint(hint);
        }
        CommandError::failed(chain(error))
    }
}

/// What the daemon says about a request that it did not carry out.
async fn refusal(response: Response) -> CommandError {
    let status = response.status();
    match response.json::<ErrorBody>().await {
        Ok(ErrorBody { error }) => CommandError::from_api(error.code, error.message, error.hint),
        Err(_) if status == StatusCode::NOT_FOUND => CommandError::new(Kind::NotFound, "not found"),
        Err(_) => CommandError::failed(format!("the daemon answered {status}")),
    }
}

fn token_in(path: &Path) -> Result<String, CommandError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| CommandError::from(error).about(path.display()))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

fn object_route(path: &str) -> String {
    format!("objects/{}", encode_path(path))
}

/// A path whose segments are encoded one by one. Dots are encoded too: an HTTP client takes `..` away before the daemon
/// could refuse it.
fn encode_path(path: &str) -> String {
    path.split('/')
        .map(|segment| {
            if segment.chars().all(|c| c == '.') {
                segment.replace('.', "%2E")
            } else {
                encode(segment)
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// RFC 3986 §2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

const TOKEN_VARIABLE: &str = "CLOUDSHELL_STORE_TOKEN";
