//! Finding the agent program.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use node::AgentBinary;

use super::DaemonError;

/// Reads the program named, or the one beside this program.
pub(crate) fn load(named: Option<&Path>) -> Result<AgentBinary, DaemonError> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => beside_this_program()?,
    };
    if !path.is_file() {
        return Err(DaemonError::NoAgent { path });
    }
    let bytes = std::fs::read(&path).map_err(DaemonError::io(&path))?;
    let sha256 = digest(&SHA256, &bytes)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let platform = format!("Linux {}", std::env::consts::ARCH);
    Ok(AgentBinary {
        bytes: bytes.into(),
        sha256,
        platform,
    })
}

fn beside_this_program() -> Result<PathBuf, DaemonError> {
    let program = std::env::current_exe().map_err(DaemonError::io(Path::new("this program")))?;
    Ok(program.with_file_name("cloudshell-store-agent"))
}
