//! The shell of an environment, over HTTP, WebSocket and a real terminal: what was promised of any shell, and what is
//! special about one that may be lost at any time.

mod service;

use std::time::Duration;

use service::Service;
use shell::{OUTPUT_LEN_MAX, Output, Shell as _, ShellError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const LONG: Duration = Duration::from_secs(30);

fn output(status: i32, text: &str) -> Output {
    Output {
        status,
        text: text.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_run_at_home_one_after_the_other_in_one_session() {
    let service = Service::start().await;
    let shell = service.shell();
    let home = format!("{}\nproblem\n", service.home().display());
    let run = shell.run("pwd; echo problem >&2; exit 7", LONG).await;
    assert_eq!(run.expect("the shell runs"), output(7, &home));
    let run = shell.run("printf 'no end of line'; kill -9 $$", LONG).await;
    assert_eq!(run.expect("the shell runs"), output(137, "no end of line"));
    let run = shell.run("cd /; x=1; read y; echo \"[$x$y]\"; false", LONG).await;
    assert_eq!(run.expect("the shell runs"), output(1, "[1]\n"));
    let run = shell.run("echo \"[$x]\"", LONG).await;
    assert_eq!(
        run.expect("the shell runs"),
        output(0, "[]\n"),
        "nothing is left of the last"
    );
    let run = shell.run("true", LONG).await;
    assert_eq!(run.expect("the shell runs"), output(0, ""));
    assert_eq!(service.sessions(), 1);
    assert_eq!(
        service.state().upgrades,
        ["/v1/data-channel/1-s1?role=publish_subscribe&cell-number=AAEAA+b/c=="]
    );
    shell.close().await;
    assert_eq!(service.sessions(), 0);
    let run = shell.run("echo again", LONG).await;
    assert_eq!(run.expect("the shell runs"), output(0, "again\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn long_commands_and_much_output_pass_in_short_lines() {
    let service = Service::start().await;
    let shell = service.shell();
    let command = format!("echo '{}' | wc -c", "x".repeat(60_000));
    let run = shell.run(&command, LONG).await.expect("the shell runs");
    assert_eq!(run.text.trim(), "60001");
    assert!(
        service.state().longest_line < 1000,
        "{}",
        service.state().longest_line
    );
    let run = shell
        .run("yes | head -c 3000000; exit 3", LONG)
        .await
        .expect("the shell runs");
    assert_eq!((run.status, run.text.len()), (3, OUTPUT_LEN_MAX));
    assert!(run.text.bytes().step_by(2).all(|byte| byte == b'y'));
    let error = shell.run(&"x".repeat(100_000), LONG).await.expect_err("too long");
    assert!(error.to_string().contains("at most 64000"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_takes_too_long_is_ended_and_the_shell_goes_on() {
    let service = Service::start().await;
    let shell = service.shell();
    let short = Duration::from_millis(1500);
    let command = "echo $$ > pid; exec sleep 1000";
    shell.run("true", LONG).await.expect("the shell runs");
    let error = shell.run(command, short).await.expect_err("too long");
    assert!(matches!(error, ShellError::TimedOut { .. }), "{error}");
    let run = shell
        .run("kill -0 $(cat pid) 2>/dev/null || echo ended", LONG)
        .await;
    assert_eq!(run.expect("the shell runs"), output(0, "ended\n"));
    assert_eq!(service.sessions(), 1, "the session was of use");

    let stubborn = "trap '' INT; while :; do sleep 0.1; done";
    let error = shell.run(stubborn, short).await.expect_err("too long");
    assert!(matches!(error, ShellError::TimedOut { .. }), "{error}");
    let run = shell.run("echo new", LONG).await;
    assert_eq!(run.expect("the shell runs"), output(0, "new\n"));
    service.wait_for_sessions(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_session_is_replaced() {
    let service = Service::start().await;
    service.state().lives = [2_000].into();
    let shell = service.shell();
    shell.run("true", LONG).await.expect("the shell runs");
    let long = format!(": '{}'", "x".repeat(5_000));
    let error = shell.run(&long, LONG).await.expect_err("it is lost");
    assert!(
        matches!(&error, ShellError::Unavailable { reason } if reason.contains("connection to the session was lost")),
        "{error}"
    );
    let run = shell.run("echo new", LONG).await;
    assert_eq!(run.expect("the shell runs"), output(0, "new\n"));
    service.wait_for_sessions(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_carry_text_both_ways_and_end_with_their_guard() {
    let service = Service::start().await;
    let shell = service.shell();
    let mut stream = shell
        .stream("echo begin; echo noise >&2; exec tr a-z A-Z")
        .await
        .expect("the shell runs");
    let text: String = (0..20_000).map(|i| format!("line {i}\n")).collect();
    let writing = async {
        stream.writer.write_all(text.as_bytes()).await.expect("written");
    };
    let mut read = vec![0; 6 + text.len()];
    let reading = stream.reader.read_exact(&mut read);
    let (_, result) = tokio::join!(writing, reading);
    result.expect("it all comes back");
    assert_eq!(
        String::from_utf8_lossy(&read),
        format!("begin\n{}", text.to_uppercase())
    );
    assert_eq!(service.sessions(), 1);
    drop(stream);
    service.wait_for_sessions(0).await;

    let mut short = shell.stream("printf all").await.expect("the shell runs");
    let mut all = String::new();
    short
        .reader
        .read_to_string(&mut all)
        .await
        .expect("it ends by itself");
    assert_eq!(all, "all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_given_when_asked_for_and_handshakes_are_answered() {
    let service = Service::start().await;
    service.state().wants_signature = true;
    service.state().has_handshake = true;
    let run = service.shell().run("echo in", LONG).await;
    assert_eq!(run.expect("the shell runs"), output(0, "in\n"));
    assert_eq!(service.state().upgrades.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_login_shells_will_do() {
    for login_shell in ["sh", "bash -l", "sh -c 'sleep 0.5; exec bash -i'"] {
        let service = Service::start().await;
        service.state().login_shell = login_shell.to_owned();
        let run = service.shell().run("echo in", LONG).await;
        assert_eq!(run.expect("the shell runs"), output(0, "in\n"), "{login_shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_running_environment_has_a_shell() {
    let service = Service::start().await;
    service.state().status = "SUSPENDED".to_owned();
    let error = service.shell().run("true", LONG).await.expect_err("it sleeps");
    assert!(error.to_string().contains("is SUSPENDED (idle)"), "{error}");
    assert_eq!(service.sessions(), 0);
}

/// Bytes that do not compress.
fn program(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

async fn check_put(service: &Service, bytes: &[u8]) {
    let shell = service.shell();
    shell
        .put_file("an odd 'name", bytes, true)
        .await
        .expect("it is written");
    let path = service.home().join("an odd 'name");
    assert!(std::fs::read(&path).expect("it is there") == bytes);
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    let names: Vec<_> = std::fs::read_dir(service.home())
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["an odd 'name"], "nothing else is left, not even history");
    let error = shell
        .put_file("no/such/folder", b"x", false)
        .await
        .expect_err("nowhere to put it");
    assert!(matches!(error, ShellError::NotWritten { .. }), "{error}");
    shell.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_through_the_bucket_with_whichever_headers_it_wants() {
    for wants_key_md5 in [false, true] {
        let service = Service::start().await;
        service.state().has_bucket = true;
        service.state().wants_key_md5 = wants_key_md5;
        check_put(&service, &program(3_000_000)).await;
        assert_eq!(service.state().session_count(), 1, "no stream was needed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_through_the_terminal_otherwise() {
    let service = Service::start().await;
    check_put(&service, &program(200_000)).await;
    assert!(
        service.state().longest_line < 1000,
        "{}",
        service.state().longest_line
    );
    check_put(&service, b"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_on_where_its_session_was_lost() {
    let service = Service::start().await;
    // The first session runs commands, the next three carry the file: 400 KB in base64.
    service.state().lives = [0, 150_000, 150_000].into();
    check_put(&service, &program(300_000)).await;
    assert_eq!(service.state().session_count(), 4);
    service.wait_for_sessions(0).await;
}
