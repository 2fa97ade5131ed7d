use proptest::prelude::*;

use super::*;
use crate::calendar::parse_compact;

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// A service and the time in it.
struct World {
    service: Service,
    now: SystemTime,
}

impl World {
    fn new() -> Self {
        Self {
            service: Service::new(ServiceConfig::default()),
            now: parse_compact("20261101T000000Z").unwrap(),
        }
    }

    fn pass(&mut self, seconds: u64) -> Vec<Effect> {
        self.now += Duration::from_secs(seconds);
        self.service.advance(self.now);
        self.service.take_effects()
    }

    /// Creates the caller's default environment, and waits until it runs.
    fn running(&mut self, caller: &Caller) -> String {
        let created = self
            .service
            .create_default(caller, self.now, Creation::default)
            .unwrap();
        let id = created.id.as_hyphenated().to_string();
        self.pass(20);
        assert_eq!(self.status(caller, &id), Ok(Status::Running));
        id
    }

    fn status(&self, caller: &Caller, id: &str) -> Result<Status, Refusal> {
        Ok(self.service.find(caller, id)?.environment.status())
    }

    /// Keeps an environment awake for so long.
    fn use_for(&mut self, caller: &Caller, id: &str, seconds: u64) {
        for _ in 0..seconds / (20 * MINUTE) {
            self.pass(20 * MINUTE);
            if let Err(refusal) = self.service.heartbeat(caller, id, self.now) {
                assert_eq!(refusal, Refusal::WrongStatus(Status::Running));
            }
        }
    }
}

fn caller(principal: &str, region: &str) -> Caller {
    Caller {
        account: "123456789012".to_owned(),
        principal: principal.to_owned(),
        region: region.to_owned(),
    }
}

#[test]
fn there_is_one_default_environment_per_principal_and_region() {
    let mut world = World::new();
    let (anna, bert) = (caller("anna", "eu-west-1"), caller("bert", "eu-west-1"));
    let id = world.running(&anna);
    assert_eq!(world.running(&anna), id);
    assert_ne!(world.running(&bert), id);
    assert_ne!(world.running(&caller("anna", "eu-west-2")), id);
    assert_eq!(world.status(&bert, &id), Err(Refusal::NoSuchEnvironment(id)));
}

#[test]
fn falling_asleep_ends_sessions_then_processes() {
    let mut world = World::new();
    let anna = caller("anna", "eu-west-1");
    let id = world.running(&anna);
    let (session, _) = world.service.create_session(&anna, &id, None, world.now).unwrap();
    assert_eq!(world.pass(25 * MINUTE - 1), []);
    let output = "Your session timed out due to inactivity and has been terminated.";
    let environment = id.parse().unwrap();
    assert_eq!(
        world.pass(1),
        [
            Effect::CloseSession { session, output },
            Effect::KillProcesses { environment }
        ]
    );
    assert_eq!(world.status(&anna, &id), Ok(Status::Suspending));
    world.pass(5);
    assert_eq!(world.status(&anna, &id), Ok(Status::Suspended));
    assert!(world.service.sessions().is_empty());
}

#[test]
fn input_and_heartbeat_reset_the_idle_timer() {
    let mut world = World::new();
    let anna = caller("anna", "eu-west-1");
    let id = world.running(&anna);
    let (session, _) = world.service.create_session(&anna, &id, None, world.now).unwrap();
    world.pass(24 * MINUTE);
    world.service.input(&session, world.now);
    world.pass(24 * MINUTE);
    world.service.heartbeat(&anna, &id, world.now).unwrap();
    world.pass(24 * MINUTE);
    assert_eq!(world.status(&anna, &id), Ok(Status::Running));
    world.pass(MINUTE);
    assert_eq!(world.status(&anna, &id), Ok(Status::Suspending));
}

#[test]
fn two_hundred_hours_are_shared_by_all_principals_of_the_account() {
    let mut world = World::new();
    let (anna, bert) = (caller("anna", "eu-west-1"), caller("bert", "eu-west-1"));
    let (a, b) = (world.running(&anna), world.running(&bert));
    let mut hours = 0;
    while world.service.start(&anna, &a, world.now).err() != Some(Refusal::OutOfHours) {
        for (caller, id) in [(&anna, &a), (&bert, &b)] {
            let _ = world.service.start(caller, id, world.now);
            let _ = world.service.heartbeat(caller, id, world.now);
        }
        world.pass(20 * MINUTE);
        hours += 1;
        assert!(hours < 310, "each alone would last 600 times 20 minutes");
    }
    assert!(hours >= 300, "{hours}");
    assert_eq!(world.status(&bert, &b), Ok(Status::Suspended));
    let elsewhere = caller("anna", "eu-west-2");
    world.running(&elsewhere);
    world.pass(26 * DAY);
    assert!(world.service.start(&anna, &a, world.now).is_ok(), "a new month");
}

#[test]
fn twelve_hours_end_even_a_busy_environment() {
    let mut world = World::new();
    let anna = caller("anna", "eu-west-1");
    let id = world.running(&anna);
    world.use_for(&anna, &id, 12 * HOUR - 20 * MINUTE);
    assert_eq!(world.status(&anna, &id), Ok(Status::Running));
    world.use_for(&anna, &id, 40 * MINUTE);
    assert_eq!(world.status(&anna, &id), Ok(Status::Suspended));
}

#[test]
fn ten_shells_are_enough_for_a_region() {
    let mut world = World::new();
    let (anna, bert) = (caller("anna", "eu-west-1"), caller("bert", "eu-west-1"));
    let (a, b) = (world.running(&anna), world.running(&bert));
    let mut session = String::new();
    for _ in 0..10 {
        (session, _) = world.service.create_session(&anna, &a, None, world.now).unwrap();
    }
    let refused = world.service.create_session(&bert, &b, None, world.now);
    assert_eq!(refused, Err(Refusal::TooManySessions(10)));
    assert!(
        world.service.delete_session(&bert, &b, &session).is_err(),
        "of another"
    );
    world.service.delete_session(&anna, &a, &session).unwrap();
    assert!(world.service.create_session(&bert, &b, None, world.now).is_ok());
}

#[test]
fn a_home_is_removed_with_its_environment_and_made_anew() {
    let mut world = World::new();
    let anna = caller("anna", "eu-west-1");
    let id = world.running(&anna);
    let effects = world.pass(120 * DAY + HOUR);
    let home = Home {
        principal: "anna".to_owned(),
        region: "eu-west-1".to_owned(),
        vpc_environment: None,
    };
    assert_eq!(effects.last(), Some(&Effect::RemoveHome { home: home.clone() }));
    assert_eq!(
        world.status(&anna, &id),
        Err(Refusal::NoSuchEnvironment(id.clone()))
    );
    assert_ne!(world.running(&anna), id);
}

#[test]
fn a_vpc_environment_loses_its_home_when_it_sleeps() {
    let mut world = World::new();
    let anna = caller("anna", "eu-west-1");
    let vpc = |name: &str| Vpc {
        name: name.to_owned(),
        config: VpcConfig {
            vpc_id: "vpc-1".to_owned(),
            subnet_ids: vec!["subnet-1".to_owned()],
            security_group_ids: vec!["sg-1".to_owned()],
        },
    };
    let now = world.now;
    let mut create = |name| {
        world
            .service
            .create_vpc(&anna, vpc(name), now, Creation::default)
            .map(|owned| owned.id)
    };
    let id = create("one").unwrap();
    assert_eq!(create("one"), Err(Refusal::NameTaken("one".to_owned())));
    assert!(create("two").is_ok());
    assert_eq!(create("three"), Err(Refusal::TooManyVpcEnvironments(2)));
    let effects = world.pass(HOUR);
    let is_removed =
        |effect: &Effect| matches!(effect, Effect::RemoveHome { home } if home.vpc_environment == Some(id));
    assert!(effects.iter().any(is_removed), "{effects:?}");
}

#[test]
fn a_deleted_environment_may_be_listed_for_a_while() {
    let mut world = World::new();
    world.service.config.deleted_entry_lingers = Duration::from_secs(HOUR);
    let anna = caller("anna", "eu-west-1");
    let id = world.running(&anna);
    world.service.delete(&anna, &id, world.now).unwrap();
    world.pass(MINUTE);
    assert_eq!(world.service.list(&anna).count(), 1);
    assert_eq!(
        world.status(&anna, &id),
        Err(Refusal::NoSuchEnvironment(id.clone()))
    );
    world.pass(HOUR);
    assert_eq!(world.service.list(&anna).count(), 0);
}

/// One thing a principal does, or time that passes.
#[derive(Clone, Debug)]
enum Act {
    Create,
    Start,
    Stop,
    Delete,
    OpenSession,
    Heartbeat,
    Pass(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Create),
        Just(Act::Start),
        Just(Act::Stop),
        Just(Act::Delete),
        Just(Act::OpenSession),
        Just(Act::Heartbeat),
        (0..60 * MINUTE).prop_map(Act::Pass),
        (0..200 * DAY).prop_map(Act::Pass),
    ]
}

fn perform(world: &mut World, caller: &Caller, act: &Act) {
    let (service, now) = (&mut world.service, world.now);
    let id = service
        .list(caller)
        .last()
        .map(|owned| owned.id.as_hyphenated().to_string());
    let id = id.unwrap_or_default();
    // Refusals are as good as anything here.
    match act {
        Act::Create => drop(service.create_default(caller, now, Creation::default).is_ok()),
        Act::Start => drop(service.start(caller, &id, now).is_ok()),
        Act::Stop => drop(service.stop(caller, &id, now).is_ok()),
        Act::Delete => drop(service.delete(caller, &id, now).is_ok()),
        Act::OpenSession => drop(service.create_session(caller, &id, None, now).is_ok()),
        Act::Heartbeat => drop(service.heartbeat(caller, &id, now).is_ok()),
        Act::Pass(seconds) => drop(world.pass(*seconds)),
    }
}

proptest! {
    #[test]
    fn whatever_is_done_in_whatever_order_the_rules_hold(acts in proptest::collection::vec((0..3_usize, act()), 0..80)) {
        let mut world = World::new();
        let callers = ["anna", "bert", "cleo"].map(|name| caller(name, "eu-west-1"));
        for (who, act) in acts {
            perform(&mut world, &callers[who], &act);
            world.pass(0);
            let service = &world.service;
            for session in service.sessions().values() {
                let owned = service.environments().iter().find(|owned| owned.id == session.environment);
                prop_assert_eq!(owned.map(|owned| owned.environment.status()), Some(Status::Running));
            }
            prop_assert!(service.sessions().len() <= 10);
            for caller in &callers {
                prop_assert!(service.list(caller).count() <= 1);
            }
            for (_, used) in service.hours() {
                prop_assert!(used <= Duration::from_secs(200 * HOUR + 1), "{used:?}");
            }
            prop_assert!(service.poll_timeout().is_none_or(|due| due > world.now));
        }
    }
}
