//! From plaintext to shards.

use bytes::Bytes;
use model::{Geometry, StripeId};

use super::Sealer;
use crate::aead::{AeadKey, TAG_LEN};
use crate::shard::{SHARD_HEADER_LEN, STRIPE_LEN_MAX, ShardHeader, checksum};
use crate::{Cipher, NonceSource};

impl Sealer {
    /// Cuts, codes and seals a stripe: all its shards in index order, as slices of one allocation.
    ///
    /// No plaintext at all is fine: its shards are empty, and any k of them still have to be there to open it.
    /// Whether `stripe` is the chunk id of `plaintext` is up to the caller; [`open`](Self::open) checks it.
    ///
    /// # Errors
    ///
    /// [`SealError::TooLong`] if the plaintext is longer than [`STRIPE_LEN_MAX`].
    pub fn seal(
        &self,
        stripe: StripeId,
        geometry: Geometry,
        plaintext: &[u8],
        nonces: &mut dyn NonceSource,
    ) -> Result<Vec<Bytes>, SealError> {
        let template = ShardHeader {
            store: self.store,
            stripe,
            index: 0,
            geometry,
            stripe_len: stripe_len(plaintext)?,
            cipher: self.cipher,
            nonce: [0; 12],
        };
        let slot_len = template.shard_len();
        let mut slots = lay_out(&template, plaintext);
        self.codecs.encode(geometry, &mut bodies(&mut slots, slot_len));
        let key = self.stripe_key(stripe);
        for (index, slot) in (0..=u8::MAX).zip(slots.chunks_exact_mut(slot_len)) {
            let nonce = self.nonce(nonces);
            seal_slot(
                &ShardHeader {
                    index,
                    nonce,
                    ..template
                },
                key.as_ref(),
                slot,
            );
        }
        Ok(split(slots.into(), slot_len))
    }

    fn nonce(&self, nonces: &mut dyn NonceSource) -> [u8; 12] {
        match self.cipher {
            Cipher::None => [0; 12],
            Cipher::Aes256Gcm => nonces.next_nonce(),
        }
    }
}

/// Why a stripe was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A stripe holds at most [`STRIPE_LEN_MAX`] bytes.
    #[error("{len_bytes} bytes are too many for a stripe, which holds {STRIPE_LEN_MAX}")]
    TooLong {
        /// Bytes there are.
        len_bytes: usize,
    },
}

fn stripe_len(plaintext: &[u8]) -> Result<u32, SealError> {
    let len_bytes = plaintext.len();
    match u32::try_from(len_bytes) {
        Ok(len) if len_bytes <= STRIPE_LEN_MAX => Ok(len),
        _ => Err(SealError::TooLong { len_bytes }),
    }
}

/// Room for all shards, with the data bodies in place. The rest, padding included, is zeros.
///
/// Grows piece by piece, since zeroing what a piece then overwrites would cost 3 % of a put.
fn lay_out(header: &ShardHeader, plaintext: &[u8]) -> Vec<u8> {
    let slot_len = header.shard_len();
    let slots_len = slot_len * header.geometry.shards();
    let mut slots = Vec::with_capacity(slots_len);
    // An empty stripe has no pieces, and `chunks` wants a length.
    for (index, piece) in plaintext.chunks(header.body_len().max(1)).enumerate() {
        slots.resize(index * slot_len + SHARD_HEADER_LEN, 0);
        slots.extend_from_slice(piece);
    }
    slots.resize(slots_len, 0);
    slots
}

fn bodies(slots: &mut [u8], slot_len: usize) -> Vec<&mut [u8]> {
    slots
        .chunks_exact_mut(slot_len)
        .map(|slot| SlotParts::of(slot).body)
        .collect()
}

/// Encrypts the body of a slot where it lies and fills in header, tag and checksum.
fn seal_slot(header: &ShardHeader, key: Option<&AeadKey>, slot: &mut [u8]) {
    let associated = header.to_associated();
    if let Some(key) = key {
        let SlotParts { body, tag, .. } = SlotParts::of(slot);
        *tag = key.seal(header.nonce, &associated, body);
    }
    let (head, sealed) = slot
        .split_first_chunk_mut::<SHARD_HEADER_LEN>()
        .expect("slots have the overhead's length at least");
    let checksum = checksum(&associated, sealed);
    for (byte, value) in head.iter_mut().zip(associated.iter().chain(&checksum)) {
        *byte = *value;
    }
}

struct SlotParts<'a> {
    body: &'a mut [u8],
    tag: &'a mut [u8; TAG_LEN],
}

impl<'a> SlotParts<'a> {
    fn of(slot: &'a mut [u8]) -> Self {
        let (_, sealed) = slot
            .split_first_chunk_mut::<SHARD_HEADER_LEN>()
            .expect("slots have the overhead's length at least");
        let (body, tag) = sealed
            .split_last_chunk_mut()
            .expect("slots have the overhead's length at least");
        Self { body, tag }
    }
}

fn split(mut slots: Bytes, slot_len: usize) -> Vec<Bytes> {
    let count = slots.len() / slot_len;
    (0..count).map(|_| slots.split_to(slot_len)).collect()
}
