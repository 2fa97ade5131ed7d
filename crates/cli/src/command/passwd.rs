//! `passwd`: another passphrase for the same master key.

use std::io::IsTerminal as _;
use std::path::Path;

use gateway::api::ChangePassphraseRequest;
use zeroize::Zeroizing;

use crate::arguments::PasswdArguments;
use crate::client::Client;
use crate::daemon::{ask_passphrase, new_passphrase, passphrase_in};
use crate::error::CommandError;
use crate::output::{Style, print_json};

pub(crate) async fn run(
    client: &Client,
    arguments: &PasswdArguments,
    style: &Style,
) -> Result<(), CommandError> {
    if arguments.passphrase_file.is_none() && !std::io::stdin().is_terminal() {
        return Err(
            CommandError::usage("there is no terminal to ask for passphrases on")
                .with_hint("use --passphrase-file and --new-passphrase-file"),
        );
    }
    let old = match &arguments.passphrase_file {
        Some(path) => passphrase_in(path)?,
        None => ask_passphrase("Current passphrase: ")?,
    };
    let new = new(arguments.new_passphrase_file.as_deref())?;
    client
        .change_passphrase(&ChangePassphraseRequest {
            old: old.into(),
            new: new.into(),
        })
        .await?;
    if style.is_json {
        return print_json(&serde_json::json!({ "changed": true }));
    }
    style.say("The passphrase is changed; nodes that are away learn of it when they are back.")
}

fn new(file: Option<&Path>) -> Result<Zeroizing<String>, CommandError> {
    match file {
        Some(path) => Ok(passphrase_in(path)?),
        None => Ok(new_passphrase()?),
    }
}
