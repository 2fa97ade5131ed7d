//! The folder of one store on this node.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use transport::LinkKey;

use crate::arguments::Identity;

/// Makes the store's folder, readable by its owner alone, and goes there. Sockets have short names only from within:
/// their paths are limited to about a hundred bytes.
pub(crate) fn enter(identity: &Identity) -> io::Result<()> {
    let dir = identity.dir.join(identity.store.to_string());
    DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
    std::env::set_current_dir(dir)
}

/// The agent's key; made at the first start.
pub(crate) fn link_key() -> io::Result<LinkKey> {
    match read_key(Path::new(KEY)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = LinkKey::generate();
            write_key(&key)?;
            Ok(key)
        }
        result => result,
    }
}

fn read_key(path: &Path) -> io::Result<LinkKey> {
    let mut bytes = [0; 32];
    fs::File::open(path)?.read_exact(&mut bytes)?;
    Ok(LinkKey::from_bytes(&bytes))
}

fn write_key(key: &LinkKey) -> io::Result<()> {
    let temporary = format!("{KEY}.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(&key.to_bytes())?;
    file.sync_all()?;
    fs::rename(temporary, KEY)?;
    fs::File::open(".")?.sync_all()
}

/// The agent's private key.
const KEY: &str = "agent.key";
/// Where a running agent is attached to.
pub(crate) const SOCKET: &str = "agent.sock";
/// The running agent's process id, for operators and scripts.
pub(crate) const PID: &str = "agent.pid";
/// What a detached agent prints.
pub(crate) const LOG: &str = "agent.log";
/// Below it are the shards.
pub(crate) const SHARDS: &str = "shards";
