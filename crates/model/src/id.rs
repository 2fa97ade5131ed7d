//! Identifiers made of bytes, shown as lower-case hexadecimal.

use std::fmt;
use std::str::FromStr;

/// Declares a fixed-size identifier with a full `Display`, a short one for logs, and a strict `FromStr`.
macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Wraps the raw bytes; every value is valid.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// The first four bytes, for logs and messages.
            pub fn fmt_short(&self) -> String {
                self.0.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.fmt_short())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse_hex(text).map(Self)
            }
        }
    };
}

byte_id!(
    /// Names one store: one namespace under one master key. Random.
    StoreId,
    16
);

byte_id!(
    /// Names a chunk by its content: keyed BLAKE3 of the plaintext, so equal chunks of one store share shards
    /// and nobody without the key can test a guess.
    ChunkId,
    32
);

/// What a stripe holds; part of its identity, so that a record can never be taken for a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum StripeKind {
    /// Up to 1 MiB of an object's plaintext.
    Chunk = 1,
    /// The metadata of one version.
    Record = 2,
}

impl StripeKind {
    /// The byte used by every format.
    pub const fn to_byte(self) -> u8 {
        self as u8
    }

    /// The kind with this byte, if there is one.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Chunk),
            2 => Some(Self::Record),
            _ => None,
        }
    }
}

/// Names a stripe: a chunk's or a record's id with its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StripeId {
    /// What the stripe holds.
    pub kind: StripeKind,
    /// The chunk id, or the record id.
    pub id: [u8; 32],
}

impl StripeId {
    /// Kind byte followed by the id.
    pub const LEN: usize = 33;

    /// The stripe of a chunk.
    pub const fn chunk(id: ChunkId) -> Self {
        Self {
            kind: StripeKind::Chunk,
            id: id.0,
        }
    }

    /// The stripe of a record.
    pub const fn record(id: [u8; 32]) -> Self {
        Self {
            kind: StripeKind::Record,
            id,
        }
    }

    /// One shard of this stripe.
    pub const fn shard(self, index: u8) -> ShardId {
        ShardId { stripe: self, index }
    }

    /// Kind byte followed by the id: the form in SQL, in databases and on the wire.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let (kind, id) = bytes.split_at_mut(1);
        kind.copy_from_slice(&[self.kind.to_byte()]);
        id.copy_from_slice(&self.id);
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, id) = bytes.split_first()?;
        Some(Self {
            kind: StripeKind::from_byte(*kind)?,
            id: id.try_into().ok()?,
        })
    }
}

impl fmt::Display for StripeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StripeKind::Chunk => "chunk-",
            StripeKind::Record => "record-",
        })?;
        self.id
            .iter()
            .take(8)
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Names one shard of a stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId {
    /// The stripe it belongs to.
    pub stripe: StripeId,
    /// Its place in the stripe: data shards first, then parity.
    pub index: u8,
}

impl ShardId {
    /// Stripe id followed by the index.
    pub const LEN: usize = StripeId::LEN + 1;

    /// Stripe id followed by the index; sorts like the id itself.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let (stripe, index) = bytes.split_at_mut(StripeId::LEN);
        stripe.copy_from_slice(&self.stripe.to_bytes());
        index.copy_from_slice(&[self.index]);
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (index, stripe) = bytes.split_last()?;
        Some(Self {
            stripe: StripeId::from_bytes(stripe)?,
            index: *index,
        })
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stripe, self.index)
    }
}

/// A text is not the hexadecimal form of an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected_digits} hexadecimal digits, got {text:?}")]
pub struct ParseIdError {
    expected_digits: usize,
    text: String,
}

fn parse_hex<const LEN: usize>(text: &str) -> Result<[u8; LEN], ParseIdError> {
    let error = || ParseIdError {
        expected_digits: LEN * 2,
        text: text.chars().take(80).collect(),
    };
    if text.len() != LEN * 2 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(error());
    }
    let mut bytes = [0; LEN];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| error())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| error())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_text_and_bytes() {
        let store = StoreId::from_bytes([0xa5; 16]);
        assert_eq!(store.to_string().parse(), Ok(store));
        let shard = StripeId::chunk(ChunkId::from_bytes([7; 32])).shard(8);
        assert_eq!(ShardId::from_bytes(&shard.to_bytes()), Some(shard));
    }

    #[test]
    fn malformed_ids_are_refused() {
        for text in ["", "a5", &"g".repeat(32), &"+5".repeat(16), &"a5".repeat(17)] {
            assert!(text.parse::<StoreId>().is_err(), "{text:?} was accepted");
        }
        assert_eq!(StripeId::from_bytes(&[3; 33]), None, "3 is no kind");
        assert_eq!(ShardId::from_bytes(&[1; 33]), None, "one byte short");
    }
}
