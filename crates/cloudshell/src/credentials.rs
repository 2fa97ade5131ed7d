//! Who asks AWS: found where every AWS program finds it.

use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::sync::Mutex;

/// The credentials of a profile; without one, from the environment, the default profile (or `AWS_PROFILE`), a web
/// identity, a container or an instance, in this order. Profiles may have keys, single sign-on, roles and processes. They
/// are refreshed when they expire.
///
/// They are asked for once, so that what is wrong is said now.
///
/// # Errors
///
/// [`LoadCredentialsError`] if there are none, or those there are cannot be had.
pub async fn load_credentials(
    profile: Option<&str>,
    region: &str,
) -> Result<SharedCredentialsProvider, LoadCredentialsError> {
    let failed = |reason: String| LoadCredentialsError {
        profile: profile.map(str::to_owned),
        reason,
    };
    let provider = match profile {
        Some(profile) => Some(of_profile(profile, region)),
        None => of_chain(region).await,
    };
    let provider = provider.ok_or_else(|| failed("no provider is configured".to_owned()))?;
    provider
        .provide_credentials()
        .await
        .map_err(|error| failed(chain(&error)))?;
    Ok(provider)
}

/// Who names a profile means it, whatever the environment says.
fn of_profile(profile: &str, region: &str) -> SharedCredentialsProvider {
    let config = ProviderConfig::without_region()
        .with_behavior_version(Some(BehaviorVersion::v2026_01_12()))
        .with_http_client(http_client())
        .with_region(Some(Region::new(region.to_owned())));
    let provider = ProfileFileCredentialsProvider::builder()
        .configure(&config)
        .profile_name(profile)
        .build();
    SharedCredentialsProvider::new(provider)
}

async fn of_chain(region: &str) -> Option<SharedCredentialsProvider> {
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client())
        .region(Region::new(region.to_owned()))
        .load()
        .await;
    config.credentials_provider()
}

fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

/// Credentials that never change.
pub fn static_credentials(
    access_key_id: &str,
    secret_access_key: &str,
    session_token: Option<String>,
) -> SharedCredentialsProvider {
    let credentials = Credentials::new(access_key_id, secret_access_key, session_token, None, "static");
    SharedCredentialsProvider::new(credentials)
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
#[error("no AWS credentials: {reason}; tried {}; sign in (aws sso login), or run aws configure", Tried(profile.as_deref()))]
pub struct LoadCredentialsError {
    profile: Option<String>,
    reason: String,
}

struct Tried<'a>(Option<&'a str>);

impl fmt::Display for Tried<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(profile) => write!(f, "the profile {profile:?}"),
            None => write!(
                f,
                "the environment (AWS_ACCESS_KEY_ID), the default profile (AWS_PROFILE), web identity, container and instance"
            ),
        }
    }
}

/// Keeps what a provider gave: to ask a role's or an instance's provider is a request of its own.
#[derive(Debug)]
pub(crate) struct CachedCredentials {
    provider: SharedCredentialsProvider,
    clock: fn() -> SystemTime,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    credentials: Credentials,
    until: SystemTime,
}

impl CachedCredentials {
    pub(crate) fn new(provider: SharedCredentialsProvider, clock: fn() -> SystemTime) -> Self {
        Self {
            provider,
            clock,
            kept: Mutex::new(None),
        }
    }

    pub(crate) async fn provide_credentials(&self) -> Result<Credentials, CredentialsError> {
        let mut kept = self.kept.lock().await;
        let now = (self.clock)();
        if let Some(kept) = kept.as_ref().filter(|kept| now < kept.until) {
            return Ok(kept.credentials.clone());
        }
        let asked = tokio::time::timeout(PROVIDE_TIMEOUT, self.provider.provide_credentials()).await;
        let credentials =
            asked.unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(PROVIDE_TIMEOUT)))?;
        let longest = now + KEEP_MAX;
        // Of credentials that are about to expire nothing is kept.
        let until = match credentials.expiry() {
            Some(expiry) => longest.min(expiry.checked_sub(EXPIRY_MARGIN).unwrap_or(now)),
            None => longest,
        };
        *kept = Some(Kept {
            credentials: credentials.clone(),
            until,
        });
        Ok(credentials)
    }
}

/// An error with its causes, for people, on one line; a cause that only repeats is left out.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Somebody may sign in again, or change a file, at any time.
const KEEP_MAX: Duration = Duration::from_secs(300);
/// A request may take a minute with its retries.
const EXPIRY_MARGIN: Duration = Duration::from_secs(90);
/// An instance that is none answers after seconds.
const PROVIDE_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    use aws_credential_types::provider::ProvideCredentials;
    use aws_credential_types::provider::future;

    use super::*;

    #[derive(Debug)]
    struct Counting {
        asked: Arc<AtomicU32>,
        expire_after: Option<Duration>,
    }

    static SECONDS: AtomicU64 = AtomicU64::new(0);

    fn clock() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(SECONDS.load(Ordering::Relaxed))
    }

    impl ProvideCredentials for Counting {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let count = self.asked.fetch_add(1, Ordering::Relaxed);
            let expiry = self.expire_after.map(|after| clock() + after);
            future::ProvideCredentials::ready(Ok(Credentials::new(
                count.to_string(),
                "secret",
                None,
                expiry,
                "test",
            )))
        }
    }

    #[tokio::test]
    async fn credentials_are_kept_until_shortly_before_they_expire() {
        let asked = Arc::new(AtomicU32::new(0));
        for (expire_after, second, third) in [(Some(200), 109, 111), (None, 299, 301)] {
            SECONDS.store(0, Ordering::Relaxed);
            asked.store(0, Ordering::Relaxed);
            let provider = Counting {
                asked: Arc::clone(&asked),
                expire_after: expire_after.map(Duration::from_secs),
            };
            let cached = CachedCredentials::new(SharedCredentialsProvider::new(provider), clock);
            let mut found = Vec::new();
            for seconds in [0, second, third] {
                SECONDS.store(seconds, Ordering::Relaxed);
                let credentials = cached.provide_credentials().await.expect("there are some");
                found.push(credentials.access_key_id().to_owned());
            }
            assert_eq!(found, ["0", "0", "1"], "{expire_after:?}");
        }
    }

    #[test]
    fn the_sentence_names_what_was_tried() {
        let said = |profile: Option<&str>| {
            let (profile, reason) = (profile.map(str::to_owned), "none set".to_owned());
            LoadCredentialsError { profile, reason }.to_string()
        };
        assert_eq!(
            said(Some("work")),
            "no AWS credentials: none set; tried the profile \"work\"; sign in (aws sso login), or run aws configure"
        );
        assert!(said(None).contains("AWS_ACCESS_KEY_ID"), "{}", said(None));
    }
}
