//! How long each region was awake this month, and when it was used last.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use engine::Allowance;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tracing::warn;

use super::{AWAKE_MAX, RETENTION};
use crate::daemon::DaemonError;
use crate::daemon::store_dir::{read_limited, write_durably};

/// Counts what this daemon sees, and keeps it across restarts. Others who use the same account are not seen: what is
/// shown as used is never more than the truth.
#[derive(Debug)]
pub(crate) struct Ledger {
    path: PathBuf,
    accounts: Mutex<Accounts>,
}

/// The file: `{"regions": {"eu-west-1": {…}}}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Accounts {
    regions: BTreeMap<String, Account>,
}

/// One region's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Account {
    /// The month that is counted, as year × 12 + month; UTC, as AWS counts.
    month: i64,
    awake_ms: u64,
    used_unix_ms: Option<i64>,
    /// When it was last seen awake, while it is.
    #[serde(default)]
    awake_seen_unix_ms: Option<i64>,
    #[serde(skip)]
    written_unix_ms: i64,
    #[serde(skip)]
    is_warned: bool,
}

impl Ledger {
    /// Reads the file, or begins one.
    pub(crate) fn open(path: PathBuf) -> Result<Self, DaemonError> {
        let accounts = match read_limited(&path, FILE_LEN_MAX) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| DaemonError::Io {
                path: path.clone(),
                source: error.into(),
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Accounts::default(),
            Err(source) => return Err(DaemonError::Io { path, source }),
        };
        Ok(Self {
            path,
            accounts: Mutex::new(accounts),
        })
    }

    /// Takes note that a region was seen awake or not. Blocks for a write now and then.
    pub(crate) fn observe(&self, region: &str, is_awake: bool, now_unix_ms: i64) -> Allowance {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let account = accounts.regions.entry(region.to_owned()).or_default();
        let is_change = account.observe(is_awake, now_unix_ms);
        if account.is_news() {
            let hours = account.awake_ms / 3_600_000;
            warn!(
                region,
                hours, "most of this month's 200 hours are used; it cannot be woken once they are gone"
            );
        }
        let allowance = account.allowance();
        if is_change || now_unix_ms - account.written_unix_ms >= WRITE_PERIOD_MS {
            account.written_unix_ms = now_unix_ms;
            self.write(&accounts);
        }
        allowance
    }

    fn write(&self, accounts: &Accounts) {
        let bytes = serde_json::to_vec_pretty(accounts).expect("numbers and names are JSON");
        if let Err(error) = write_durably(&self.path, &bytes) {
            warn!(%error, "the hours could not be written down; they are counted on");
        }
    }
}

impl Account {
    /// Returns whether it fell asleep or woke.
    fn observe(&mut self, is_awake: bool, now_unix_ms: i64) -> bool {
        let month = month_of(now_unix_ms);
        if month != self.month {
            // What it was awake before midnight belongs to the month that is over.
            (self.month, self.awake_ms, self.is_warned) = (month, 0, false);
            self.awake_seen_unix_ms = self.awake_seen_unix_ms.map(|_| now_unix_ms);
        }
        if let Some(seen) = self.awake_seen_unix_ms {
            // A longer gap: this daemon did not run, and the region fell asleep by itself at some time in it.
            let gap = (now_unix_ms - seen).clamp(0, GAP_MAX_MS);
            self.awake_ms += gap.unsigned_abs();
        }
        let was_awake = self.awake_seen_unix_ms.is_some();
        self.awake_seen_unix_ms = is_awake.then_some(now_unix_ms);
        if is_awake {
            self.used_unix_ms = Some(now_unix_ms);
        }
        was_awake != is_awake
    }

    /// Whether a person should hear of the hours, once a month.
    fn is_news(&mut self) -> bool {
        let is_much = self.awake_ms as f64 >= AWAKE_MAX.as_millis() as f64 * WARNED_SHARE;
        is_much && !std::mem::replace(&mut self.is_warned, is_much)
    }

    fn allowance(&self) -> Allowance {
        Allowance {
            awake: Duration::from_millis(self.awake_ms),
            awake_max: AWAKE_MAX,
            kept_until_unix_ms: self
                .used_unix_ms
                .map(|used| used.saturating_add(RETENTION.as_millis() as i64)),
        }
    }
}

fn month_of(unix_ms: i64) -> i64 {
    let date = OffsetDateTime::from_unix_timestamp(unix_ms.div_euclid(1000))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .date();
    i64::from(date.year()) * 12 + i64::from(u8::from(date.month()))
}

/// An environment that nobody uses falls asleep after 20 to 30 minutes.
const GAP_MAX_MS: i64 = 30 * 60 * 1000;
const WRITE_PERIOD_MS: i64 = 60 * 1000;
const WARNED_SHARE: f64 = 0.8;
const FILE_LEN_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    /// 2026-11-23 12:00 UTC.
    const NOON: i64 = 1_795_435_200_000;

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let ledger = Ledger::open(dir.path().join("regions.json")).expect("new");
        (dir, ledger)
    }

    fn minutes(allowance: Allowance) -> u64 {
        allowance.awake.as_secs() / 60
    }

    #[test]
    fn time_awake_adds_up_across_restarts() {
        let (dir, ledger) = ledger();
        for minute in 0..=10 {
            ledger.observe("eu-west-1", true, NOON + minute * MINUTE);
        }
        ledger.observe("eu-west-1", false, NOON + 11 * MINUTE);
        let later = ledger.observe("eu-west-1", true, NOON + 100 * MINUTE);
        assert_eq!(minutes(later), 11, "asleep does not count");
        drop(ledger);
        let ledger = Ledger::open(dir.path().join("regions.json")).expect("there");
        let again = ledger.observe("eu-west-1", true, NOON + 103 * MINUTE);
        assert_eq!(minutes(again), 14);
        let other = ledger.observe("eu-west-2", true, NOON);
        assert_eq!(minutes(other), 0);
    }

    #[test]
    fn a_long_gap_counts_as_the_time_until_it_fell_asleep() {
        let (_dir, ledger) = ledger();
        ledger.observe("a", true, NOON);
        assert_eq!(minutes(ledger.observe("a", false, NOON + 5000 * MINUTE)), 30);
    }

    #[test]
    fn each_month_begins_with_nothing_used() {
        let (_dir, ledger) = ledger();
        ledger.observe("a", true, NOON);
        ledger.observe("a", true, NOON + 20 * MINUTE);
        let december = NOON + 8 * 24 * 60 * MINUTE;
        assert_eq!(minutes(ledger.observe("a", true, december)), 0);
    }

    #[test]
    fn a_home_is_kept_120_days_from_its_last_use() {
        let (_dir, ledger) = ledger();
        assert_eq!(ledger.observe("a", false, NOON).kept_until_unix_ms, None);
        let used = ledger.observe("a", true, NOON);
        assert_eq!(used.kept_until_unix_ms, Some(NOON + 120 * 24 * 60 * MINUTE));
        assert_eq!(
            ledger.observe("a", false, NOON + 500 * MINUTE).kept_until_unix_ms,
            used.kept_until_unix_ms
        );
    }

    #[test]
    fn much_used_hours_are_said_once_a_month() {
        let mut account = Account {
            awake_ms: 160 * 3_600_000,
            ..Account::default()
        };
        assert!(account.is_news() && !account.is_news());
    }

    #[test]
    fn a_damaged_file_is_not_taken_for_an_empty_one() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("regions.json");
        std::fs::write(&path, "{").expect("written");
        Ledger::open(path).expect_err("damaged");
    }
}
