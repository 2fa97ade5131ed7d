//! Making a version durable and known.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use bytes::Bytes;
use catalogue::{Commit, Object, Stripe, Version, VersionBody};
use codec::{NonceSource, Record, RecordBody};
use model::{ObjectPath, StripeId, VersionStamp};

use crate::stripe_write::WriteError;
use crate::{Engine, Inner};

/// What must hold for the current version of a path before there is a new one (RFC 9110 §13.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// There must be a version, one of these if any are named.
    pub if_match: Option<Vec<VersionStamp>>,
    /// There must be no version, or none of these if any are named.
    pub if_none_match: Option<Vec<VersionStamp>>,
}

impl Precondition {
    /// Whether it holds for the current version.
    pub fn holds(&self, current: Option<VersionStamp>) -> bool {
        let names = |stamps: &Vec<VersionStamp>| {
            current.is_some_and(|current| stamps.is_empty() || stamps.contains(&current))
        };
        self.if_match.as_ref().is_none_or(names) && !self.if_none_match.as_ref().is_some_and(names)
    }
}

impl Engine {
    pub(crate) fn next_stamp(&self) -> VersionStamp {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64);
        self.inner
            .clock
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .next(now)
    }

    /// Writes the record of a version; it is in the returned commit together with the stripes it needs.
    /// The path must be locked, so that the stamp is the greatest when it is committed.
    pub(crate) async fn write_record(
        &self,
        path: &ObjectPath,
        stamp: VersionStamp,
        record: RecordBody,
        version: VersionBody,
    ) -> Result<Commit, WriteError> {
        let id = self.inner.sealer.record_id(path, stamp);
        let plaintext = Record {
            path: path.clone(),
            stamp,
            body: record,
        }
        .encode();
        let stripe = self.seal_and_write(id, plaintext.into()).await?;
        let version = Version {
            path: path.clone(),
            stamp,
            record: id,
            body: version,
        };
        Ok(Commit {
            stripes: vec![stripe],
            versions: vec![version],
        })
    }

    /// Seals a plaintext on a blocking thread and puts its shards on nodes.
    pub(crate) async fn seal_and_write(&self, id: StripeId, plaintext: Bytes) -> Result<Stripe, WriteError> {
        let geometry = self.inner.config.geometry;
        let len = plaintext.len() as u32;
        let engine = self.clone();
        let seal = move || engine.inner.seal(id, &plaintext);
        // A record is sealed faster than a thread is woken.
        let shards = if is_short(len) {
            seal()
        } else {
            blocking(seal).await
        }?;
        self.write_stripe(id, geometry, len, shards).await
    }
}

impl Inner {
    fn seal(&self, id: StripeId, plaintext: &[u8]) -> Result<Vec<Bytes>, WriteError> {
        Ok(self
            .sealer
            .seal(id, self.config.geometry, plaintext, &mut RandomNonces)?)
    }
}

/// Runs pure, slow code where it does not hold up the runtime.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going away, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Whether a stripe of this plaintext length is sealed or opened within some 20 µs, so that the caller's thread can.
pub(crate) fn is_short(len: u32) -> bool {
    len as usize <= SHORT_LEN_MAX
}

/// The stamp of an object, if there is one.
pub(crate) fn stamp_of(object: Option<&Object>) -> Option<VersionStamp> {
    object.map(|object| object.stamp)
}

/// Fresh nonces from the operating system.
struct RandomNonces;

impl NonceSource for RandomNonces {
    fn next_nonce(&mut self) -> [u8; 12] {
        let mut nonce = [0; 12];
        SystemRandom::new()
            .fill(&mut nonce)
            .expect("the operating system has randomness");
        nonce
    }
}

const SHORT_LEN_MAX: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preconditions_follow_http() {
        let stamp = |time| VersionStamp { time, writer: 0 };
        let case = |if_match: Option<Vec<u64>>, if_none_match: Option<Vec<u64>>| {
            let stamps = |times: Option<Vec<u64>>| times.map(|times| times.into_iter().map(stamp).collect());
            let precondition = Precondition {
                if_match: stamps(if_match),
                if_none_match: stamps(if_none_match),
            };
            [None, Some(stamp(1)), Some(stamp(2))].map(|current| precondition.holds(current))
        };
        assert_eq!(case(None, None), [true, true, true]);
        assert_eq!(case(Some(vec![]), None), [false, true, true], "If-Match: *");
        assert_eq!(case(Some(vec![1]), None), [false, true, false]);
        assert_eq!(case(None, Some(vec![])), [true, false, false], "If-None-Match: *");
        assert_eq!(case(None, Some(vec![1])), [true, false, true]);
    }
}
