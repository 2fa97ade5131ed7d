//! Fetches objects.

use std::io::Write as _;
use std::path::Path;

use futures_util::TryStreamExt as _;
use model::ObjectPath;
use reqwest::Response;

use crate::client::Client;
use crate::destination::PendingFile;
use crate::error::{CommandError, chain};
use crate::progress::Progress;

/// Fetches an object into a file; the file has its name only when it is whole. Returns its length.
pub(crate) async fn to_file(
    client: &Client,
    path: &ObjectPath,
    dest: &Path,
    progress: &Progress,
) -> Result<u64, CommandError> {
    let response = client.get(path).await?;
    let size = response.content_length();
    let size = size.ok_or_else(|| CommandError::failed("the daemon does not say how long it is"))?;
    progress.expect(size);
    let modified_unix_ms = modified_unix_ms(&response);
    let mut pending = PendingFile::create(dest)?;
    let (mut body, mut read_len) = (response.bytes_stream(), 0);
    loop {
        match body.try_next().await {
            Ok(Some(frame)) => {
                pending.write(&frame)?;
                progress.add(frame.len() as u64);
                read_len += frame.len() as u64;
            }
            Ok(None) => break,
            Err(error) => return Err(cut_off(client, path, read_len, &error).await),
        }
    }
    let finish = move || pending.finish(size, modified_unix_ms);
    let finished = tokio::task::spawn_blocking(finish).await;
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
    response
        .content_length()
        .iter()
        .for_each(|size| progress.expect(*size));
    let (mut body, mut read_len) = (response.bytes_stream(), 0);
    let mut stdout = std::io::stdout().lock();
    loop {
        match body.try_next().await {
            Ok(Some(frame)) => {
                stdout.write_all(&frame)?;
                progress.add(frame.len() as u64);
                read_len += frame.len() as u64;
            }
            Ok(None) => break,
            Err(error) => return Err(cut_off(client, path, read_len, &error).await),
        }
    }
    stdout.flush()?;
    progress.finish();
    Ok(())
}

fn modified_unix_ms(response: &Response) -> Option<i64> {
    let value = response.headers().get("x-store-modified")?;
    value.to_str().ok()?.parse().ok()
}

/// An answer that has begun can only be cut off. Asked for the rest, the daemon says why it does not come.
async fn cut_off(client: &Client, path: &ObjectPath, read_len: u64, error: &reqwest::Error) -> CommandError {
    let rest = client.get_from(path, read_len).await.map(drop);
    let reason = rest.err().unwrap_or_else(|| {
        CommandError::failed(chain(error)).with_hint("try again; the daemon's log says more")
    });
    reason.about("the rest did not arrive")
}
