//! The store.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Secret;
use crate::StoreInfo;

/// The store that the daemon serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Store {
    /// Its id, 32 hexadecimal digits.
    pub id: String,
    /// How shards are sealed.
    pub cipher: Cipher,
    /// What opens it.
    pub lock: Lock,
    /// The daemon's directory of it, on the daemon's machine.
    pub dir: String,
    /// Version of the daemon's program.
    pub version: String,
}

/// How shards are sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Cipher {
    /// AES-256-GCM.
    #[serde(rename = "aes-256-gcm")]
    Aes256Gcm,
    /// Not at all: checksums only.
    #[serde(rename = "none")]
    None,
}

/// What opens a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Lock {
    /// A passphrase.
    Passphrase,
    /// A key file.
    KeyFile,
    /// Nothing: it is not encrypted.
    Open,
}

/// Another passphrase for the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassphraseRequest {
    /// The present one.
    pub old: Secret,
    /// The one from now on.
    pub new: Secret,
}

impl From<StoreInfo> for Store {
    fn from(info: StoreInfo) -> Self {
        Self {
            id: info.id.to_string(),
            cipher: info.cipher,
            lock: info.lock,
            dir: info.dir.display().to_string(),
            version: info.version,
        }
    }
}
