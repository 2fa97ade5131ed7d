//! The bytes of a key envelope.
//!
//! ```text
//!  0        4 5 6 7 8            16           32      36      40      44       60        72          104    120
//!  ┌────────┬─┬─┬─┬─┬────────────┬────────────┬───────┬───────┬───────┬────────┬─────────┬───────────┬──────┬──────────┐
//!  │ "CSKE" │v│c│l│0│ generation │ store id   │ KiB   │passes │lanes  │ salt   │ nonce   │ wrapped   │ tag  │ checksum │
//!  └────────┴─┴─┴─┴─┴────────────┴────────────┴───────┴───────┴───────┴────────┴─────────┴───────────┴──────┴──────────┘
//!  └─────────────────────── additional data of the AEAD ─────────────────────────────────┘
//! ```
//!
//! `v` format version, `c` cipher of the store, `l` lock. What a lock does not need is zeros.

use bytes::{Buf, BufMut};
use model::StoreId;

use super::{EnvelopeError, KdfParams, KeyEnvelope, LockKind, Wrapping};
use crate::Cipher;

impl KeyEnvelope {
    /// The envelope as bytes, [`Self::LEN`] of them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.to_associated().to_vec();
        bytes.put_slice(&self.wrapped);
        bytes.put_slice(&self.tag);
        let checksum = checksum(&bytes);
        bytes.put_slice(&checksum);
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote. Cheap: the lock is not tried.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`], which says what is wrong first.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        check_start(bytes)?;
        let fields: &[u8; Self::LEN] = bytes.try_into().map_err(|_| EnvelopeError::BadLength {
            len_bytes: bytes.len(),
            needed_bytes: Self::LEN,
        })?;
        let (fields, expected) = fields.split_last_chunk().expect("longer than its checksum");
        if checksum(fields) != *expected {
            return Err(EnvelopeError::Damaged);
        }
        let envelope = Self::from_fields(fields)?;
        envelope.check_openness()?;
        Ok(envelope)
    }

    pub(super) fn to_associated(&self) -> [u8; ASSOCIATED_LEN] {
        let mut bytes = [0; ASSOCIATED_LEN];
        let mut rest = &mut bytes[..];
        rest.put_slice(&MAGIC);
        rest.put_u8(FORMAT_VERSION);
        rest.put_u8(self.cipher.to_byte());
        rest.put_u8(self.kind() as u8);
        rest.put_u8(0);
        rest.put_u64(self.generation);
        rest.put_slice(self.store.as_bytes());
        rest.put_slice(&self.wrapping.to_bytes());
        rest.put_slice(&self.nonce);
        bytes
    }

    fn from_fields(mut rest: &[u8]) -> Result<Self, EnvelopeError> {
        rest.advance(MAGIC.len() + 1);
        let cipher = rest.get_u8();
        let lock = rest.get_u8();
        rest.advance(1);
        Ok(Self {
            cipher: Cipher::from_byte(cipher).ok_or(EnvelopeError::UnknownCipher { cipher })?,
            generation: rest.get_u64(),
            store: StoreId::from_bytes(take(&mut rest)),
            wrapping: Wrapping::from_bytes(lock, &take(&mut rest))?,
            nonce: take(&mut rest),
            wrapped: take(&mut rest),
            tag: take(&mut rest),
        })
    }

    /// Length of an envelope in bytes.
    pub const LEN: usize = ASSOCIATED_LEN + 32 + 16 + CHECKSUM_LEN;
}

impl Wrapping {
    fn to_bytes(self) -> [u8; WRAPPING_LEN] {
        let mut bytes = [0; WRAPPING_LEN];
        if let Self::Passphrase { params, salt } = self {
            let mut rest = &mut bytes[..];
            rest.put_u32(params.memory_kib());
            rest.put_u32(params.passes());
            rest.put_u32(params.lanes());
            rest.put_slice(&salt);
        }
        bytes
    }

    fn from_bytes(lock: u8, bytes: &[u8; WRAPPING_LEN]) -> Result<Self, EnvelopeError> {
        const OPEN: u8 = LockKind::Open as u8;
        const PASSPHRASE: u8 = LockKind::Passphrase as u8;
        const KEY_FILE: u8 = LockKind::KeyFile as u8;
        let mut rest = &bytes[..];
        match lock {
            OPEN => Ok(Self::Open),
            PASSPHRASE => Ok(Self::Passphrase {
                params: KdfParams::new(rest.get_u32(), rest.get_u32(), rest.get_u32())?,
                salt: take(&mut rest),
            }),
            KEY_FILE => Ok(Self::KeyFile),
            _ => Err(EnvelopeError::UnknownLock { lock }),
        }
    }
}

fn check_start(bytes: &[u8]) -> Result<(), EnvelopeError> {
    let too_short = EnvelopeError::BadLength {
        len_bytes: bytes.len(),
        needed_bytes: KeyEnvelope::LEN,
    };
    let (magic, rest) = bytes.split_first_chunk::<4>().ok_or(too_short.clone())?;
    if *magic != MAGIC {
        return Err(EnvelopeError::BadMagic);
    }
    match rest.first() {
        None => Err(too_short),
        Some(&FORMAT_VERSION) => Ok(()),
        Some(&version) => Err(EnvelopeError::NewerVersion { version }),
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut checksum = [0; CHECKSUM_LEN];
    blake3::Hasher::new()
        .update(bytes)
        .finalize_xof()
        .fill(&mut checksum);
    checksum
}

fn take<const LEN: usize>(rest: &mut &[u8]) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    rest.copy_to_slice(&mut bytes);
    bytes
}

const MAGIC: [u8; 4] = *b"CSKE";
const FORMAT_VERSION: u8 = 1;
const WRAPPING_LEN: usize = 3 * 4 + 16;
const ASSOCIATED_LEN: usize = 72;
const CHECKSUM_LEN: usize = 16;
