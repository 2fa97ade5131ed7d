//! A clock that can be put forward.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// The time environments live in: the machine's, plus what [`Self::advance`] added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    ahead_ms: Arc<AtomicU64>,
}

impl Clock {
    pub(crate) fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_millis(self.ahead_ms.load(Ordering::Relaxed))
    }

    /// Puts the clock forward; all steps together are limited to [`AHEAD_MAX`].
    pub(crate) fn advance(&self, step: Duration) {
        let step = u64::try_from(step.as_millis()).unwrap_or(u64::MAX);
        let _ = self
            .ahead_ms
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |ahead| {
                Some(ahead.saturating_add(step).min(AHEAD_MAX.as_millis() as u64))
            });
    }
}

/// A hundred years: far beyond every limit of the service, and far from overflow.
const AHEAD_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
