//! Making a store.

use std::path::PathBuf;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use catalogue::SqliteCatalogue;
use clap::Args;
use codec::{Cipher, KdfParams, KeyEnvelope, Lock, MasterKey};
use model::StoreId;
use zeroize::Zeroizing;

use crate::output::warn;

use super::DaemonError;
use super::config::DEFAULT_CONFIG;
use super::secret::first_passphrase;
use super::store_dir::{StoreDir, write_durably};

/// What `init` is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct InitArguments {
    /// Where the store's files go [default: the platform's data directory]
    #[arg(long, env = "CLOUDSHELL_STORE_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Read the passphrase from the first line of a file instead of asking
    #[arg(long, value_name = "FILE", conflicts_with_all = ["no_passphrase", "no_encryption"])]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Encrypt with a key file in the directory instead of a passphrase; losing it loses everything
    #[arg(long, conflicts_with = "no_encryption")]
    pub(crate) no_passphrase: bool,
    /// Do not encrypt: every node can read everything
    #[arg(long)]
    pub(crate) no_encryption: bool,
}

/// Makes a store: id, master key, key envelope, catalogue. Returns its id and directory.
pub(crate) async fn init(arguments: InitArguments) -> Result<(StoreId, PathBuf), DaemonError> {
    let dir = StoreDir::locate(arguments.dir.clone())?;
    if dir.has_store() {
        return Err(DaemonError::StoreExists {
            dir: dir.root().to_owned(),
        });
    }
    // Asked before anything is made, so that giving up leaves nothing behind.
    let secret = Secret::choose(&arguments)?;
    dir.create()?;
    let _lock = dir.lock()?;
    let store = StoreId::from_bytes(random());
    let master = MasterKey::from_bytes(*Zeroizing::new(random::<32>()));
    let envelope = secret.seal(&dir, store, 1, &master)?;
    SqliteCatalogue::open(dir.catalogue()).await?;
    dir.link_key()?;
    if !dir.config().exists() {
        write_durably(&dir.config(), DEFAULT_CONFIG.as_bytes())?;
    }
    // The envelope makes it a store, so it comes last.
    dir.write_envelope(&envelope)?;
    Ok((store, dir.root().to_owned()))
}

/// Wraps a master key with another passphrase; touches no data.
pub(crate) fn rewrap(envelope: &KeyEnvelope, old: &str, new: &str) -> Result<KeyEnvelope, DaemonError> {
    let master = envelope.open(codec::Unlock::Passphrase(old.as_bytes()))?;
    if new.is_empty() {
        return Err(DaemonError::EmptyPassphrase);
    }
    let generation = envelope.generation() + 1;
    let lock = Lock::Passphrase {
        passphrase: new.as_bytes(),
        params: KdfParams::default(),
        salt: random(),
    };
    Ok(KeyEnvelope::seal(
        envelope.store(),
        envelope.cipher(),
        generation,
        &master,
        lock,
        random(),
    )?)
}

enum Secret {
    Passphrase(Zeroizing<String>),
    KeyFile,
    None,
}

impl Secret {
    fn choose(arguments: &InitArguments) -> Result<Self, DaemonError> {
        if arguments.no_encryption {
            warn("warning: this store is NOT encrypted; whoever runs a node can read every file");
            return Ok(Self::None);
        }
        if arguments.no_passphrase {
            return Ok(Self::KeyFile);
        }
        first_passphrase(arguments.passphrase_file.as_deref()).map(Self::Passphrase)
    }

    fn seal(
        &self,
        dir: &StoreDir,
        store: StoreId,
        generation: u64,
        master: &MasterKey,
    ) -> Result<KeyEnvelope, DaemonError> {
        let key_file;
        let (cipher, lock) = match self {
            Self::Passphrase(passphrase) => {
                let passphrase = passphrase.as_bytes();
                (
                    Cipher::Aes256Gcm,
                    Lock::Passphrase {
                        passphrase,
                        params: KdfParams::default(),
                        salt: random(),
                    },
                )
            }
            Self::KeyFile => {
                key_file = Zeroizing::new(random::<32>());
                write_durably(&dir.key_file(), &*key_file)?;
                (Cipher::Aes256Gcm, Lock::KeyFile(&key_file))
            }
            Self::None => (Cipher::None, Lock::Open),
        };
        Ok(KeyEnvelope::seal(
            store,
            cipher,
            generation,
            master,
            lock,
            random(),
        )?)
    }
}

fn random<const LEN: usize>() -> [u8; LEN] {
    let mut bytes = [0; LEN];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the operating system has randomness");
    bytes
}
