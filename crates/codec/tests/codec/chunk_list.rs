//! Shown: a chunk list comes back whole and piece by piece; another is refused by name.

use codec::{ChunkList, ChunkListError, ChunkListReader};
use model::CHUNK_LEN_MAX;

use crate::record::chunks;

#[test]
fn chunk_lists_come_back_whole_and_piece_by_piece() {
    let (chunks, _) = chunks(1000, 99);
    let list = ChunkList::new(chunks.clone());
    let bytes = list.encode();
    assert_eq!(bytes.len(), 8 + 36 * 1000);
    assert_eq!(ChunkList::decode(&bytes), Ok(list));
    for piece_len in [1, 7, 36, 1000] {
        let mut reader = ChunkListReader::new();
        let read = bytes
            .chunks(piece_len)
            .flat_map(|piece| reader.push(piece).unwrap());
        assert_eq!(read.collect::<Vec<_>>(), chunks, "pieces of {piece_len}");
        assert_eq!(reader.finish(), Ok(()));
    }
    let empty = ChunkList::default();
    assert_eq!(ChunkList::decode(&empty.encode()), Ok(empty));
}

#[test]
fn bad_chunk_lists_are_refused_by_name() {
    let (mut chunks, _) = chunks(2, 5);
    let good = ChunkList::new(chunks.clone()).encode();
    for len in (0..8).chain(9..44).chain(45..80) {
        assert_eq!(
            ChunkList::decode(&good[..len]),
            Err(ChunkListError::Truncated),
            "{len}"
        );
    }
    let version = [b"CSCL\x02\0\0\0", &good[8..]].concat();
    assert_eq!(
        ChunkList::decode(&version),
        Err(ChunkListError::NewerVersion { version: 2 })
    );
    let found = *b"XSCL\x01\0\0\0";
    let start = [&found, &good[8..]].concat();
    assert_eq!(
        ChunkList::decode(&start),
        Err(ChunkListError::BadHeader { found })
    );
    chunks.swap(0, 1);
    let short = ChunkList::new(chunks.clone()).encode();
    assert_eq!(ChunkList::decode(&short), Err(ChunkListError::ShortChunkInside));
    for len_bytes in [0, CHUNK_LEN_MAX as u32 + 1] {
        chunks[0].len = len_bytes;
        let bad = ChunkList::new(chunks.clone()).encode();
        assert_eq!(
            ChunkList::decode(&bad),
            Err(ChunkListError::BadChunkLen { len_bytes })
        );
    }
}
