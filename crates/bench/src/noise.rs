//! Bytes that no store can compress or recognise.

use std::io::{self, Read, Write};
use std::path::Path;

use blake3::{Hash, Hasher, OutputReader};

use crate::error::BenchError;

/// An endless sequence of bytes that a seed decides: the extended output of BLAKE3, which neither compresses nor
/// repeats. The store recognises chunks that it has, so every measured object is of a seed of its own.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    output: OutputReader,
}

impl Noise {
    pub(crate) fn new(seed: &str) -> Self {
        let hasher = Hasher::new_derive_key(CONTEXT).update(seed.as_bytes()).clone();
        Self {
            output: hasher.finalize_xof(),
        }
    }

    /// The sequence from an offset in bytes.
    pub(crate) fn at(seed: &str, offset: u64) -> Self {
        let mut noise = Self::new(seed);
        noise.output.set_position(offset);
        noise
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.output.fill(&mut bytes);
        u64::from_le_bytes(bytes) % bound
    }

    /// Writes the next `len` bytes, and gives their hash.
    pub(crate) fn write(&mut self, len: u64, to: &mut dyn Write) -> io::Result<Hash> {
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; FRAME_LEN];
        let mut left = len;
        while left > 0 {
            let frame = &mut buffer[..FRAME_LEN.min(usize::try_from(left).unwrap_or(FRAME_LEN))];
            self.output.fill(frame);
            hasher.update(frame);
            to.write_all(frame)?;
            left -= frame.len() as u64;
        }
        Ok(hasher.finalize())
    }

    /// Writes the next `len` bytes to a new file, and gives their hash.
    pub(crate) fn write_file(&mut self, len: u64, path: &Path) -> Result<Hash, BenchError> {
        let file = std::fs::File::create(path);
        file.and_then(|mut file| self.write(len, &mut file))
            .map_err(BenchError::io(format!("writing {}", path.display())))
    }
}

/// The hash of all that can be read.
pub(crate) fn hash_of(mut from: impl Read) -> io::Result<Hash> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; FRAME_LEN];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(hasher.finalize()),
            len => hasher.update(&buffer[..len]),
        };
    }
}

/// Separates these bytes from every other use of the hash.
const CONTEXT: &str = "CloudShell Store 2026 benchmark noise";
/// As much as BLAKE3 makes in one go on every core's cache.
const FRAME_LEN: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(noise: &mut Noise, len: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        noise.write(len, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_seed_decides_the_sequence_from_any_offset() {
        let whole = bytes(&mut Noise::new("a"), 600_000);
        assert_eq!(bytes(&mut Noise::new("a"), 600_000), whole);
        assert_eq!(bytes(&mut Noise::at("a", 300_001), 1000), whole[300_001..301_001]);
        assert_ne!(bytes(&mut Noise::new("b"), 600_000), whole);
    }

    #[test]
    fn the_hash_is_that_of_the_bytes() {
        let mut written = Vec::new();
        let hash = Noise::new("a").write(700_000, &mut written).unwrap();
        assert_eq!((hash, written.len()), (blake3::hash(&written), 700_000));
        assert_eq!(hash_of(&written[..]).unwrap(), hash);
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        let mut noise = Noise::new("numbers");
        let numbers: Vec<_> = (0..100).map(|_| noise.below(7)).collect();
        assert!(numbers.iter().all(|number| *number < 7), "{numbers:?}");
        assert!((0..7).all(|number| numbers.contains(&number)), "{numbers:?}");
    }
}
