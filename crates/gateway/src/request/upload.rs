//! An object's bytes on their way in.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use engine::BodyError;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tokio::time::timeout;

/// The body's frames as they arrive. A client that sends nothing for a minute has gone.
pub(crate) fn frames(body: Body) -> BoxStream<'static, Result<Bytes, BodyError>> {
    // The time runs only while a frame is waited for, not while the nodes are.
    let next = |mut frames: axum::body::BodyDataStream| async move {
        let frame = match timeout(STALL_MAX, frames.next()).await {
            Ok(frame) => frame?.map_err(|error| BodyError(error.into_inner())),
            Err(_) => Err(BodyError(Box::new(UploadStalled))),
        };
        Some((frame, frames))
    };
    stream::unfold(body.into_data_stream(), next).boxed()
}

/// Nothing arrived for too long.
#[derive(Debug, thiserror::Error)]
#[error("nothing arrived for {STALL_MAX:?}")]
pub(crate) struct UploadStalled;

/// As long as a busy mobile link may pause; TCP itself would wait for hours.
const STALL_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stalls_is_given_up() {
        let sent = stream::iter([Ok::<_, BodyError>(Bytes::from_static(b"begin"))]);
        let mut frames = frames(Body::from_stream(sent.chain(stream::pending())));
        assert_eq!(frames.next().await.expect("a frame").expect("sent"), "begin");
        let BodyError(error) = frames
            .next()
            .await
            .expect("a frame")
            .expect_err("nothing was sent");
        assert!(error.is::<UploadStalled>(), "{error}");
    }
}
