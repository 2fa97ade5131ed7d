//! `rm`: deletes files and folders.

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::arguments::RmArguments;
use crate::client::Client;
use crate::command::get::all_objects;
use crate::error::{CommandError, Kind};
use crate::output::{Style, print_json};

pub(crate) async fn run(client: &Client, arguments: &RmArguments, style: &Style) -> Result<(), CommandError> {
    let (mut deleted, mut failure) = (0, None);
    for path in &arguments.paths {
        let path = path.trim_start_matches('/');
        let targets = if arguments.recursive {
            folder_and_file(client, path).await?
        } else {
            vec![path.to_owned()]
        };
        let delete =
            |path: String| async move { client.delete(&path).await.map_err(|error| error.about(&path)) };
        let results: Vec<_> = stream::iter(targets)
            .map(delete)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        deleted += results.iter().filter(|result| result.is_ok()).count();
        for error in results.into_iter().filter_map(Result::err) {
            if let Some(earlier) = failure.replace(error) {
                let _ = earlier.report(style);
            }
        }
    }
    if style.is_json {
        print_json(&serde_json::json!({ "deleted": deleted }))?;
    } else if failure.is_none() && deleted > 1 {
        style.say(&format!("{deleted} files deleted"))?;
    }
    failure.map_or(Ok(()), Err)
}

/// Everything below a folder, and a file of the same name if there is one.
async fn folder_and_file(client: &Client, path: &str) -> Result<Vec<String>, CommandError> {
    let folder = path.trim_end_matches('/');
    let is_meant = |candidate: &String| {
        folder.is_empty()
            || candidate == folder
            || candidate
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    let objects = all_objects(client, folder).await?;
    let targets: Vec<String> = objects
        .into_iter()
        .map(|object| object.path)
        .filter(is_meant)
        .collect();
    if targets.is_empty() {
        return Err(CommandError::new(Kind::NotFound, format!("{path}: not found")));
    }
    Ok(targets)
}

const AT_ONCE: usize = 64;
