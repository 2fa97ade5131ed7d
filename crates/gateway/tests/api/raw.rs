//! Bytes on a socket, as no well-behaved client sends them.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What came back, up to the end of the connection.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl RawAnswer {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Self {
            status: status.expect("a status line"),
            head,
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub(crate) fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).expect("errors are JSON");
        body["error"]["code"].as_str().expect("a code").to_owned()
    }
}

/// Sends a head (without its last empty line) and reads to the end of the connection.
pub(crate) async fn ask(addr: SocketAddr, head: &str) -> RawAnswer {
    let mut stream = connect(addr, head.as_bytes()).await;
    stream
        .write_all(b"\r\nConnection: close\r\n\r\n")
        .await
        .expect("sent");
    RawAnswer::parse(&read_to_end(&mut stream).await)
}

pub(crate) async fn connect(addr: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.expect("it listens");
    stream.write_all(bytes).await.expect("sent");
    stream
}

/// What arrives until the end, or until the connection is reset.
pub(crate) async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}
