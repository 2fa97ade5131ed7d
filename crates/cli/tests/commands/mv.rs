//! `mv`.

use crate::server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn files_get_another_path() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    server.store.put("draft", b"text").await.expect("stored");
    assert_eq!(desk.succeed(&["mv", "draft", "letters/final"]), "letters/final\n");
    assert_eq!(desk.succeed(&["mv", "letters/final", "/old/"]), "old/final\n");
    assert_eq!(desk.json(&["mv", "old/final", "/", "--json"])["path"], "final");
    assert_eq!(server.store.paths().await, ["final"]);
    assert_eq!(server.store.get("final").await.expect("there"), b"text");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_replaced_unless_it_is_said() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    for path in ["a", "b", "f/x"] {
        server.store.put(path, path.as_bytes()).await.expect("stored");
    }
    let expected = "error: b exists already\nhint: use mv -f to replace it\n";
    desk.fail(&["mv", "a", "b"], 1, expected);
    assert_eq!(server.store.get("b").await.expect("there"), b"b");
    assert_eq!(desk.succeed(&["mv", "-f", "a", "b", "-q"]), "");
    assert_eq!(server.store.get("b").await.expect("there"), b"a");
    desk.fail(&["mv", "a", "c"], 3, "error: a: object not found\n");
    let folder = "error: f: it is a folder\nhint: only files can be moved\n";
    desk.fail(&["mv", "f", "g"], 3, folder);
    let empty = "the path has an empty segment (a leading, trailing or doubled '/')";
    desk.fail(&["mv", "b", "x//y"], 2, &format!("error: x//y: {empty}\n"));
}
