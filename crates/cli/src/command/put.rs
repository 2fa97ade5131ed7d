//! `put`: files and folders into the store.

use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use gateway::api::Object;
use model::ByteCount;
use reqwest::Body;
use serde_json::json;

use crate::arguments::PutArguments;
use crate::client::{Client, UploadOptions};
use crate::command::Failures;
use crate::error::{CommandError, Kind};
use crate::output::{Style, count, print_json, unix_ms};
use crate::progress::Progress;
use crate::reading::{Content, ReadError, Snapshot, WHOLE_LEN_MAX, special_frames, stdin_frames};
use crate::source::{Input, Source, Sources};

pub(crate) async fn run(client: &Client, arguments: PutArguments, style: &Style) -> Result<(), CommandError> {
    let (named, dest) = split_destination(&arguments)?;
    let mut sources = Sources::find(named, dest.as_deref(), arguments.recursive)?;
    let progress = Progress::new(style, sources.size());
    for note in &sources.skipped {
        progress.note(style, note);
    }
    let uploader = Uploader {
        client,
        progress,
        only_if_absent: arguments.no_clobber,
    };
    let mut outcome = Outcome {
        total: sources.files.len() + sources.failures.len(),
        skipped: sources.skipped,
        failures: std::mem::take(&mut sources.failures),
        ..Outcome::default()
    };
    uploader.upload_all(sources.files, &mut outcome).await;
    uploader.progress.finish();
    outcome.conclude(style)
}

/// As with `cp`, the last of several is the destination; of one, there is none.
fn split_destination(arguments: &PutArguments) -> Result<(&[PathBuf], Option<String>), CommandError> {
    match arguments.paths.split_last() {
        Some((dest, named)) if !named.is_empty() => {
            let text = dest.to_str();
            let text = text.ok_or_else(|| CommandError::usage(format!("{dest:?} is not UTF-8")))?;
            // The store's own root, as people type it.
            Ok((named, Some(text.trim_start_matches('/').to_owned())))
        }
        _ => Ok((&arguments.paths, None)),
    }
}

/// What became of a file.
enum Uploaded {
    Stored(Object),
    /// An object was there, and was not to be replaced.
    Present,
}

struct Uploader<'a> {
    client: &'a Client,
    progress: Progress,
    only_if_absent: bool,
}

impl Uploader<'_> {
    /// Stores several files at a time; one that fails does not stop the rest.
    async fn upload_all(&self, files: Vec<Source>, outcome: &mut Outcome) {
        let is_long = |source: &Source| source.size > WHOLE_LEN_MAX;
        let (long, short): (Vec<_>, Vec<_>) = files.into_iter().partition(is_long);
        for (sources, at_once) in [(short, SHORT_AT_ONCE), (long, LONG_AT_ONCE)] {
            let mut uploads = stream::iter(sources)
                .map(|source| self.upload_named(source))
                .buffer_unordered(at_once);
            while let Some((name, upload)) = uploads.next().await {
                outcome.add(name, upload);
            }
        }
    }

    async fn upload_named(&self, source: Source) -> (String, Result<Uploaded, CommandError>) {
        self.progress.name(source.path.as_str());
        let upload = self.upload(&source).await;
        let name = match &source.input {
            Input::File(file) | Input::Special(file) => file.display().to_string(),
            Input::Stdin => "standard input".to_owned(),
        };
        (name, upload)
    }

    async fn upload(&self, source: &Source) -> Result<Uploaded, CommandError> {
        let (body, seen) = self.open(&source.input).await?;
        let options = UploadOptions {
            size: seen.map(|seen| seen.len),
            modified_unix_ms: seen.and_then(|seen| seen.modified).map(unix_ms),
            only_if_absent: self.only_if_absent,
        };
        match self.client.put(&source.path, body, options).await {
            Ok(object) => Ok(Uploaded::Stored(object)),
            Err(error) if self.only_if_absent && error.kind() == Kind::Exists => Ok(Uploaded::Present),
            Err(error) => Err(error),
        }
    }

    async fn open(&self, input: &Input) -> Result<(Body, Option<Snapshot>), CommandError> {
        match input {
            Input::Stdin => Ok((self.streamed(stdin_frames()), None)),
            Input::Special(path) => Ok((self.streamed(special_frames(path.clone())), None)),
            Input::File(path) => {
                let path = path.clone();
                let content = tokio::task::spawn_blocking(move || Content::open(&path)).await;
                let content = content.map_err(|error| CommandError::failed(error.to_string()))?;
                let content = content.map_err(|error| CommandError::from(&error))?;
                let seen = content.snapshot();
                Ok((self.body(content), Some(seen)))
            }
        }
    }

    fn body(&self, content: Content) -> Body {
        match content {
            Content::Whole(bytes, _) => {
                self.progress.add(bytes.len() as u64);
                bytes.into()
            }
            Content::Long(file) => self.streamed(file.frames()),
        }
    }

    fn streamed<S>(&self, frames: S) -> Body
    where
        S: Stream<Item = Result<Bytes, ReadError>> + Send + 'static,
    {
        let progress = self.progress.clone();
        Body::wrap_stream(frames.inspect_ok(move |frame| progress.add(frame.len() as u64)))
    }
}

/// What became of all files.
#[derive(Debug, Default)]
struct Outcome {
    total: usize,
    stored: Vec<Object>,
    present: usize,
    skipped: Vec<String>,
    failures: Failures,
}

impl Outcome {
    fn add(&mut self, name: String, upload: Result<Uploaded, CommandError>) {
        match upload {
            Ok(Uploaded::Stored(object)) => self.stored.push(object),
            Ok(Uploaded::Present) => self.present += 1,
            Err(error) => self.failures.add(name, error),
        }
    }

    fn conclude(mut self, style: &Style) -> Result<(), CommandError> {
        if style.is_json {
            self.stored.sort_by(|a, b| a.path.cmp(&b.path));
            print_json(&json!({
                "stored": self.stored,
                "present": self.present,
                "skipped": self.skipped,
                "failed": self.failures.document(),
            }))?;
        } else if self.failures.len() < self.total || self.total == 0 {
            style.say(&self.summary(style))?;
        }
        self.failures.conclude(self.total, "stored", style)
    }

    fn summary(&self, style: &Style) -> String {
        let size = ByteCount(self.stored.iter().map(|object| object.size_bytes).sum());
        let done = match &self.stored[..] {
            [object] if self.total == 1 => format!("{}  {size}", style.name(&object.path)),
            stored => format!("{} stored, {size}", count(stored.len(), "file")),
        };
        match self.present {
            0 => done,
            present => format!("{done}; {present} left as they were"),
        }
    }
}

/// Enough to fill the batches that travel to the nodes.
const SHORT_AT_ONCE: usize = 64;
const LONG_AT_ONCE: usize = 3;
