//! How a stripe is cut.

use std::fmt;
use std::num::NonZeroU8;

/// How a stripe is cut: `data` shards carry the bytes, `parity` shards protect them.
///
/// Any `data` of the `data + parity` shards rebuild the stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    data: NonZeroU8,
    parity: NonZeroU8,
}

impl Geometry {
    /// # Errors
    ///
    /// [`GeometryError`] if either count is zero or the stripe would be wider than [`Self::SHARDS_MAX`].
    pub fn new(data: u8, parity: u8) -> Result<Self, GeometryError> {
        let error = GeometryError { data, parity };
        let shards = u16::from(data) + u16::from(parity);
        match (NonZeroU8::new(data), NonZeroU8::new(parity)) {
            (Some(data), Some(parity)) if shards <= Self::SHARDS_MAX => Ok(Self { data, parity }),
            _ => Err(error),
        }
    }

    /// Shards needed to rebuild the stripe (*k*).
    pub fn data(self) -> usize {
        self.data.get().into()
    }

    /// Shards that may be lost (*m*).
    pub fn parity(self) -> usize {
        self.parity.get().into()
    }

    /// All shards of a stripe (*n* = *k* + *m*).
    pub fn shards(self) -> usize {
        self.data() + self.parity()
    }

    /// Bytes that each shard carries of a stripe of `stripe_len` bytes; the last data shards are padded with zeros.
    pub fn shard_len(self, stripe_len: usize) -> usize {
        stripe_len.div_ceil(self.data())
    }

    /// Widest stripe that the shard index, one byte in the shard header, can address.
    pub const SHARDS_MAX: u16 = 255;
}

impl Default for Geometry {
    /// 6 + 3: three losses for one and a half times the space.
    fn default() -> Self {
        const {
            Self {
                data: NonZeroU8::new(6).expect("not zero"),
                parity: NonZeroU8::new(3).expect("not zero"),
            }
        }
    }
}

impl fmt::Display for Geometry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} + {}", self.data, self.parity)
    }
}

/// A stripe cannot be cut like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{data} data + {parity} parity shards: each at least 1, together at most {max}", max = Geometry::SHARDS_MAX)]
pub struct GeometryError {
    data: u8,
    parity: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold() {
        assert_eq!(Geometry::new(6, 3).unwrap(), Geometry::default());
        assert_eq!(Geometry::new(254, 1).unwrap().shards(), 255);
        for (data, parity) in [(0, 3), (6, 0), (254, 2), (255, 255)] {
            assert_eq!(Geometry::new(data, parity), Err(GeometryError { data, parity }));
        }
    }

    #[test]
    fn shards_cover_the_stripe() {
        let geometry = Geometry::default();
        assert_eq!(geometry.shard_len(0), 0);
        assert_eq!(geometry.shard_len(1), 1);
        assert_eq!(geometry.shard_len(1 << 20), 174_763);
    }
}
