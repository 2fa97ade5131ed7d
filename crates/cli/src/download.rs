//! Fetches objects.

use std::io::Write as _;
use std::path::Path;

use futures_util::TryStreamExt as _;
use gateway::api::Layout;
use model::ObjectPath;
use reqwest::Response;

use crate::client::Client;
use crate::destination::PendingFile;
use crate::error::{CommandError, Kind, chain};
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
    let mut body = response.bytes_stream();
    loop {
        match body.try_next().await {
            Ok(Some(frame)) => {
                pending.write(&frame)?;
                progress.add(frame.len() as u64);
            }
            Ok(None) => break,
            Err(error) => return Err(cut_off(client, path, &error).await),
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
    let mut body = response.bytes_stream();
    let mut stdout = std::io::stdout().lock();
    loop {
        match body.try_next().await {
            Ok(Some(frame)) => {
                stdout.write_all(&frame)?;
                progress.add(frame.len() as u64);
            }
            Ok(None) => break,
            Err(error) => return Err(cut_off(client, path, &error).await),
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

/// An answer that has begun can only be cut off; why it was, the daemon knows.
async fn cut_off(client: &Client, path: &ObjectPath, error: &reqwest::Error) -> CommandError {
    let cut = |kind, why: &str| CommandError::new(kind, format!("the rest did not arrive: {why}"));
    match client.layout(path, 1).await {
        Ok(Layout {
            domains_may_be_lost: None,
            ..
        }) => cut(Kind::NotEnoughNodes, "too few of its shards can be reached")
            .with_hint("see which nodes are missing with: cloudshell-store status"),
        Ok(_) => cut(Kind::Failed, &chain(error)).with_hint("try again; the daemon's log says more"),
        Err(silence) => cut(Kind::Failed, silence.message()),
    }
}
