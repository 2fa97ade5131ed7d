//! `rm`.

use serde_json::json;

use crate::program::document;
use crate::server::TestServer;

async fn server() -> TestServer {
    let server = TestServer::start().await;
    for path in ["a", "b", "f", "f/one", "f/sub/two", "f2/x"] {
        server.store.put(path, path.as_bytes()).await.expect("stored");
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_deleted() {
    let server = server().await;
    assert_eq!(server.desk.succeed(&["rm", "a"]), "");
    assert_eq!(server.desk.succeed(&["rm", "/b", "f/one"]), "2 files deleted\n");
    assert_eq!(server.store.paths().await, ["f", "f/sub/two", "f2/x"]);
    assert_eq!(
        server.desk.json(&["rm", "f2/x", "--json"]),
        json!({ "deleted": 1, "failed": [] })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_does_not_stop_the_rest() {
    let server = server().await;
    let ended = server.desk.run(&["rm", "none", "a", "b", "--json"]);
    let expected = "error: none: object not found\nerror: 1 of 3 were not deleted\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(3), expected));
    assert_eq!(
        document(&ended.stdout),
        json!({ "deleted": 2, "failed": [{ "name": "none", "error": "object not found" }] })
    );
    let ended = server.desk.run(&["rm", "-r", "none", "f"]);
    let expected = "error: none: object not found\nerror: 1 of 4 were not deleted\n";
    assert_eq!(
        (ended.code, ended.stdout.as_str(), ended.stderr.as_str()),
        (Some(3), "3 files deleted\n", expected)
    );
    assert_eq!(server.store.paths().await, ["f2/x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_go_with_what_is_in_them_and_nothing_else() {
    let server = server().await;
    let desk = &server.desk;
    let hint = "hint: use rm -r to delete it with all that is in it\n";
    desk.fail(&["rm", "f2"], 3, &format!("error: f2: it is a folder\n{hint}"));
    assert_eq!(desk.succeed(&["rm", "-r", "f/"]), "3 files deleted\n");
    assert_eq!(server.store.paths().await, ["a", "b", "f2/x"]);
    desk.fail(&["rm", "-r", "f"], 3, "error: f: object not found\n");
}

/// An HTTP client takes `..` out of addresses: what was meant to be refused would be another object's address.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_not_named_is_deleted() {
    let server = server().await;
    let desk = &server.desk;
    let dots = "which means another place to a file system";
    let expected = format!("error: f/../a: the path has the segment \"..\", {dots}\n");
    desk.fail(&["rm", "f/../a"], 2, &expected);
    desk.fail(&["rm", "-r", "f/../a"], 2, &expected);
    let whole = "hint: name its files and folders to delete them\n";
    desk.fail(
        &["rm", "-r", "/"],
        2,
        &format!("error: \"/\" is the whole store\n{whole}"),
    );
    desk.fail(
        &["rm", "-r", ""],
        2,
        &format!("error: \"\" is the whole store\n{whole}"),
    );
    desk.fail(&["rm", "f/../a", "b"], 2, &expected);
    assert_eq!(server.store.paths().await.len(), 6);
}
