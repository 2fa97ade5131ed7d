//! A message of the data channel: 120 bytes of header, then the payload. All integers are big-endian.
//!
//! ```text
//! 0   header length (116)   4   message type, 32 bytes, spaces on the right
//! 36  schema version (1)    40  created, ms since 1970
//! 48  sequence number       56  flags (1 SYN, 2 FIN)
//! 64  message id, its halves swapped
//! 80  SHA-256 of the payload
//! 112 payload type          116 payload length       120 payload
//! ```

use bytes::{BufMut as _, Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// One message, in the open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) message_type: String,
    pub(crate) created_ms: u64,
    pub(crate) sequence: i64,
    pub(crate) flags: u64,
    pub(crate) id: Uuid,
    pub(crate) payload_type: u32,
    pub(crate) payload: Bytes,
    /// Whether the header's digest is the payload's.
    pub(crate) is_digest_right: bool,
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("{len} bytes are shorter than a header")]
    Short { len: usize },
    #[error("a header length of {0} does not fit the message")]
    HeaderLen(u32),
    #[error("the message type is empty or no text")]
    Type,
    #[error("the message has no date")]
    Date,
}

impl Frame {
    pub(crate) fn new(message_type: &str, now_ms: u64, payload: impl Into<Bytes>) -> Self {
        Self {
            message_type: message_type.to_owned(),
            created_ms: now_ms.max(1),
            sequence: 0,
            flags: SYN | FIN,
            id: Uuid::new_v4(),
            payload_type: 0,
            payload: payload.into(),
            is_digest_right: true,
        }
    }

    /// As lenient as the agent: the payload is all that follows the header, and the digest only looked at.
    pub(crate) fn decode(bytes: &Bytes) -> Result<Self, FrameError> {
        let header: &[u8; HEADER_LEN] = bytes
            .first_chunk()
            .ok_or(FrameError::Short { len: bytes.len() })?;
        let header_len = u32::from_be_bytes(field(header, 0));
        let payload_at = (header_len as usize)
            .checked_add(4)
            .filter(|at| header_len > 0 && *at <= bytes.len());
        let payload = bytes.slice(payload_at.ok_or(FrameError::HeaderLen(header_len))?..);
        let frame = Self {
            message_type: message_type(&field::<32>(header, 4))?,
            created_ms: u64::from_be_bytes(field(header, 40)),
            sequence: i64::from_be_bytes(field(header, 48)),
            flags: u64::from_be_bytes(field(header, 56)),
            id: unswapped(field(header, 64)),
            payload_type: u32::from_be_bytes(field(header, 112)),
            is_digest_right: payload.is_empty() || Sha256::digest(&payload)[..] == header[80..112],
            payload,
        };
        if frame.created_ms == 0 {
            return Err(FrameError::Date);
        }
        Ok(frame)
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(HEADER_LEN + self.payload.len());
        bytes.put_u32(116);
        let mut message_type = [b' '; 32];
        for (to, from) in message_type.iter_mut().zip(self.message_type.bytes()) {
            *to = from;
        }
        bytes.put_slice(&message_type);
        bytes.put_u32(1);
        bytes.put_u64(self.created_ms);
        bytes.put_i64(self.sequence);
        bytes.put_u64(self.flags);
        let (high, low) = self.id.as_u64_pair();
        bytes.put_u64(low);
        bytes.put_u64(high);
        bytes.put_slice(&Sha256::digest(&self.payload));
        bytes.put_u32(self.payload_type);
        bytes.put_u32(u32::try_from(self.payload.len()).unwrap_or(u32::MAX));
        bytes.put_slice(&self.payload);
        bytes.freeze()
    }
}

fn field<const N: usize>(header: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    std::array::from_fn(|index| header[at + index])
}

fn message_type(bytes: &[u8; 32]) -> Result<String, FrameError> {
    let text = std::str::from_utf8(bytes).map_err(|_| FrameError::Type)?;
    let text = text.trim_matches('\0').trim();
    if text.is_empty() {
        return Err(FrameError::Type);
    }
    Ok(text.to_owned())
}

fn unswapped(bytes: [u8; 16]) -> Uuid {
    Uuid::from_u128(u128::from_be_bytes(bytes).rotate_left(64))
}

/// Starts the stream.
pub(crate) const SYN: u64 = 1;
/// With [`SYN`]: stands for itself.
pub(crate) const FIN: u64 = 2;

const HEADER_LEN: usize = 120;

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;

    fn vector(
        message_type: &str,
        sequence: i64,
        flags: u64,
        id: &str,
        payload_type: u32,
        payload: &str,
    ) -> Frame {
        Frame {
            message_type: message_type.to_owned(),
            created_ms: 1_503_434_274_948,
            sequence,
            flags,
            id: id.parse().unwrap(),
            payload_type,
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            is_digest_right: true,
        }
    }

    fn check(frame: &Frame, len: usize, hash_of_all: &str) {
        let bytes = frame.encode();
        assert_eq!(bytes.len(), len);
        assert_eq!(HEXLOWER.encode(&Sha256::digest(&bytes)), hash_of_all);
        assert_eq!(Frame::decode(&bytes).as_ref(), Ok(frame));
    }

    const AN_ID: &str = "dd01e56b-ff48-483e-a508-b5f073f31b16";

    #[test]
    fn recorded_messages_have_these_bytes() {
        check(
            &vector("input_stream_data", 1, 2, AN_ID, 0, "payload"),
            127,
            "fd6fcbc42150e0d1573e2da413de99fe773f52c6187fda2a0095f919b9fcf102",
        );
        check(
            &vector(
                "input_stream_data",
                0,
                0,
                "00112233-4455-4677-8899-aabbccddeeff",
                3,
                r#"{"cols":80,"rows":24}"#,
            ),
            141,
            "237cd446c22bdbd2f0337fecd9a720f673c4e3f11160551d0cbe9429532ca0f3",
        );
        check(
            &vector(
                "input_stream_data",
                1,
                0,
                "11111111-2222-4333-8444-555555555555",
                1,
                "ls\r",
            ),
            123,
            "02dbcd0a60a0e59d54dd62d2abf4445cfccbfe9705436082e9bac7ce6c7524ee",
        );
        check(
            &vector("output_stream_data", 0, 1, AN_ID, 1, "sh-5.2$ "),
            128,
            "d302494a9bdacd8a523f21c540817fcacc8ac61a17b716cc1a33e788c4757ede",
        );
        check(
            &vector("pause_publication", 0, 3, AN_ID, 0, ""),
            120,
            "dc7dd58305c58a0e18a6f3db38aad053287eb7c659760b33ef48b6e6723c24fd",
        );
    }

    #[test]
    fn what_the_agent_refuses_is_refused() {
        let good = vector("input_stream_data", 1, 0, AN_ID, 1, "ls\r").encode();
        let with = |at: usize, bytes: &[u8]| {
            let mut changed = good.to_vec();
            changed[at..at + bytes.len()].copy_from_slice(bytes);
            Frame::decode(&Bytes::from(changed))
        };
        assert_eq!(
            Frame::decode(&good.slice(..119)),
            Err(FrameError::Short { len: 119 })
        );
        assert_eq!(with(0, &[0; 4]), Err(FrameError::HeaderLen(0)));
        assert_eq!(with(0, &[255; 4]), Err(FrameError::HeaderLen(u32::MAX)));
        assert_eq!(with(4, &[b' '; 32]), Err(FrameError::Type));
        assert_eq!(with(40, &[0; 8]), Err(FrameError::Date));
        assert!(!with(120, b"x").unwrap().is_digest_right);
    }

    #[test]
    fn a_type_may_be_padded_with_zeros_on_either_side() {
        let mut bytes = vector("acknowledge", 0, 3, AN_ID, 0, "{}").encode().to_vec();
        bytes[4..36].fill(0);
        bytes[36 - 11..36].copy_from_slice(b"acknowledge");
        assert_eq!(
            Frame::decode(&Bytes::from(bytes)).unwrap().message_type,
            "acknowledge"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let bytes = Bytes::from(bytes);
            if let Ok(frame) = Frame::decode(&bytes) {
                prop_assert!(bytes.ends_with(&frame.payload));
            }
        }
    }
}
