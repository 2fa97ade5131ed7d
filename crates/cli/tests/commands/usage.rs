//! What is typed wrong, and a daemon that is not there or makes no sense.

use std::net::TcpListener;

use crate::fake;
use crate::program::Desk;

/// An address on which nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("bound"))
}

#[test]
fn without_a_daemon_every_command_says_how_to_start_one() {
    let url = nowhere();
    let desk = Desk::new(url.clone());
    desk.write("file", "x");
    let error = format!("no daemon answers at {url}/");
    let hint =
        "hint: start one with: cloudshell-store serve (another address: --url, or CLOUDSHELL_STORE_URL)";
    let cases = [
        (&["ls"][..], ""),
        (&["status", "--json"], ""),
        (&["put", "file"], "file: "),
        (&["put", "file", "--json"], "file: "),
        (&["get", "x"], "x: "),
        (&["get", "-r", "x"], ""),
        (&["cat", "x"], "x: "),
        (&["stat", "x"], "x: "),
        (&["rm", "x"], "x: "),
        (&["mv", "x", "y"], ""),
        (&["node", "ls"], ""),
        (&["node", "add"], ""),
        (&["node", "rm", "x"], ""),
    ];
    for (arguments, about) in cases {
        let ended = desk.run(arguments);
        assert_eq!(
            ended.stderr,
            format!("error: {about}{error}\n{hint}\n"),
            "{arguments:?}"
        );
        assert_eq!(ended.code, Some(1), "{arguments:?}");
    }
}

#[test]
fn the_address_must_be_one() {
    let desk = Desk::new(nowhere());
    desk.fail(
        &["--url", "nonsense", "ls"],
        2,
        "error: \"nonsense\" is no http URL\n",
    );
    desk.fail(
        &["--url", "https://x", "ls"],
        2,
        "error: \"https://x\" is no http URL\n",
    );
    let expected = "error: token: No such file or directory (os error 2)\n";
    desk.fail(&["ls", "--client-token-file", "token"], 1, expected);
}

#[test]
fn what_makes_no_sense_ends_with_two() {
    let desk = Desk::new(nowhere());
    for arguments in [
        &[][..],
        &["nonsense"],
        &["put"],
        &["get"],
        &["rm"],
        &["mv", "a"],
        &["node"],
        &["node", "rm"],
        &["stat", "x", "--stripes", "many"],
        &["completions", "nonsense"],
        &["ls", "--nonsense"],
        &["cat", ""],
        &["get", "/"],
    ] {
        let ended = desk.run(arguments);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{arguments:?}"
        );
        assert!(
            ended.stderr.starts_with("error: "),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let desk = Desk::new(nowhere());
    let help = desk.succeed(&["--help"]);
    assert!(help.contains("Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 not enough nodes."));
    assert!(help.contains("errors are text on standard error"));
    let help = desk.succeed(&["put", "--help"]);
    assert!(
        help.contains("Usage: cloudshell-store put [OPTIONS] <SRC>... [DEST]\n"),
        "{help}"
    );
    assert!(
        help.contains("Examples:\n  cloudshell-store put report.pdf\n"),
        "{help}"
    );
    assert!(desk.succeed(&["--version"]).starts_with("cloudshell-store "));
}

#[test]
fn completions_are_scripts() {
    let desk = Desk::new(nowhere());
    for (shell, sign) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef"),
        ("fish", "complete -c"),
    ] {
        let script = desk.succeed(&["completions", shell]);
        assert!(script.contains(sign), "{shell}");
        assert!(script.contains("no-clobber"), "{shell}");
    }
    let refused = "error: completions prints a script, so it cannot print JSON\n";
    desk.fail(&["completions", "bash", "--json"], 2, refused);
}

#[test]
fn a_store_is_made_once() {
    let desk = Desk::new(nowhere());
    let made = desk.json(&["init", "--dir", "store", "--no-passphrase", "--json"]);
    assert_eq!(made["store"].as_str().expect("an id").len(), 32);
    let again = desk.run(&["init", "--dir", "store", "--no-passphrase"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(1), ""));
    let nothing = desk.run(&["serve", "--dir", "elsewhere"]);
    assert_eq!(
        (nothing.code, nothing.stdout.as_str()),
        (Some(3), ""),
        "{}",
        nothing.stderr
    );
}

#[test]
fn answers_without_sense_or_end_are_errors() {
    let desk = fake::daemon(|request| request.answer_bytes(b"<html>"));
    let ended = desk.run(&["ls"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(
        ended
            .stderr
            .starts_with("error: the daemon's answer makes no sense: "),
        "{}",
        ended.stderr
    );
    let desk = fake::daemon(|request| {
        request.answer("200 OK", "", &vec![b' '; 65 << 20]);
    });
    let expected = "error: the daemon's answer is longer than 67108864 bytes\n";
    desk.fail(&["ls"], 1, expected);
    let desk = fake::daemon(|request| request.answer("418 I'm a teapot", "content-length: 0\r\n", b""));
    desk.fail(&["status"], 1, "error: the daemon answered 418 I'm a teapot\n");
}

#[test]
fn a_name_cannot_command_the_terminal() {
    let desk = fake::daemon(|request| {
        request.answer("404 Not Found", "content-length: 0\r\n", b"");
    });
    desk.fail(&["cat", "a\u{1b}[2Jb"], 3, "error: a\\u{1b}[2Jb: not found\n");
}
