//! `get`: files and folders out of the store.

use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use gateway::api::Object;
use model::{ByteCount, ObjectPath};
use serde_json::json;

use crate::arguments::GetArguments;
use crate::client::{Client, folder_prefix, object_path};
use crate::command::Failures;
use crate::command::folder::{explain_missing, objects};
use crate::destination::{Durable, below, sync_all_below};
use crate::download::{to_file, to_stdout};
use crate::error::{CommandError, Kind};
use crate::output::{Style, count, print_json};
use crate::progress::Progress;

pub(crate) async fn run(client: &Client, arguments: GetArguments, style: &Style) -> Result<(), CommandError> {
    tokio::select! {
        // The half of a file that has arrived is removed when its future is dropped.
        _ = tokio::signal::ctrl_c() => Err(CommandError::new(Kind::Interrupted, "interrupted")),
        result = fetch(client, arguments, style) => result,
    }
}

async fn fetch(client: &Client, arguments: GetArguments, style: &Style) -> Result<(), CommandError> {
    let GetArguments {
        path,
        dest,
        recursive,
    } = arguments;
    match dest {
        Some(dest) if dest == Path::new("-") && recursive => {
            Err(CommandError::usage("a folder does not fit on standard output"))
        }
        Some(dest) if dest == Path::new("-") => print(client, &object_path(&path)?, style).await,
        dest if recursive => get_folder(client, &path, dest, style).await,
        dest => get_file(client, &object_path(&path)?, dest, style).await,
    }
}

async fn print(client: &Client, path: &ObjectPath, style: &Style) -> Result<(), CommandError> {
    let progress = Progress::new(style, None);
    progress.name(path.name());
    let printed = to_stdout(client, path, &progress).await;
    progress.finish();
    explained(client, path, printed).await
}

/// Says more about a path that names nothing.
async fn explained<T>(
    client: &Client,
    path: &ObjectPath,
    result: Result<T, CommandError>,
) -> Result<T, CommandError> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => Err(explain_missing(client, path, error, "use get -r")
            .await
            .about(path)),
    }
}

async fn get_file(
    client: &Client,
    path: &ObjectPath,
    dest: Option<PathBuf>,
    style: &Style,
) -> Result<(), CommandError> {
    let place = place_for(path, dest);
    let progress = Progress::new(style, None);
    progress.name(path.name());
    let fetched = to_file(client, path, &place, Durable::AtOnce, &progress).await;
    progress.finish();
    let size = explained(client, path, fetched).await?;
    let shown = place.to_string_lossy();
    if style.is_json {
        return print_json(&json!({ "path": path.as_str(), "dest": shown, "size_bytes": size }));
    }
    style.say(&format!("{}  {}", style.name(&shown), ByteCount(size)))
}

/// A folder, or a name that ends in `/`, takes the file under its own name.
fn place_for(path: &ObjectPath, dest: Option<PathBuf>) -> PathBuf {
    match dest {
        Some(dest) if dest.is_dir() || dest.to_string_lossy().ends_with('/') => dest.join(path.name()),
        Some(dest) => dest,
        None => PathBuf::from(path.name()),
    }
}

async fn get_folder(
    client: &Client,
    typed: &str,
    dest: Option<PathBuf>,
    style: &Style,
) -> Result<(), CommandError> {
    let prefix = folder_prefix(typed)?;
    let found = Found::below(client, &prefix).await?;
    if found.files == 0 {
        return match object_path(typed) {
            Ok(path) => get_file(client, &path, dest, style).await,
            Err(_) => Err(CommandError::not_found("there is no such folder").about(typed)),
        };
    }
    let fetcher = Fetcher {
        client,
        prefix: &prefix,
        base: base_for(&prefix, dest),
        progress: Progress::new(style, Some(found.size)),
    };
    let outcome = fetcher.fetch_all().await;
    fetcher.progress.finish();
    outcome?.conclude(&fetcher.base, style)
}

/// As with `cp -r`, a folder that is there takes the fetched one under its own name.
fn base_for(prefix: &str, dest: Option<PathBuf>) -> PathBuf {
    let name = prefix
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    match dest {
        Some(dest) if dest.is_dir() => dest.join(name),
        Some(dest) => dest,
        None => Path::new(".").join(name),
    }
}

/// How much lies below a prefix. Listing twice takes less time than it would take memory to keep the list.
#[derive(Debug, Default)]
struct Found {
    files: usize,
    size: u64,
}

impl Found {
    async fn below(client: &Client, prefix: &str) -> Result<Self, CommandError> {
        let mut found = Self::default();
        let mut objects = std::pin::pin!(objects(client, prefix));
        while let Some(object) = objects.next().await {
            found.files += 1;
            found.size = found.size.saturating_add(object?.size_bytes);
        }
        Ok(found)
    }
}

struct Fetcher<'a> {
    client: &'a Client,
    prefix: &'a str,
    base: PathBuf,
    progress: Progress,
}

impl Fetcher<'_> {
    /// Fetches several files at a time; one that fails does not stop the rest.
    async fn fetch_all(&self) -> Result<Outcome, CommandError> {
        let mut outcome = Outcome::default();
        let mut fetches = std::pin::pin!(
            objects(self.client, self.prefix)
                .map(|object| self.fetch_named(object))
                .buffer_unordered(AT_ONCE)
        );
        while let Some(fetched) = fetches.next().await {
            let (path, fetched) = fetched?;
            outcome.add(path, fetched);
        }
        if outcome.files > 0 {
            let base = self.base.clone();
            let synced = tokio::task::spawn_blocking(move || sync_all_below(&base)).await;
            synced.map_err(|error| CommandError::failed(error.to_string()))??;
        }
        Ok(outcome)
    }

    async fn fetch_named(
        &self,
        object: Result<Object, CommandError>,
    ) -> Result<(String, Result<u64, CommandError>), CommandError> {
        let object = object?;
        self.progress.name(&object.path);
        let fetched = self.fetch(&object).await;
        Ok((object.path, fetched))
    }

    async fn fetch(&self, object: &Object) -> Result<u64, CommandError> {
        let rest = object.path.strip_prefix(self.prefix).unwrap_or(&object.path);
        let place = below(&self.base, rest)?;
        let path = object_path(&object.path)?;
        to_file(self.client, &path, &place, Durable::AtTheEnd, &self.progress).await
    }
}

#[derive(Debug, Default)]
struct Outcome {
    files: usize,
    size: u64,
    failures: Failures,
}

impl Outcome {
    fn add(&mut self, path: String, fetched: Result<u64, CommandError>) {
        match fetched {
            Ok(size) => {
                self.files += 1;
                self.size += size;
            }
            Err(error) => self.failures.add(path, error),
        }
    }

    fn conclude(self, base: &Path, style: &Style) -> Result<(), CommandError> {
        let Self {
            files,
            size,
            failures,
        } = self;
        let shown = base.to_string_lossy();
        if style.is_json {
            let failed = failures.document();
            print_json(&json!({ "dest": shown, "files": files, "size_bytes": size, "failed": failed }))?;
        } else if files > 0 {
            let dest = style.name(&shown);
            style.say(&format!(
                "{} in {dest}, {}",
                count(files, "file"),
                ByteCount(size)
            ))?;
        }
        let total = files + failures.len();
        failures.conclude(total, "fetched", style)
    }
}

const AT_ONCE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_follow_cp() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let there = dir.path().to_owned();
        let new = there.join("new");
        let path: ObjectPath = "a/b".parse().expect("a path");
        assert_eq!(place_for(&path, None), Path::new("b"));
        assert_eq!(place_for(&path, Some(there.clone())), there.join("b"));
        assert_eq!(place_for(&path, Some(new.clone())), new);
        assert_eq!(place_for(&path, Some("new/".into())), Path::new("new/b"));
        assert_eq!(base_for("a/b/", None), Path::new("./b"));
        assert_eq!(base_for("a/b/", Some(there.clone())), there.join("b"));
        assert_eq!(base_for("a/b/", Some(new.clone())), new);
        assert_eq!(base_for("", Some(there.clone())), there);
    }
}
