//! Where the store's secret comes from.

use std::io::IsTerminal as _;
use std::path::Path;

use codec::{KeyEnvelope, LockKind, MasterKey, Unlock};
use zeroize::Zeroizing;

use crate::output::warn;

use super::DaemonError;
use super::store_dir::{StoreDir, read_key, read_limited};

/// What was typed to unlock the store.
#[derive(Debug, Default)]
pub(crate) struct SecretArguments<'a> {
    /// From the command line, where others can see it.
    pub(crate) key: Option<&'a str>,
    /// A file with a passphrase, or with the 32 bytes of a key.
    pub(crate) key_file: Option<&'a Path>,
}

/// Unwraps the master key with what was given, else with what lies in the directory or a person types.
pub(crate) fn unlock(
    dir: &StoreDir,
    envelope: &KeyEnvelope,
    arguments: &SecretArguments<'_>,
) -> Result<MasterKey, DaemonError> {
    match envelope.kind() {
        LockKind::Open => Ok(envelope.open(Unlock::Open)?),
        LockKind::KeyFile => {
            let in_dir = dir.key_file();
            let key = read_key(arguments.key_file.unwrap_or(&in_dir))?;
            Ok(envelope.open(Unlock::KeyFile(&key))?)
        }
        LockKind::Passphrase => {
            let passphrase = given_passphrase(arguments)?;
            Ok(envelope.open(Unlock::Passphrase(passphrase.as_bytes()))?)
        }
    }
}

fn given_passphrase(arguments: &SecretArguments<'_>) -> Result<Zeroizing<String>, DaemonError> {
    if let Some(key) = arguments.key {
        warn(&format!(
            "warning: everyone on this machine can see --key in the process list; \
             use {KEY_VARIABLE}, --key-file or the prompt"
        ));
        return Ok(Zeroizing::new(key.to_owned()));
    }
    if let Some(path) = arguments.key_file {
        return passphrase_in(path);
    }
    match std::env::var(KEY_VARIABLE) {
        Ok(passphrase) => Ok(Zeroizing::new(passphrase)),
        Err(_) => ask_passphrase("Passphrase: "),
    }
}

/// The passphrase of a store to be made.
pub(crate) fn first_passphrase(file: Option<&Path>) -> Result<Zeroizing<String>, DaemonError> {
    let passphrase = match (file, std::env::var(KEY_VARIABLE)) {
        (Some(path), _) => passphrase_in(path)?,
        (None, Ok(passphrase)) => Zeroizing::new(passphrase),
        (None, Err(_)) => new_passphrase()?,
    };
    if passphrase.is_empty() {
        Err(DaemonError::EmptyPassphrase)
    } else {
        Ok(passphrase)
    }
}

/// The first line of a file.
pub(crate) fn passphrase_in(path: &Path) -> Result<Zeroizing<String>, DaemonError> {
    let bytes = Zeroizing::new(read_limited(path, PASSPHRASE_FILE_LEN_MAX).map_err(DaemonError::io(path))?);
    let text = std::str::from_utf8(&bytes).map_err(|_| DaemonError::Setting {
        setting: "passphrase file",
        reason: format!("{} is not UTF-8", path.display()),
    })?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

/// Asks a person twice for a passphrase that nobody has typed before.
pub(crate) fn new_passphrase() -> Result<Zeroizing<String>, DaemonError> {
    let first = ask_passphrase("New passphrase (it cannot be recovered): ")?;
    let second = ask_passphrase("Again: ")?;
    if first == second {
        Ok(first)
    } else {
        Err(DaemonError::PassphrasesDiffer)
    }
}

/// Asks a person, without showing what is typed.
pub(crate) fn ask_passphrase(prompt: &str) -> Result<Zeroizing<String>, DaemonError> {
    if !std::io::stdin().is_terminal() {
        return Err(DaemonError::NoPassphrase);
    }
    rpassword::prompt_password(prompt)
        .map(Zeroizing::new)
        .map_err(DaemonError::io(Path::new("the terminal")))
}

const KEY_VARIABLE: &str = "CLOUDSHELL_STORE_KEY";

/// A passphrase of a thousand words fits.
const PASSPHRASE_FILE_LEN_MAX: u64 = 16 << 10;
