//! `mv`: another path for a file.

use gateway::api::MoveRequest;
use model::ObjectPath;

use crate::arguments::MvArguments;
use crate::client::{Client, folder_prefix, object_path};
use crate::command::folder::explain_missing;
use crate::error::{CommandError, Kind};
use crate::output::{Style, print_json};

pub(crate) async fn run(client: &Client, arguments: &MvArguments, style: &Style) -> Result<(), CommandError> {
    let from = object_path(&arguments.from)?;
    let to = destination(&from, &arguments.to)?;
    let request = MoveRequest {
        from: from.to_string(),
        to: to.to_string(),
        overwrite: arguments.force,
    };
    let moved = match client.rename(&request).await {
        Ok(moved) => moved,
        Err(error) => return Err(explain(client, &from, error).await),
    };
    if style.is_json {
        print_json(&moved)
    } else {
        style.say(&style.name(&moved.path))
    }
}

/// A folder takes the file under its own name.
fn destination(from: &ObjectPath, typed: &str) -> Result<ObjectPath, CommandError> {
    if typed.is_empty() || typed.ends_with('/') {
        object_path(&format!("{}{}", folder_prefix(typed)?, from.name()))
    } else {
        object_path(typed)
    }
}

async fn explain(client: &Client, from: &ObjectPath, error: CommandError) -> CommandError {
    if error.kind() == Kind::Exists {
        return error.with_hint("use mv -f to replace it");
    }
    let hint = "only files can be moved";
    let is_missing = error.kind() == Kind::NotFound;
    let error = explain_missing(client, from, error, hint).await;
    if is_missing { error.about(from) } else { error }
}
