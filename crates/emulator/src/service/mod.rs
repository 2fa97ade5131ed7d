//! What CloudShell does, without a socket, a process or a clock: environments, hours, sessions and their rules.
//!
//! Every operation is given the time. [`Service::advance`] brings everything up to a moment, [`Service::take_effects`]
//! says what that means for processes and directories.

mod environment;
mod hours;
mod sessions;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::environment::Status;
use self::environment::{Change, Environment, SleepReason};
use self::hours::Hours;
pub(crate) use self::sessions::{Session, TokenRefused, random_text};
use crate::config::{ChannelConfig, ServiceConfig};

/// Who asks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: String,
    pub(crate) principal: String,
    pub(crate) region: String,
}

/// The network of a VPC environment, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VpcConfig {
    /// `vpc-…`.
    pub vpc_id: String,
    /// At least one.
    pub subnet_ids: Vec<String>,
    /// One to five.
    pub security_group_ids: Vec<String>,
}

/// A VPC environment has a name and a network; the default one has neither.
#[derive(Clone, Debug)]
pub(crate) struct Vpc {
    pub(crate) name: String,
    pub(crate) config: VpcConfig,
}

/// An environment and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    pub(crate) id: Uuid,
    pub(crate) owner: Caller,
    pub(crate) vpc: Option<Vpc>,
    pub(crate) environment: Environment,
    pub(crate) heartbeats: u64,
    pub(crate) inputs: u64,
}

/// What has to happen outside, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Tell the client and end the session.
    CloseSession { session: String, output: &'static str },
    /// End all processes of an environment.
    KillProcesses { environment: Uuid },
    /// Make a home, if there is none.
    MakeHome { home: Home },
    /// Remember whose home it is, in case the emulator is started again.
    NoteId { home: Home, environment: Uuid },
    /// Remove a home with all that is in it.
    RemoveHome { home: Home },
}

/// Names a home directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) principal: String,
    pub(crate) region: String,
    /// Homes of VPC environments are their own.
    pub(crate) vpc_environment: Option<Uuid>,
}

/// Why the service does not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("Expected the environment status to be in {}.", .0.as_str())]
    WrongStatus(Status),
    #[error("Environment {0} does not exist.")]
    NoSuchEnvironment(String),
    #[error("Session {0} does not exist.")]
    NoSuchSession(String),
    #[error("The monthly usage quota of this Region is used up. It starts again with the next month.")]
    OutOfHours,
    #[error("No more than {0} shells can be open at the same time in a Region.")]
    TooManySessions(usize),
    #[error("No more than {0} VPC environments are possible.")]
    TooManyVpcEnvironments(usize),
    #[error("A VPC environment named {0} exists already.")]
    NameTaken(String),
    #[error("This emulator has as many environments as it can keep: {0}.")]
    TooManyEnvironments(usize),
}

/// All environments of all accounts and regions.
#[derive(Debug)]
pub(crate) struct Service {
    config: ServiceConfig,
    environments: Vec<Owned>,
    /// By account and region.
    hours: HashMap<(String, String), Hours>,
    sessions: BTreeMap<String, Session>,
    effects: Vec<Effect>,
}

impl Service {
    pub(crate) fn new(config: ServiceConfig) -> Self {
        Self {
            config,
            environments: Vec::new(),
            hours: HashMap::new(),
            sessions: BTreeMap::new(),
            effects: Vec::new(),
        }
    }

    /// Adds an environment that is asleep since an earlier run of the emulator.
    pub(crate) fn restore(&mut self, id: Uuid, owner: Caller, now: SystemTime) {
        let mut environment = Environment::new(now, Duration::ZERO, false);
        environment.fall_asleep(now);
        self.add(id, owner, None, environment, now);
    }

    /// Makes all transitions that are due by `now`, each as of its own moment.
    pub(crate) fn advance(&mut self, now: SystemTime) {
        while let Some(due) = self.poll_timeout().filter(|due| *due <= now) {
            self.count_hours(due);
            self.suspend_where_hours_are_exhausted(due);
            for index in 0..self.environments.len() {
                while let Some(change) = self.environments[index]
                    .environment
                    .handle_timeout(due, &self.config)
                {
                    self.note(index, change);
                }
            }
        }
        self.count_hours(now);
        let config = &self.config;
        self.environments
            .retain(|owned| !owned.environment.is_forgotten(now, config));
    }

    /// When [`Self::advance`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<SystemTime> {
        let environments = self.environments.iter();
        let transitions = environments.filter_map(|owned| owned.environment.poll_timeout(&self.config));
        let quotas = self.hours.iter().filter_map(|(place, hours)| {
            hours.poll_timeout(self.config.monthly_time_max, self.running(place))
        });
        transitions.chain(quotas).min()
    }

    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub(crate) fn environments(&self) -> &[Owned] {
        &self.environments
    }

    pub(crate) fn sessions(&self) -> &BTreeMap<String, Session> {
        &self.sessions
    }

    pub(crate) fn region_of(&self, session: &str) -> Option<String> {
        let environment = self.sessions.get(session)?.environment;
        let owned = self.environments.iter().find(|owned| owned.id == environment)?;
        Some(owned.owner.region.clone())
    }

    /// Running time per account and region.
    pub(crate) fn hours(&self) -> impl Iterator<Item = (&(String, String), Duration)> {
        self.hours.iter().map(|(place, hours)| (place, hours.used()))
    }

    /// All environments a caller may know of, even deleted ones that are still listed.
    pub(crate) fn list(&self, caller: &Caller) -> impl Iterator<Item = &Owned> {
        self.environments
            .iter()
            .filter(move |owned| owned.owner == *caller)
    }

    /// Returns the caller's environment of this id, unless it is gone.
    pub(crate) fn find(&self, caller: &Caller, id: &str) -> Result<&Owned, Refusal> {
        let index = self.position(caller, id)?;
        Ok(&self.environments[index])
    }

    /// Returns the default environment, or begins to create it.
    pub(crate) fn create_default(
        &mut self,
        caller: &Caller,
        now: SystemTime,
        creation: impl FnOnce() -> Creation,
    ) -> Result<&Owned, Refusal> {
        let existing = self.environments.iter().position(|owned| {
            owned.owner == *caller && owned.vpc.is_none() && owned.environment.status() != Status::Deleted
        });
        let index = match existing {
            Some(index) => index,
            None => self.create(caller, None, now, creation())?,
        };
        Ok(&self.environments[index])
    }

    /// Begins to create a VPC environment.
    pub(crate) fn create_vpc(
        &mut self,
        caller: &Caller,
        vpc: Vpc,
        now: SystemTime,
        creation: impl FnOnce() -> Creation,
    ) -> Result<&Owned, Refusal> {
        let others: Vec<_> = self
            .list(caller)
            .filter(|owned| owned.environment.status() != Status::Deleted)
            .filter_map(|owned| owned.vpc.as_ref())
            .collect();
        if others.iter().any(|other| other.name == vpc.name) {
            return Err(Refusal::NameTaken(vpc.name));
        }
        if others.len() >= self.config.vpc_environments_max {
            return Err(Refusal::TooManyVpcEnvironments(self.config.vpc_environments_max));
        }
        let index = self.create(caller, Some(vpc), now, creation())?;
        Ok(&self.environments[index])
    }

    pub(crate) fn start(&mut self, caller: &Caller, id: &str, now: SystemTime) -> Result<&Owned, Refusal> {
        let index = self.position(caller, id)?;
        let is_exhausted = self.is_out_of_hours(caller);
        let owned = &mut self.environments[index];
        owned
            .environment
            .expect(Status::Suspended)
            .map_err(Refusal::WrongStatus)?;
        if is_exhausted {
            return Err(Refusal::OutOfHours);
        }
        let started = owned.environment.start(now, &self.config);
        started.map_err(Refusal::WrongStatus)?;
        Ok(owned)
    }

    pub(crate) fn stop(&mut self, caller: &Caller, id: &str, now: SystemTime) -> Result<(), Refusal> {
        let index = self.position(caller, id)?;
        self.suspend(index, SleepReason::Stopped, now)
            .map_err(Refusal::WrongStatus)
    }

    pub(crate) fn delete(&mut self, caller: &Caller, id: &str, now: SystemTime) -> Result<(), Refusal> {
        let index = self.position(caller, id)?;
        let change = self.environments[index].environment.delete(now, &self.config);
        self.note(index, change.map_err(Refusal::WrongStatus)?);
        Ok(())
    }

    /// Counts a heartbeat, which keeps a running environment awake.
    pub(crate) fn heartbeat(&mut self, caller: &Caller, id: &str, now: SystemTime) -> Result<(), Refusal> {
        let index = self.position(caller, id)?;
        let owned = &mut self.environments[index];
        owned
            .environment
            .expect(Status::Running)
            .map_err(Refusal::WrongStatus)?;
        owned.environment.touch(now);
        owned.heartbeats += 1;
        Ok(())
    }

    /// Counts input of a session, which keeps its environment awake.
    pub(crate) fn input(&mut self, session: &str, now: SystemTime) {
        let Some(environment) = self.sessions.get(session).map(|session| session.environment) else {
            return;
        };
        if let Some(owned) = self.environments.iter_mut().find(|owned| owned.id == environment) {
            owned.environment.touch(now);
            owned.inputs += 1;
        }
    }

    /// Opens a session; returns its id and token.
    pub(crate) fn create_session(
        &mut self,
        caller: &Caller,
        id: &str,
        tab: Option<Uuid>,
        now: SystemTime,
    ) -> Result<(String, String), Refusal> {
        let index = self.position(caller, id)?;
        let running = self.environments[index].environment.expect(Status::Running);
        running.map_err(Refusal::WrongStatus)?;
        if self.sessions_of(caller) >= self.config.sessions_max {
            return Err(Refusal::TooManySessions(self.config.sessions_max));
        }
        let owned = &mut self.environments[index];
        owned.environment.touch(now);
        let session = Session::new(owned.id, now, tab);
        let (id, token) = (sessions::session_id(now), session.token.clone());
        self.sessions.insert(id.clone(), session);
        Ok((id, token))
    }

    pub(crate) fn delete_session(&mut self, caller: &Caller, id: &str, session: &str) -> Result<(), Refusal> {
        let index = self.position(caller, id)?;
        let environment = self.environments[index].id;
        match self.sessions.get(session) {
            Some(found) if found.environment == environment => {
                self.sessions.remove(session);
                self.effects.push(Effect::CloseSession {
                    session: session.to_owned(),
                    output: "",
                });
                Ok(())
            }
            _ => Err(Refusal::NoSuchSession(session.to_owned())),
        }
    }

    /// Forgets a session whose shell has ended.
    pub(crate) fn forget_session(&mut self, session: &str) {
        self.sessions.remove(session);
    }

    /// Uses a session's token; returns the environment, and the tab if it is of type `TMUX`.
    pub(crate) fn redeem(
        &mut self,
        session: &str,
        token: &str,
        now: SystemTime,
        config: &ChannelConfig,
    ) -> Result<(Owned, Option<Uuid>), TokenRefused> {
        let found = self.sessions.get_mut(session).ok_or(TokenRefused::Unknown)?;
        found.redeem(token, now, config)?;
        let (environment, tab) = (found.environment, found.tab);
        let mut environments = self.environments.iter();
        let owned = environments
            .find(|owned| owned.id == environment)
            .ok_or(TokenRefused::Unknown)?;
        Ok((owned.clone(), tab))
    }

    /// Suspends every running environment of a region, or of all regions.
    pub(crate) fn suspend_region(&mut self, region: Option<&str>, now: SystemTime) {
        for index in self.positions_in(region) {
            let _ = self.suspend(index, SleepReason::Stopped, now);
        }
    }

    /// Uses up the hours of all accounts in a region, or in all regions where they have any environment.
    pub(crate) fn exhaust_hours(&mut self, region: Option<&str>, now: SystemTime) {
        let monthly_time_max = self.config.monthly_time_max;
        for ((_, place), hours) in &mut self.hours {
            if region.is_none_or(|region| region == place) {
                hours.exhaust(monthly_time_max);
            }
        }
        self.suspend_where_hours_are_exhausted(now);
    }

    /// Asks for the homes of a region to be emptied.
    pub(crate) fn wipe_homes(&mut self, region: Option<&str>) {
        for index in self.positions_in(region) {
            let home = self.environments[index].home();
            let environment = self.environments[index].id;
            self.effects.push(Effect::RemoveHome { home: home.clone() });
            self.effects.push(Effect::MakeHome { home: home.clone() });
            self.effects.push(Effect::NoteId { home, environment });
        }
    }

    /// Asks for all processes of a region to be killed; its environments run on.
    pub(crate) fn kill_processes(&mut self, region: Option<&str>) {
        for index in self.positions_in(region) {
            let environment = self.environments[index].id;
            self.effects.push(Effect::KillProcesses { environment });
        }
    }

    fn create(
        &mut self,
        caller: &Caller,
        vpc: Option<Vpc>,
        now: SystemTime,
        creation: Creation,
    ) -> Result<usize, Refusal> {
        if self.environments.len() >= ENVIRONMENTS_MAX {
            return Err(Refusal::TooManyEnvironments(ENVIRONMENTS_MAX));
        }
        if self.is_out_of_hours(caller) {
            return Err(Refusal::OutOfHours);
        }
        let takes = creation.takes.unwrap_or(self.config.delays.creating);
        let environment = Environment::new(now, takes, creation.fails);
        Ok(self.add(Uuid::new_v4(), caller.clone(), vpc, environment, now))
    }

    fn add(
        &mut self,
        id: Uuid,
        owner: Caller,
        vpc: Option<Vpc>,
        environment: Environment,
        now: SystemTime,
    ) -> usize {
        self.hours.entry(owner.place()).or_insert_with(|| Hours::new(now));
        self.environments.push(Owned {
            id,
            owner,
            vpc,
            environment,
            heartbeats: 0,
            inputs: 0,
        });
        self.environments.len() - 1
    }

    fn suspend(&mut self, index: usize, reason: SleepReason, now: SystemTime) -> Result<(), Status> {
        let change = self.environments[index]
            .environment
            .stop(now, reason, &self.config)?;
        self.note(index, change);
        Ok(())
    }

    fn suspend_where_hours_are_exhausted(&mut self, now: SystemTime) {
        for index in 0..self.environments.len() {
            if self.is_out_of_hours(&self.environments[index].owner) {
                let _ = self.suspend(index, SleepReason::OutOfHours, now);
            }
        }
    }

    /// Turns a transition into effects.
    fn note(&mut self, index: usize, change: Change) {
        let home = self.environments[index].home();
        match change {
            Change::Created => {
                let environment = self.environments[index].id;
                self.effects.push(Effect::MakeHome { home: home.clone() });
                self.effects.push(Effect::NoteId { home, environment });
            }
            Change::Woke => self.effects.push(Effect::MakeHome { home }),
            Change::Slept(reason) => self.end_everything(index, farewell(reason)),
            Change::DeletionBegan => self.end_everything(index, ""),
            Change::FellAsleep if self.environments[index].vpc.is_none() => {}
            Change::FellAsleep | Change::Deleted => self.effects.push(Effect::RemoveHome { home }),
            Change::CreationFailed => {}
        }
    }

    fn end_everything(&mut self, index: usize, output: &'static str) {
        let environment = self.environments[index].id;
        let ended = |session: &Session| session.environment == environment;
        let ids: BTreeSet<_> = self
            .sessions
            .iter()
            .filter(|(_, s)| ended(s))
            .map(|(id, _)| id.clone())
            .collect();
        self.sessions.retain(|_, session| !ended(session));
        self.effects.extend(
            ids.into_iter()
                .map(|session| Effect::CloseSession { session, output }),
        );
        self.effects.push(Effect::KillProcesses { environment });
    }

    fn count_hours(&mut self, now: SystemTime) {
        let running: Vec<_> = self.hours.keys().map(|place| self.running(place)).collect();
        for (hours, running) in self.hours.values_mut().zip(running) {
            hours.count(now, running);
        }
    }

    fn running(&self, place: &(String, String)) -> u32 {
        let running = self.environments.iter().filter(|owned| {
            owned.environment.status() == Status::Running
                && owned.owner.account == place.0
                && owned.owner.region == place.1
        });
        u32::try_from(running.count()).unwrap_or(u32::MAX)
    }

    fn is_out_of_hours(&self, caller: &Caller) -> bool {
        let hours = self.hours.get(&caller.place());
        hours.is_some_and(|hours| hours.is_exhausted(self.config.monthly_time_max))
    }

    fn sessions_of(&self, caller: &Caller) -> usize {
        let place = caller.place();
        let environments: BTreeSet<_> = self
            .environments
            .iter()
            .filter(|owned| owned.owner.place() == place)
            .map(|owned| owned.id)
            .collect();
        self.sessions
            .values()
            .filter(|session| environments.contains(&session.environment))
            .count()
    }

    fn position(&self, caller: &Caller, id: &str) -> Result<usize, Refusal> {
        let is_it = |owned: &Owned| {
            owned.owner == *caller
                && owned.environment.status() != Status::Deleted
                && owned.id.as_hyphenated().to_string() == id
        };
        let found = self.environments.iter().position(is_it);
        found.ok_or_else(|| Refusal::NoSuchEnvironment(id.chars().take(64).collect()))
    }

    fn positions_in(&self, region: Option<&str>) -> Vec<usize> {
        let is_there = |owned: &Owned| {
            owned.environment.status() != Status::Deleted
                && region.is_none_or(|region| owned.owner.region == region)
        };
        let all = self.environments.iter().enumerate();
        all.filter(|(_, owned)| is_there(owned))
            .map(|(index, _)| index)
            .collect()
    }
}

impl Caller {
    /// What hours and sessions are counted by.
    fn place(&self) -> (String, String) {
        (self.account.clone(), self.region.clone())
    }
}

impl Owned {
    pub(crate) fn home(&self) -> Home {
        Home {
            principal: self.owner.principal.clone(),
            region: self.owner.region.clone(),
            vpc_environment: self.vpc.as_ref().map(|_| self.id),
        }
    }
}

/// How a creation goes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Creation {
    /// Instead of the configured delay.
    pub(crate) takes: Option<Duration>,
    pub(crate) fails: bool,
}

/// What the client is told when its session ends with its environment.
fn farewell(reason: SleepReason) -> &'static str {
    match reason {
        SleepReason::Idle => "Your session timed out due to inactivity and has been terminated.",
        SleepReason::RanTooLong => "Your session has reached its maximum duration and has been terminated.",
        SleepReason::OutOfHours => {
            "Your monthly usage quota is used up and your session has been terminated."
        }
        SleepReason::Stopped => "",
    }
}

/// Thirty regions, some accounts, and VPC environments: far more than anybody emulates.
const ENVIRONMENTS_MAX: usize = 512;

#[cfg(test)]
mod tests;
