//! The life cycle of one environment.
//!
//! ```text
//! CREATING ──► RUNNING ──stop, idle, too long, no hours──► SUSPENDING ──► SUSPENDED
//!     │           ▲                                                        │   │
//!     ▼           └───────────────────── RESUMING ◄────────start───────────┘   │
//! CREATION_FAILED │                                                            │
//!     └───────────┴──────delete──────► DELETING ◄──────delete, 120 days────────┘
//! ```

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::config::ServiceConfig;

/// One environment; it owns no process, no directory and no clock.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    status: Status,
    /// When the status was entered.
    since: SystemTime,
    /// When the status ends by itself, for the passing ones.
    until: SystemTime,
    /// Last input, heartbeat, session or start.
    used_at: SystemTime,
    creation_fails: bool,
}

/// The states of an environment, by the names the service gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// First provisioning.
    Creating,
    /// Provisioning came to nothing; it can only be deleted.
    CreationFailed,
    /// Sessions are possible.
    Running,
    /// Going to sleep.
    Suspending,
    /// Asleep: the home is kept, nothing runs.
    Suspended,
    /// Waking.
    Resuming,
    /// Being removed with its home.
    Deleting,
    /// Gone.
    Deleted,
}

impl Status {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::CreationFailed => "CREATION_FAILED",
            Self::Running => "RUNNING",
            Self::Suspending => "SUSPENDING",
            Self::Suspended => "SUSPENDED",
            Self::Resuming => "RESUMING",
            Self::Deleting => "DELETING",
            Self::Deleted => "DELETED",
        }
    }
}

/// Why an environment went to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SleepReason {
    /// `stopEnvironment`.
    Stopped,
    /// Neither input nor heartbeat.
    Idle,
    /// It ran as long as an environment may.
    RanTooLong,
    /// The account's hours of the month are used up.
    OutOfHours,
}

/// What a transition means for everything outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A new environment has a home from now on.
    Created,
    /// Its processes end, its sessions close.
    Slept(SleepReason),
    /// It is asleep.
    FellAsleep,
    /// It runs again.
    Woke,
    /// Its processes end, its sessions close.
    DeletionBegan,
    /// Its home is gone.
    Deleted,
    /// It never came to be.
    CreationFailed,
}

impl Environment {
    /// One that is being created, for `creating`.
    pub(crate) fn new(now: SystemTime, creating: Duration, creation_fails: bool) -> Self {
        Self {
            status: Status::Creating,
            since: now,
            until: now + creating,
            used_at: now,
            creation_fails,
        }
    }

    /// The state it is in.
    pub(crate) fn status(&self) -> Status {
        self.status
    }

    /// Wakes it, if it is asleep.
    ///
    /// # Errors
    ///
    /// The status it would have to be in.
    pub(crate) fn start(&mut self, now: SystemTime, config: &ServiceConfig) -> Result<(), Status> {
        self.expect(Status::Suspended)?;
        self.used_at = now;
        self.enter(Status::Resuming, now, config);
        Ok(())
    }

    /// Puts it to sleep, if it runs.
    ///
    /// # Errors
    ///
    /// The status it would have to be in.
    pub(crate) fn stop(
        &mut self,
        now: SystemTime,
        reason: SleepReason,
        config: &ServiceConfig,
    ) -> Result<Change, Status> {
        self.expect(Status::Running)?;
        self.enter(Status::Suspending, now, config);
        Ok(Change::Slept(reason))
    }

    /// Begins to remove it, if it runs, sleeps or failed.
    ///
    /// # Errors
    ///
    /// A status it might have to be in.
    pub(crate) fn delete(&mut self, now: SystemTime, config: &ServiceConfig) -> Result<Change, Status> {
        match self.status {
            Status::Running | Status::Suspended | Status::CreationFailed => {
                self.enter(Status::Deleting, now, config);
                Ok(Change::DeletionBegan)
            }
            _ => Err(Status::Running),
        }
    }

    /// Puts it to sleep as if it had slept before.
    pub(crate) fn fall_asleep(&mut self, now: SystemTime) {
        (self.status, self.since, self.until) = (Status::Suspended, now, now);
    }

    /// Somebody uses it: the idle time begins anew.
    pub(crate) fn touch(&mut self, now: SystemTime) {
        self.used_at = self.used_at.max(now);
    }

    /// Makes the next transition that time alone brings, as of the moment it was due; `None` if none is due by `now`.
    pub(crate) fn handle_timeout(&mut self, now: SystemTime, config: &ServiceConfig) -> Option<Change> {
        let due = self.poll_timeout(config).filter(|due| *due <= now)?;
        let (next, change) = match self.status {
            Status::Creating if self.creation_fails => (Status::CreationFailed, Change::CreationFailed),
            Status::Creating => (Status::Running, Change::Created),
            Status::Running if self.idle_at(config) == due => {
                (Status::Suspending, Change::Slept(SleepReason::Idle))
            }
            Status::Running => (Status::Suspending, Change::Slept(SleepReason::RanTooLong)),
            Status::Suspending => (Status::Suspended, Change::FellAsleep),
            Status::Suspended => (Status::Deleting, Change::DeletionBegan),
            Status::Resuming => (Status::Running, Change::Woke),
            Status::Deleting => (Status::Deleted, Change::Deleted),
            Status::CreationFailed | Status::Deleted => return None,
        };
        self.enter(next, due, config);
        Some(change)
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self, config: &ServiceConfig) -> Option<SystemTime> {
        match self.status {
            Status::Creating | Status::Suspending | Status::Resuming | Status::Deleting => Some(self.until),
            Status::Running => Some(self.idle_at(config).min(self.since + config.running_time_max)),
            Status::Suspended => Some(self.used_at + config.retention),
            Status::CreationFailed | Status::Deleted => None,
        }
    }

    /// Whether a deleted environment is no longer listed either.
    pub(crate) fn is_forgotten(&self, now: SystemTime, config: &ServiceConfig) -> bool {
        self.status == Status::Deleted && self.since + config.deleted_entry_lingers <= now
    }

    /// # Errors
    ///
    /// `status`, if it is in another.
    pub(crate) fn expect(&self, status: Status) -> Result<(), Status> {
        if self.status == status {
            Ok(())
        } else {
            Err(status)
        }
    }

    fn idle_at(&self, config: &ServiceConfig) -> SystemTime {
        self.used_at.max(self.since) + config.idle_timeout
    }

    fn enter(&mut self, status: Status, at: SystemTime, config: &ServiceConfig) {
        let lasts = match status {
            Status::Resuming => config.delays.resuming,
            Status::Suspending => config.delays.suspending,
            Status::Deleting => config.delays.deleting,
            _ => Duration::ZERO,
        };
        (self.status, self.since, self.until) = (status, at, at + lasts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    fn at(seconds: u64) -> SystemTime {
        START + Duration::from_secs(seconds)
    }

    /// Lets time pass and writes down what happened and when.
    fn pass(environment: &mut Environment, until: u64, config: &ServiceConfig) -> Vec<(u64, Status)> {
        let mut seen = Vec::new();
        while let Some(due) = environment.poll_timeout(config).filter(|due| *due <= at(until)) {
            environment.handle_timeout(at(until), config).expect("it was due");
            let seconds = due.duration_since(START).unwrap().as_secs();
            seen.push((seconds, environment.status()));
        }
        seen
    }

    fn running(config: &ServiceConfig) -> Environment {
        let mut environment = Environment::new(START, Duration::ZERO, false);
        assert_eq!(environment.handle_timeout(START, config), Some(Change::Created));
        environment
    }

    #[test]
    fn left_alone_it_runs_sleeps_and_is_deleted() {
        let config = ServiceConfig::default();
        let mut environment = Environment::new(START, config.delays.creating, false);
        let day = 24 * 3600;
        assert_eq!(
            pass(&mut environment, 121 * day, &config),
            [
                (20, Status::Running),
                (20 + 1500, Status::Suspending),
                (20 + 1505, Status::Suspended),
                (120 * day, Status::Deleting),
                (120 * day + 5, Status::Deleted),
            ]
        );
    }

    #[test]
    fn use_keeps_it_awake_but_not_for_ever() {
        let config = ServiceConfig::default();
        let mut environment = running(&config);
        for minute in 1..12 * 60 {
            assert_eq!(
                environment.handle_timeout(at(minute * 60), &config),
                None,
                "minute {minute}"
            );
            environment.touch(at(minute * 60));
        }
        assert_eq!(
            environment.handle_timeout(at(12 * 3600), &config),
            Some(Change::Slept(SleepReason::RanTooLong))
        );
    }

    #[test]
    fn starting_resets_the_retention() {
        let config = ServiceConfig::default();
        let mut environment = running(&config);
        environment.stop(at(10), SleepReason::Stopped, &config).unwrap();
        let day = 24 * 3600;
        assert_eq!(
            pass(&mut environment, 100 * day, &config),
            [(15, Status::Suspended)]
        );
        environment.start(at(100 * day), &config).unwrap();
        let seen = pass(&mut environment, 219 * day, &config);
        assert_eq!(seen.last().unwrap().1, Status::Suspended);
        assert_eq!(pass(&mut environment, 221 * day, &config).len(), 2);
    }

    #[test]
    fn only_a_sleeping_one_starts_and_only_a_running_one_stops() {
        let config = ServiceConfig::default();
        let mut environment = running(&config);
        assert_eq!(environment.start(START, &config), Err(Status::Suspended));
        environment.stop(START, SleepReason::Stopped, &config).unwrap();
        assert_eq!(environment.start(START, &config), Err(Status::Suspended));
        assert_eq!(environment.delete(START, &config), Err(Status::Running));
        assert_eq!(
            environment.stop(START, SleepReason::Stopped, &config),
            Err(Status::Running)
        );
    }

    #[test]
    fn a_failed_creation_stays_failed_until_deleted() {
        let config = ServiceConfig::default();
        let mut environment = Environment::new(START, config.delays.creating, true);
        assert_eq!(
            pass(&mut environment, 1 << 30, &config),
            [(20, Status::CreationFailed)]
        );
        environment.delete(at(1 << 30), &config).unwrap();
        assert_eq!(pass(&mut environment, (1 << 30) + 5, &config).len(), 1);
        assert_eq!(environment.status(), Status::Deleted);
    }
}
