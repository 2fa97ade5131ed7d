//! Shows that a client gets a real shell: what is typed runs, what it prints arrives, whatever happens to the socket.

mod client;

use client::{LONG, Terminal, World, close_reason, connect};
use serde_json::json;

#[tokio::test]
async fn a_command_runs_and_its_output_is_exact() {
    let world = World::start().await;
    let mut terminal = world.client().terminal().await;
    terminal.read_until("$ ").await;
    assert_eq!(
        terminal
            .run("echo hello; printf '%s' \"$AWS_EXECUTION_ENV\"")
            .await,
        "hello\r\nCloudShell"
    );
    let home = world
        .dir
        .path()
        .canonicalize()
        .unwrap()
        .join("user/eu-west-1/home");
    assert_eq!(
        terminal.run("pwd; echo ~").await,
        format!("{0}\r\n{0}\r\n", home.display())
    );
    terminal.type_text("exit\r").await;
    terminal.read_to_end().await;
    assert_eq!(terminal.closed.as_deref(), Some(""));
}
