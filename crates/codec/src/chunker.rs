//! Cutting a stream of bytes into chunks.

use bytes::Bytes;
use model::CHUNK_LEN_MAX;

/// Cuts frames of any size into chunks of [`CHUNK_LEN_MAX`] bytes, the last one shorter.
///
/// Each chunk is contiguous. A byte is copied once at most, and not at all where a frame holds a whole chunk or the
/// whole stream is one frame. Holds less than one chunk between calls.
#[derive(Debug, Default)]
pub struct Chunker {
    /// The only frame of the chunk begun, as it came.
    frame: Bytes,
    /// The chunk begun, once it has a second frame.
    joined: Vec<u8>,
}

impl Chunker {
    /// A chunker at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next frame and returns the chunks that it completes: often none, several if the frame is long.
    pub fn push(&mut self, mut frame: Bytes) -> Vec<Bytes> {
        let mut chunks = Vec::new();
        while self.held_len() + frame.len() >= CHUNK_LEN_MAX {
            let piece = frame.split_to(CHUNK_LEN_MAX - self.held_len());
            self.hold(piece);
            chunks.push(self.take());
        }
        self.hold(frame);
        chunks
    }

    /// The last chunk; `None` if the stream ended with a whole one, or was empty.
    pub fn finish(mut self) -> Option<Bytes> {
        (self.held_len() > 0).then(|| self.take())
    }

    /// Bytes of the chunk begun: always less than [`CHUNK_LEN_MAX`].
    pub fn held_len(&self) -> usize {
        self.frame.len() + self.joined.len()
    }

    fn hold(&mut self, frame: Bytes) {
        if self.held_len() == 0 {
            self.frame = frame;
        } else if !frame.is_empty() {
            self.join_first();
            self.joined.extend_from_slice(&frame);
        }
    }

    fn join_first(&mut self) {
        if self.joined.is_empty() {
            self.joined.reserve_exact(CHUNK_LEN_MAX);
            self.joined.extend_from_slice(&std::mem::take(&mut self.frame));
        }
    }

    fn take(&mut self) -> Bytes {
        if self.joined.is_empty() {
            std::mem::take(&mut self.frame)
        } else {
            std::mem::take(&mut self.joined).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(stream: &Bytes, frame_lens: impl IntoIterator<Item = usize>) -> Vec<Bytes> {
        let mut chunker = Chunker::new();
        let mut rest = stream.clone();
        let mut chunks = Vec::new();
        for len in frame_lens {
            let frame = rest.split_to(len.min(rest.len()));
            chunks.extend(chunker.push(Bytes::copy_from_slice(&frame)));
            assert!(chunker.held_len() < CHUNK_LEN_MAX);
        }
        chunks.extend(chunker.push(rest));
        chunks.extend(chunker.finish());
        chunks
    }

    #[test]
    fn whole_frames_are_not_copied() {
        let stream = Bytes::from(vec![7; 2 * CHUNK_LEN_MAX + 5]);
        let chunks = cut(&stream, []);
        let starts = chunks
            .iter()
            .map(|chunk| chunk.as_ptr().addr() - stream.as_ptr().addr());
        assert_eq!(starts.collect::<Vec<_>>(), [0, CHUNK_LEN_MAX, 2 * CHUNK_LEN_MAX]);
    }

    #[test]
    fn the_ends_of_streams() {
        assert_eq!(cut(&Bytes::new(), [0, 0]), Vec::<Bytes>::new());
        let lens = |len, frame| {
            let stream = Bytes::from(vec![1; len]);
            cut(&stream, [frame; 3])
                .iter()
                .map(Bytes::len)
                .collect::<Vec<_>>()
        };
        assert_eq!(lens(1, 1), [1]);
        assert_eq!(lens(CHUNK_LEN_MAX, CHUNK_LEN_MAX / 2), [CHUNK_LEN_MAX]);
        assert_eq!(lens(CHUNK_LEN_MAX + 1, 3), [CHUNK_LEN_MAX, 1]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn chunks_are_the_stream(len in 0..3 * CHUNK_LEN_MAX, frames in prop::collection::vec(0..CHUNK_LEN_MAX, 0..40)) {
            let stream: Bytes = (0..len).map(|i| (i % 251) as u8).collect();
            let chunks = cut(&stream, frames);
            prop_assert_eq!(chunks.concat(), stream.to_vec());
            let short = chunks.iter().rev().skip(1).filter(|chunk| chunk.len() != CHUNK_LEN_MAX).count();
            prop_assert_eq!(short, 0, "only the last chunk may be short");
        }
    }
}
