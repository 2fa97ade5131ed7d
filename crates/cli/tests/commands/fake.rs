//! A daemon that answers as it is told: the client must survive one that is hostile.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::program::Desk;

/// A request, and the connection on which its body comes.
pub(crate) struct Request {
    /// `GET /api/v1/status`.
    pub(crate) line: String,
    stream: BufReader<TcpStream>,
}

impl Request {
    fn read(stream: TcpStream) -> Option<Self> {
        let mut stream = BufReader::new(stream);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok()?;
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let line = head.first()?.strip_suffix(" HTTP/1.1")?.to_owned();
        Some(Self { line, stream })
    }

    /// Reads so many bytes of the body.
    pub(crate) fn read_body(&mut self, len: u64) {
        let read = std::io::copy(&mut (&mut self.stream).take(len), &mut std::io::sink());
        assert_eq!(read.expect("the body comes"), len);
    }

    /// Reads until the client goes away.
    pub(crate) fn drain(&mut self) {
        // A client that goes away in the middle of its body may reset the connection.
        let _ = std::io::copy(&mut self.stream, &mut std::io::sink());
    }

    pub(crate) fn answer(&mut self, status: &str, headers: &str, body: &[u8]) {
        let stream = self.stream.get_mut();
        let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n");
        // A client that has seen enough does not listen any more.
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body));
    }

    pub(crate) fn answer_json(&mut self, document: &Value) {
        let body = document.to_string();
        let headers = format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        self.answer("200 OK", &headers, body.as_bytes());
    }

    pub(crate) fn answer_bytes(&mut self, bytes: &[u8]) {
        let headers = format!("content-length: {}\r\n", bytes.len());
        self.answer("200 OK", &headers, bytes);
    }
}

/// A desk whose daemon does this with each request.
pub(crate) fn daemon(respond: impl Fn(&mut Request) + Send + 'static) -> Desk {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Some(mut request) = Request::read(stream) {
                respond(&mut request);
            }
        }
    });
    Desk::new(url)
}

/// A listing of files of five bytes.
pub(crate) fn page(paths: &[&str], next_cursor: Option<&str>) -> Value {
    let entries: Vec<Value> = paths.iter().map(|path| object(path)).collect();
    match next_cursor {
        Some(cursor) => json!({ "entries": entries, "next_cursor": cursor }),
        None => json!({ "entries": entries }),
    }
}

fn object(path: &str) -> Value {
    json!({
        "kind": "object",
        "path": path,
        "version": "0".repeat(32),
        "size_bytes": 5,
        "modified_unix_ms": 0,
        "content_type": null,
        "metadata": {},
        "geometry": { "data": 6, "parity": 3 },
    })
}
