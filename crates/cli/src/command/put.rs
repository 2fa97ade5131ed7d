//! `put`: files and folders into the store.

use std::path::Path;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use gateway::api::Object;
use reqwest::Body;
use tokio_util::io::ReaderStream;

use crate::arguments::PutArguments;
use crate::client::{Client, UploadOptions};
use crate::error::{CommandError, Kind};
use crate::output::{Style, print_json};
use crate::progress::Progress;
use crate::source::{Input, Source, Sources};

pub(crate) async fn run(client: &Client, arguments: PutArguments, style: &Style) -> Result<(), CommandError> {
    let (named, dest) = split_destination(&arguments)?;
    let sources = Sources::find(named, dest.as_deref(), arguments.recursive)?;
    let is_from_stdin = sources.files.iter().any(|source| source.file == Input::Stdin);
    let total = (!is_from_stdin).then(|| sources.files.iter().map(|source| source.size).sum());
    let progress = Progress::new(style, total);
    sources
        .skipped
        .iter()
        .for_each(|note| progress.note(&format!("note: {note}")));
    let uploads = upload_all(client, sources.files, arguments.no_clobber, &progress).await;
    progress.finish();
    conclude(uploads, style)
}

/// As with `cp`, the last of several is the destination; of one, there is none.
fn split_destination(
    arguments: &PutArguments,
) -> Result<(&[std::path::PathBuf], Option<String>), CommandError> {
    match arguments.paths.split_last() {
        Some((dest, named)) if !named.is_empty() => {
            let text = dest
                .to_str()
                .ok_or_else(|| CommandError::usage(format!("{dest:?} is not UTF-8")))?;
            // The store's own root, as people type it.
            let text = text.strip_prefix('/').unwrap_or(text);
            Ok((named, Some(text.to_owned())))
        }
        _ => Ok((&arguments.paths, None)),
    }
}

/// Stores several files at a time; one that fails does not stop the rest.
async fn upload_all(
    client: &Client,
    files: Vec<Source>,
    no_clobber: bool,
    progress: &Progress,
) -> Vec<Result<Object, CommandError>> {
    let (large, small): (Vec<_>, Vec<_>) = files.into_iter().partition(|source| source.size > LARGE_LEN_MIN);
    let start = |source: Source| async move {
        let name = source.path.clone();
        progress.name(name.clone());
        let stored = upload(client, source, no_clobber, progress.clone()).await;
        stored.map_err(|error| error.about(name)).inspect_err(|error| {
            if error.kind() != Kind::PipeClosed {
                tracing::debug!(?error, "not stored");
            }
        })
    };
    let mut results: Vec<_> = stream::iter(small)
        .map(start)
        .buffer_unordered(SMALL_AT_ONCE)
        .collect()
        .await;
    results.extend(
        stream::iter(large)
            .map(start)
            .buffer_unordered(LARGE_AT_ONCE)
            .collect::<Vec<_>>()
            .await,
    );
    results
}

async fn upload(
    client: &Client,
    source: Source,
    only_if_absent: bool,
    progress: Progress,
) -> Result<Object, CommandError> {
    let (body, size) = match &source.file {
        Input::Stdin => (
            streamed(
                ReaderStream::with_capacity(tokio::io::stdin(), FRAME_LEN),
                progress,
            ),
            None,
        ),
        Input::File(path) if source.size <= LARGE_LEN_MIN => {
            let bytes = read_small(path, source.size).await?;
            progress.add(bytes.len() as u64);
            (bytes.into(), Some(source.size))
        }
        Input::File(path) => {
            let file = tokio::fs::File::open(path).await?;
            (
                streamed(ReaderStream::with_capacity(file, FRAME_LEN), progress),
                Some(source.size),
            )
        }
    };
    let options = UploadOptions {
        size,
        modified_unix_ms: source.modified_unix_ms,
        only_if_absent,
    };
    client.put(&source.path, body, options).await
}

/// The whole of a small file; another length than a moment ago means that it is being written.
async fn read_small(path: &Path, expected: u64) -> Result<Bytes, CommandError> {
    let bytes = tokio::fs::read(path).await?;
    if bytes.len() as u64 == expected {
        return Ok(bytes.into());
    }
    Err(CommandError::failed(format!(
        "it changed while it was read: {} bytes, then {expected}",
        bytes.len()
    )))
}

fn streamed<S>(frames: S, progress: Progress) -> Body
where
    S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
{
    Body::wrap_stream(frames.inspect_ok(move |frame| progress.add(frame.len() as u64)))
}

fn conclude(uploads: Vec<Result<Object, CommandError>>, style: &Style) -> Result<(), CommandError> {
    let (mut stored, mut failed) = (Vec::new(), Vec::new());
    for upload in uploads {
        match upload {
            Ok(object) => stored.push(object),
            Err(error) => failed.push(error),
        }
    }
    let bytes = model::ByteCount(stored.iter().map(|object| object.size_bytes).sum());
    if style.is_json {
        stored.sort_by(|a, b| a.path.cmp(&b.path));
        print_json(&serde_json::json!({ "stored": stored, "failed": failed.len() }))?;
    } else if let [object] = &stored[..]
        && failed.is_empty()
    {
        style.say(&format!("{}  {bytes}", style.name(&object.path)))?;
    } else {
        style.say(&format!("{} files stored, {bytes}", stored.len()))?;
    }
    summary(failed, style)
}

/// Reports all failures but the last, which ends the command.
fn summary(mut failed: Vec<CommandError>, style: &Style) -> Result<(), CommandError> {
    let Some(last) = failed.pop() else { return Ok(()) };
    for error in &failed {
        let _ = error.report(style);
    }
    if failed.is_empty() {
        return Err(last);
    }
    let count = failed.len() + 1;
    let _ = last.report(style);
    Err(CommandError::new(
        last.kind(),
        format!("{count} files were not stored"),
    ))
}

/// Read at once; twice the longest object that travels in its record.
const LARGE_LEN_MIN: u64 = 128 << 10;
/// Enough to fill the batches that travel to the nodes.
const SMALL_AT_ONCE: usize = 64;
const LARGE_AT_ONCE: usize = 3;
const FRAME_LEN: usize = 512 << 10;
