//! The WebSocket to a session.

use std::time::Duration;

use futures_util::SinkExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};
use tracing::debug;

use crate::api::{Api, sign};
use crate::channel::frame::{HEADER_LEN, PAYLOAD_LEN_MAX};
use crate::credentials::chain;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connects to a stream URL, which is used byte for byte, and sends the opening message.
pub(super) async fn connect(api: &Api, url: &str, open: String) -> Result<Socket, ConnectError> {
    check_scheme(api, url)?;
    let mut socket = match upgrade(api, request(url)?).await {
        // Newer clients sign; whether it will be asked for is not known.
        Err(Error::Http(answer)) if [401, 403].contains(&answer.status().as_u16()) => {
            debug!(status = answer.status().as_u16(), "connecting again, signed");
            upgrade(api, signed_request(api, url).await?)
                .await
                .map_err(refused)?
        }
        other => other.map_err(refused)?,
    };
    socket.send(Message::text(open)).await.map_err(refused)?;
    Ok(socket)
}

/// The token must not be readable on the way, except to a service of this machine's that is itself not encrypted.
fn check_scheme(api: &Api, url: &str) -> Result<(), ConnectError> {
    if url.starts_with("wss://") || (url.starts_with("ws://") && api.is_plain()) {
        return Ok(());
    }
    Err(ConnectError::Url {
        reason: "it is not encrypted".to_owned(),
    })
}

async fn upgrade(api: &Api, request: Request) -> Result<Socket, Error> {
    let mut config = WebSocketConfig::default();
    config.read_buffer_size = READ_BUFFER_LEN;
    config.write_buffer_size = 0;
    config.max_write_buffer_size = WRITE_BUFFER_LEN_MAX;
    config.max_message_size = Some(MESSAGE_LEN_MAX);
    config.max_frame_size = Some(MESSAGE_LEN_MAX);
    let tls = Connector::Rustls(api.tls());
    let (socket, _answer) = connect_async_tls_with_config(request, Some(config), true, Some(tls)).await?;
    Ok(socket)
}

/// `http::Uri` keeps path and query as they are; libraries for URLs tend to rewrite `+`, `/` and `=`.
fn request(url: &str) -> Result<Request, ConnectError> {
    url.into_client_request().map_err(|error| ConnectError::Url {
        reason: error.to_string(),
    })
}

async fn signed_request(api: &Api, url: &str) -> Result<Request, ConnectError> {
    let unsigned = || ConnectError::Refused {
        reason: "it wants a signature, and there are no credentials".to_owned(),
    };
    let signer = api.signer().await.ok_or_else(unsigned)?;
    let signature =
        sign(&signer, "ssmmessages", "GET", url, &[], b"").map_err(|reason| ConnectError::Url { reason })?;
    let mut request = request(url)?;
    for (name, value) in signature {
        let header = (HeaderName::try_from(name), HeaderValue::try_from(value));
        if let (Ok(name), Ok(value)) = header {
            request.headers_mut().insert(name, value);
        }
    }
    Ok(request)
}

fn refused(error: Error) -> ConnectError {
    let reason = match &error {
        Error::Http(answer) => format!("HTTP {}", answer.status()),
        other => chain(other),
    };
    ConnectError::Refused { reason }
}

/// Why there is no connection to a session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The API's URL is of no use.
    #[error("the API gave no usable URL: {reason}")]
    Url {
        /// Why not.
        reason: String,
    },
    /// Nobody there takes it.
    #[error("{reason}; check that the network lets WebSockets to ssmmessages pass")]
    Refused {
        /// What was said or went wrong.
        reason: String,
    },
    /// Nobody there answers.
    #[error("no answer within {0:?}; check that the network lets WebSockets to ssmmessages pass")]
    TimedOut(Duration),
}

/// The longest frame that the channel takes.
const MESSAGE_LEN_MAX: usize = HEADER_LEN + PAYLOAD_LEN_MAX;
const READ_BUFFER_LEN: usize = 16 << 10;
/// Several messages; what is more waits in the channel.
const WRITE_BUFFER_LEN_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ApiConfig;
    use crate::credentials::static_credentials;

    #[test]
    fn a_token_is_only_sent_in_the_open_within_this_machine() {
        let config = ApiConfig::new("eu-west-1", static_credentials("a", "b", None));
        let aws = Api::new(config.clone()).expect("it can be made");
        let endpoint = "http://127.0.0.1:1".parse().ok();
        let local = Api::new(ApiConfig { endpoint, ..config }).expect("it can be made");
        let is_taken = |api, url| check_scheme(api, url).is_ok();
        assert!(is_taken(&aws, "wss://ssmmessages.eu-west-1.amazonaws.com/v1"));
        assert!(!is_taken(&aws, "ws://ssmmessages.eu-west-1.amazonaws.com/v1"));
        assert!(!is_taken(&aws, "https://ssmmessages.eu-west-1.amazonaws.com/v1"));
        assert!(is_taken(&local, "ws://127.0.0.1:1/v1"));
    }

    #[test]
    fn a_url_is_used_byte_for_byte() {
        let target = "/v1/data-channel/1-a?role=publish_subscribe&cell-number=AAEAA+b/c==&x=%2b%20'";
        let request = request(&format!("wss://host:8443{target}")).expect("a URL");
        assert_eq!(
            request.uri().path_and_query().map(ToString::to_string).as_deref(),
            Some(target)
        );
        assert_eq!(request.headers()["host"], "host:8443");
        assert!(request.headers().get("origin").is_none());
    }
}
