//! What every store refuses before it looks at anything else.

use crate::{ENVELOPE_LEN_MAX, SHARD_LEN_MAX, StoreError, Usage};

/// # Errors
///
/// [`StoreError::Refused`] if the shard is longer than [`SHARD_LEN_MAX`].
pub(crate) fn check_shard_len(len: usize) -> Result<(), StoreError> {
    check_len("shard", len, SHARD_LEN_MAX)
}

/// # Errors
///
/// [`StoreError::Refused`] if the envelope is longer than [`ENVELOPE_LEN_MAX`].
pub(crate) fn check_envelope_len(len: usize) -> Result<(), StoreError> {
    check_len("envelope", len, ENVELOPE_LEN_MAX)
}

fn check_len(what: &str, len: usize, len_max: usize) -> Result<(), StoreError> {
    if len <= len_max {
        return Ok(());
    }
    Err(StoreError::Refused {
        reason: format!("{what} of {len} bytes, the longest is {len_max}"),
    })
}

impl Usage {
    /// The usage after a shard that costs `cost` took the place of one that costs `replaced`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] if that would grow the store beyond its capacity. A replacement that costs no more
    /// than what it replaces is always taken, even by a store whose capacity was lowered below its contents.
    pub(crate) fn replace(self, cost: u64, replaced: Option<u64>) -> Result<Self, StoreError> {
        let freed = replaced.unwrap_or(0);
        let used_bytes = self.used_bytes.saturating_sub(freed).saturating_add(cost);
        if used_bytes > self.capacity_bytes && cost > freed {
            return Err(StoreError::Full {
                needed_bytes: cost,
                free_bytes: self.free_bytes(),
                capacity_bytes: self.capacity_bytes,
            });
        }
        Ok(Self {
            used_bytes,
            shards: self.shards + u64::from(replaced.is_none()),
            ..self
        })
    }

    /// The usage after a shard that cost `freed` is gone.
    pub(crate) fn remove(self, freed: u64) -> Self {
        Self {
            used_bytes: self.used_bytes.saturating_sub(freed),
            shards: self.shards.saturating_sub(1),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Usage = Usage {
        capacity_bytes: 100,
        used_bytes: 50,
        shards: 1,
    };

    #[test]
    fn the_last_byte_can_be_used_and_no_more() {
        assert_eq!(HALF.replace(50, None).unwrap().used_bytes, 100);
        let full = StoreError::Full {
            needed_bytes: 51,
            free_bytes: 50,
            capacity_bytes: 100,
        };
        assert_eq!(HALF.replace(51, None), Err(full));
    }

    #[test]
    fn replacing_frees_what_was_there() {
        let replaced = HALF.replace(100, Some(50)).unwrap();
        assert_eq!((replaced.used_bytes, replaced.shards), (100, 1));
        let shrunk = Usage {
            capacity_bytes: 10,
            ..HALF
        };
        assert_eq!(shrunk.replace(50, Some(50)).unwrap().used_bytes, 50);
    }
}
