//! `get` and `cat`.

use serde_json::json;
use shardstore::{Fault, Operation, Rule};
use std::process::Stdio;

use crate::fake;
use crate::program::document;
use crate::server::TestServer;

async fn server() -> TestServer {
    let server = TestServer::start().await;
    for path in ["note", "a/one", "a/sub/two", "ab"] {
        server.store.put(path, path.as_bytes()).await.expect("stored");
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_where_it_is_told() {
    let server = server().await;
    let desk = &server.desk;
    std::fs::create_dir(desk.path().join("folder")).expect("made");
    assert_eq!(desk.succeed(&["get", "a/one"]), "one  5 B\n");
    assert_eq!(desk.succeed(&["get", "/a/one", "other"]), "other  5 B\n");
    assert_eq!(desk.succeed(&["get", "a/one", "folder"]), "folder/one  5 B\n");
    assert_eq!(desk.succeed(&["get", "a/one", "new/"]), "new/one  5 B\n");
    assert_eq!(desk.succeed(&["get", "a/one", "deep/er/x", "-q"]), "");
    assert_eq!(
        desk.files(),
        ["deep/er/x", "folder/one", "new/one", "one", "other"]
    );
    assert_eq!(desk.read("deep/er/x"), b"a/one");
    assert_eq!(
        desk.json(&["get", "note", "--json"]),
        json!({ "path": "note", "dest": "note", "size_bytes": 4 })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_replaced_only_by_a_whole_file() {
    let server = server().await;
    let desk = &server.desk;
    let file = desk.write("file", "older and longer");
    std::os::unix::fs::symlink("file", desk.path().join("link")).expect("linked");
    desk.succeed(&["get", "note", "link"]);
    assert_eq!(desk.read("file"), b"note");
    assert!(desk.path().join("link").is_symlink());
    let modified = std::fs::metadata(file)
        .expect("there")
        .modified()
        .expect("a time");
    let object = desk.json(&["stat", "note", "--json"])["object"].clone();
    let since = modified
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    assert_eq!(object["modified_unix_ms"], since.as_millis() as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_and_folders_are_not_replaced() {
    let server = server().await;
    let desk = &server.desk;
    let pipe = desk.path().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).expect("made");
    let expected = "error: note: pipe is no ordinary file; '-' is standard output\n";
    desk.fail(&["get", "note", "pipe"], 1, expected);
    std::fs::create_dir_all(desk.path().join("x/note")).expect("made");
    let expected = "error: note: x/note is a folder\n";
    desk.fail(&["get", "note", "x"], 1, expected);
    desk.write("file", "x");
    desk.fail(
        &["get", "note", "file/below"],
        1,
        "error: note: file: it is no folder\n",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_comes_with_all_that_is_in_it() {
    let server = server().await;
    let desk = &server.desk;
    assert_eq!(desk.succeed(&["get", "-r", "a"]), "2 files in ./a, 14 B\n");
    assert_eq!(desk.files(), ["a/one", "a/sub/two"]);
    assert_eq!(
        desk.succeed(&["get", "-r", "/a/", "copy"]),
        "2 files in copy, 14 B\n"
    );
    assert_eq!(
        desk.succeed(&["get", "-r", "a", "copy"]),
        "2 files in copy/a, 14 B\n"
    );
    assert_eq!(desk.read("copy/a/sub/two"), b"a/sub/two");
    assert_eq!(desk.succeed(&["get", "-r", "/", "all"]), "4 files in all, 20 B\n");
    assert_eq!(desk.succeed(&["get", "-r", "note", "n"]), "n  4 B\n");
    assert_eq!(
        desk.json(&["get", "-r", "a", "j", "--json"]),
        json!({ "dest": "j", "files": 2, "size_bytes": 14, "failed": [] })
    );
    desk.fail(
        &["get", "-r", "a", "-"],
        2,
        "error: a folder does not fit on standard output\n",
    );
    desk.fail(&["get", "-r", "none"], 3, "error: none: object not found\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_output_gets_the_bytes_and_nothing_else() {
    let server = server().await;
    let desk = &server.desk;
    assert_eq!(desk.succeed(&["cat", "a/one"]), "a/one");
    assert_eq!(desk.succeed(&["get", "a/one", "-"]), "a/one");
    let refused = "error: cat prints the file itself, so it cannot print JSON\n";
    desk.fail(&["cat", "a/one", "--json"], 2, refused);
    let refused = "error: '-' prints the file itself, so it cannot print JSON\n";
    desk.fail(&["get", "a/one", "-", "--json"], 2, refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named() {
    let server = server().await;
    let desk = &server.desk;
    desk.fail(&["cat", "none"], 3, "error: none: object not found\n");
    desk.fail(&["get", "none"], 3, "error: none: object not found\n");
    desk.fail(&["get", "a"], 3, "error: a: it is a folder\nhint: use get -r\n");
    let hint = "error: a: it is a folder\nhint: list it with: cloudshell-store ls\n";
    desk.fail(&["cat", "a"], 3, hint);
    let dots = "which means another place to a file system";
    let expected = format!("error: a/../note: the path has the segment \"..\", {dots}\n");
    desk.fail(&["cat", "a/../note"], 2, &expected);
    desk.fail(&["get", "a/../note"], 2, &expected);
    assert_eq!(desk.files(), <[&str; 0]>::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let server = server().await;
    server
        .store
        .put("long", &vec![b'x'; 4 << 20])
        .await
        .expect("stored");
    for arguments in [&["cat", "long"][..], &["completions", "bash"], &["ls", "-r"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = server.desk.command(arguments);
        let child = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_lost_nodes_are_survived_and_four_are_told() {
    let server = server().await;
    let desk = &server.desk;
    server.lose_nodes(3);
    assert_eq!(desk.succeed(&["cat", "a/one"]), "a/one");
    server.lose_nodes(4);
    for arguments in [&["cat", "a/one"][..], &["get", "a/one"], &["get", "-r", "a"]] {
        let ended = desk.run(arguments);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(4), ""),
            "{}",
            ended.stderr
        );
        assert!(ended.stderr.starts_with("error: a/one: "), "{}", ended.stderr);
    }
    assert_eq!(desk.files(), <[&str; 0]>::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_file_is_none() {
    let server = server().await;
    let desk = &server.desk;
    server
        .store
        .put("long", &vec![b'x'; 24 << 20])
        .await
        .expect("stored");
    for node in &server.store.nodes {
        node.faults
            .add_rule(Rule::on(Operation::Get, Fault::Unavailable).after(12));
    }
    desk.write("long", "what was there");
    let ended = desk.run(&["get", "long"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stderr.starts_with("error: long: the rest did not arrive: "),
        "{ended:?}"
    );
    assert_eq!(desk.files(), ["long"]);
    assert_eq!(desk.read("long"), b"what was there");
}

#[test]
fn a_hostile_daemon_cannot_leave_the_folder() {
    let desk = fake::daemon(|request| {
        if request.line.starts_with("GET /api/v1/objects?") {
            let names = [
                "f/../../out",
                "f//etc/passwd",
                "f/a/../../../b",
                "f/fine",
                "f/nul\0",
            ];
            let mut sorted = names;
            sorted.sort_unstable();
            request.answer_json(&fake::page(&sorted, None));
        } else {
            request.answer_bytes(b"bytes");
        }
    });
    let ended = desk.run(&["get", "-r", "f", "dest/inner", "--json"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stderr.lines().count(), 5, "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("error: f/../../out: \"../../out\" would leave dest/inner\n")
    );
    let printed = document(&ended.stdout);
    assert_eq!(
        (&printed["files"], &printed["failed"][3]["name"]),
        (&json!(1), &json!("f/nul\0"))
    );
    assert_eq!(desk.files(), ["dest/inner/fine"]);
}

#[test]
fn a_list_that_goes_round_in_circles_ends() {
    let desk = fake::daemon(|request| request.answer_json(&fake::page(&["f/a", "f/b"], Some("again"))));
    desk.fail(
        &["get", "-r", "f"],
        1,
        "error: the daemon's list is out of order\n",
    );
}

#[test]
fn a_short_answer_is_no_file() {
    let desk = fake::daemon(|request| request.answer("200 OK", "content-length: 9\r\n", b"bytes"));
    let ended = desk.run(&["get", "file"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let expected = "error: file: the rest did not arrive: ";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    assert_eq!(desk.files(), <[&str; 0]>::default());
}
