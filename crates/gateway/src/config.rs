//! How a gateway is set up.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use engine::Engine;
use zeroize::Zeroizing;

use crate::Operator;

/// How a gateway is set up.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// What does the work.
    pub engine: Engine,
    /// The daemon.
    pub operator: Arc<dyn Operator>,
    /// What clients must send; needed beyond loopback.
    pub token: Option<BearerToken>,
    /// Names and addresses in `Host` that are accepted beside loopback and the bound address.
    pub host_names: Vec<String>,
    /// How much is done at once.
    pub limits: GatewayLimits,
}

impl GatewayConfig {
    /// A gateway without a token, for loopback.
    pub fn new(engine: Engine, operator: Arc<dyn Operator>) -> Self {
        Self {
            engine,
            operator,
            token: None,
            host_names: Vec::new(),
            limits: GatewayLimits::default(),
        }
    }
}

/// How much a gateway does at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayLimits {
    /// Open connections; further ones wait to be accepted.
    pub connections_max: usize,
    /// Objects that are being received; further ones wait a while and are then told to come again.
    pub uploads_max: usize,
    /// Objects that are being sent; further ones wait a while and are then told to come again.
    pub downloads_max: usize,
    /// Open event streams; further ones are refused.
    pub event_streams_max: usize,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            connections_max: 512,
            // As many small files as a client sends at once. Chunks of long uploads have a limit of their own.
            uploads_max: 64,
            downloads_max: 64,
            event_streams_max: 64,
        }
    }
}

/// The secret that clients beyond loopback must send. Wiped from memory when dropped, and not shown by `Debug`.
#[derive(Clone)]
pub struct BearerToken(Zeroizing<String>);

impl BearerToken {
    /// A token of at least [`Self::LEN_MIN`] visible ASCII characters, without spaces.
    ///
    /// # Errors
    ///
    /// [`ParseTokenError`] for any other text.
    pub fn new(text: Zeroizing<String>) -> Result<Self, ParseTokenError> {
        if text.len() < Self::LEN_MIN {
            return Err(ParseTokenError::TooShort { len: text.len() });
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ParseTokenError::NotGraphic);
        }
        Ok(Self(text))
    }

    /// Whether this is the token, in a time that does not tell how much of it is right.
    pub(crate) fn is(&self, offered: &[u8]) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), offered).is_ok()
    }

    /// 16 random characters of base 64 are 96 bits: not to be guessed over a network.
    pub const LEN_MIN: usize = 16;
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(…)")
    }
}

/// A text cannot be a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseTokenError {
    /// It would be guessed.
    #[error("the token has {len} characters, at least {min} are needed", min = BearerToken::LEN_MIN)]
    TooShort {
        /// Its length in bytes.
        len: usize,
    },
    /// It would not survive in a header.
    #[error("the token has characters other than visible ASCII")]
    NotGraphic,
}
