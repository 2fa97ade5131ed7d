//! The daemon's API, as typed calls.

mod address;
mod answer;

use std::path::Path;
use std::time::Duration;

use gateway::api::{
    AddNodeRequest, ChangePassphraseRequest, LIST_LIMIT_MAX, Layout, MoveRequest, NodeAdded, NodeList,
    Object, ObjectPage, Status,
};
use model::{NodeId, ObjectPath};
use reqwest::{Body, Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use crate::arguments::GlobalArguments;
use crate::error::{CommandError, cause, chain};
use crate::reading::ReadError;

pub(crate) use self::address::{folder_prefix, object_path};

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
        let token = match &arguments.client_token_file {
            Some(path) => Some(token_in(path)?),
            None => std::env::var(TOKEN_VARIABLE).ok(),
        };
        // The links' library turns reqwest's TLS on without choosing its cryptography, and reqwest then refuses to start,
        // even for plain http.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .build();
        Ok(Self {
            http: http.map_err(|error| CommandError::failed(chain(&error)))?,
            url: base_url(&arguments.url)?,
            token,
        })
    }

    pub(crate) async fn put(
        &self,
        path: &ObjectPath,
        body: Body,
        options: UploadOptions,
    ) -> Result<Object, CommandError> {
        let mut request = self.request(Method::PUT, &address::object_route(path)).body(body);
        if let Some(size) = options.size {
            request = request.header("content-length", size);
        }
        if let Some(modified) = options.modified_unix_ms {
            request = request.header("x-store-modified", modified);
        }
        if options.only_if_absent {
            request = request.header("if-none-match", "*");
        }
        self.document(request).await
    }

    /// The answer to a GET; its body is the object's bytes.
    pub(crate) async fn get(&self, path: &ObjectPath) -> Result<Response, CommandError> {
        self.send(self.request(Method::GET, &address::object_route(path)))
            .await
    }

    /// The same, from a byte on.
    pub(crate) async fn get_from(&self, path: &ObjectPath, first: u64) -> Result<Response, CommandError> {
        let request = self.request(Method::GET, &address::object_route(path));
        self.send(request.header("range", format!("bytes={first}-")))
            .await
    }

    pub(crate) async fn delete(&self, path: &ObjectPath) -> Result<(), CommandError> {
        let request = self.request(Method::DELETE, &address::object_route(path));
        self.send(request).await.map(drop)
    }

    pub(crate) async fn list(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<ObjectPage, CommandError> {
        let route = address::list_route(prefix, delimiter, cursor);
        self.document(self.request(Method::GET, &route)).await
    }

    pub(crate) async fn layout(&self, path: &ObjectPath, limit: usize) -> Result<Layout, CommandError> {
        let route = address::layout_route(path, limit.clamp(1, LIST_LIMIT_MAX));
        self.document(self.request(Method::GET, &route)).await
    }

    pub(crate) async fn rename(&self, request: &MoveRequest) -> Result<Object, CommandError> {
        let request = self.request(Method::POST, "move").json(request);
        self.document(request).await
    }

    pub(crate) async fn status(&self) -> Result<Status, CommandError> {
        self.document(self.request(Method::GET, "status")).await
    }

    pub(crate) async fn nodes(&self) -> Result<NodeList, CommandError> {
        self.document(self.request(Method::GET, "nodes")).await
    }

    pub(crate) async fn add_node(&self, request: &AddNodeRequest) -> Result<NodeAdded, CommandError> {
        let request = self.request(Method::POST, "nodes").json(request);
        self.document(request).await
    }

    pub(crate) async fn remove_node(&self, id: &NodeId) -> Result<(), CommandError> {
        let request = self.request(Method::DELETE, &address::node_route(id));
        self.send(request).await.map(drop)
    }

    pub(crate) async fn wake_node(&self, id: &NodeId) -> Result<(), CommandError> {
        let request = self.request(Method::POST, &format!("{}/wake", address::node_route(id)));
        self.send(request).await.map(drop)
    }

    pub(crate) async fn sleep_node(&self, id: &NodeId) -> Result<(), CommandError> {
        let request = self.request(Method::POST, &format!("{}/sleep", address::node_route(id)));
        self.send(request).await.map(drop)
    }

    pub(crate) async fn change_passphrase(
        &self,
        request: &ChangePassphraseRequest,
    ) -> Result<(), CommandError> {
        let request = self.request(Method::POST, "store/passphrase").json(request);
        self.send(request).await.map(drop)
    }

    fn request(&self, method: Method, route: &str) -> RequestBuilder {
        let base = self.url.as_str().trim_end_matches('/');
        let request = self.http.request(method, format!("{base}/api/v1/{route}"));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn document<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CommandError> {
        answer::document(self.send(request).await?).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CommandError> {
        let response = request.send().await.map_err(|error| self.no_answer(&error))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(answer::refusal(response).await)
        }
    }

    fn no_answer(&self, error: &reqwest::Error) -> CommandError {
        if let Some(error) = cause::<ReadError>(error) {
            return error.into();
        }
        if error.is_connect() {
            return CommandError::failed(format!("no daemon answers at {}", self.url))
                .with_hint(NO_DAEMON_HINT);
        }
        CommandError::failed(format!("the daemon did not answer: {}", chain(error)))
    }
}

fn base_url(typed: &str) -> Result<Url, CommandError> {
    let url = Url::parse(typed).ok();
    url.filter(|url| url.scheme() == "http" && !url.cannot_be_a_base())
        .ok_or_else(|| CommandError::usage(format!("{typed:?} is no http URL")))
}

fn token_in(path: &Path) -> Result<String, CommandError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| CommandError::from(error).about(path.display()))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

const TOKEN_VARIABLE: &str = "CLOUDSHELL_STORE_TOKEN";

const NO_DAEMON_HINT: &str =
    "start one with: cloudshell-store serve (another address: --url, or CLOUDSHELL_STORE_URL)";

/// A daemon is on this machine or not far; a machine that is off does not answer at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
