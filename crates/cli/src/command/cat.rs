//! `cat`: a file to standard output.

use crate::arguments::CatArguments;
use crate::client::Client;
use crate::command::get::to_stdout;
use crate::error::CommandError;
use crate::progress::Progress;

pub(crate) async fn run(client: &Client, arguments: &CatArguments) -> Result<(), CommandError> {
    to_stdout(
        client,
        arguments.path.trim_start_matches('/'),
        &Progress::silent(),
    )
    .await
}
