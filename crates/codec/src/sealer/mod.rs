//! Sealing and opening the stripes of one store.

mod assembly;
mod open;
mod seal;

use std::fmt;
use std::sync::Arc;

use model::{ChunkId, ObjectPath, StoreId, StripeId, VersionStamp};

use crate::aead::AeadKey;
use crate::erasure::ErasureCodecs;
use crate::key::StoreKeys;
use crate::{Cipher, MasterKey};

pub use open::OpenError;
pub use seal::SealError;

/// Seals and opens stripes of one store. Cheap to clone; clones share keys and codecs.
///
/// Every call works on the calling thread alone.
#[derive(Clone)]
pub struct Sealer {
    store: StoreId,
    cipher: Cipher,
    keys: Arc<StoreKeys>,
    codecs: Arc<ErasureCodecs>,
}

impl Sealer {
    /// Derives the store's keys.
    pub fn new(store: StoreId, cipher: Cipher, master: &MasterKey) -> Self {
        Self {
            store,
            cipher,
            keys: Arc::new(StoreKeys::derive(master)),
            codecs: Arc::default(),
        }
    }

    /// The store whose shards these are.
    pub fn store(&self) -> StoreId {
        self.store
    }

    /// How the store's shards are sealed.
    pub fn cipher(&self) -> Cipher {
        self.cipher
    }

    /// The id of a chunk with this content: keyed BLAKE3, so that only who has the key can test a guess.
    pub fn chunk_id(&self, plaintext: &[u8]) -> ChunkId {
        self.keys.chunk_id(plaintext)
    }

    /// The stripe of the record of one version: keyed BLAKE3 of stamp and path, opaque to nodes.
    pub fn record_id(&self, path: &ObjectPath, stamp: VersionStamp) -> StripeId {
        self.keys.record_id(path, stamp)
    }

    /// The AEAD key of a stripe; `None` in a store without encryption.
    fn stripe_key(&self, stripe: StripeId) -> Option<AeadKey> {
        match self.cipher {
            Cipher::None => None,
            Cipher::Aes256Gcm => Some(AeadKey::new(&self.keys.stripe(stripe))),
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("store", &self.store)
            .field("cipher", &self.cipher)
            .finish_non_exhaustive()
    }
}
