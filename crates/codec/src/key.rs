//! The master key and what is derived from it.

use std::fmt;

use model::{ChunkId, ObjectPath, StripeId, VersionStamp};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The one secret of a store: 256 random bits. Wiped from memory when dropped, never shown.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; Self::LEN]);

impl MasterKey {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Takes over 32 bytes, which must come from a cryptographic random source.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The raw key, for wrapping it.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// The keys that a store works with, each for one purpose only.
pub(crate) struct StoreKeys {
    chunk_id: Zeroizing<[u8; 32]>,
    shard_root: Zeroizing<[u8; 32]>,
    record_id: Zeroizing<[u8; 32]>,
}

impl StoreKeys {
    pub(crate) fn derive(master: &MasterKey) -> Self {
        let key = |context| Zeroizing::new(blake3::derive_key(context, master.as_bytes()));
        Self {
            chunk_id: key(CHUNK_ID_CONTEXT),
            shard_root: key(SHARD_ROOT_CONTEXT),
            record_id: key(RECORD_ID_CONTEXT),
        }
    }

    pub(crate) fn chunk_id(&self, plaintext: &[u8]) -> ChunkId {
        ChunkId::from_bytes(*blake3::keyed_hash(&self.chunk_id, plaintext).as_bytes())
    }

    pub(crate) fn record_id(&self, path: &ObjectPath, stamp: VersionStamp) -> StripeId {
        // The stamp has a fixed length and comes first, so no two pairs give the same bytes.
        let name = [&stamp.to_bytes(), path.as_str().as_bytes()].concat();
        StripeId::record(*blake3::keyed_hash(&self.record_id, &name).as_bytes())
    }

    /// The AES-256-GCM key of one stripe.
    pub(crate) fn stripe(&self, stripe: StripeId) -> Zeroizing<[u8; 32]> {
        let key = blake3::keyed_hash(&self.shard_root, &stripe.to_bytes());
        Zeroizing::new(*key.as_bytes())
    }
}

// BLAKE3's derive_key wants a context string that is hardcoded, globally unique and application-specific
// (BLAKE3 paper, section 2.3). Changing one makes every store unreadable.
const CHUNK_ID_CONTEXT: &str = "CloudShell Store v1: chunk id key";
const SHARD_ROOT_CONTEXT: &str = "CloudShell Store v1: shard key root";
const RECORD_ID_CONTEXT: &str = "CloudShell Store v1: record id key";
