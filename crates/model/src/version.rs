//! The order of versions.

use std::fmt;
use std::str::FromStr;

use crate::ParseIdError;

/// Orders the versions of an object: hybrid logical time first, then the writer that made it.
///
/// Two writers can never make equal stamps, so every pair of versions has an order that all agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionStamp {
    /// Hybrid logical time: milliseconds since 1970 in the upper 48 bits, a counter in the lower 16.
    pub time: u64,
    /// The daemon that made the version; random per store directory.
    pub writer: u64,
}

impl VersionStamp {
    /// Length of the binary form.
    pub const LEN: usize = 16;

    /// Big-endian time, then writer: sorts like the stamp itself.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        ((u128::from(self.time) << 64) | u128::from(self.writer)).to_be_bytes()
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let value = u128::from_be_bytes(bytes);
        Self {
            time: (value >> 64) as u64,
            writer: value as u64,
        }
    }

    /// The physical part of the time, in milliseconds since 1970.
    pub fn unix_ms(self) -> u64 {
        self.time >> COUNTER_BITS
    }
}

impl fmt::Display for VersionStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.time, self.writer)
    }
}

impl FromStr for VersionStamp {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes: crate::StoreId = text.parse()?;
        Ok(Self::from_bytes(*bytes.as_bytes()))
    }
}

/// Hands out [`VersionStamp`]s that only grow, whatever the wall clock does.
///
/// A hybrid logical clock (Kulkarni et al., *Logical Physical Clocks*, 2014) in one integer.
#[derive(Clone, Debug)]
pub struct VersionClock {
    writer: u64,
    last: u64,
}

impl VersionClock {
    /// A clock for `writer` that continues after `latest`, the newest stamp ever seen.
    pub fn new(writer: u64, latest: Option<VersionStamp>) -> Self {
        Self {
            writer,
            last: latest.map_or(0, |stamp| stamp.time),
        }
    }

    /// The next stamp, given the wall clock in milliseconds since 1970.
    pub fn next(&mut self, now_unix_ms: u64) -> VersionStamp {
        self.last = self.last.saturating_add(1).max(now_unix_ms << COUNTER_BITS);
        VersionStamp {
            time: self.last,
            writer: self.writer,
        }
    }

    /// Takes note of a stamp made elsewhere; later stamps are greater than it.
    pub fn observe(&mut self, stamp: VersionStamp) {
        self.last = self.last.max(stamp.time);
    }
}

/// 16 bits count 65,536 versions within a millisecond; 48 bits of milliseconds last until the year 10889.
const COUNTER_BITS: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_grow_when_the_clock_stands_or_goes_back() {
        let mut clock = VersionClock::new(9, None);
        let stamps = [1000, 1000, 400, 1001].map(|now| clock.next(now));
        assert!(stamps.is_sorted_by(|a, b| a < b), "{stamps:?}");
        assert_eq!(stamps.map(VersionStamp::unix_ms), [1000, 1000, 1000, 1001]);
    }

    #[test]
    fn a_clock_continues_after_what_it_has_seen() {
        let seen = VersionStamp {
            time: 5000 << 16,
            writer: 1,
        };
        assert!(VersionClock::new(2, Some(seen)).next(10) > seen);
        let mut clock = VersionClock::new(2, None);
        clock.observe(seen);
        assert!(clock.next(10) > seen);
    }

    #[test]
    fn bytes_and_text_keep_the_order() {
        let early = VersionStamp {
            time: 1,
            writer: u64::MAX,
        };
        let late = VersionStamp { time: 2, writer: 0 };
        assert!(early.to_bytes() < late.to_bytes());
        assert!(early.to_string() < late.to_string());
        assert_eq!(late.to_string().parse(), Ok(late));
        assert_eq!(VersionStamp::from_bytes(early.to_bytes()), early);
    }
}
