//! What a shard costs on the medium.
//!
//! Measured on ext4 with redb 4.6, random ids, blocks that the files really occupy divided by their rows:
//!
//! | shard | 200 | 700 | 1,500 | 3,000 | 4,000 | 6,000 | 8,100 | 10,700 |
//! |---|---|---|---|---|---|---|---|---|
//! | in the index | 364 | 1,150 | 2,832 | 4,272 | 4,261 | 8,330 | 8,350 | 16,528 |
//! | [`cost`] | 430 | 1,305 | 3,092 | 4,352 | 4,352 | 8,704 | 8,704 | 17,408 |
//!
//! redb puts several rows into a 4 KiB page (about two thirds full after random inserts), and a row that is longer
//! than half a page alone into the next power of two; lengths that mix waste a little more. The fixed part of an empty store (its folders and the first
//! pages of the index, some 3 MiB) is not counted.

/// Bytes that a shard of `len` bytes takes on the medium.
pub(super) fn cost(len: u64) -> u64 {
    if len > SMALL_LEN_MAX as u64 {
        return len.next_multiple_of(BLOCK_LEN) + FILE_EXTRA;
    }
    let row = len + ROW_EXTRA;
    if row <= PAGE_LEN / 4 {
        row * 7 / 4
    } else if row <= PAGE_LEN / 2 {
        row * 2
    } else {
        row.next_power_of_two() * 17 / 16
    }
}

/// Longest shard that lies in the index: with its key it just fits a page of 16 KiB.
///
/// A row of the index is written at some 15,000/s (32 in a transaction), a file at some 1,400/s, whatever its
/// length. The records of inline objects (up to 11 KB a shard at 6 + 3) are what comes by the thousand. A row costs
/// up to 4 KiB more than a file between 8 and 12 KiB; above 16 KiB it would cost twice as much.
pub(super) const SMALL_LEN_MAX: usize = 16_000;

/// The block of ext4, XFS and btrfs.
const BLOCK_LEN: u64 = 4096;

/// An inode (256), a directory entry with its slack (some 130) and the row in the index.
const FILE_EXTRA: u64 = 512;

/// redb's page.
const PAGE_LEN: u64 = 4096;

/// The key, the tag, and redb's offset of the value's end.
const ROW_EXTRA: u64 = 46;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_cover_what_was_measured() {
        let measured = [
            (200, 364),
            (700, 1150),
            (1500, 2832),
            (3000, 4272),
            (4000, 4261),
            (6000, 8330),
            (8100, 8350),
            (10_700, 16_528),
        ];
        for (len, blocks) in measured {
            let cost = cost(len);
            assert!(
                (blocks..blocks * 5 / 4).contains(&cost),
                "{len}: {cost}, measured {blocks}"
            );
        }
    }

    #[test]
    fn a_file_costs_its_blocks() {
        assert_eq!(cost(16_001), 16_384 + 512);
        assert_eq!(cost(174_900), 43 * 4096 + 512);
    }
}
