//! `rm`: deletes files and folders.

use futures_util::StreamExt as _;
use futures_util::stream::{self, Stream};
use model::ObjectPath;
use serde_json::json;

use crate::arguments::RmArguments;
use crate::client::{Client, folder_prefix, object_path};
use crate::command::Failures;
use crate::command::folder::{explain_missing, objects};
use crate::error::{CommandError, Kind};
use crate::output::{Style, count, print_json};

pub(crate) async fn run(client: &Client, arguments: &RmArguments, style: &Style) -> Result<(), CommandError> {
    let typed = arguments.paths.iter();
    let paths: Vec<ObjectPath> = if arguments.recursive {
        typed.map(|typed| folder_path(typed)).collect::<Result<_, _>>()?
    } else {
        typed.map(|typed| object_path(typed)).collect::<Result<_, _>>()?
    };
    let mut removal = Removal {
        client,
        deleted: 0,
        failures: Failures::default(),
    };
    if arguments.recursive {
        for path in &paths {
            removal.remove_tree(path).await;
        }
    } else {
        removal.remove_all(stream::iter(paths).map(Ok)).await;
    }
    removal.conclude(style)
}

/// A folder's path; the root has none, and is more than anybody deletes by a slip.
fn folder_path(typed: &str) -> Result<ObjectPath, CommandError> {
    let prefix = folder_prefix(typed)?;
    if prefix.is_empty() {
        return Err(CommandError::usage(format!("{typed:?} is the whole store"))
            .with_hint("name its files and folders to delete them"));
    }
    object_path(prefix.trim_end_matches('/'))
}

struct Removal<'a> {
    client: &'a Client,
    deleted: usize,
    failures: Failures,
}

impl Removal<'_> {
    /// Everything below a folder, and a file of the same name if there is one.
    async fn remove_tree(&mut self, path: &ObjectPath) {
        let before = self.deleted + self.failures.len();
        let client = self.client;
        let prefix = format!("{path}/");
        let below = objects(client, &prefix).map(|object| object_path(&object?.path));
        self.remove_all(below).await;
        let is_empty = self.deleted + self.failures.len() == before;
        match client.delete(path).await {
            Ok(()) => self.deleted += 1,
            Err(error) if error.kind() == Kind::NotFound && !is_empty => {}
            Err(error) => self.failures.add(path, error),
        }
    }

    /// Deletes several files at a time; one that fails does not stop the rest.
    async fn remove_all(&mut self, paths: impl Stream<Item = Result<ObjectPath, CommandError>>) {
        let client = self.client;
        let deletions = paths.map(|path| remove(client, path)).buffer_unordered(AT_ONCE);
        let mut deletions = std::pin::pin!(deletions);
        while let Some(deletion) = deletions.next().await {
            match deletion {
                Ok(()) => self.deleted += 1,
                Err((name, error)) => self.failures.add(name, error),
            }
        }
    }

    fn conclude(self, style: &Style) -> Result<(), CommandError> {
        let total = self.deleted + self.failures.len();
        if style.is_json {
            print_json(&json!({ "deleted": self.deleted, "failed": self.failures.document() }))?;
        } else if self.deleted > 1 {
            style.say(&format!("{} deleted", count(self.deleted, "file")))?;
        }
        self.failures.conclude(total, "deleted", style)
    }
}

async fn remove(
    client: &Client,
    path: Result<ObjectPath, CommandError>,
) -> Result<(), (String, CommandError)> {
    let path = path.map_err(|error| ("the list of files".to_owned(), error))?;
    let Err(error) = client.delete(&path).await else {
        return Ok(());
    };
    let hint = "use rm -r to delete it with all that is in it";
    let error = explain_missing(client, &path, error, hint).await;
    Err((path.to_string(), error))
}

const AT_ONCE: usize = 64;
