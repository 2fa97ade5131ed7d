//! Taking a shard apart.

use super::ShardFault;
use super::header::{ASSOCIATED_LEN, SHARD_OVERHEAD, ShardHeader, checksum};
use crate::aead::TAG_LEN;

/// A shard whose header makes sense and whose length fits it. Nothing is authenticated yet.
pub(crate) struct ShardParts<'a> {
    pub(crate) header: ShardHeader,
    pub(crate) associated: &'a [u8; ASSOCIATED_LEN],
    pub(crate) body: &'a [u8],
    pub(crate) tag: &'a [u8; TAG_LEN],
    checksum: &'a [u8],
    sealed: &'a [u8],
}

impl<'a> ShardParts<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, ShardFault> {
        let too_short = ShardFault::Truncated {
            len_bytes: bytes.len(),
            needed_bytes: SHARD_OVERHEAD,
        };
        let (associated, rest) = bytes.split_first_chunk().ok_or_else(|| too_short.clone())?;
        let header = ShardHeader::from_associated(associated)?;
        let (checksum, sealed) = rest.split_first_chunk::<16>().ok_or_else(|| too_short.clone())?;
        check_len(bytes.len(), header.shard_len())?;
        let (body, tag) = sealed.split_last_chunk().ok_or(too_short)?;
        Ok(Self {
            header,
            associated,
            body,
            tag,
            checksum,
            sealed,
        })
    }

    pub(crate) fn check(&self) -> Result<(), ShardFault> {
        if checksum(self.associated, self.sealed) == self.checksum {
            Ok(())
        } else {
            Err(ShardFault::BadChecksum)
        }
    }
}

/// Parses the header and checks the checksum over all the rest. Needs no key, so that a node can detect rot; it says
/// nothing about who made the shard.
///
/// # Errors
///
/// The first [`ShardFault`] found.
pub fn check_shard(bytes: &[u8]) -> Result<ShardHeader, ShardFault> {
    let parts = ShardParts::parse(bytes)?;
    parts.check()?;
    Ok(parts.header)
}

fn check_len(len_bytes: usize, needed_bytes: usize) -> Result<(), ShardFault> {
    match len_bytes.cmp(&needed_bytes) {
        std::cmp::Ordering::Less => Err(ShardFault::Truncated {
            len_bytes,
            needed_bytes,
        }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(ShardFault::TooLong {
            len_bytes,
            needed_bytes,
        }),
    }
}
