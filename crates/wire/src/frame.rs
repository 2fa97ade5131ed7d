//! Messages as bytes.

use minicbor::decode::Decoder;
use minicbor::{Decode, Encode};

use crate::{EXCHANGE_LEN_MAX, EXCHANGE_SHARDS_MAX, HEADER_LEN_MAX, ShardLen};

/// Bytes of the length in front of a header.
pub const HEADER_LEN_PREFIX: usize = 4;

/// A message's length prefix and header; its payload follows on the stream.
///
/// # Panics
///
/// Never: writing CBOR to memory cannot fail.
pub fn encode_message<M: Encode<()>>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_LEN_PREFIX];
    minicbor::encode(message, &mut bytes).expect("writing to memory cannot fail");
    let len = (bytes.len() - HEADER_LEN_PREFIX) as u32;
    if let Some(prefix) = bytes.first_chunk_mut() {
        *prefix = len.to_le_bytes();
    }
    bytes
}

/// How long the header behind this prefix is.
///
/// # Errors
///
/// [`DecodeError::HeaderTooLong`] above [`HEADER_LEN_MAX`]; nothing should be read or allocated then.
pub fn header_len(prefix: [u8; HEADER_LEN_PREFIX]) -> Result<usize, DecodeError> {
    let len = u32::from_le_bytes(prefix) as usize;
    if len > HEADER_LEN_MAX {
        Err(DecodeError::HeaderTooLong { len })
    } else {
        Ok(len)
    }
}

/// Reads a header.
///
/// # Errors
///
/// [`DecodeError`] if it is no such message, or has bytes behind its end.
pub fn decode_header<'b, M: Decode<'b, ()>>(header: &'b [u8]) -> Result<M, DecodeError> {
    let mut decoder = Decoder::new(header);
    let message = decoder.decode().map_err(|error| DecodeError::Malformed {
        reason: error.to_string(),
    })?;
    if decoder.position() == header.len() {
        Ok(message)
    } else {
        Err(DecodeError::TrailingBytes)
    }
}

/// Checks what a header announces, and returns the payload's length.
pub(crate) fn payload_len(shards: &[ShardLen]) -> Result<usize, DecodeError> {
    if shards.len() > EXCHANGE_SHARDS_MAX {
        return Err(DecodeError::TooManyShards { shards: shards.len() });
    }
    let len = shards.iter().map(|shard| shard.len as usize).sum();
    if len > EXCHANGE_LEN_MAX {
        Err(DecodeError::PayloadTooLong { len })
    } else {
        Ok(len)
    }
}

/// Why a peer's bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The header announces more than [`HEADER_LEN_MAX`].
    #[error("header of {len} bytes announced, at most {HEADER_LEN_MAX} allowed")]
    HeaderTooLong {
        /// Announced length.
        len: usize,
    },
    /// More shards than [`EXCHANGE_SHARDS_MAX`].
    #[error("{shards} shards announced, at most {EXCHANGE_SHARDS_MAX} allowed")]
    TooManyShards {
        /// Announced number.
        shards: usize,
    },
    /// A payload longer than [`EXCHANGE_LEN_MAX`].
    #[error("payload of {len} bytes announced, at most {EXCHANGE_LEN_MAX} allowed")]
    PayloadTooLong {
        /// Announced length.
        len: usize,
    },
    /// Not CBOR, or not this message.
    #[error("malformed header: {reason}")]
    Malformed {
        /// What the CBOR reader says.
        reason: String,
    },
    /// The message ends before its bytes do.
    #[error("bytes behind the message")]
    TrailingBytes,
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use model::{ChunkId, StoreId, StripeId};
    use proptest::prelude::*;

    use super::*;
    use crate::{Fault, Greeting, InventoryEntry, Request, Response, Shard, UsageReport, WireShardId};

    fn shard(index: u8) -> WireShardId {
        StripeId::chunk(ChunkId::from_bytes([0x11; 32]))
            .shard(index)
            .into()
    }

    #[track_caller]
    fn check<M>(message: &M, header: &str)
    where
        M: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + std::fmt::Debug,
    {
        let bytes = encode_message(message);
        let (prefix, rest) = bytes.split_first_chunk().expect("a prefix is always there");
        assert_eq!(header_len(*prefix), Ok(rest.len()));
        assert_eq!(HEXLOWER.encode(rest), header.replace(char::is_whitespace, ""));
        assert_eq!(decode_header::<M>(rest).as_ref(), Ok(message));
    }

    const ID_3: &str = "5822 01 1111111111111111111111111111111111111111111111111111111111111111 03";

    #[test]
    fn requests_have_these_bytes() {
        let greeting = Greeting::new(StoreId::from_bytes([0xaa; 16]), "0.1.0");
        check(
            &Request::Greet(greeting),
            "82 00 81 83 01 50 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 65 302e312e30",
        );
        let len = ShardLen {
            id: shard(3),
            len: 700,
        };
        check(&Request::Put(vec![len]), &format!("82 01 81 81 82 {ID_3} 1902bc"));
        check(&Request::Get(vec![shard(3)]), &format!("82 02 81 81 {ID_3}"));
        check(
            &Request::List {
                after: None,
                limit: 9,
            },
            "82 04 82 f6 09",
        );
        check(&Request::Usage, "82 05 80");
    }

    #[test]
    fn responses_have_these_bytes() {
        check(
            &Response::Done(vec![None, Some(Fault::NotFound)]),
            "82 01 81 82 f6 82 00 80",
        );
        let found = Shard::Found(ShardLen { id: shard(3), len: 5 });
        check(
            &Response::Shards(vec![found]),
            &format!("82 02 81 81 82 00 81 82 {ID_3} 05"),
        );
        check(
            &Response::Inventory(vec![InventoryEntry { id: shard(3), len: 5 }]),
            &format!("82 03 81 81 82 {ID_3} 05"),
        );
        let usage = UsageReport {
            capacity_bytes: 1 << 30,
            used_bytes: 7,
            shards: 1,
        };
        check(&Response::Usage(usage), "82 04 81 83 1a40000000 07 01");
        check(&Response::Envelope(None), "82 05 80");
    }

    #[test]
    fn what_is_announced_beyond_the_limits_is_refused() {
        assert_eq!(
            header_len(u32::MAX.to_le_bytes()),
            Err(DecodeError::HeaderTooLong {
                len: u32::MAX as usize
            })
        );
        let many = vec![ShardLen { id: shard(0), len: 0 }; EXCHANGE_SHARDS_MAX + 1];
        assert_eq!(
            Request::Put(many).payload_len(),
            Err(DecodeError::TooManyShards { shards: 257 })
        );
        let long = vec![ShardLen {
            id: shard(0),
            len: u32::MAX,
        }];
        assert_eq!(
            Request::Put(long).payload_len(),
            Err(DecodeError::PayloadTooLong {
                len: u32::MAX as usize
            })
        );
    }

    proptest! {
        #[test]
        fn random_headers_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode_header::<Request>(&bytes);
            let _ = decode_header::<Response>(&bytes);
        }

        #[test]
        fn a_damaged_header_is_refused_or_another_message(at in 0_usize..60, flip in 1_u8..) {
            let request = Request::Put(vec![ShardLen { id: shard(3), len: 700 }]);
            let mut bytes = encode_message(&request).split_off(HEADER_LEN_PREFIX);
            let at = at % bytes.len();
            bytes[at] ^= flip;
            prop_assert_ne!(decode_header::<Request>(&bytes).ok(), Some(request));
        }
    }
}
