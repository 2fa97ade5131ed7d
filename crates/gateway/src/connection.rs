//! What the server adds to a TCP stream: it does not wait forever for a client to read, and it closes politely.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_io_timeout::TimeoutStream;

/// A stream whose writes fail when the client takes nothing for [`WRITE_STALL_MAX`]: a client that stops reading would
/// otherwise hold a download's chunks, and its place in the queue, for as long as it likes.
pub(crate) fn guarded(stream: TcpStream) -> Lingering<Pin<Box<TimeoutStream<TcpStream>>>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_STALL_MAX));
    Lingering {
        inner: Box::pin(stream),
        deadline: None,
    }
}

/// Closes in two steps: says that it will send no more, then takes what the client is still sending, for a moment.
///
/// An upload that is refused early is answered while the client still sends. A socket closed with unread bytes is
/// reset, and the reset destroys the answer on its way (RFC 9112 §9.6).
#[derive(Debug)]
pub(crate) struct Lingering<S> {
    inner: S,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lingering<S> {
    /// Ready at the client's end, or when it has sent for long enough.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(LINGER_MAX)));
        if deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let mut bytes = [0; DISCARD_LEN];
        loop {
            let mut discarded = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut self.inner).poll_read(context, &mut discarded));
            if read.is_err() || discarded.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.deadline.is_none() {
            ready!(Pin::new(&mut self.inner).poll_shutdown(context))?;
        }
        self.poll_discard(context).map(Ok)
    }
}

/// As long as a busy mobile link may pause; TCP itself would wait for many minutes.
const WRITE_STALL_MAX: Duration = Duration::from_secs(60);

/// Whoever sends for longer than that after the answer does not read it.
const LINGER_MAX: Duration = Duration::from_secs(2);

const DISCARD_LEN: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::Instant;

    use super::*;

    fn pair() -> (Lingering<DuplexStream>, DuplexStream) {
        let (server, client) = duplex(1000);
        (
            Lingering {
                inner: server,
                deadline: None,
            },
            client,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn closing_lets_the_client_finish_and_read_the_answer() {
        let (mut server, mut client) = pair();
        let serve = async {
            server.write_all(b"no").await.expect("there is room");
            server.shutdown().await.expect("the client ends");
        };
        let send = async {
            client.write_all(&[7; 100_000]).await.expect("it is taken");
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.expect("an end");
            drop(client);
            answer
        };
        let begun = Instant::now();
        let ((), answer) = tokio::join!(serve, send);
        assert_eq!(
            (answer.as_slice(), begun.elapsed()),
            (b"no".as_slice(), Duration::ZERO)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn closing_does_not_wait_for_ever() {
        let (mut server, client) = pair();
        let begun = Instant::now();
        server.shutdown().await.expect("time is over");
        assert_eq!(begun.elapsed().as_secs(), LINGER_MAX.as_secs());
        drop(client);
    }
}
