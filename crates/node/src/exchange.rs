//! Messages on a stream.

use bytes::{Bytes, BytesMut};
use minicbor::{Decode, Encode};
use tokio::io::AsyncReadExt as _;
use transport::{LinkStream, RecvHalf, SendHalf};
use wire::{DecodeError, HEADER_LEN_PREFIX, Request, Response};

/// A message that announces its payload.
pub(crate) trait Message: Encode<()> + for<'b> Decode<'b, ()> {
    fn payload_len(&self) -> Result<usize, DecodeError>;
}

impl Message for Request {
    fn payload_len(&self) -> Result<usize, DecodeError> {
        Self::payload_len(self)
    }
}

impl Message for Response {
    fn payload_len(&self) -> Result<usize, DecodeError> {
        Self::payload_len(self)
    }
}

/// Sends a message and ends the stream's sending half. The payload is not copied.
pub(crate) async fn send<M: Message>(
    stream: &mut SendHalf,
    message: &M,
    payload: impl IntoIterator<Item = Bytes>,
) -> Result<(), ExchangeError> {
    stream
        .write_chunk(wire::encode_message(message).into())
        .await
        .map_err(ExchangeError::stream)?;
    for part in payload {
        stream.write_chunk(part).await.map_err(ExchangeError::stream)?;
    }
    stream.finish().map_err(ExchangeError::stream)
}

/// Receives a message's header.
pub(crate) async fn receive_header<M: Message>(stream: &mut RecvHalf) -> Result<M, ExchangeError> {
    let mut prefix = [0; HEADER_LEN_PREFIX];
    stream
        .read_exact(&mut prefix)
        .await
        .map_err(ExchangeError::stream)?;
    let mut header = vec![0; wire::header_len(prefix)?];
    stream
        .read_exact(&mut header)
        .await
        .map_err(ExchangeError::stream)?;
    Ok(wire::decode_header(&header)?)
}

/// Receives the payload that a header announced, as one allocation.
pub(crate) async fn receive_payload<M: Message>(
    stream: &mut RecvHalf,
    message: &M,
) -> Result<Bytes, ExchangeError> {
    let len = message.payload_len()?;
    let mut payload = BytesMut::with_capacity(len);
    let mut limited = stream.take(len as u64);
    while payload.len() < len {
        if limited
            .read_buf(&mut payload)
            .await
            .map_err(ExchangeError::stream)?
            == 0
        {
            return Err(ExchangeError::Truncated {
                got: payload.len(),
                announced: len,
            });
        }
    }
    Ok(payload.freeze())
}

/// A request and its answer.
pub(crate) async fn ask(
    mut stream: LinkStream,
    request: &Request,
    payload: impl IntoIterator<Item = Bytes>,
) -> Result<(Response, Bytes), ExchangeError> {
    send(&mut stream.send, request, payload).await?;
    let response: Response = receive_header(&mut stream.recv).await?;
    let payload = receive_payload(&mut stream.recv, &response).await?;
    Ok((response, payload))
}

/// Why an exchange did not take place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// The stream or its link ended.
    #[error("{reason}")]
    Stream { reason: String },
    /// The peer sent what no peer sends.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The payload ended early.
    #[error("payload ended after {got} of {announced} bytes")]
    Truncated { got: usize, announced: usize },
}

impl ExchangeError {
    fn stream(error: impl std::fmt::Display) -> Self {
        Self::Stream {
            reason: error.to_string(),
        }
    }
}
