//! `put`.

use serde_json::json;

use crate::fake;
use crate::program::document;
use crate::server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn files_and_folders_are_stored_under_their_names() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    desk.write("one", "1");
    desk.write("folder/two", "22");
    desk.write("folder/sub/three", "333");
    assert_eq!(desk.succeed(&["put", "one"]), "one  1 B\n");
    assert_eq!(desk.succeed(&["put", "one", "a/first"]), "a/first  1 B\n");
    assert_eq!(desk.succeed(&["put", "one", "a/"]), "a/one  1 B\n");
    assert_eq!(
        desk.succeed(&["put", "-r", "folder", "one", "/b"]),
        "3 files stored, 6 B\n"
    );
    let paths = server.store.paths().await;
    assert_eq!(
        paths,
        [
            "a/first",
            "a/one",
            "b/folder/sub/three",
            "b/folder/two",
            "b/one",
            "one"
        ]
    );
    assert_eq!(
        server.store.get("b/folder/sub/three").await.expect("stored"),
        b"333"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_and_lengths_survive() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    let names = [
        "empty",
        "with space",
        "percent%2e",
        "q?#&+",
        "Ünïcode 空",
        "new\nline",
        "...",
        "a\\b",
    ];
    for (n, name) in names.iter().enumerate() {
        desk.write(&format!("in/{name}"), vec![b'x'; n * 40_000]);
    }
    desk.succeed(&["put", "-r", "in/.", "-q"]);
    for (n, name) in names.iter().enumerate() {
        assert_eq!(
            server.store.get(name).await.expect("stored"),
            vec![b'x'; n * 40_000],
            "{name:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_and_pipes_are_stored() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    let bytes = vec![b'p'; 3_000_000];
    let ended = desk.run_with_stdin(&["put", "-", "from/stdin"], &bytes);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "from/stdin  2.9 MiB\n")
    );
    assert_eq!(server.store.get("from/stdin").await.expect("stored"), bytes);
    let ended = desk.run_with_stdin(&["put", "/dev/stdin", "pipe"], b"piped");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "pipe  5 B\n"));
    assert_eq!(server.store.get("pipe").await.expect("stored"), b"piped");
    desk.fail(
        &["put", "-"],
        2,
        "error: standard input needs a name: put - NAME\n",
    );
    desk.fail(
        &["put", "-", "a/"],
        2,
        "error: standard input needs a name: put - NAME\n",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_file_does_not_stop_the_rest() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    desk.write("a", "aa");
    desk.write("b", "bb");
    let expected = "error: missing: there is no such file here\nerror: 1 of 3 were not stored\n";
    let ended = desk.run(&["put", "a", "missing", "b", "d/"]);
    assert_eq!(
        (ended.code, ended.stdout.as_str(), ended.stderr.as_str()),
        (Some(3), "2 files stored, 4 B\n", expected)
    );
    assert_eq!(server.store.paths().await, ["d/a", "d/b"]);
    let ended = desk.run(&["put", "a", "missing", "b", "d/", "--json"]);
    let printed = document(&ended.stdout);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(3), expected));
    assert_eq!(
        printed["failed"],
        json!([{ "name": "missing", "error": "there is no such file here" }])
    );
    assert_eq!(printed["stored"][1]["path"], "d/b");
    desk.fail(
        &["put", "missing"],
        3,
        "error: missing: there is no such file here\n",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_no_text_is_told_and_the_rest_is_stored() {
    use std::os::unix::ffi::OsStrExt as _;
    let server = TestServer::start().await;
    let desk = &server.desk;
    desk.write("in/good", "fine");
    let bad = std::ffi::OsStr::from_bytes(b"in/bad\xff");
    std::fs::write(desk.path().join(bad), "x").expect("written");
    let ended = desk.run(&["put", "-r", "in"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.stderr,
        "error: in/bad\u{fffd}: \"bad\\xFF\" is not UTF-8, so it cannot be a path in the store\n\
         error: 1 of 2 were not stored\n"
    );
    assert_eq!(server.store.paths().await, ["in/good"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_in_folders_are_named_unless_nobody_wants_to_know() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    desk.write("in/file", "x");
    std::os::unix::fs::symlink("file", desk.path().join("in/link")).expect("linked");
    let ended = desk.run(&["put", "-r", "in"]);
    assert_eq!(ended.stderr, "note: in/link: a symbolic link, not stored\n");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "in/file  1 B\n"));
    assert_eq!(desk.succeed(&["put", "-q", "-r", "in"]), "");
    let printed = desk.run(&["put", "--json", "-r", "in"]);
    assert_eq!(
        document(&printed.stdout)["skipped"],
        json!(["in/link: a symbolic link, not stored"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_before_anything_is_stored() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    desk.write("a/same", "1");
    desk.write("b/same", "2");
    desk.fail(
        &["put", "a/same", "b/same", "c"],
        2,
        "error: two sources would be stored as c/same\n",
    );
    let folder = "error: a is a folder\nhint: use -r to store it with all that is in it\n";
    desk.fail(&["put", "b/same", "a", "c"], 2, folder);
    let dots = "which means another place to a file system";
    let segment = format!("error: ../c: the path has the segment \"..\", {dots}\n");
    desk.fail(&["put", "a/same", "../c"], 2, &segment);
    let empty = "error: c//d: the path has an empty segment (a leading, trailing or doubled '/')\n";
    desk.fail(&["put", "a/same", "c//d"], 2, empty);
    let long = "x".repeat(1025);
    let expected = format!("error: {long}: the path has 1025 bytes, the longest is 1024\n");
    desk.fail(&["put", "a/same", &long], 2, &expected);
    assert_eq!(server.store.paths().await, <[&str; 0]>::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_there_can_be_left_as_they_are() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    server.store.put("d/old", b"old").await.expect("stored");
    desk.write("old", "changed");
    desk.write("new", "new");
    assert_eq!(
        desk.succeed(&["put", "-n", "old", "new", "d"]),
        "1 file stored, 3 B; 1 left as they were\n"
    );
    assert_eq!(server.store.get("d/old").await.expect("there"), b"old");
    assert_eq!(desk.json(&["put", "-n", "old", "d/old", "--json"])["present"], 1);
    assert_eq!(desk.succeed(&["put", "old", "d/old"]), "d/old  7 B\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_too_few_nodes_nothing_is_stored() {
    let server = TestServer::start().await;
    server.lose_nodes(3);
    server.desk.write("file", "x");
    let ended = server.desk.run(&["put", "file"]);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(4), ""),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.starts_with("error: file: "), "{}", ended.stderr);
    assert_eq!(server.store.paths().await, <[&str; 0]>::default());
}

/// The kernel says that files below `/proc` are empty, and then gives bytes: to a reader they grow.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_short_file_that_is_being_written_is_named() {
    let server = TestServer::start().await;
    server.desk.fail(
        &["put", "/proc/self/status", "x"],
        1,
        "error: /proc/self/status: it changed while it was read: 0 bytes, then 1\n\
         hint: nothing of it was stored; try again when nobody writes to it\n",
    );
    assert_eq!(server.store.paths().await, <[&str; 0]>::default());
}

/// The file is longer than what the kernel buffers between client and daemon, so its end has not been read when it is cut.
#[test]
fn a_long_file_that_shrinks_under_way_is_named() {
    const LEN: u64 = 256 << 20;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let place = dir.path().join("shrinking");
    let file = std::fs::File::create(&place).expect("made");
    file.set_len(LEN).expect("space");
    let desk = fake::daemon(move |request| {
        assert_eq!(request.line, "PUT /api/v1/objects/x");
        request.read_body(1 << 20);
        file.set_len(1000).expect("cut");
        request.drain();
    });
    let named = place.to_str().expect("UTF-8");
    let expected = format!(
        "error: {named}: it changed while it was read: {LEN} bytes, then 1000\n\
         hint: nothing of it was stored; try again when nobody writes to it\n"
    );
    desk.fail(&["put", named, "x"], 1, &expected);
}

#[test]
fn a_daemon_that_ends_the_upload_is_no_success() {
    let desk = fake::daemon(|request| request.read_body(1 << 20));
    let file = desk.write("file", vec![0; 8 << 20]);
    let ended = desk.run(&["put", file.to_str().expect("UTF-8"), "x"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let expected = format!("error: {}: the daemon did not answer: ", file.display());
    assert!(ended.stderr.starts_with(&expected), "{}", ended.stderr);
}
