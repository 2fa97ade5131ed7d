//! Sealing one body under one key: AES-256-GCM (NIST SP 800-38D), or nothing.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// Length of a nonce in bytes.
pub(crate) const NONCE_LEN: usize = 12;

/// Length of a tag in bytes.
pub(crate) const TAG_LEN: usize = 16;

/// An AES-256-GCM key, expanded.
pub(crate) struct AeadKey(LessSafeKey);

impl AeadKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// Encrypts `body` where it lies and returns its tag.
    pub(crate) fn seal(&self, nonce: [u8; NONCE_LEN], associated: &[u8], body: &mut [u8]) -> [u8; TAG_LEN] {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(associated), body)
            .expect("bodies are far below GCM's 64 GiB");
        tag.as_ref().try_into().expect("GCM tags have 16 bytes")
    }

    /// Decrypts `body` into `plaintext`, which has the same length; says whether it authenticates.
    /// If it does not, `plaintext` holds nothing of use.
    pub(crate) fn open(
        &self,
        nonce: [u8; NONCE_LEN],
        associated: &[u8],
        body: &[u8],
        tag: &[u8; TAG_LEN],
        plaintext: &mut [u8],
    ) -> bool {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0
            .open_separate_gather(nonce, Aad::from(associated), body, tag, plaintext)
            .is_ok()
    }
}
