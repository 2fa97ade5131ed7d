//! Shows what becomes of processes and homes: they end with their environment, by the emulator's clock and by its levers.

mod client;

use std::path::PathBuf;

use client::{Client, LONG, REGION, World};
use emulator::{Command, Emulator, EmulatorConfig, EnvironmentState};
use serde_json::json;
use tokio::time::timeout;

/// The only environment.
fn environment(world: &World) -> EnvironmentState {
    let mut environments = world.control().state().environments;
    assert_eq!(environments.len(), 1);
    environments.remove(0)
}

fn home(world: &World) -> PathBuf {
    world.dir.path().join("user").join(REGION).join("home")
}

/// Starts something that outlives its terminal; returns its process id.
async fn detach(client: &Client) -> u32 {
    let mut terminal = client.terminal().await;
    terminal.read_until("$ ").await;
    let output = terminal
        .run("setsid -f sh -c 'echo $$ > pid; exec sleep 1000' </dev/null >/dev/null 2>&1; until [ -s pid ]; do :; done; cat pid")
        .await;
    terminal.type_text("exit\r").await;
    terminal.read_to_end().await;
    assert_eq!(terminal.closed.as_deref(), Some(""));
    output.trim().parse().expect("a process id")
}

fn is_alive(process: u32) -> bool {
    let cmdline = std::fs::read(format!("/proc/{process}/cmdline"));
    cmdline.is_ok_and(|cmdline| cmdline.starts_with(b"sleep"))
}

#[tokio::test]
async fn suspending_ends_even_what_detached_itself_and_keeps_the_home() {
    let world = World::start().await;
    let client = world.client();
    let process = detach(&client).await;
    assert!(is_alive(process));
    world.control().apply(Command::Suspend {
        region: Some(REGION.to_owned()),
    });
    assert!(!is_alive(process));
    assert_eq!(environment(&world).processes, 0);
    let id = environment(&world).id;
    client
        .refused(
            "createSession",
            json!({"EnvironmentId": id}),
            400,
            "InvalidStatusException",
        )
        .await;
    client.ok("startEnvironment", json!({"EnvironmentId": id})).await;
    let mut terminal = client.terminal().await;
    assert_eq!(terminal.run("cat pid").await, format!("{process}\r\n"));
}

#[tokio::test]
async fn stopping_closes_the_terminals() {
    let world = World::start().await;
    let client = world.client();
    let mut terminal = client.terminal().await;
    terminal.read_until("$ ").await;
    let id = environment(&world).id;
    client.ok("stopEnvironment", json!({"EnvironmentId": id})).await;
    terminal.read_to_end().await;
    assert_eq!(terminal.closed.as_deref(), Some(""));
    assert_eq!(client.status(&id).await, "SUSPENDED");
}

#[tokio::test]
async fn an_idle_environment_tells_its_terminals_why_it_sleeps() {
    let world = World::start().await;
    let client = world.client();
    let mut terminal = client.terminal().await;
    terminal.read_until("$ ").await;
    world.control().apply(Command::AdvanceClock { seconds: 25 * 60 });
    terminal.read_to_end().await;
    let text = "Your session timed out due to inactivity and has been terminated.";
    assert_eq!(terminal.closed.as_deref(), Some(text));
}

#[tokio::test]
async fn typing_keeps_it_awake() {
    let world = World::start().await;
    let mut terminal = world.client().terminal().await;
    terminal.read_until("$ ").await;
    for _ in 0..5 {
        world.control().apply(Command::AdvanceClock { seconds: 20 * 60 });
        assert_eq!(terminal.run("echo awake").await, "awake\r\n");
    }
    assert!(environment(&world).inputs >= 5);
    world
        .control()
        .apply(Command::AdvanceClock { seconds: 11 * 3600 });
    terminal.read_to_end().await;
}

#[tokio::test]
async fn deleting_removes_the_home() {
    let world = World::start().await;
    let client = world.client();
    let process = detach(&client).await;
    assert!(home(&world).join("pid").exists());
    let id = environment(&world).id;
    client.ok("deleteEnvironment", json!({"EnvironmentId": id})).await;
    client
        .refused(
            "getEnvironmentStatus",
            json!({"EnvironmentId": id}),
            404,
            "ResourceNotFoundException",
        )
        .await;
    assert!(!is_alive(process) && !home(&world).exists());
    let mut terminal = client.terminal().await;
    assert_eq!(terminal.run("ls").await, "");
}

#[tokio::test]
async fn an_unused_home_is_gone_after_120_days() {
    let world = World::start().await;
    let client = world.client();
    detach(&client).await;
    world.control().apply(Command::AdvanceClock {
        seconds: 119 * 24 * 3600,
    });
    assert!(home(&world).join("pid").exists());
    world.control().apply(Command::AdvanceClock {
        seconds: 2 * 24 * 3600,
    });
    assert!(!home(&world).exists());
    assert_eq!(world.control().state().environments, []);
}

#[tokio::test]
async fn killing_processes_leaves_the_environment_awake() {
    let world = World::start().await;
    let client = world.client();
    let process = detach(&client).await;
    world.control().apply(Command::KillProcesses { region: None });
    assert!(!is_alive(process));
    let id = environment(&world).id;
    assert_eq!(client.status(&id).await, "RUNNING");
    assert_eq!(client.terminal().await.run("echo again").await, "again\r\n");
}

#[tokio::test]
async fn a_wiped_home_is_empty() {
    let world = World::start().await;
    let client = world.client();
    detach(&client).await;
    world.control().apply(Command::WipeHomes { region: None });
    assert_eq!(client.terminal().await.run("ls").await, "");
}

#[tokio::test]
async fn exhausted_hours_put_a_region_to_sleep_until_the_next_month() {
    let world = World::start().await;
    let client = world.client();
    let id = client.environment().await;
    world.control().apply(Command::ExhaustHours { region: None });
    assert_eq!(client.status(&id).await, "SUSPENDED");
    client
        .refused(
            "startEnvironment",
            json!({"EnvironmentId": id}),
            402,
            "ServiceQuotaExceededException",
        )
        .await;
    world.control().apply(Command::AdvanceClock {
        seconds: 31 * 24 * 3600,
    });
    client.ok("startEnvironment", json!({"EnvironmentId": id})).await;
}

#[tokio::test]
async fn shutting_down_ends_all_processes_and_a_later_run_finds_the_home() {
    let world = World::start().await;
    let client = world.client();
    let process = detach(&client).await;
    let id = environment(&world).id;
    let credentials = world.emulator.credentials();
    timeout(LONG, world.emulator.shutdown()).await.unwrap();
    assert!(!is_alive(process));
    let mut config = EmulatorConfig::fast(world.dir.path());
    config.credentials = credentials;
    let emulator = Emulator::start(config).await.unwrap();
    let client = Client::new(&emulator, REGION);
    assert_eq!(client.environment_id().await, id);
    assert_eq!(client.status(&id).await, "SUSPENDED");
    client.ok("startEnvironment", json!({"EnvironmentId": id})).await;
    assert_eq!(
        client.terminal().await.run("cat pid").await,
        format!("{process}\r\n")
    );
}

#[tokio::test]
async fn slow_states_are_seen_passing() {
    let world = World::with(|config| config.service.delays = emulator::Delays::default()).await;
    let client = world.client();
    let id = client.environment_id().await;
    assert_eq!(client.status(&id).await, "CREATING");
    client
        .refused(
            "createSession",
            json!({"EnvironmentId": id}),
            400,
            "InvalidStatusException",
        )
        .await;
    world.control().apply(Command::AdvanceClock { seconds: 20 });
    assert_eq!(client.status(&id).await, "RUNNING");
    client.ok("stopEnvironment", json!({"EnvironmentId": id})).await;
    assert_eq!(client.status(&id).await, "SUSPENDING");
    client
        .refused(
            "startEnvironment",
            json!({"EnvironmentId": id}),
            400,
            "InvalidStatusException",
        )
        .await;
    world.control().apply(Command::AdvanceClock { seconds: 5 });
    assert_eq!(
        client.ok("startEnvironment", json!({"EnvironmentId": id})).await["Status"],
        "RESUMING"
    );
    world.control().apply(Command::AdvanceClock { seconds: 10 });
    assert_eq!(client.status(&id).await, "RUNNING");
}

#[tokio::test]
async fn a_creation_can_fail() {
    let world = World::start().await;
    let client = world.client();
    let region = REGION.to_owned();
    world.control().apply(Command::SpoilCreations {
        region,
        failing: 1,
        taking_ms: None,
    });
    let id = client.environment_id().await;
    assert_eq!(client.status(&id).await, "CREATION_FAILED");
    client.ok("deleteEnvironment", json!({"EnvironmentId": id})).await;
    client.environment().await;
}
