//! From a passphrase to a key: Argon2id (RFC 9106).

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::EnvelopeError;

/// What guessing a passphrase costs. Always within the limits below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfParams {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl KdfParams {
    /// # Errors
    ///
    /// [`EnvelopeError::KdfOutOfBounds`] unless there are 1 to [`Self::LANES_MAX`] lanes, 1 to [`Self::PASSES_MAX`]
    /// passes, and between 8 KiB a lane (Argon2's own limit) and [`Self::MEMORY_KIB_MAX`] of memory.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, EnvelopeError> {
        let is_bounded = (1..=Self::LANES_MAX).contains(&lanes)
            && (1..=Self::PASSES_MAX).contains(&passes)
            && (8 * lanes..=Self::MEMORY_KIB_MAX).contains(&memory_kib);
        if is_bounded {
            Ok(Self {
                memory_kib,
                passes,
                lanes,
            })
        } else {
            Err(EnvelopeError::KdfOutOfBounds {
                memory_kib,
                passes,
                lanes,
            })
        }
    }

    /// Memory in KiB.
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Number of passes over the memory.
    pub fn passes(self) -> u32 {
        self.passes
    }

    /// Number of lanes. They are computed one after the other, on the calling thread.
    pub fn lanes(self) -> u32 {
        self.lanes
    }

    pub(super) fn derive(
        self,
        passphrase: &[u8],
        salt: &[u8; 16],
    ) -> Result<Zeroizing<[u8; 32]>, EnvelopeError> {
        let Self {
            memory_kib,
            passes,
            lanes,
        } = self;
        let out_of_bounds = |_| EnvelopeError::KdfOutOfBounds {
            memory_kib,
            passes,
            lanes,
        };
        let mut key = Zeroizing::new([0; 32]);
        let params = Params::new(memory_kib, passes, lanes, Some(key.len())).map_err(out_of_bounds)?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, salt, &mut *key)
            .map_err(out_of_bounds)?;
        Ok(key)
    }

    /// Makes guessing cheap: for tests.
    pub const WEAK: Self = Self {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };

    /// Most memory, 1 GiB: a home server may choose it, and a forged envelope cannot exhaust a machine.
    pub const MEMORY_KIB_MAX: u32 = 1 << 20;

    /// Most passes. With all the memory they take some 20 s, which bounds what a forged envelope costs.
    pub const PASSES_MAX: u32 = 16;

    /// Most lanes.
    pub const LANES_MAX: u32 = 16;
}

impl Default for KdfParams {
    /// 64 MiB, 3 passes, 4 lanes: the second recommended option of RFC 9106, section 4, for where 2 GiB are too much.
    /// Above what OWASP's Password Storage Cheat Sheet asks for (19 MiB, 2 passes, 1 lane).
    fn default() -> Self {
        Self {
            memory_kib: 64 << 10,
            passes: 3,
            lanes: 4,
        }
    }
}
