//! `emulator`: CloudShell on this machine, for other programs to use.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ::emulator::{Credential, Delays, Emulator, EmulatorConfig, RunningEmulator};
use serde_json::json;

use crate::arguments::{EmulatedDelays, EmulatorArguments};
use crate::error::{CommandError, chain};
use crate::output::{Style, print_json, warn};

/// Runs until a signal.
pub(crate) async fn run(arguments: &EmulatorArguments, style: &Style) -> Result<(), CommandError> {
    let emulator = start(&arguments.dir, arguments.addr, arguments.delays).await?;
    announce(&emulator, &credentials_file(&arguments.dir), style)?;
    crate::daemon::shutdown_signal().await;
    emulator.shutdown().await;
    Ok(())
}

/// Starts an emulator whose credentials stay the same from run to run.
pub(crate) async fn start(
    dir: &Path,
    addr: SocketAddr,
    delays: EmulatedDelays,
) -> Result<RunningEmulator, CommandError> {
    let mut config = EmulatorConfig {
        addr,
        credentials: vec![credential(dir)?],
        ..EmulatorConfig::fast(dir)
    };
    if let EmulatedDelays::Real = delays {
        config.service.delays = Delays::default();
    }
    Emulator::start(config)
        .await
        .map_err(|error| CommandError::failed(chain(&error)).with_hint("choose another address or directory"))
}

fn announce(emulator: &RunningEmulator, credentials: &Path, style: &Style) -> Result<(), CommandError> {
    let credentials = fs::canonicalize(credentials).unwrap_or_else(|_| credentials.to_owned());
    let endpoint = emulator.endpoint();
    if style.is_json {
        return print_json(&json!({ "endpoint": endpoint, "credentials_file": credentials }));
    }
    warn("Whoever can read its credentials has a shell on this machine. To use it from any program:\n");
    style.say(&format!(
        "export AWS_ENDPOINT_URL={endpoint}\nexport AWS_SHARED_CREDENTIALS_FILE={}",
        credentials.display()
    ))
}

/// The key pair in the credentials file, which is made if it is not there.
fn credential(dir: &Path) -> Result<Credential, CommandError> {
    let path = credentials_file(dir);
    let about = |error: std::io::Error| CommandError::from(error).about(path.display());
    let mut credential = Credential::random();
    match fs::read_to_string(&path) {
        Ok(text) => {
            let (id, secret) = parse(&text).ok_or_else(|| {
                CommandError::failed("it has no key pair; remove it to have another made")
                    .about(path.display())
            })?;
            (credential.access_key_id, credential.secret_access_key) = (id, secret);
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::create_dir_all(dir).map_err(about)?;
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .map_err(about)?;
            file.write_all(render(&credential).as_bytes()).map_err(about)?;
        }
        Err(error) => return Err(about(error)),
    }
    Ok(credential)
}

/// As the AWS tools keep them.
fn render(credential: &Credential) -> String {
    format!(
        "[default]\n{ID} = {}\n{SECRET} = {}\n",
        credential.access_key_id, credential.secret_access_key
    )
}

fn parse(text: &str) -> Option<(String, String)> {
    let value = |key: &str| {
        let (_, value) = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .find(|(name, _)| name.trim() == key)?;
        Some(value.trim().to_owned())
    };
    Some((value(ID)?, value(SECRET)?))
}

fn credentials_file(dir: &Path) -> PathBuf {
    dir.join("credentials")
}

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stay_the_same_and_private() {
        use std::os::unix::fs::PermissionsExt as _;

        let dir = tempfile::tempdir().expect("a temporary directory");
        let first = credential(dir.path()).expect("made");
        assert_eq!(credential(dir.path()).expect("read"), first);
        let metadata = fs::metadata(credentials_file(dir.path())).expect("there");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        fs::write(credentials_file(dir.path()), "[default]\n").expect("written");
        credential(dir.path()).expect_err("no keys");
    }
}
