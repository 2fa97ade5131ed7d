//! The header of a shard.
//!
//! ```text
//!  0        4 5 6 7 8 9 10      14               30                62         74              90
//!  ┌────────┬─┬─┬─┬─┬─┬─┬───────┬────────────────┬─────────────────┬──────────┬───────────────┐
//!  │ "CSSH" │v│c│t│i│k│m│ len   │ store id       │ stripe id       │ nonce    │ checksum      │
//!  └────────┴─┴─┴─┴─┴─┴─┴───────┴────────────────┴─────────────────┴──────────┴───────────────┘
//!  └──────────────────── additional data of the AEAD ─────────────────────────┘
//! ```
//!
//! `v` format version, `c` cipher, `t` stripe kind, `i` shard index, `len` plaintext length of the stripe.

use bytes::{Buf, BufMut};
use model::{CHUNK_LEN_MAX, Geometry, StoreId, StripeId, StripeKind};

use super::ShardFault;
use crate::Cipher;
use crate::aead::{NONCE_LEN, TAG_LEN};

/// What a shard says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardHeader {
    /// The store it belongs to.
    pub store: StoreId,
    /// The stripe it is a piece of.
    pub stripe: StripeId,
    /// Its place in the stripe: data first, then parity.
    pub index: u8,
    /// How the stripe is cut.
    pub geometry: Geometry,
    /// Plaintext length of the whole stripe in bytes, at most [`STRIPE_LEN_MAX`].
    pub stripe_len: u32,
    /// How it is sealed.
    pub cipher: Cipher,
    /// The nonce it is sealed under; zeros without a cipher.
    pub nonce: [u8; 12],
}

impl ShardHeader {
    /// Bytes of the stripe that each shard carries.
    pub fn body_len(&self) -> usize {
        self.geometry.shard_len(self.stripe_len as usize)
    }

    /// Length of the whole shard in bytes.
    pub fn shard_len(&self) -> usize {
        SHARD_OVERHEAD + self.body_len()
    }

    /// The header without its checksum: the additional data of the AEAD.
    pub(crate) fn to_associated(self) -> [u8; ASSOCIATED_LEN] {
        let mut bytes = [0; ASSOCIATED_LEN];
        let mut rest = &mut bytes[..];
        rest.put_slice(&MAGIC);
        rest.put_u8(FORMAT_VERSION);
        rest.put_u8(self.cipher.to_byte());
        rest.put_u8(self.stripe.kind.to_byte());
        rest.put_u8(self.index);
        // A geometry has at most 255 shards.
        rest.put_u8(self.geometry.data() as u8);
        rest.put_u8(self.geometry.parity() as u8);
        rest.put_u32(self.stripe_len);
        rest.put_slice(self.store.as_bytes());
        rest.put_slice(&self.stripe.id);
        rest.put_slice(&self.nonce);
        bytes
    }

    /// Reads what [`Self::to_associated`] wrote. Every value that comes back is within its limits.
    pub(super) fn from_associated(bytes: &[u8; ASSOCIATED_LEN]) -> Result<Self, ShardFault> {
        let mut rest = &bytes[..];
        check_magic(take(&mut rest))?;
        check_version(rest.get_u8())?;
        let cipher = rest.get_u8();
        let kind = rest.get_u8();
        let index = rest.get_u8();
        let geometry = parse_geometry(rest.get_u8(), rest.get_u8(), index)?;
        let stripe_len = parse_stripe_len(rest.get_u32())?;
        Ok(Self {
            store: StoreId::from_bytes(take(&mut rest)),
            stripe: StripeId {
                kind: StripeKind::from_byte(kind).ok_or(ShardFault::UnknownKind { kind })?,
                id: take(&mut rest),
            },
            index,
            geometry,
            stripe_len,
            cipher: Cipher::from_byte(cipher).ok_or(ShardFault::UnknownCipher { cipher })?,
            nonce: take(&mut rest),
        })
    }
}

/// The first 16 bytes of BLAKE3(header without checksum ‖ BLAKE3(body ‖ tag)).
///
/// It detects rot, not malice, for which 128 bits are plenty. Two levels, since one pass over header and body would
/// put BLAKE3's 1 KiB chunks out of step with the body and cost a sixth of the speed (measured: 5.1 against 5.9 GB/s).
pub(crate) fn checksum(associated: &[u8; ASSOCIATED_LEN], sealed: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(associated);
    hasher.update(blake3::hash(sealed).as_bytes());
    let mut bytes = [0; CHECKSUM_LEN];
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

fn check_magic(found: [u8; 4]) -> Result<(), ShardFault> {
    if found == MAGIC {
        Ok(())
    } else {
        Err(ShardFault::BadMagic { found })
    }
}

fn check_version(version: u8) -> Result<(), ShardFault> {
    if version == FORMAT_VERSION {
        Ok(())
    } else {
        Err(ShardFault::NewerVersion { version })
    }
}

fn parse_geometry(data: u8, parity: u8, index: u8) -> Result<Geometry, ShardFault> {
    let fault = ShardFault::BadGeometry { data, parity, index };
    match Geometry::new(data, parity) {
        Ok(geometry) if usize::from(index) < geometry.shards() => Ok(geometry),
        _ => Err(fault),
    }
}

fn parse_stripe_len(stripe_len_bytes: u32) -> Result<u32, ShardFault> {
    if stripe_len_bytes as usize <= STRIPE_LEN_MAX {
        Ok(stripe_len_bytes)
    } else {
        Err(ShardFault::BadLength { stripe_len_bytes })
    }
}

fn take<const LEN: usize>(rest: &mut &[u8]) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    rest.copy_to_slice(&mut bytes);
    bytes
}

/// Longest plaintext of a stripe, in bytes: a whole chunk. Bounds what a forged header can make a reader allocate.
pub const STRIPE_LEN_MAX: usize = CHUNK_LEN_MAX;

/// Length of the header in bytes, checksum included.
pub const SHARD_HEADER_LEN: usize = ASSOCIATED_LEN + CHECKSUM_LEN;

/// What a shard has beside its share of the stripe, in bytes: header and tag.
pub const SHARD_OVERHEAD: usize = SHARD_HEADER_LEN + TAG_LEN;

pub(crate) const ASSOCIATED_LEN: usize = 62 + NONCE_LEN;
const CHECKSUM_LEN: usize = 16;
const MAGIC: [u8; 4] = *b"CSSH";
pub(super) const FORMAT_VERSION: u8 = 1;
