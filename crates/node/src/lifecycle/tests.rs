//! The life of a node in virtual time, step by step.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const ON_DEMAND: KeepAwake = KeepAwake::ON_DEMAND;
const LINGER: Duration = Duration::from_secs(15 * 60);

fn soon(reason: &str) -> EnvironmentError {
    EnvironmentError {
        reason: reason.to_owned(),
        again: Again::Soon,
    }
}

/// Expects a step, and says that it succeeded.
fn does(life: &mut Lifecycle, step: Step, now: Time) {
    assert_eq!(life.decide(now), Decision::Do(step));
    life.happened(Happening::Done(step), now);
}

fn looks(life: &mut Lifecycle, state: EnvironmentState, now: Time) {
    assert_eq!(life.decide(now), Decision::Do(Step::Look));
    life.happened(Happening::Looked(state), now);
}

fn connected(policy: KeepAwake) -> Lifecycle {
    let mut life = Lifecycle::new(policy, 1);
    looks(&mut life, EnvironmentState::Running, Time::ZERO);
    does(&mut life, Step::Attach, Time::ZERO);
    does(&mut life, Step::Connect, Time::ZERO);
    assert_eq!(life.status(Time::ZERO).0, NodeState::Connected);
    life
}

fn state(life: &Lifecycle, now: Time) -> NodeState {
    life.status(now).0
}

#[test]
fn a_node_that_nobody_wants_is_left_asleep() {
    let mut life = Lifecycle::new(ON_DEMAND, 1);
    looks(&mut life, EnvironmentState::Asleep, SECOND);
    assert_eq!(
        life.decide(SECOND),
        Decision::WaitUntil(SECOND + LOOK_ASLEEP_PERIOD)
    );
    assert_eq!(state(&life, SECOND), NodeState::Asleep);
}

#[test]
fn a_wanted_node_is_woken_attached_and_dialled() {
    let mut life = Lifecycle::new(ON_DEMAND, 1);
    looks(&mut life, EnvironmentState::Asleep, SECOND);
    life.happened(Happening::Wanted, 2 * SECOND);
    assert_eq!(state(&life, 2 * SECOND), NodeState::Connecting);
    does(&mut life, Step::Wake, 2 * SECOND);
    assert_eq!(life.decide(2 * SECOND), Decision::WaitUntil(3 * SECOND));
    looks(&mut life, EnvironmentState::Waking, 3 * SECOND);
    looks(&mut life, EnvironmentState::Running, 4 * SECOND);
    does(&mut life, Step::Attach, 4 * SECOND);
    does(&mut life, Step::Connect, 4 * SECOND);
    assert_eq!(life.status(4 * SECOND), (NodeState::Connected, None));
}

#[test]
fn without_an_environment_one_is_made_when_it_is_wanted() {
    let mut life = Lifecycle::new(ON_DEMAND, 1);
    looks(&mut life, EnvironmentState::Absent, SECOND);
    assert_eq!(state(&life, SECOND), NodeState::Asleep);
    life.happened(Happening::Wanted, SECOND);
    does(&mut life, Step::Create, SECOND);
    assert_eq!(state(&life, SECOND), NodeState::Connecting);
}

#[test]
fn heartbeats_are_sent_while_it_is_wanted_and_then_it_is_put_to_sleep() {
    let mut life = connected(ON_DEMAND);
    let (mut now, mut heartbeats) = (Time::ZERO, 0);
    loop {
        match life.decide(now) {
            Decision::WaitUntil(time) => now = time,
            Decision::Do(Step::Heartbeat) => {
                heartbeats += 1;
                life.happened(Happening::Done(Step::Heartbeat), now);
            }
            Decision::Do(step) => {
                assert_eq!(step, Step::Sleep);
                break;
            }
            Decision::Wait => panic!("it would stay awake for ever"),
        }
    }
    assert_eq!((now, heartbeats), (LINGER, 4));
    assert!(!life.has_link() && !life.has_shell());
    life.happened(Happening::Done(Step::Sleep), now);
    assert_eq!(state(&life, now), NodeState::Asleep);
}

#[test]
fn a_node_that_may_rest_goes_to_sleep_at_once() {
    let mut life = connected(ON_DEMAND);
    life.happened(Happening::Dismissed, SECOND);
    does(&mut life, Step::Sleep, SECOND);
    let mut life = connected(KeepAwake::Always);
    life.happened(Happening::Dismissed, SECOND);
    assert!(
        matches!(life.decide(SECOND), Decision::WaitUntil(_)),
        "it is to stay awake"
    );
}

#[test]
fn traffic_keeps_it_awake() {
    let mut life = connected(ON_DEMAND);
    life.happened(Happening::Wanted, LINGER - SECOND);
    does(&mut life, Step::Heartbeat, LINGER);
    assert!(matches!(life.decide(LINGER), Decision::WaitUntil(_)));
}

#[test]
fn a_lost_link_is_dialled_again_over_the_shell_that_is_there() {
    let mut life = connected(KeepAwake::Always);
    life.happened(Happening::LinkLost("timed out".to_owned()), SECOND);
    assert_eq!(
        life.status(SECOND),
        (NodeState::Lost, Some("timed out".to_owned()))
    );
    does(&mut life, Step::Connect, SECOND);
    assert_eq!(state(&life, SECOND), NodeState::Connected);
}

#[test]
fn a_lost_shell_is_replaced_while_the_link_lives_on() {
    let mut life = connected(KeepAwake::Always);
    life.happened(Happening::ShellLost("bye".to_owned()), SECOND);
    assert_eq!(life.status(SECOND), (NodeState::Connected, None));
    does(&mut life, Step::Attach, SECOND);
    assert!(life.has_link() && life.has_shell());
}

#[test]
fn dearer_steps_follow_when_cheap_ones_fail() {
    let mut life = connected(KeepAwake::Always);
    life.happened(Happening::LinkLost("timed out".to_owned()), SECOND);
    let mut now = SECOND;
    let mut next = |life: &mut Lifecycle| loop {
        match life.decide(now) {
            Decision::WaitUntil(time) => now = time,
            Decision::Do(step) => return (step, now),
            Decision::Wait => panic!("nothing is under way"),
        }
    };
    for expected in [Step::Connect, Step::Connect, Step::Attach, Step::Look] {
        let (step, now) = next(&mut life);
        assert_eq!(step, expected);
        life.happened(Happening::Failed(step, soon("it does not answer")), now);
    }
    let (step, at) = next(&mut life);
    assert_eq!(step, Step::Look);
    life.happened(Happening::Looked(EnvironmentState::Asleep), at);
    assert_eq!(next(&mut life).0, Step::Wake);
}

#[test]
fn an_environment_that_fell_asleep_takes_link_and_shell_with_it() {
    let mut life = connected(ON_DEMAND);
    life.happened(Happening::ShellLost("bye".to_owned()), LINGER - SECOND);
    assert_eq!(life.decide(LINGER - SECOND), Decision::Do(Step::Attach));
    life.happened(
        Happening::Failed(Step::Attach, soon("not running")),
        LINGER - SECOND,
    );
    looks(&mut life, EnvironmentState::Asleep, LINGER + SECOND);
    assert!(!life.has_link());
    assert_eq!(state(&life, LINGER + SECOND), NodeState::Asleep);
}

#[test]
fn what_the_service_refuses_until_later_is_unavailable_until_then() {
    let mut life = Lifecycle::new(KeepAwake::Always, 1);
    looks(&mut life, EnvironmentState::Asleep, SECOND);
    assert_eq!(life.decide(SECOND), Decision::Do(Step::Wake));
    let refused = EnvironmentError {
        reason: "this month's hours are used up".to_owned(),
        again: Again::After(3600 * SECOND),
    };
    life.happened(Happening::Failed(Step::Wake, refused.clone()), SECOND);
    assert_eq!(
        life.status(2 * SECOND),
        (NodeState::Unavailable, Some(refused.reason))
    );
    assert_eq!(life.decide(2 * SECOND), Decision::WaitUntil(3601 * SECOND));
    assert_eq!(life.decide(3601 * SECOND), Decision::Do(Step::Look));
}

#[test]
fn creation_that_fails_again_and_again_is_tried_ever_more_rarely() {
    let mut life = Lifecycle::new(KeepAwake::Always, 1);
    looks(&mut life, EnvironmentState::Failed, Time::ZERO);
    let (mut now, mut creations) = (Time::ZERO, 0);
    while now < 3600 * SECOND {
        match life.decide(now) {
            Decision::WaitUntil(time) => now = time,
            Decision::Do(Step::Look) => life.happened(Happening::Looked(EnvironmentState::Failed), now),
            Decision::Do(step) => {
                creations += u32::from(step == Step::Create);
                life.happened(Happening::Done(step), now);
            }
            Decision::Wait => panic!("nothing is under way"),
        }
    }
    assert!((60..140).contains(&creations), "{creations} in an hour");
    assert_eq!(state(&life, now), NodeState::Lost);
}
