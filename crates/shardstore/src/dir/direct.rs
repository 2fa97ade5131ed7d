//! Writing files past the page cache.
//!
//! A shard is written once, synced at once, and read again rarely. Sent through the page cache it would be copied
//! into fresh pages, which pushes useful ones out, and then written from there anyway: measured with 2,304 files of
//! 177 KiB, fsync each, 0.50 s of system time instead of up to 1.45 s (a virtual machine's fresh pages are dear).

use std::fs::File;
use std::io::{self, Seek, Write};
use std::sync::{Mutex, PoisonError};

use crate::SHARD_LEN_MAX;

/// Keeps the aligned memory that such writes need.
#[derive(Debug, Default)]
pub(super) struct DirectWriter(Mutex<Vec<u8>>);

impl DirectWriter {
    /// Writes `bytes` as the whole of an empty file; not synced. Goes through the cache where the file system
    /// knows no other way.
    pub(super) fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        if set_direct(file, true).is_ok() {
            match self.write_blocks(file, bytes) {
                // Also what a short write leaves behind: its rest is not aligned.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => file.rewind()?,
                written => return written,
            }
            set_direct(file, false)?;
        }
        file.write_all(bytes)
    }

    /// Whole blocks can be written only; the file gets its true length afterwards.
    fn write_blocks(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        let len = bytes.len().next_multiple_of(ALIGNMENT);
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.is_empty() {
            memory.resize(SHARD_LEN_MAX.next_multiple_of(ALIGNMENT) + ALIGNMENT, 0);
        }
        let start = memory.as_ptr().align_offset(ALIGNMENT);
        let blocks = memory
            .get_mut(start..start + len)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let (shard, padding) = blocks.split_at_mut(bytes.len());
        shard.copy_from_slice(bytes);
        padding.fill(0);
        file.write_all(blocks)?;
        file.set_len(bytes.len() as u64)
    }
}

#[cfg(target_os = "linux")]
fn set_direct(file: &File, is_direct: bool) -> io::Result<()> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

    let mut flags = fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, is_direct);
    Ok(fcntl_setfl(file, flags)?)
}

#[cfg(not(target_os = "linux"))]
fn set_direct(_: &File, _: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The largest block of a medium in use; memory, offset and length must be multiples of it.
const ALIGNMENT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way a length can lie between two blocks, and memory used again after a longer shard.
    #[test]
    fn files_hold_the_bytes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let writer = DirectWriter::default();
        for len in [SHARD_LEN_MAX, 0, 1, 4095, 4096, 4097, 16_001, 177_777] {
            let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let path = dir.path().join(len.to_string());
            let mut file = File::create_new(&path).unwrap();
            writer.write(&mut file, &bytes).unwrap();
            assert!(std::fs::read(path).unwrap() == bytes, "{len} bytes");
        }
    }

    /// Whatever keeps blocks from being written, the bytes arrive.
    #[test]
    fn what_cannot_be_written_by_blocks_goes_through_the_cache() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = File::create_new(dir.path().join("shard")).unwrap();
        let too_long = vec![7; SHARD_LEN_MAX + 2 * ALIGNMENT];
        DirectWriter::default().write(&mut file, &too_long).unwrap();
        assert!(std::fs::read(dir.path().join("shard")).unwrap() == too_long);
    }
}
