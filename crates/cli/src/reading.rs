//! Reads a file that is to be uploaded, and notices when somebody writes to it meanwhile.
//!
//! A file's length and time are looked at when it is opened and again after its last byte, before that byte is sent on: a
//! half of the old content with a half of the new one never becomes an object.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use tokio::io::{AsyncReadExt as _, BufReader};

use crate::error::CommandError;

/// A file's content, ready to be sent.
pub(crate) enum Content {
    /// The bytes of a short file.
    Whole(Bytes, Snapshot),
    /// A long one, read while it is sent.
    Long(LongFile),
}

/// A file as it was at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) len: u64,
    pub(crate) modified: Option<SystemTime>,
}

/// A file that is read frame by frame.
#[derive(Debug)]
pub(crate) struct LongFile {
    file: tokio::fs::File,
    before: Snapshot,
    read_len: u64,
}

/// Why a file's content could not be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("it changed while it was read: {before} bytes, then {after}")]
    Resized { before: u64, after: u64 },
    #[error("it changed while it was read")]
    Rewritten,
    #[error("cannot be read: {reason}")]
    Io { reason: String },
}

impl Content {
    /// Opens a file; one of at most [`WHOLE_LEN_MAX`] bytes is read at once. Blocks.
    pub(crate) fn open(path: &Path) -> Result<Self, ReadError> {
        let file = File::open(path)?;
        let before = Snapshot::of(&file.metadata()?);
        if before.len <= WHOLE_LEN_MAX {
            return Ok(Self::Whole(read_whole(file, before)?, before));
        }
        Ok(Self::Long(LongFile {
            file: file.into(),
            before,
            read_len: 0,
        }))
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        match self {
            Self::Whole(_, snapshot) => *snapshot,
            Self::Long(file) => file.before,
        }
    }
}

fn read_whole(mut file: File, before: Snapshot) -> Result<Bytes, ReadError> {
    let mut bytes = Vec::with_capacity(before.len as usize + 1);
    // One byte more than there should be tells that it grew.
    (&mut file).take(before.len + 1).read_to_end(&mut bytes)?;
    before.check(Snapshot::of(&file.metadata()?), bytes.len() as u64)?;
    Ok(bytes.into())
}

impl Snapshot {
    fn of(metadata: &Metadata) -> Self {
        Self {
            len: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }

    /// Whether nothing happened between two looks at a file of which so much was read.
    fn check(self, after: Self, read_len: u64) -> Result<(), ReadError> {
        if after.len != self.len || read_len != self.len {
            // A file may have shrunk under the reader and grown again.
            let after = if after.len == self.len {
                read_len
            } else {
                after.len
            };
            return Err(ReadError::Resized {
                before: self.len,
                after,
            });
        }
        if after.modified == self.modified {
            Ok(())
        } else {
            Err(ReadError::Rewritten)
        }
    }
}

impl LongFile {
    /// The file's bytes; exactly as many as its length, or an error before the last ones.
    pub(crate) fn frames(self) -> impl Stream<Item = Result<Bytes, ReadError>> + Send {
        stream::try_unfold(self, |mut file| async move {
            let frame = file.frame().await?;
            Ok(frame.map(|frame| (frame, file)))
        })
    }

    async fn frame(&mut self) -> Result<Option<Bytes>, ReadError> {
        let left = self.before.len - self.read_len;
        if left == 0 {
            return Ok(None);
        }
        let len = left.min(FRAME_LEN as u64);
        let mut frame = BytesMut::with_capacity(len as usize);
        let mut part = (&mut self.file).take(len);
        while part.read_buf(&mut frame).await? > 0 {}
        self.read_len += frame.len() as u64;
        if frame.len() as u64 == left || (frame.len() as u64) < len {
            let after = Snapshot::of(&self.file.metadata().await?);
            self.before.check(after, self.read_len)?;
        }
        Ok(Some(frame.freeze()))
    }
}

/// What a pipe or a device gives until it ends.
pub(crate) fn special_frames(path: PathBuf) -> impl Stream<Item = Result<Bytes, ReadError>> + Send {
    let open = async move { Ok::<_, ReadError>(pipe_frames(tokio::fs::File::open(path).await?)) };
    futures_util::TryStreamExt::try_flatten(stream::once(open))
}

/// What standard input gives until it ends.
pub(crate) fn stdin_frames() -> impl Stream<Item = Result<Bytes, ReadError>> + Send {
    pipe_frames(tokio::io::stdin())
}

fn pipe_frames<R>(pipe: R) -> impl Stream<Item = Result<Bytes, ReadError>> + Send
where
    R: tokio::io::AsyncRead + Send + Unpin,
{
    stream::try_unfold(BufReader::new(pipe), |mut pipe| async move {
        let mut frame = BytesMut::with_capacity(FRAME_LEN);
        let read = pipe.read_buf(&mut frame).await?;
        Ok((read > 0).then(|| (frame.freeze(), pipe)))
    })
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io {
            reason: error.to_string(),
        }
    }
}

impl From<&ReadError> for CommandError {
    fn from(error: &ReadError) -> Self {
        let failed = Self::failed(error.to_string());
        match error {
            ReadError::Resized { .. } | ReadError::Rewritten => {
                failed.with_hint("nothing of it was stored; try again when nobody writes to it")
            }
            ReadError::Io { .. } => failed,
        }
    }
}

/// Twice the longest object that travels in its record.
pub(crate) const WHOLE_LEN_MAX: u64 = 128 << 10;
/// Half a chunk: long enough that system calls cost nothing, short enough that progress moves.
const FRAME_LEN: usize = 512 << 10;

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::Duration;

    use futures_util::TryStreamExt as _;

    use super::*;

    fn file_of(len: usize) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(&vec![7; len]).expect("written");
        file
    }

    fn long(file: &tempfile::NamedTempFile) -> LongFile {
        match Content::open(file.path()).expect("opened") {
            Content::Long(long) => long,
            Content::Whole(..) => panic!("it is long"),
        }
    }

    #[test]
    fn short_files_come_whole() {
        for len in [0, 1, WHOLE_LEN_MAX as usize] {
            let file = file_of(len);
            let content = Content::open(file.path()).expect("opened");
            assert_eq!(content.snapshot().len, len as u64);
            assert!(matches!(content, Content::Whole(bytes, _) if bytes == vec![7; len]));
        }
    }

    #[tokio::test]
    async fn long_files_come_in_frames() {
        for len in [WHOLE_LEN_MAX as usize + 1, 2 * FRAME_LEN, 2 * FRAME_LEN + 1] {
            let frames: Vec<Bytes> = long(&file_of(len)).frames().try_collect().await.expect("read");
            assert!(frames.iter().all(|frame| frame.len() <= FRAME_LEN));
            assert_eq!(frames.concat(), vec![7; len]);
        }
    }

    /// Reads one frame of a file of three, lets somebody do something to it, and reads the rest.
    async fn disturbed(disturb: impl FnOnce(&mut File)) -> (usize, ReadError) {
        let mut file = file_of(3 * FRAME_LEN);
        let mut frames = std::pin::pin!(long(&file).frames());
        let mut sent = 0;
        let first = frames.try_next().await.expect("undisturbed").expect("a frame");
        disturb(file.as_file_mut());
        sent += first.len();
        loop {
            match frames.try_next().await {
                Ok(frame) => sent += frame.expect("it does not end well").len(),
                Err(error) => return (sent, error),
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_changes_is_never_sent_to_its_end() {
        let whole = 3 * FRAME_LEN;
        let before = whole as u64;
        let (sent, error) = disturbed(|file| file.set_len(700_000).expect("cut")).await;
        assert!(sent < whole, "{sent}");
        assert_eq!(
            error,
            ReadError::Resized {
                before,
                after: 700_000
            }
        );
        let (sent, error) = disturbed(|file| file.write_all(b"more").expect("written")).await;
        assert!(sent < whole, "{sent}");
        assert_eq!(
            error,
            ReadError::Resized {
                before,
                after: before + 4
            }
        );
        let later = SystemTime::now() + Duration::from_secs(9);
        let (sent, error) = disturbed(|file| file.set_modified(later).expect("touched")).await;
        assert!(sent < whole, "{sent}");
        assert_eq!(error, ReadError::Rewritten);
    }
}
