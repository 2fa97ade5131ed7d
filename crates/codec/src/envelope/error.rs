//! What can be wrong with a key envelope, or with the secret for it.

use super::LockKind;

/// Why an envelope cannot be read or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// It does not begin like a key envelope.
    #[error("not a key envelope")]
    BadMagic,
    /// It is written in a format that this program does not know.
    #[error("key envelope format {version}, this program reads 1")]
    NewerVersion {
        /// The format's version.
        version: u8,
    },
    /// It is too short or too long.
    #[error("key envelope of {len_bytes} bytes instead of {needed_bytes}")]
    BadLength {
        /// Bytes there are.
        len_bytes: usize,
        /// Bytes an envelope has.
        needed_bytes: usize,
    },
    /// Its checksum does not match: another copy may be whole.
    #[error("key envelope damaged: checksum does not match")]
    Damaged,
    /// It names a cipher there is not.
    #[error("key envelope names unknown cipher {cipher}")]
    UnknownCipher {
        /// The cipher's byte.
        cipher: u8,
    },
    /// It is locked in a way there is not.
    #[error("key envelope has unknown lock {lock}")]
    UnknownLock {
        /// The lock's byte.
        lock: u8,
    },
    /// Opening it would take more memory or time than any honest envelope.
    #[error("Argon2id with {memory_kib} KiB, {passes} passes and {lanes} lanes is out of bounds")]
    KdfOutOfBounds {
        /// Memory in KiB.
        memory_kib: u32,
        /// Number of passes over the memory.
        passes: u32,
        /// Number of lanes.
        lanes: u32,
    },
    /// The key of an encrypted store must not lie open.
    #[error("key envelope of an encrypted store lies open")]
    OpenButEncrypted,
    /// Another kind of secret is needed.
    #[error("key envelope needs {needed}, was given {given}")]
    OtherLock {
        /// The kind it needs.
        needed: LockKind,
        /// The kind it was given.
        given: LockKind,
    },
    /// The passphrase is not the one it was locked with.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// The key file is not the one it was locked with.
    #[error("wrong key file")]
    WrongKeyFile,
}

impl std::fmt::Display for LockKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Open => "no secret",
            Self::Passphrase => "a passphrase",
            Self::KeyFile => "a key file",
        })
    }
}
