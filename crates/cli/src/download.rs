//! Fetches objects.

use std::io::Write as _;
use std::path::Path;

use futures_util::TryStreamExt as _;
use model::ObjectPath;
use reqwest::Response;

use crate::client::Client;
use crate::destination::{Durable, PendingFile};
use crate::error::{CommandError, chain};
use crate::progress::Progress;

/// Fetches an object into a file; the file has its name only when it is whole. Returns its length.
pub(crate) async fn to_file(
    client: &Client,
    path: &ObjectPath,
    dest: &Path,
    durable: Durable,
    progress: &Progress,
) -> Result<u64, CommandError> {
    let response = client.get(path).await?;
    let size = response.content_length();
    let size = size.ok_or_else(|| CommandError::failed("the daemon does not say how long it is"))?;
    let modified_unix_ms = modified_unix_ms(&response);
    let mut pending = PendingFile::create(dest)?;
    let download = Download {
        client,
        path,
        progress,
    };
    download.copy(response, |frame| pending.write(frame)).await?;
    let finished = tokio::task::spawn_blocking(move || pending.finish(size, modified_unix_ms, durable)).await;
    finished.map_err(|error| CommandError::failed(error.to_string()))??;
    Ok(size)
}

/// Writes an object to standard output as it comes.
pub(crate) async fn to_stdout(
    client: &Client,
    path: &ObjectPath,
    progress: &Progress,
) -> Result<(), CommandError> {
    let response = client.get(path).await?;
    let mut stdout = std::io::stdout().lock();
    let download = Download {
        client,
        path,
        progress,
    };
    download
        .copy(response, |frame| Ok(stdout.write_all(frame)?))
        .await?;
    Ok(stdout.flush()?)
}

struct Download<'a> {
    client: &'a Client,
    path: &'a ObjectPath,
    progress: &'a Progress,
}

impl Download<'_> {
    async fn copy(
        &self,
        response: Response,
        mut write: impl FnMut(&[u8]) -> Result<(), CommandError>,
    ) -> Result<(), CommandError> {
        self.progress.expect(response.content_length());
        let (mut body, mut read_len) = (response.bytes_stream(), 0);
        loop {
            match body.try_next().await {
                Ok(Some(frame)) => {
                    write(&frame)?;
                    read_len += frame.len() as u64;
                    self.progress.add(frame.len() as u64);
                }
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.cut_off(read_len, &error).await),
            }
        }
    }

    /// An answer that has begun can only be cut off. Asked for the rest, the daemon says why it does not come.
    async fn cut_off(&self, read_len: u64, error: &reqwest::Error) -> CommandError {
        let rest = self.client.get_from(self.path, read_len).await.map(drop);
        let reason = rest.err().unwrap_or_else(|| {
            CommandError::failed(chain(error)).with_hint("try again; the daemon's log says more")
        });
        reason.about("the rest did not arrive")
    }
}

fn modified_unix_ms(response: &Response) -> Option<i64> {
    let value = response.headers().get("x-store-modified")?;
    value.to_str().ok()?.parse().ok()
}
