//! Sessions, as far as the service counts them.

use std::time::SystemTime;

use uuid::Uuid;

use crate::calendar::unix_ms;
use crate::config::ChannelConfig;

/// A session that counts: it does so until it is deleted or its environment sleeps, whoever is connected.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) environment: Uuid,
    pub(crate) minted_at: SystemTime,
    pub(crate) token: String,
    pub(crate) is_token_used: bool,
    /// The tab of a session of type `TMUX`.
    pub(crate) tab: Option<Uuid>,
}

impl Session {
    pub(crate) fn new(environment: Uuid, now: SystemTime, tab: Option<Uuid>) -> Self {
        Self {
            environment,
            minted_at: now,
            token: random_text(240),
            is_token_used: false,
            tab,
        }
    }

    /// Uses the token to open the channel.
    pub(crate) fn redeem(
        &mut self,
        token: &str,
        now: SystemTime,
        config: &ChannelConfig,
    ) -> Result<(), TokenRefused> {
        if token != self.token {
            return Err(TokenRefused::Unknown);
        }
        if config.token_is_single_use && self.is_token_used {
            return Err(TokenRefused::Used);
        }
        if now.duration_since(self.minted_at).unwrap_or_default() > config.token_lifetime {
            return Err(TokenRefused::Expired);
        }
        self.is_token_used = true;
        Ok(())
    }
}

/// Why a token opens no channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenRefused {
    #[error("the token is of no session, or of another")]
    Unknown,
    #[error("the token has been used: ask for a new session")]
    Used,
    #[error("the token has expired: connect as soon as the session is created")]
    Expired,
}

/// A number of nanoseconds, a hyphen, and 24 lower-case letters and digits.
pub(crate) fn session_id(now: SystemTime) -> String {
    let nanoseconds = u128::from(unix_ms(now)) * 1_000_000 + Uuid::new_v4().as_u128() % 1_000_000;
    let mut random = Uuid::new_v4().as_u128();
    let mut tail = String::with_capacity(24);
    for _ in 0..24 {
        tail.push(char::from(LOWER_CASE[(random % 36) as usize]));
        random /= 36;
    }
    format!("{nanoseconds:019}-{tail}")
}

/// Text as opaque as a token of the service: base64 with all its awkward characters.
pub(crate) fn random_text(len: usize) -> String {
    let mut text = String::from("AAEAA");
    while text.len() + 3 < len {
        text.push_str(&data_encoding::BASE64.encode(&Uuid::new_v4().as_bytes()[..15]));
    }
    text.truncate(len - 3);
    text.push_str("+/=");
    text
}

const LOWER_CASE: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_token_opens_its_session_once_and_in_time() {
        let now = SystemTime::now();
        let config = ChannelConfig::default();
        let fresh = Session::new(Uuid::new_v4(), now, None);
        let token = fresh.token.clone();
        let late = now + Duration::from_secs(61);
        assert_eq!(
            fresh.clone().redeem("else", now, &config),
            Err(TokenRefused::Unknown)
        );
        assert_eq!(
            fresh.clone().redeem(&token, late, &config),
            Err(TokenRefused::Expired)
        );
        let mut used = fresh;
        assert_eq!(used.redeem(&token, now, &config), Ok(()));
        assert_eq!(used.redeem(&token, now, &config), Err(TokenRefused::Used));
    }

    #[test]
    fn ids_look_like_the_services_own() {
        let id = session_id(SystemTime::now());
        let (number, tail) = id.split_once('-').unwrap();
        assert_eq!((number.len(), tail.len()), (19, 24));
        assert!(number.parse::<u64>().is_ok() && id.len() <= 96, "{id}");
        assert_ne!(id, session_id(SystemTime::now()));
        let token = random_text(240);
        assert!(token.len() == 240 && token.ends_with("+/="), "{token}");
    }
}
