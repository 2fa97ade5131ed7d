//! The hours an account has used in a region this month.

use std::time::{Duration, SystemTime};

use crate::calendar::next_month;

/// Running time of all environments of one account in one region; it begins at zero with each calendar month (UTC).
#[derive(Clone, Debug)]
pub(crate) struct Hours {
    used: Duration,
    counted_until: SystemTime,
}

impl Hours {
    /// Nothing used.
    pub(crate) fn new(now: SystemTime) -> Self {
        Self {
            used: Duration::ZERO,
            counted_until: now,
        }
    }

    /// Counts `running` environments from the last call until `now`.
    pub(crate) fn count(&mut self, now: SystemTime, running: u32) {
        while next_month(self.counted_until) <= now {
            self.counted_until = next_month(self.counted_until);
            self.used = Duration::ZERO;
        }
        let passed = now.duration_since(self.counted_until).unwrap_or_default();
        self.used += passed * running;
        self.counted_until = self.counted_until.max(now);
    }

    /// Running time used this month.
    pub(crate) fn used(&self) -> Duration {
        self.used
    }

    /// Uses up what is left.
    pub(crate) fn exhaust(&mut self, monthly_time_max: Duration) {
        self.used = self.used.max(monthly_time_max);
    }

    /// Whether nothing is left this month.
    pub(crate) fn is_exhausted(&self, monthly_time_max: Duration) -> bool {
        self.used >= monthly_time_max
    }

    /// When `running` environments will have used everything up, or the month ends, whichever comes first.
    pub(crate) fn poll_timeout(&self, monthly_time_max: Duration, running: u32) -> Option<SystemTime> {
        if running == 0 {
            return None;
        }
        let left = monthly_time_max.saturating_sub(self.used) / running;
        // Rounded up, so that nothing is left when the moment has come.
        let exhausted = self.counted_until + left + Duration::from_nanos(1);
        Some(exhausted.min(next_month(self.counted_until)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::parse_compact;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn two_environments_use_hours_twice_as_fast() {
        let start = parse_compact("20261101T000000Z").unwrap();
        let mut hours = Hours::new(start);
        hours.count(start + 3 * HOUR, 2);
        hours.count(start + 10 * HOUR, 0);
        hours.count(start + 11 * HOUR, 1);
        assert_eq!(hours.used(), 7 * HOUR);
        let exhausted = hours.poll_timeout(10 * HOUR, 1).unwrap();
        assert_eq!(exhausted, start + 14 * HOUR + Duration::from_nanos(1));
        hours.count(exhausted, 1);
        assert!(hours.is_exhausted(10 * HOUR));
    }

    #[test]
    fn a_new_month_begins_at_zero() {
        let start = parse_compact("20261130T230000Z").unwrap();
        let mut hours = Hours::new(start);
        hours.exhaust(200 * HOUR);
        assert_eq!(hours.poll_timeout(200 * HOUR, 0), None);
        hours.count(start + 3 * HOUR, 1);
        assert_eq!(hours.used(), 2 * HOUR);
        assert!(!hours.is_exhausted(200 * HOUR));
    }
}
