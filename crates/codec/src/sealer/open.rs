//! From shards back to plaintext.

use bytes::Bytes;
use model::{Geometry, StripeId, StripeKind};

use super::Sealer;
use super::assembly::Assembly;
use crate::aead::AeadKey;
use crate::shard::{ShardFault, ShardHeader, ShardParts};

impl Sealer {
    /// The plaintext of a stripe, from any k or more of its shards in any order, each with the index it was asked for.
    ///
    /// Wrong, stale or damaged shards among them are ignored as long as k are intact. What comes back is what was
    /// sealed: every shard is authenticated, and a chunk is checked against its id as well. In a store without
    /// encryption the checksum stands in for authentication. A damaged checksum alone goes unnoticed when a cipher
    /// authenticates the shard; [`verify`](Self::verify) looks at both.
    ///
    /// # Errors
    ///
    /// [`OpenError::TooFewShards`] with what was wrong with each, or [`OpenError::ContentMismatch`].
    pub fn open(&self, stripe: StripeId, shards: &[(u8, Bytes)]) -> Result<Bytes, OpenError> {
        let mut faults = Vec::new();
        let mut best: Option<Shortage> = None;
        let key = self.stripe_key(stripe);
        for cut in self.cuts(stripe, shards, &mut faults) {
            match self.open_cut(key.as_ref(), &cut, &mut faults) {
                Ok(plaintext) => return self.check_content(stripe, plaintext),
                Err(shortage) if best.as_ref().is_none_or(|best| shortage.intact > best.intact) => {
                    best = Some(shortage);
                }
                Err(_) => {}
            }
        }
        let Shortage { intact, needed } = best.unwrap_or(Shortage { intact: 0, needed: 1 });
        Err(OpenError::TooFewShards {
            intact,
            needed,
            faults,
        })
    }

    /// Authenticates one shard and checks its checksum: whether it is worth keeping.
    ///
    /// # Errors
    ///
    /// The first [`ShardFault`] found.
    pub fn verify(&self, stripe: StripeId, index: u8, shard: &[u8]) -> Result<ShardHeader, ShardFault> {
        let parts = ShardParts::parse(shard)?;
        self.check_identity(&parts.header, stripe, index)?;
        parts.check()?;
        let mut scratch = vec![0; parts.body.len()];
        open_body(self.stripe_key(stripe).as_ref(), &parts, &mut scratch)?;
        Ok(parts.header)
    }

    /// Sorts the shards that can be what was asked for into sets that are cut alike: first the largest set, and in
    /// each set first the data.
    ///
    /// A chunk that was stored twice under different geometries has more than one set; so has a stripe with a forged
    /// header in it, which costs a look and no more.
    fn cuts<'a>(
        &self,
        stripe: StripeId,
        shards: &'a [(u8, Bytes)],
        faults: &mut Vec<(u8, ShardFault)>,
    ) -> Vec<Cut<'a>> {
        let mut cuts: Vec<Cut<'a>> = Vec::new();
        for (index, bytes) in shards {
            let parts = ShardParts::parse(bytes).and_then(|parts| {
                self.check_identity(&parts.header, stripe, *index)?;
                Ok(parts)
            });
            match parts {
                Ok(parts) => sort_in(&mut cuts, parts),
                Err(fault) => faults.push((*index, fault)),
            }
        }
        cuts.sort_by_key(|cut| std::cmp::Reverse(cut.shards.len()));
        cuts.iter_mut()
            .for_each(|cut| cut.shards.sort_by_key(|parts| parts.header.index));
        cuts
    }

    fn open_cut(
        &self,
        key: Option<&AeadKey>,
        cut: &Cut<'_>,
        faults: &mut Vec<(u8, ShardFault)>,
    ) -> Result<Bytes, Shortage> {
        let mut assembly = Assembly::new(cut.geometry, cut.stripe_len as usize);
        for parts in &cut.shards {
            let index = parts.header.index;
            if let Err(fault) = assembly.add(index, |body| open_body(key, parts, body)) {
                faults.push((index, fault));
            }
        }
        if !assembly.is_complete() {
            return Err(Shortage {
                intact: assembly.intact(),
                needed: cut.geometry.data(),
            });
        }
        Ok(assembly.finish(&self.codecs).into())
    }

    fn check_identity(&self, header: &ShardHeader, stripe: StripeId, index: u8) -> Result<(), ShardFault> {
        if header.store != self.store {
            return Err(ShardFault::OtherStore { found: header.store });
        }
        if header.stripe != stripe {
            return Err(ShardFault::OtherStripe { found: header.stripe });
        }
        if header.index != index {
            return Err(ShardFault::OtherIndex {
                found: header.index,
                expected: index,
            });
        }
        // Else a node could pass off plain bytes as a shard of an encrypted store.
        if header.cipher != self.cipher {
            return Err(ShardFault::OtherCipher {
                found: header.cipher,
                expected: self.cipher,
            });
        }
        Ok(())
    }

    fn check_content(&self, stripe: StripeId, plaintext: Bytes) -> Result<Bytes, OpenError> {
        match stripe.kind {
            StripeKind::Chunk if self.chunk_id(&plaintext).as_bytes() != &stripe.id => {
                Err(OpenError::ContentMismatch { stripe })
            }
            StripeKind::Chunk | StripeKind::Record => Ok(plaintext),
        }
    }
}

/// Why a stripe could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Other shards of the stripe may still help.
    #[error("{intact} of {needed} shards intact{}", describe(faults))]
    TooFewShards {
        /// Shards that are intact and fit each other.
        intact: usize,
        /// Shards needed; 1 if no shard could say.
        needed: usize,
        /// What is wrong with those that are of no use, by the index they were asked for.
        faults: Vec<(u8, ShardFault)>,
    },
    /// k shards are intact, but they do not make the chunk that the id names. No repair helps: whoever sealed them was
    /// wrong, or, in a store without encryption, somebody forged them.
    #[error("content of {stripe} does not match its id")]
    ContentMismatch {
        /// The stripe.
        stripe: StripeId,
    },
}

fn describe(faults: &[(u8, ShardFault)]) -> String {
    faults
        .iter()
        .map(|(index, fault)| format!("; shard {index}: {fault}"))
        .collect()
}

/// Shards that claim to be cut from the same plaintext in the same way.
struct Cut<'a> {
    geometry: Geometry,
    stripe_len: u32,
    shards: Vec<ShardParts<'a>>,
}

struct Shortage {
    intact: usize,
    needed: usize,
}

fn sort_in<'a>(cuts: &mut Vec<Cut<'a>>, parts: ShardParts<'a>) {
    let ShardHeader {
        geometry, stripe_len, ..
    } = parts.header;
    let same = |cut: &&mut Cut<'_>| cut.geometry == geometry && cut.stripe_len == stripe_len;
    match cuts.iter_mut().find(same) {
        Some(cut) => cut.shards.push(parts),
        None => cuts.push(Cut {
            geometry,
            stripe_len,
            shards: vec![parts],
        }),
    }
}

/// Authenticates a shard and writes its plain body to `plain`, which is as long as the body.
fn open_body(key: Option<&AeadKey>, parts: &ShardParts<'_>, plain: &mut [u8]) -> Result<(), ShardFault> {
    let Some(key) = key else {
        parts.check()?;
        plain.copy_from_slice(parts.body);
        return Ok(());
    };
    if key.open(parts.header.nonce, parts.associated, parts.body, parts.tag, plain) {
        Ok(())
    } else {
        Err(ShardFault::DoesNotAuthenticate)
    }
}
