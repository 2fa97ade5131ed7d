//! The life of a node: what to do next so that it is connected while it is wanted, and asleep otherwise.
//!
//! Pure: it is told what happened and what time it is, and says what to do. [`Supervisor`](crate::Supervisor) does it.
//!
//! It heals by the cheapest step that works: dial again over the shell that is there → attach anew (which restarts the
//! agent if it must) → look at the environment → wake or make it. A step that failed is followed by a dearer one, each
//! after a delay that grows.

mod backoff;
mod policy;
#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod tests;

use std::time::Duration;

use model::NodeState;

use crate::environment::{Again, EnvironmentError, EnvironmentState};
use backoff::Backoff;
pub use policy::KeepAwake;

/// Time since any fixed moment.
pub type Time = Duration;

/// Something to do; one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Ask what state the environment is in.
    Look,
    /// Begin to make it.
    Create,
    /// Begin to wake it.
    Wake,
    /// Give shell and link up, and begin to put it to sleep.
    Sleep,
    /// Say that it is in use.
    Heartbeat,
    /// Open a shell, see to it that the agent runs, and let the shell carry datagrams.
    Attach,
    /// Dial the agent.
    Connect,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// [`Step::Look`] succeeded.
    Looked(EnvironmentState),
    /// Another step succeeded.
    Done(Step),
    /// A step failed.
    Failed(Step, EnvironmentError),
    /// The shell ended.
    ShellLost(String),
    /// The link ended.
    LinkLost(String),
    /// Somebody wants the node's shards.
    Wanted,
    /// It may sleep now, however lately it was wanted.
    Dismissed,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Do this, and say how it went.
    Do(Step),
    /// Nothing before that time, unless something happens.
    WaitUntil(Time),
    /// Nothing, until something happens.
    Wait,
}

/// The life of one node.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    policy: KeepAwake,
    /// As last seen; `None` if it must be looked at.
    environment: Option<EnvironmentState>,
    looked_at: Time,
    has_shell: bool,
    has_link: bool,
    under_way: Option<Step>,
    backoff: Backoff,
    /// Whether there was a link since the environment woke.
    was_connected: bool,
    /// Dials that failed over the shell that is there.
    dials_failed: u32,
    blocked_until: Option<Time>,
    reason: Option<String>,
    /// When it was wanted last, or came up by itself.
    wanted_at: Option<Time>,
    heartbeat_at: Time,
}

impl Lifecycle {
    /// The life of a node of which nothing is known. `seed` keeps many nodes from trying at the same moments.
    pub fn new(policy: KeepAwake, seed: u64) -> Self {
        Self {
            policy,
            environment: None,
            looked_at: Time::ZERO,
            has_shell: false,
            has_link: false,
            under_way: None,
            backoff: Backoff::new(seed),
            was_connected: false,
            dials_failed: 0,
            blocked_until: None,
            reason: None,
            wanted_at: None,
            heartbeat_at: Time::ZERO,
        }
    }

    /// What to do now. A step that is returned counts as begun.
    pub fn decide(&mut self, now: Time) -> Decision {
        if self.under_way.is_some() {
            return Decision::Wait;
        }
        let earliest = self.backoff.until().max(self.blocked_until.unwrap_or_default());
        if now < earliest {
            return Decision::WaitUntil(earliest);
        }
        self.blocked_until = None;
        let decision = self.choose(now);
        if let Decision::Do(step) = decision {
            self.begin(step, now);
        }
        decision
    }

    fn choose(&self, now: Time) -> Decision {
        let is_wanted = self.is_wanted(now);
        match self.environment {
            None => Decision::Do(Step::Look),
            Some(EnvironmentState::Running) => self.choose_running(now, is_wanted),
            Some(EnvironmentState::Absent | EnvironmentState::Failed) if is_wanted => {
                Decision::Do(Step::Create)
            }
            Some(EnvironmentState::Asleep) if is_wanted => Decision::Do(Step::Wake),
            Some(EnvironmentState::Absent | EnvironmentState::Failed | EnvironmentState::Asleep) => {
                self.look_after(now, LOOK_ASLEEP_PERIOD)
            }
            Some(_) => self.look_after(now, LOOK_PERIOD),
        }
    }

    fn choose_running(&self, now: Time, is_wanted: bool) -> Decision {
        if !is_wanted {
            return Decision::Do(Step::Sleep);
        }
        match (self.has_link, self.has_shell) {
            (false, false) | (true, false) => Decision::Do(Step::Attach),
            (false, true) => Decision::Do(Step::Connect),
            (true, true) if now >= self.heartbeat_at => Decision::Do(Step::Heartbeat),
            (true, true) => {
                let sleeps_at = self.policy.awake_until(self.wanted_at);
                Decision::WaitUntil(sleeps_at.map_or(self.heartbeat_at, |at| at.min(self.heartbeat_at)))
            }
        }
    }

    fn look_after(&self, now: Time, period: Duration) -> Decision {
        let due = self.looked_at + period;
        if now >= due {
            Decision::Do(Step::Look)
        } else {
            Decision::WaitUntil(due)
        }
    }

    fn begin(&mut self, step: Step, now: Time) {
        self.under_way = Some(step);
        match step {
            Step::Heartbeat => self.heartbeat_at = now + HEARTBEAT_PERIOD,
            Step::Sleep => {
                (self.has_shell, self.has_link) = (false, false);
            }
            _ => {}
        }
    }

    /// Takes note of something that happened.
    pub fn happened(&mut self, happening: Happening, now: Time) {
        match happening {
            Happening::Looked(state) => self.looked(state, now),
            Happening::Done(step) => self.done(step, now),
            Happening::Failed(step, error) => self.failed(step, error, now),
            Happening::ShellLost(reason) => {
                self.has_shell = false;
                self.dials_failed = 0;
                self.note_loss(reason);
            }
            Happening::LinkLost(reason) => {
                self.has_link = false;
                self.note_loss(reason);
            }
            Happening::Wanted => self.wanted_at = Some(now),
            Happening::Dismissed => self.wanted_at = None,
        }
    }

    fn looked(&mut self, state: EnvironmentState, now: Time) {
        self.under_way = None;
        self.looked_at = now;
        let before = self.environment.replace(state);
        if state == EnvironmentState::Running {
            // It came up by somebody's wish, if not by ours: it stays up as long as if it had been wanted now.
            self.wanted_at.get_or_insert(now);
            return;
        }
        (self.has_shell, self.has_link, self.was_connected) = (false, false, false);
        match (before, state) {
            (_, EnvironmentState::Failed) => self.missed("its environment could not be made", now),
            (Some(EnvironmentState::Waking), EnvironmentState::Asleep) => self.missed("it did not wake", now),
            // Whatever failed before, this is why.
            _ => self.reason = None,
        }
    }

    /// The service took an order and did not carry it out.
    fn missed(&mut self, what: &str, now: Time) {
        self.reason = Some(what.to_owned());
        self.backoff.fail(now);
    }

    /// Whether the shell that carries datagrams is to be kept.
    pub fn has_shell(&self) -> bool {
        self.has_shell
    }

    /// Whether the link is to be kept.
    pub fn has_link(&self) -> bool {
        self.has_link
    }

    fn done(&mut self, step: Step, now: Time) {
        self.under_way = None;
        match step {
            Step::Look | Step::Heartbeat => {}
            Step::Create => self.enter(EnvironmentState::Creating, now),
            Step::Wake => self.enter(EnvironmentState::Waking, now),
            Step::Sleep => {
                self.wanted_at = None;
                self.enter(EnvironmentState::FallingAsleep, now);
            }
            Step::Attach => {
                (self.has_shell, self.dials_failed) = (true, 0);
                if self.has_link {
                    self.settle();
                }
            }
            Step::Connect => {
                (self.has_link, self.was_connected) = (true, true);
                self.heartbeat_at = now + HEARTBEAT_PERIOD;
                self.settle();
            }
        }
    }

    fn enter(&mut self, state: EnvironmentState, now: Time) {
        (self.environment, self.looked_at) = (Some(state), now);
        self.was_connected = false;
    }

    fn settle(&mut self) {
        self.backoff.reset();
        self.reason = None;
    }

    fn failed(&mut self, step: Step, error: EnvironmentError, now: Time) {
        self.under_way = None;
        self.reason = Some(error.reason);
        self.backoff.fail(now);
        if let Again::After(delay) = error.again {
            self.blocked_until = Some(now + delay);
        }
        match step {
            // What it is now has to be found out before anything else is tried.
            Step::Create | Step::Wake | Step::Sleep | Step::Attach | Step::Heartbeat => {
                self.environment = None
            }
            Step::Connect => {
                self.dials_failed += 1;
                // The shell that is there may be dead without knowing it.
                self.has_shell &= self.dials_failed < DIALS_MAX;
            }
            Step::Look => {}
        }
    }

    fn note_loss(&mut self, reason: String) {
        if !self.has_link {
            self.reason = Some(reason);
        }
    }

    fn is_wanted(&self, now: Time) -> bool {
        match self.policy {
            KeepAwake::Always => true,
            KeepAwake::OnDemand { .. } => self
                .policy
                .awake_until(self.wanted_at)
                .is_some_and(|until| now < until),
        }
    }

    /// How the node is doing, in a word, and in a sentence when there is something to say.
    pub fn status(&self, now: Time) -> (NodeState, Option<String>) {
        let reason = || self.reason.clone();
        if self.has_link {
            return (NodeState::Connected, None);
        }
        if self.blocked_until.is_some_and(|until| now < until) {
            return (NodeState::Unavailable, reason());
        }
        if self.is_resting(now) {
            return (NodeState::Asleep, None);
        }
        if self.was_connected || self.backoff.failures() >= FAILURES_LOST {
            return (NodeState::Lost, reason());
        }
        (NodeState::Connecting, reason().or_else(|| self.doing()))
    }

    fn is_resting(&self, now: Time) -> bool {
        let rests = matches!(
            self.environment,
            Some(EnvironmentState::Asleep | EnvironmentState::FallingAsleep | EnvironmentState::Absent)
        );
        rests && !self.is_wanted(now)
    }

    fn doing(&self) -> Option<String> {
        let doing = match (self.environment?, self.has_shell) {
            (EnvironmentState::Creating | EnvironmentState::Absent, _) => "its environment is being made",
            (EnvironmentState::Waking | EnvironmentState::Asleep, _) => "it is waking",
            (EnvironmentState::FallingAsleep, _) => "it is falling asleep; it is woken after that",
            (EnvironmentState::Leaving, _) => "its environment is being removed; another is made after that",
            (EnvironmentState::Failed, _) => "its environment could not be made; it is tried again",
            (EnvironmentState::Running, false) => "its shell and its agent are being started",
            (EnvironmentState::Running, true) => "its agent is being dialled",
        };
        Some(doing.to_owned())
    }
}

/// The service's clients have used 45 s to 300 s; it falls asleep after 20 minutes at the earliest.
pub const HEARTBEAT_PERIOD: Duration = Duration::from_secs(180);

/// Between two looks at an environment that is on its way somewhere.
pub const LOOK_PERIOD: Duration = Duration::from_secs(1);

/// Between two looks at one that rests: somebody else may have woken or removed it.
pub const LOOK_ASLEEP_PERIOD: Duration = Duration::from_secs(15 * 60);

/// Dials over one shell before another is opened.
const DIALS_MAX: u32 = 2;

/// So many steps in a row may fail before the node is said to be lost.
const FAILURES_LOST: u32 = 3;
