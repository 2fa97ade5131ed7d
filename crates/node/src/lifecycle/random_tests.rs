//! The life-cycle beside a model of the service, with whatever may happen happening at any time.

use proptest::prelude::*;

use super::*;

/// What goes wrong, and when.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    /// So many steps fail from here on.
    StepsFail(u8),
    LinkDies,
    ShellDies,
    Suspended,
    Deleted,
    CreationFails,
    Wanted,
}

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        (1_u8..8).prop_map(Mishap::StepsFail),
        Just(Mishap::LinkDies),
        Just(Mishap::ShellDies),
        Just(Mishap::Suspended),
        Just(Mishap::Deleted),
        Just(Mishap::CreationFails),
        Just(Mishap::Wanted),
    ]
}

/// The service and the node, as far as they matter here.
struct World {
    life: Lifecycle,
    now: Time,
    environment: EnvironmentState,
    /// When it reaches the next state by itself.
    changes_at: Option<(Time, EnvironmentState)>,
    failures_left: u8,
    shells: u32,
    has_link: bool,
    steps: Vec<(Time, Step)>,
}

impl World {
    fn new(policy: KeepAwake, seed: u64) -> Self {
        Self {
            life: Lifecycle::new(policy, seed),
            now: Time::ZERO,
            environment: EnvironmentState::Absent,
            changes_at: None,
            failures_left: 0,
            shells: 0,
            has_link: false,
            steps: Vec::new(),
        }
    }

    fn run_until(&mut self, end: Time) {
        while self.now < end {
            match self.life.decide(self.now) {
                Decision::Do(step) => self.carry_out(step),
                Decision::WaitUntil(time) => {
                    assert!(time > self.now, "a wait that is over: {time:?} at {:?}", self.now);
                    self.advance(time.min(end));
                }
                Decision::Wait => self.advance(end),
            }
            self.let_go();
        }
    }

    fn advance(&mut self, time: Time) {
        self.now = time;
        if let Some((at, state)) = self.changes_at.filter(|(at, _)| *at <= time) {
            let _ = at;
            (self.environment, self.changes_at) = (state, None);
        }
    }

    fn carry_out(&mut self, step: Step) {
        self.steps.push((self.now, step));
        // Every step takes a little time.
        self.advance(self.now + Duration::from_millis(50));
        let happening = if self.failures_left > 0 {
            self.failures_left -= 1;
            failed(step)
        } else {
            self.answer(step)
        };
        self.life.happened(happening, self.now);
    }

    fn answer(&mut self, step: Step) -> Happening {
        use EnvironmentState as State;
        match (step, self.environment) {
            (Step::Look, state) => return Happening::Looked(state),
            (Step::Create, State::Absent | State::Failed) => self.turn(State::Creating, State::Running),
            (Step::Wake, State::Asleep) => self.turn(State::Waking, State::Running),
            (Step::Sleep, State::Running) => {
                self.end_everything();
                self.turn(State::FallingAsleep, State::Asleep);
            }
            (Step::Heartbeat, State::Running) => {}
            (Step::Attach, State::Running) => self.shells += 1,
            (Step::Connect, State::Running) if self.shells > 0 => self.has_link = true,
            _ => return failed(step),
        }
        Happening::Done(step)
    }

    fn turn(&mut self, now: EnvironmentState, then: EnvironmentState) {
        self.environment = now;
        self.changes_at = Some((self.now + Duration::from_secs(7), then));
    }

    fn end_everything(&mut self) {
        if std::mem::take(&mut self.shells) > 0 && self.life.has_shell() {
            self.life
                .happened(Happening::ShellLost("gone".to_owned()), self.now);
        }
        if std::mem::take(&mut self.has_link) && self.life.has_link() {
            self.life
                .happened(Happening::LinkLost("gone".to_owned()), self.now);
        }
    }

    /// As the driver does.
    fn let_go(&mut self) {
        if !self.life.has_shell() {
            self.shells = 0;
        }
        if !self.life.has_link() {
            self.has_link = false;
        }
        assert!(self.shells <= 1, "{} shells at once", self.shells);
    }

    fn suffer(&mut self, mishap: Mishap) {
        match mishap {
            Mishap::StepsFail(count) => self.failures_left = count,
            Mishap::LinkDies if std::mem::take(&mut self.has_link) => {
                self.life
                    .happened(Happening::LinkLost("cut".to_owned()), self.now);
            }
            Mishap::ShellDies if std::mem::take(&mut self.shells) > 0 => {
                self.life
                    .happened(Happening::ShellLost("cut".to_owned()), self.now);
            }
            Mishap::Suspended if self.environment == EnvironmentState::Running => {
                self.end_everything();
                self.turn(EnvironmentState::FallingAsleep, EnvironmentState::Asleep);
            }
            Mishap::Deleted => {
                self.end_everything();
                self.turn(EnvironmentState::Leaving, EnvironmentState::Absent);
            }
            Mishap::CreationFails if self.environment == EnvironmentState::Creating => {
                self.changes_at = Some((self.now, EnvironmentState::Failed));
            }
            Mishap::Wanted => self.life.happened(Happening::Wanted, self.now),
            _ => {}
        }
    }
}

fn failed(step: Step) -> Happening {
    let error = EnvironmentError {
        reason: "the service says no".to_owned(),
        again: Again::Soon,
    };
    Happening::Failed(step, error)
}

/// The most steps within any minute.
fn busiest_minute(steps: &[(Time, Step)]) -> usize {
    let within = |from: Time| {
        let end = from + Duration::from_secs(60);
        steps.iter().filter(|(at, _)| (from..end).contains(at)).count()
    };
    steps.iter().map(|(at, _)| within(*at)).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn whatever_happens_it_comes_back_and_is_never_busy(
        always in any::<bool>(),
        seed in any::<u64>(),
        mishaps in prop::collection::vec((mishap(), 0_u64..120_000), 0..30),
    ) {
        let mut world = World::new(if always { KeepAwake::Always } else { KeepAwake::ON_DEMAND }, seed);
        for (mishap, pause) in &mishaps {
            world.suffer(*mishap);
            world.run_until(world.now + Duration::from_millis(*pause));
        }
        world.failures_left = 0;
        world.suffer(Mishap::Wanted);
        world.run_until(world.now + Duration::from_secs(120));
        prop_assert_eq!(world.life.status(world.now).0, NodeState::Connected);
        prop_assert!(world.has_link && world.shells == 1);

        // A look a second while it is on its way, and a few steps for each mishap.
        let busiest = busiest_minute(&world.steps);
        prop_assert!(busiest <= 70 + 8 * mishaps.len(), "{} steps in a minute", busiest);
        let heartbeats: Vec<_> = world.steps.iter().filter(|(_, step)| *step == Step::Heartbeat).collect();
        for pair in heartbeats.windows(2) {
            prop_assert!(pair[1].0 - pair[0].0 >= HEARTBEAT_PERIOD, "heartbeats at {:?} and {:?}", pair[0].0, pair[1].0);
        }

        // Left alone, it falls asleep, unless it is to stay awake.
        world.run_until(world.now + Duration::from_secs(20 * 60));
        let rests = world.life.status(world.now).0 == NodeState::Asleep;
        prop_assert_eq!(rests, !always);
    }
}
