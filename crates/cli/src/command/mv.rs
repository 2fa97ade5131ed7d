//! `mv`: another path for a file.

use gateway::api::MoveRequest;

use crate::arguments::MvArguments;
use crate::client::Client;
use crate::error::CommandError;
use crate::output::{Style, print_json};

pub(crate) async fn run(client: &Client, arguments: &MvArguments, style: &Style) -> Result<(), CommandError> {
    let from = arguments.from.trim_start_matches('/').to_owned();
    let mut to = arguments.to.trim_start_matches('/').to_owned();
    if to.is_empty() || to.ends_with('/') {
        to.push_str(from.rsplit('/').next().unwrap_or(&from));
    }
    let moved = client
        .rename(&MoveRequest {
            from,
            to,
            overwrite: arguments.force,
        })
        .await?;
    if style.is_json {
        print_json(&moved)
    } else {
        style.say(&style.name(&moved.path))
    }
}
