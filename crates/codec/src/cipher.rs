//! Which cipher a store uses, and where its nonces come from.

/// How the shards of a store are sealed. Chosen once, when the store is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cipher {
    /// Not at all: shards carry plain bytes and only a checksum, which shows rot but stops nobody.
    None = 0,
    /// AES-256-GCM with one derived key per stripe and a fresh random nonce per shard.
    Aes256Gcm = 1,
}

impl Cipher {
    /// The byte used by every format.
    pub const fn to_byte(self) -> u8 {
        self as u8
    }

    /// The cipher with this byte, if there is one.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::None),
            1 => Some(Self::Aes256Gcm),
            _ => None,
        }
    }
}

/// Where nonces come from: the caller's random source, since this crate has none.
///
/// Every nonce must be fresh: two shards of one stripe sealed under one nonce give away the XOR of their bytes and let
/// shards be forged. Random 96-bit nonces collide with a chance below 2^-32 after 2^32 shards *of one stripe*
/// (NIST SP 800-38D, section 8.3), since each stripe has a key of its own.
pub trait NonceSource {
    /// A nonce never returned before.
    fn next_nonce(&mut self) -> [u8; 12];
}

impl<F: FnMut() -> [u8; 12]> NonceSource for F {
    fn next_nonce(&mut self) -> [u8; 12] {
        self()
    }
}
