//! Why the daemon does not run, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use catalogue::CatalogueError;
use codec::EnvelopeError;
use transport::BindError;

/// Why `init` or `serve` failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DaemonError {
    #[error("there is no store in {}", dir.display())]
    NoStore { dir: PathBuf },
    #[error("there is a store in {} already", dir.display())]
    StoreExists { dir: PathBuf },
    #[error("another daemon uses the store in {}", dir.display())]
    InUse { dir: PathBuf },
    #[error("no directory for the store: neither --dir, CLOUDSHELL_STORE_DIR nor HOME is set")]
    NoDirectory,
    #[error("{}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the configuration in {} cannot be used", path.display())]
    Config {
        path: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error("{setting}: {reason}")]
    Setting { setting: &'static str, reason: String },
    #[error("the store's key cannot be unlocked")]
    Envelope(#[from] EnvelopeError),
    #[error("no passphrase was given, and there is no terminal to ask on")]
    NoPassphrase,
    #[error("the two passphrases differ")]
    PassphrasesDiffer,
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    #[error("the catalogue cannot be opened")]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Credentials(#[from] ::cloudshell::LoadCredentialsError),
    #[error("there is no agent program at {}", path.display())]
    NoAgent { path: PathBuf },
    #[error("{addr} can be reached by others, so clients must show a token")]
    TokenMissing { addr: std::net::SocketAddr },
    #[error("cannot listen on {addr}")]
    Listen {
        addr: String,
        #[source]
        source: io::Error,
    },
}

impl DaemonError {
    /// An error of the file system, with the path it is about.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// The next step, where there is an obvious one.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoStore { dir } => format!("make one with: cloudshell-store init --dir {}", dir.display()),
            Self::StoreExists { dir } => {
                format!("start it with: cloudshell-store serve --dir {}", dir.display())
            }
            Self::InUse { .. } => {
                "the client commands talk to the running daemon; stop it to start another".to_owned()
            }
            Self::NoDirectory => "name one with --dir".to_owned(),
            Self::Envelope(EnvelopeError::WrongPassphrase) => {
                "check the passphrase; without it the store cannot be read by anyone".to_owned()
            }
            Self::Envelope(EnvelopeError::Damaged) => {
                "every node keeps a copy of the key envelope: copy one back".to_owned()
            }
            Self::NoPassphrase => {
                "set CLOUDSHELL_STORE_KEY, or use --key-file, or run it on a terminal".to_owned()
            }
            Self::NoAgent { .. } => "build it with: make build, or name it with --agent".to_owned(),
            Self::TokenMissing { .. } => {
                "put 16 or more random characters into a file and name it with --token-file".to_owned()
            }
            Self::Listen { .. } => "choose another address with --addr".to_owned(),
            Self::Catalogue(CatalogueError::Newer { .. }) => "install the newer program again".to_owned(),
            _ => return None,
        };
        Some(hint)
    }
}
