//! The programs under test, and a place on the disk.

use std::path::PathBuf;

use tempfile::TempDir;

/// The daemon and the client.
pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_cloudshell-store"))
}

/// The agent that `make` built, else the one beside the daemon.
pub(crate) fn agent() -> PathBuf {
    let beside = program().with_file_name("cloudshell-store-agent");
    let agent = std::env::var_os("CLOUDSHELL_STORE_AGENT").map_or(beside, PathBuf::from);
    assert!(
        agent.is_file(),
        "no agent at {}: run the tests with `make test`",
        agent.display()
    );
    agent
}

/// A store directory on the disk that holds the build, since temporary directories may be in memory.
pub(crate) fn scratch() -> TempDir {
    let beside = program().parent().expect("it lies somewhere").to_owned();
    tempfile::Builder::new()
        .prefix("store-")
        .tempdir_in(beside)
        .expect("a scratch directory")
}
