//! What can be wrong with a shard.

use model::{StoreId, StripeId};

use super::header::{FORMAT_VERSION, STRIPE_LEN_MAX};

/// Why a shard is of no use. Every variant but [`NewerVersion`](Self::NewerVersion) calls for repair.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShardFault {
    /// It ends early.
    #[error("truncated: {len_bytes} of {needed_bytes} bytes")]
    Truncated {
        /// Bytes there are.
        len_bytes: usize,
        /// Bytes there must be at least.
        needed_bytes: usize,
    },
    /// It goes on behind its end.
    #[error("too long: {len_bytes} bytes instead of {needed_bytes}")]
    TooLong {
        /// Bytes there are.
        len_bytes: usize,
        /// Bytes the header promises.
        needed_bytes: usize,
    },
    /// It does not begin like a shard.
    #[error("not a shard: begins with {found:02x?}")]
    BadMagic {
        /// What it begins with.
        found: [u8; 4],
    },
    /// It is written in a format that this program does not know. It may be whole.
    #[error("shard format {version}, this program reads {FORMAT_VERSION}")]
    NewerVersion {
        /// The format's version.
        version: u8,
    },
    /// The header names a cipher there is not.
    #[error("unknown cipher {cipher}")]
    UnknownCipher {
        /// The cipher's byte.
        cipher: u8,
    },
    /// The header names a kind of stripe there is not.
    #[error("unknown stripe kind {kind}")]
    UnknownKind {
        /// The kind's byte.
        kind: u8,
    },
    /// The header's counts cannot be.
    #[error("shard {index} of {data} + {parity} cannot be")]
    BadGeometry {
        /// Number of data shards.
        data: u8,
        /// Number of parity shards.
        parity: u8,
        /// The shard's index.
        index: u8,
    },
    /// The header promises a stripe beyond the limit.
    #[error("stripe of {stripe_len_bytes} bytes, the longest is {STRIPE_LEN_MAX}")]
    BadLength {
        /// Plaintext length of the stripe.
        stripe_len_bytes: u32,
    },
    /// Some bytes changed since it was sealed.
    #[error("checksum does not match")]
    BadChecksum,
    /// It belongs to another store.
    #[error("belongs to store {found}")]
    OtherStore {
        /// That store.
        found: StoreId,
    },
    /// It belongs to another stripe.
    #[error("belongs to stripe {found}")]
    OtherStripe {
        /// That stripe.
        found: StripeId,
    },
    /// It is another shard of the stripe.
    #[error("is shard {found} instead of {expected}")]
    OtherIndex {
        /// Its own index.
        found: u8,
        /// The index it was looked up by.
        expected: u8,
    },
    /// It is sealed with a cipher that the store does not use.
    #[error("sealed with cipher {}, the store uses {}", found.to_byte(), expected.to_byte())]
    OtherCipher {
        /// Its cipher.
        found: crate::Cipher,
        /// The store's cipher.
        expected: crate::Cipher,
    },
    /// It was forged or damaged: its tag does not fit.
    #[error("does not authenticate")]
    DoesNotAuthenticate,
}
