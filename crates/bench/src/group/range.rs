//! How soon a part of a large object begins to arrive.
//!
//! Plain HTTP/1.1 on a new connection for each range: a client library would hide when the first byte came.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::noise::Noise;
use crate::sample::median_of;
use crate::scale::RANGE_LEN;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>, BenchError> {
    let len = bench.scale.ranged_len;
    let store = bench.store()?;
    let file = store.file("source");
    Noise::new(NAME).write_file(len, &file)?;
    store.time(&["put", &file.to_string_lossy(), NAME])?;
    let authority = store.daemon().url().trim_start_matches("http://");
    let mut offsets = Noise::new("offsets");
    let median = median_of(RUNS, |_| {
        let offset = offsets.below(len - RANGE_LEN as u64);
        first_byte(authority, offset).map(|time| time.as_secs_f64() * 1e3)
    })?;
    let name = format!("first byte of 1 MiB in {} MiB", len >> 20);
    Ok(vec![Figure::new(name, median, "ms").at_most(20.0)])
}

/// The time from the request to the first byte of the range, which is then read and compared.
fn first_byte(authority: &str, offset: u64) -> Result<Duration, BenchError> {
    let failed = || BenchError::io(format!("asking for a range at {offset}"));
    let mut stream = connect(authority).map_err(failed())?;
    let begun = Instant::now();
    stream
        .write_all(request(authority, offset).as_bytes())
        .map_err(failed())?;
    let (head, mut body) = read_head(&mut stream).map_err(failed())?;
    let time = begun.elapsed();
    if !head.starts_with("HTTP/1.1 206 ") {
        return Err(BenchError::Answer { head });
    }
    stream.read_to_end(&mut body).map_err(failed())?;
    let mut expected = Vec::new();
    Noise::at(NAME, offset)
        .write(RANGE_LEN as u64, &mut expected)
        .map_err(failed())?;
    if body == expected {
        return Ok(time);
    }
    let what = format!("the range at {offset}");
    Err(BenchError::Different { what })
}

fn connect(authority: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(authority)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    Ok(stream)
}

fn request(authority: &str, offset: u64) -> String {
    let last = offset + RANGE_LEN as u64 - 1;
    format!(
        "GET /api/v1/objects/{NAME} HTTP/1.1\r\nHost: {authority}\r\nRange: bytes={offset}-{last}\r\n\
         Connection: close\r\n\r\n"
    )
}

/// Reads the head of an answer and at least a byte of its body.
fn read_head(stream: &mut impl io::Read) -> io::Result<(String, Vec<u8>)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    while bytes.len() < HEAD_LEN_MAX {
        let len = stream.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..len]);
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        match end.map(|end| end + 4) {
            Some(end) if end < bytes.len() || len == 0 => {
                let body = bytes.split_off(end);
                return Ok((String::from_utf8_lossy(&bytes).into_owned(), body));
            }
            None if len == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => {}
        }
    }
    Err(io::Error::other(format!(
        "a head of more than {HEAD_LEN_MAX} bytes"
    )))
}

const NAME: &str = "ranged";
const RUNS: usize = 20;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const HEAD_LEN_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time, as a slow peer may.
    struct Drip<'a>(&'a [u8]);

    impl io::Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(&mut buffer[..1])
        }
    }

    #[test]
    fn the_head_ends_at_the_empty_line_and_the_body_has_begun() {
        let answer = b"HTTP/1.1 206 Partial Content\r\nA: b\r\n\r\nbody";
        let (head, body) = read_head(&mut Drip(answer)).unwrap();
        assert_eq!(head, "HTTP/1.1 206 Partial Content\r\nA: b\r\n\r\n");
        assert_eq!(body, b"b");
        let (_, body) = read_head(&mut &answer[..]).unwrap();
        assert_eq!(body, b"body");
    }

    #[test]
    fn an_answer_without_end_or_cut_short_is_an_error() {
        let cut = read_head(&mut &b"HTTP/1.1 206"[..]).unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
        let endless = read_head(&mut io::repeat(b'a')).unwrap_err();
        assert_eq!(endless.to_string(), "a head of more than 65536 bytes");
    }

    #[test]
    fn a_range_names_its_last_byte() {
        let request = request("127.0.0.1:1", 10);
        assert!(request.contains("Range: bytes=10-1048585\r\n"), "{request}");
    }
}
