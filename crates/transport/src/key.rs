//! Who an endpoint is.

use std::fmt;
use std::str::FromStr;

/// An endpoint's private key (Ed25519). Its public half is the endpoint's [`PeerId`].
#[derive(Clone)]
pub struct LinkKey(iroh::SecretKey);

impl LinkKey {
    /// A new key from the operating system's randomness.
    pub fn generate() -> Self {
        Self(iroh::SecretKey::generate())
    }

    /// The key with these bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(iroh::SecretKey::from_bytes(bytes))
    }

    /// The private bytes, for a file that only its owner can read.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    pub fn peer_id(&self) -> PeerId {
        PeerId(self.0.public())
    }

    pub(crate) fn as_iroh(&self) -> &iroh::SecretKey {
        &self.0
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkKey(of {})", self.peer_id())
    }
}

/// An endpoint's public key: what the other side of a link is checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(iroh::PublicKey);

impl PeerId {
    /// The public key's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub(crate) fn from_iroh(key: iroh::PublicKey) -> Self {
        Self(key)
    }

    pub(crate) fn as_iroh(&self) -> iroh::PublicKey {
        self.0
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(self.as_bytes()))
    }
}

impl FromStr for PeerId {
    type Err = ParsePeerIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = data_encoding::HEXLOWER
            .decode(text.as_bytes())
            .map_err(|_| ParsePeerIdError)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| ParsePeerIdError)?;
        iroh::PublicKey::from_bytes(&bytes)
            .map(Self)
            .map_err(|_| ParsePeerIdError)
    }
}

/// A text is not the hexadecimal form of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the 64 hexadecimal digits of an Ed25519 public key")]
pub struct ParsePeerIdError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_ids_survive_text_and_keys_are_not_printed() {
        let key = LinkKey::from_bytes(&[7; 32]);
        let id = key.peer_id();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(LinkKey::from_bytes(&key.to_bytes()).peer_id(), id);
        assert!(!format!("{key:?}").contains(&"07".repeat(4)));
        for text in ["", "07", &"zz".repeat(32), &id.to_string()[2..]] {
            assert_eq!(text.parse::<PeerId>(), Err(ParsePeerIdError), "{text:?}");
        }
    }
}
