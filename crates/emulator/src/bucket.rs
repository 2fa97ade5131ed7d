//! The stand-in for S3: a presigned form to put one object, a presigned address to get it.
//!
//! An object is encrypted with a key of the customer's, as far as anybody can tell: the form must carry the key, and
//! whoever gets the object must show it. The bytes lie in files, unencrypted, in a directory that empties itself.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use data_encoding::BASE64;
use md5::{Digest as _, Md5};
use serde_json::json;
use uuid::Uuid;

use crate::calendar::compact;
use crate::config::BucketConfig;
use crate::sigv4::hmac_hex;

/// All objects, and the permissions to put and get them.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) config: BucketConfig,
    dir: PathBuf,
    secret: String,
    grants: Mutex<VecDeque<Arc<Grant>>>,
}

/// The permission to put one object and to get it.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) object: String,
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) encryption_key: String,
    pub(crate) encryption_key_md5: String,
    pub(crate) signature: String,
    expires_at: SystemTime,
    path: PathBuf,
    stored_len: Mutex<u64>,
}

/// Why the bucket refuses, in the words of S3.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BucketRefusal {
    #[error("Request has expired")]
    Expired,
    #[error("Access Denied: {0}")]
    Denied(String),
    #[error("The specified key does not exist.")]
    NoSuchKey,
    #[error("The object was stored using a form of Server Side Encryption. {0}")]
    Key(&'static str),
    #[error("Your proposed upload exceeds the maximum allowed size of {0} bytes")]
    TooLarge(u64),
}

impl BucketRefusal {
    pub(crate) fn status_and_code(&self) -> (u16, &'static str) {
        match self {
            Self::Expired | Self::Denied(_) => (403, "AccessDenied"),
            Self::NoSuchKey => (404, "NoSuchKey"),
            Self::Key(_) => (400, "InvalidRequest"),
            Self::TooLarge(_) => (400, "EntityTooLarge"),
        }
    }
}

impl Bucket {
    pub(crate) fn new(config: BucketConfig, dir: PathBuf) -> Self {
        Self {
            config,
            dir,
            secret: Uuid::new_v4().simple().to_string(),
            grants: Mutex::default(),
        }
    }

    /// Removes what an earlier run left, and makes the directory.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        match std::fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir_all(&self.dir)
    }

    /// Permits one object to be put and to be got, for a while.
    pub(crate) fn grant(
        &self,
        name: &str,
        session_token: Option<&str>,
        region: &str,
        now: SystemTime,
    ) -> Arc<Grant> {
        let id = Uuid::new_v4().simple().to_string();
        let key: [u8; 32] = {
            let halves = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes);
            std::array::from_fn(|index| halves[index / 16][index % 16])
        };
        let encryption_key = BASE64.encode(&key);
        let expires_at = now + self.config.url_lifetime;
        let object = format!("{id}/{name}");
        let fields = self.fields(&object, &encryption_key, session_token, region, now);
        let grant = Arc::new(Grant {
            signature: hmac_hex(self.secret.as_bytes(), &object),
            object,
            fields,
            encryption_key_md5: BASE64.encode(&Md5::digest(key)),
            encryption_key,
            expires_at,
            path: self.dir.join(id),
            stored_len: Mutex::new(0),
        });
        let mut grants = self.grants();
        grants.push_back(Arc::clone(&grant));
        if grants.len() > GRANTS_MAX
            && let Some(oldest) = grants.pop_front()
        {
            oldest.forget();
        }
        grant
    }

    /// Checks a form's fields, in any order; all that were given must come back unchanged.
    pub(crate) fn check_form(
        &self,
        fields: &[(String, String)],
        now: SystemTime,
    ) -> Result<Arc<Grant>, BucketRefusal> {
        let value = |name: &str| {
            fields
                .iter()
                .find(|(field, _)| field == name)
                .map(|(_, value)| value.as_str())
        };
        let object =
            value("key").ok_or_else(|| BucketRefusal::Denied("the field key is missing".to_owned()))?;
        let grant = self.find(object, now)?;
        match grant
            .fields
            .iter()
            .find(|(name, expected)| value(name) != Some(expected))
        {
            Some((name, _)) => Err(BucketRefusal::Denied(format!(
                "the field {name} is not as it was given"
            ))),
            None => Ok(grant),
        }
    }

    /// Checks the address and the headers of a request for an object.
    pub(crate) fn check_get(
        &self,
        object: &str,
        signature: Option<&str>,
        customer: &CustomerKey<'_>,
        now: SystemTime,
    ) -> Result<Arc<Grant>, BucketRefusal> {
        let grant = self.find(object, now)?;
        if signature != Some(&grant.signature) {
            return Err(BucketRefusal::Denied("the signature does not match".to_owned()));
        }
        customer.check(&grant)?;
        if grant.len() == 0 && !grant.path.is_file() {
            return Err(BucketRefusal::NoSuchKey);
        }
        Ok(grant)
    }

    /// An object has been written: older ones make room for it.
    pub(crate) fn stored(&self, grant: &Grant, len: u64) {
        *grant.stored_len.lock().unwrap_or_else(PoisonError::into_inner) = len;
        let grants = self.grants();
        let mut total: u64 = grants.iter().map(|grant| grant.len()).sum();
        for older in grants.iter().filter(|older| older.object != grant.object) {
            if total <= self.config.total_len_max {
                return;
            }
            total -= older.len();
            older.forget();
        }
    }

    fn find(&self, object: &str, now: SystemTime) -> Result<Arc<Grant>, BucketRefusal> {
        let grants = self.grants();
        let grant = grants
            .iter()
            .find(|grant| grant.object == object)
            .ok_or(BucketRefusal::NoSuchKey)?;
        if grant.expires_at <= now {
            return Err(BucketRefusal::Expired);
        }
        Ok(Arc::clone(grant))
    }

    fn fields(
        &self,
        object: &str,
        encryption_key: &str,
        session_token: Option<&str>,
        region: &str,
        now: SystemTime,
    ) -> Vec<(&'static str, String)> {
        let date = compact(now);
        let credential = format!("ASIAEMULATEDBUCKET/{}/{region}/s3/aws4_request", &date[..8]);
        let policy = json!({
            "expiration": compact(now + self.config.url_lifetime),
            "conditions": [
                {"key": object},
                {"x-amz-server-side-encryption-customer-algorithm": ENCRYPTION},
                ["content-length-range", 0, self.config.object_len_max],
            ],
        });
        let policy = BASE64.encode(policy.to_string().as_bytes());
        vec![
            ("x-amz-signature", hmac_hex(self.secret.as_bytes(), &policy)),
            ("key", object.to_owned()),
            ("policy", policy),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("x-amz-credential", credential),
            ("x-amz-date", date),
            (
                "x-amz-security-token",
                session_token.unwrap_or("EMULATED/TOKEN+").to_owned(),
            ),
            (ENCRYPTION_ALGORITHM, ENCRYPTION.to_owned()),
            (ENCRYPTION_KEY, encryption_key.to_owned()),
        ]
    }

    fn grants(&self) -> MutexGuard<'_, VecDeque<Arc<Grant>>> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Grant {
    /// Where the object's bytes lie, once they have come.
    pub(crate) fn path(&self) -> &PathBuf {
        &self.path
    }

    fn len(&self) -> u64 {
        *self.stored_len.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self) {
        let _ = std::fs::remove_file(&self.path);
        *self.stored_len.lock().unwrap_or_else(PoisonError::into_inner) = 0;
    }
}

/// The headers that show the key. Only the key itself must be there.
#[derive(Debug)]
pub(crate) struct CustomerKey<'a> {
    pub(crate) algorithm: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
    pub(crate) key_md5: Option<&'a str>,
}

impl CustomerKey<'_> {
    fn check(&self, grant: &Grant) -> Result<(), BucketRefusal> {
        if self.algorithm.is_some_and(|algorithm| algorithm != ENCRYPTION) {
            return Err(BucketRefusal::Key("The algorithm must be AES256."));
        }
        match self.key {
            None => {
                return Err(BucketRefusal::Key(
                    "The correct parameters must be provided to retrieve the object.",
                ));
            }
            Some(key) if key != grant.encryption_key => {
                return Err(BucketRefusal::Denied("the key is not the object's".to_owned()));
            }
            Some(_) => {}
        }
        if self.key_md5.is_some_and(|md5| md5 != grant.encryption_key_md5) {
            return Err(BucketRefusal::Key("The MD5 of the key does not match the key."));
        }
        Ok(())
    }
}

/// Where the client shows which cipher it means.
pub(crate) const ENCRYPTION_ALGORITHM: &str = "x-amz-server-side-encryption-customer-algorithm";
/// Where the client shows the key.
pub(crate) const ENCRYPTION_KEY: &str = "x-amz-server-side-encryption-customer-key";
/// Where the client may show the key's MD5.
pub(crate) const ENCRYPTION_KEY_MD5: &str = "x-amz-server-side-encryption-customer-key-MD5";
const ENCRYPTION: &str = "AES256";

const GRANTS_MAX: usize = 1024;
