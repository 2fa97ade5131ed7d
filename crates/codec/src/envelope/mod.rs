//! The key envelope: the master key, wrapped so that only the passphrase or the key file gets it out.
//!
//! One lies in the local configuration and on every node. Whoever finds it can try passphrases, at the price that
//! [`KdfParams`] sets; without the right one it is useless.

mod error;
mod kdf;
mod layout;

use std::fmt;

use model::StoreId;
use zeroize::Zeroizing;

use crate::aead::{AeadKey, NONCE_LEN, TAG_LEN};
use crate::{Cipher, MasterKey};

pub use error::EnvelopeError;
pub use kdf::KdfParams;

/// A wrapped master key, with all that is needed to unwrap it but the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyEnvelope {
    store: StoreId,
    cipher: Cipher,
    generation: u64,
    wrapping: Wrapping,
    nonce: [u8; NONCE_LEN],
    wrapped: [u8; MasterKey::LEN],
    tag: [u8; TAG_LEN],
}

/// The secret that a new envelope is to be locked with.
#[derive(Clone, Copy)]
pub enum Lock<'a> {
    /// A passphrase, taken byte by byte as it is.
    Passphrase {
        /// The passphrase.
        passphrase: &'a [u8],
        /// What guessing shall cost.
        params: KdfParams,
        /// Random bytes, never used before.
        salt: [u8; 16],
    },
    /// A file of 32 random bytes.
    KeyFile(&'a [u8; 32]),
    /// Nothing: the master key lies open. Only for a store without encryption.
    Open,
}

/// The secret that an envelope is to be opened with.
#[derive(Clone, Copy)]
pub enum Unlock<'a> {
    /// A passphrase.
    Passphrase(&'a [u8]),
    /// The content of a key file.
    KeyFile(&'a [u8; 32]),
    /// None.
    Open,
}

/// Which secret an envelope needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LockKind {
    /// None: the store is not encrypted.
    Open = 0,
    /// A passphrase.
    Passphrase = 1,
    /// A key file.
    KeyFile = 2,
}

impl KeyEnvelope {
    /// Wraps a master key. `nonce` must be random; `generation` greater than that of any envelope of the store before,
    /// since the greatest one counts where several are found.
    ///
    /// Takes as long as the [`KdfParams`] say, on the calling thread.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::OpenButEncrypted`] if an encrypted store's key was to lie open.
    pub fn seal(
        store: StoreId,
        cipher: Cipher,
        generation: u64,
        master: &MasterKey,
        lock: Lock<'_>,
        nonce: [u8; 12],
    ) -> Result<Self, EnvelopeError> {
        let mut envelope = Self {
            store,
            cipher,
            generation,
            wrapping: Wrapping::of(&lock),
            nonce,
            wrapped: *master.as_bytes(),
            tag: [0; TAG_LEN],
        };
        envelope.check_openness()?;
        match envelope.wrapping_key(lock.secret())? {
            Some(key) => {
                let associated = envelope.to_associated();
                envelope.tag = AeadKey::new(&key).seal(nonce, &associated, &mut envelope.wrapped);
            }
            None => envelope.nonce = [0; NONCE_LEN],
        }
        Ok(envelope)
    }

    /// Unwraps the master key. Takes as long as the [`KdfParams`] say, on the calling thread.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::OtherLock`] if this is not the kind of secret needed, else
    /// [`EnvelopeError::WrongPassphrase`] or [`EnvelopeError::WrongKeyFile`]: these also stand for an envelope that
    /// somebody changed and gave a new checksum, which cannot be told apart.
    pub fn open(&self, unlock: Unlock<'_>) -> Result<MasterKey, EnvelopeError> {
        let Some(key) = self.wrapping_key(unlock)? else {
            return Ok(MasterKey::from_bytes(self.wrapped));
        };
        let mut master = Zeroizing::new([0; MasterKey::LEN]);
        let associated = self.to_associated();
        if AeadKey::new(&key).open(self.nonce, &associated, &self.wrapped, &self.tag, &mut *master) {
            Ok(MasterKey::from_bytes(*master))
        } else {
            Err(self.wrong_secret())
        }
    }

    /// The store whose key this is.
    pub fn store(&self) -> StoreId {
        self.store
    }

    /// How the store's shards are sealed. Believe it only after [`open`](Self::open).
    pub fn cipher(&self) -> Cipher {
        self.cipher
    }

    /// Grows with each change of the lock; the envelope with the greatest one counts.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Which secret opens it.
    pub fn kind(&self) -> LockKind {
        match self.wrapping {
            Wrapping::Open => LockKind::Open,
            Wrapping::Passphrase { .. } => LockKind::Passphrase,
            Wrapping::KeyFile => LockKind::KeyFile,
        }
    }

    /// The key that the master key is wrapped with; `None` if it lies open.
    fn wrapping_key(&self, unlock: Unlock<'_>) -> Result<Option<Zeroizing<[u8; 32]>>, EnvelopeError> {
        match (self.wrapping, unlock) {
            (Wrapping::Open, Unlock::Open) => Ok(None),
            (Wrapping::Passphrase { params, salt }, Unlock::Passphrase(passphrase)) => {
                params.derive(passphrase, &salt).map(Some)
            }
            (Wrapping::KeyFile, Unlock::KeyFile(key)) => {
                Ok(Some(Zeroizing::new(blake3::derive_key(KEY_FILE_CONTEXT, key))))
            }
            (_, unlock) => Err(EnvelopeError::OtherLock {
                needed: self.kind(),
                given: unlock.kind(),
            }),
        }
    }

    fn wrong_secret(&self) -> EnvelopeError {
        match self.wrapping {
            Wrapping::Passphrase { .. } => EnvelopeError::WrongPassphrase,
            Wrapping::KeyFile | Wrapping::Open => EnvelopeError::WrongKeyFile,
        }
    }

    fn check_openness(&self) -> Result<(), EnvelopeError> {
        match (self.wrapping, self.cipher) {
            (Wrapping::Open, Cipher::Aes256Gcm) => Err(EnvelopeError::OpenButEncrypted),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for KeyEnvelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEnvelope")
            .field("store", &self.store)
            .field("cipher", &self.cipher)
            .field("generation", &self.generation)
            .field("kind", &self.kind())
            .finish_non_exhaustive()
    }
}

impl<'a> Lock<'a> {
    fn secret(&self) -> Unlock<'a> {
        match *self {
            Self::Passphrase { passphrase, .. } => Unlock::Passphrase(passphrase),
            Self::KeyFile(key) => Unlock::KeyFile(key),
            Self::Open => Unlock::Open,
        }
    }
}

impl fmt::Debug for Lock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lock::{:?}(..)", self.secret().kind())
    }
}

impl Unlock<'_> {
    fn kind(&self) -> LockKind {
        match self {
            Self::Passphrase(_) => LockKind::Passphrase,
            Self::KeyFile(_) => LockKind::KeyFile,
            Self::Open => LockKind::Open,
        }
    }
}

impl fmt::Debug for Unlock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unlock::{:?}(..)", self.kind())
    }
}

/// How the wrapping key comes about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    Open,
    Passphrase { params: KdfParams, salt: [u8; 16] },
    KeyFile,
}

impl Wrapping {
    fn of(lock: &Lock<'_>) -> Self {
        match *lock {
            Lock::Passphrase { params, salt, .. } => Self::Passphrase { params, salt },
            Lock::KeyFile(_) => Self::KeyFile,
            Lock::Open => Self::Open,
        }
    }
}

const KEY_FILE_CONTEXT: &str = "CloudShell Store v1: key file wrapping key";
