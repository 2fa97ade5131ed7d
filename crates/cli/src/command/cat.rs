//! `cat`: a file to standard output.

use crate::arguments::CatArguments;
use crate::client::{Client, object_path};
use crate::command::folder::explain_missing;
use crate::download::to_stdout;
use crate::error::CommandError;
use crate::progress::Progress;

pub(crate) async fn run(client: &Client, arguments: &CatArguments) -> Result<(), CommandError> {
    let path = object_path(&arguments.path)?;
    let Err(error) = to_stdout(client, &path, &Progress::silent()).await else {
        return Ok(());
    };
    let error = explain_missing(client, &path, error, "list it with: cloudshell-store ls").await;
    Err(error.about(&path))
}
