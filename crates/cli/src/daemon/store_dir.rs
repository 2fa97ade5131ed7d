//! The files of a store on the daemon's machine.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use codec::KeyEnvelope;
use transport::LinkKey;
use zeroize::Zeroizing;

use super::DaemonError;

/// The directory of one store. Everything in it is readable by its owner alone.
///
/// ```text
/// key-envelope       the wrapped master key; every node has a copy
/// store.key          the key file, if the store has one instead of a passphrase
/// daemon.key         the daemon's link key; agents obey no other
/// catalogue.sqlite   the index; can be rebuilt from the nodes
/// config.toml        settings, optional
/// regions.json       how long each CloudShell region was awake this month
/// nodes/<id>/        home directories of local nodes
/// lock               held by the running daemon
/// ```
#[derive(Clone, Debug)]
pub(crate) struct StoreDir {
    root: PathBuf,
}

impl StoreDir {
    /// The directory named, or the platform's data directory.
    pub(crate) fn locate(named: Option<PathBuf>) -> Result<Self, DaemonError> {
        let root = named.or_else(default_root).ok_or(DaemonError::NoDirectory)?;
        std::path::absolute(&root)
            .map(|root| Self { root })
            .map_err(DaemonError::io(&root))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    pub(crate) fn catalogue(&self) -> PathBuf {
        self.root.join("catalogue.sqlite")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.root.join("store.key")
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.root.join("regions.json")
    }

    fn envelope(&self) -> PathBuf {
        self.root.join("key-envelope")
    }

    pub(crate) fn has_store(&self) -> bool {
        self.envelope().exists()
    }

    pub(crate) fn create(&self) -> Result<(), DaemonError> {
        create_dir(&self.root)
    }

    /// The home of a local node; made if it is not there.
    pub(crate) fn node_home(&self, id: &model::NodeId) -> Result<PathBuf, DaemonError> {
        let home = self.root.join("nodes").join(id.as_str());
        create_dir(&home)?;
        Ok(home)
    }

    /// Held while the daemon runs; released by the operating system however it ends.
    pub(crate) fn lock(&self) -> Result<File, DaemonError> {
        let path = self.root.join("lock");
        let file = private().open(&path).map_err(DaemonError::io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(DaemonError::InUse {
                dir: self.root.clone(),
            }),
            Err(TryLockError::Error(source)) => Err(DaemonError::Io { path, source }),
        }
    }

    pub(crate) fn read_envelope(&self) -> Result<KeyEnvelope, DaemonError> {
        if !self.has_store() {
            return Err(DaemonError::NoStore {
                dir: self.root.clone(),
            });
        }
        let path = self.envelope();
        let bytes = read_limited(&path, ENVELOPE_LEN_MAX).map_err(DaemonError::io(&path))?;
        Ok(KeyEnvelope::from_bytes(&bytes)?)
    }

    pub(crate) fn write_envelope(&self, envelope: &KeyEnvelope) -> Result<(), DaemonError> {
        write_durably(&self.envelope(), &envelope.to_bytes())
    }

    /// The daemon's link key; made the first time.
    pub(crate) fn link_key(&self) -> Result<LinkKey, DaemonError> {
        let path = self.root.join("daemon.key");
        if !path.exists() {
            write_durably(&path, &*Zeroizing::new(LinkKey::generate().to_bytes()))?;
        }
        read_key(&path).map(|key| LinkKey::from_bytes(&key))
    }
}

/// A file of 32 secret bytes.
pub(crate) fn read_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, DaemonError> {
    let bytes = Zeroizing::new(read_limited(path, 33).map_err(DaemonError::io(path))?);
    let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| DaemonError::Setting {
        setting: "key file",
        reason: format!("{} has {} bytes, a key has 32", path.display(), bytes.len()),
    })?;
    Ok(Zeroizing::new(key))
}

/// Writes a private file that is whole or absent after a power cut.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), DaemonError> {
    let temporary = path.with_extension("new");
    let write = || {
        let mut file = private().truncate(true).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    };
    write().map_err(DaemonError::io(path))
}

/// Reads a file, at most `limit` bytes of it.
pub(crate) fn read_limited(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options
}

fn create_dir(path: &Path) -> Result<(), DaemonError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(DaemonError::io(path))
}

/// The XDG base directory specification's data directory; macOS has its own.
fn default_root() -> Option<PathBuf> {
    let home = || {
        std::env::var_os("HOME")
            .filter(|home| !home.is_empty())
            .map(PathBuf::from)
    };
    if cfg!(target_os = "macos") {
        return Some(home()?.join("Library/Application Support/cloudshell-store"));
    }
    let xdg = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    Some(
        xdg.or_else(|| Some(home()?.join(".local/share")))?
            .join("cloudshell-store"),
    )
}

/// Envelopes have under 200 bytes.
const ENVELOPE_LEN_MAX: u64 = 4096;
