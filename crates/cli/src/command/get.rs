//! `get`: files and folders out of the store.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use futures_util::stream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use gateway::api::{ListEntry, Object};

use crate::arguments::GetArguments;
use crate::client::Client;
use crate::destination::{PendingFile, below};
use crate::error::{CommandError, Kind, chain};
use crate::output::{Style, print_json};
use crate::progress::Progress;

pub(crate) async fn run(client: &Client, arguments: GetArguments, style: &Style) -> Result<(), CommandError> {
    let path = arguments.path.trim_start_matches('/');
    if arguments.recursive {
        return get_folder(client, path.trim_end_matches('/'), arguments.dest, style).await;
    }
    match arguments.dest {
        Some(dest) if dest == Path::new("-") => to_stdout(client, path, &Progress::new(style, None)).await,
        dest => get_file(client, path, &place_for(path, dest), style).await,
    }
}

/// A folder, or a name that ends in `/`, takes the file under its own name.
fn place_for(path: &str, dest: Option<PathBuf>) -> PathBuf {
    let name = path.rsplit('/').next().unwrap_or(path);
    match dest {
        Some(dest) if dest.is_dir() || dest.to_string_lossy().ends_with('/') => dest.join(name),
        Some(dest) => dest,
        None => PathBuf::from(name),
    }
}

async fn get_file(client: &Client, path: &str, dest: &Path, style: &Style) -> Result<(), CommandError> {
    let progress = Progress::new(style, None);
    let size = download(client, path, dest, None, &progress).await?;
    progress.finish();
    if style.is_json {
        return print_json(&serde_json::json!({ "path": path, "dest": dest, "size_bytes": size }));
    }
    style.say(&format!(
        "{}  {}",
        style.name(&dest.to_string_lossy()),
        model::ByteCount(size)
    ))
}

async fn get_folder(
    client: &Client,
    folder: &str,
    dest: Option<PathBuf>,
    style: &Style,
) -> Result<(), CommandError> {
    let prefix = if folder.is_empty() {
        String::new()
    } else {
        format!("{folder}/")
    };
    let name = folder.rsplit('/').next().unwrap_or_default();
    let base = match dest {
        Some(dest) if dest.is_dir() => dest.join(name),
        Some(dest) => dest,
        None => Path::new(".").join(name),
    };
    let objects = all_objects(client, &prefix).await?;
    if objects.is_empty() {
        return Err(CommandError::new(
            Kind::NotFound,
            format!("there is no folder {folder:?}"),
        ));
    }
    let total = objects.iter().map(|object| object.size_bytes).sum();
    let progress = Progress::new(style, Some(total));
    let fetch = |object: Object| {
        let (prefix, base, progress) = (&prefix, &base, &progress);
        async move {
            progress.name(object.path.clone());
            let place = below(
                base,
                object.path.strip_prefix(prefix.as_str()).unwrap_or(&object.path),
            )?;
            let fetched = download(
                client,
                &object.path,
                &place,
                Some(object.modified_unix_ms),
                progress,
            )
            .await;
            fetched.map_err(|error| error.about(&object.path))
        }
    };
    let files = objects.len();
    let results: Vec<_> = stream::iter(objects)
        .map(fetch)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    progress.finish();
    let failed: Vec<CommandError> = results.into_iter().filter_map(Result::err).collect();
    if style.is_json {
        let fetched = files - failed.len();
        print_json(
            &serde_json::json!({ "dest": base, "files": fetched, "size_bytes": total, "failed": failed.len() }),
        )?;
    } else if failed.is_empty() {
        style.say(&format!(
            "{files} files in {}, {}",
            base.display(),
            model::ByteCount(total)
        ))?;
    }
    for error in &failed {
        let _ = error.report(style);
    }
    let error = |first: &CommandError| {
        CommandError::new(
            first.kind(),
            format!("{} of {files} files were not fetched", failed.len()),
        )
    };
    failed.first().map_or(Ok(()), |first| Err(error(first)))
}

/// Every object below a prefix.
pub(crate) async fn all_objects(client: &Client, prefix: &str) -> Result<Vec<Object>, CommandError> {
    let (mut objects, mut cursor) = (Vec::new(), None);
    loop {
        let page = client.list(prefix, None, cursor.as_deref()).await?;
        objects.extend(page.entries.into_iter().filter_map(|entry| match entry {
            ListEntry::Object(object) => Some(object),
            ListEntry::Prefix(_) => None,
        }));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(objects);
        }
    }
}

/// Fetches an object into a file; the file has its name only when it is whole. Returns its length.
async fn download(
    client: &Client,
    path: &str,
    dest: &Path,
    modified_unix_ms: Option<i64>,
    progress: &Progress,
) -> Result<u64, CommandError> {
    let response = client.get(path).await?;
    let size = response
        .content_length()
        .ok_or_else(|| CommandError::failed("the daemon does not say how long it is"))?;
    let header = response
        .headers()
        .get("x-store-modified")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let mut pending = PendingFile::create(dest)?;
    let mut body = response.bytes_stream();
    while let Some(frame) = body.try_next().await.map_err(|error| cut_off(&error))? {
        pending.write(&frame)?;
        progress.add(frame.len() as u64);
    }
    let finish = move || pending.finish(size, modified_unix_ms.or(header));
    tokio::task::spawn_blocking(finish)
        .await
        .map_err(|error| CommandError::failed(error.to_string()))??;
    Ok(size)
}

/// Writes an object to standard output as it comes.
pub(crate) async fn to_stdout(client: &Client, path: &str, progress: &Progress) -> Result<(), CommandError> {
    let mut body = client.get(path).await?.bytes_stream();
    let mut stdout = std::io::stdout().lock();
    while let Some(frame) = body.try_next().await.map_err(|error| cut_off(&error))? {
        stdout.write_all(&frame)?;
        progress.add(frame.len() as u64);
    }
    stdout.flush()?;
    progress.finish();
    Ok(())
}

fn cut_off(error: &reqwest::Error) -> CommandError {
    CommandError::new(
        Kind::NotEnoughNodes,
        format!("the daemon could not send the rest: {}", chain(error)),
    )
    .with_hint("see which nodes are missing with: cloudshell-store status")
}

const AT_ONCE: usize = 64;
