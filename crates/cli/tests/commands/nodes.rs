//! `node` and `passwd`: what is asked of the daemon beyond its engine.

use model::ByteCount;
use serde_json::json;
use testkit::TestStore;

use crate::server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_added() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    assert_eq!(desk.succeed(&["node", "add"]), "local-10\n");
    let typed = [
        "node",
        "add",
        "--id",
        "attic",
        "--domain",
        "house",
        "--capacity",
        "2GiB",
        "--json",
    ];
    assert_eq!(desk.json(&typed)["id"], "attic");
    let added = server.operator.added.lock().expect("no panic").clone();
    assert_eq!(
        (added[0].provider.as_str(), &added[0].id, added[0].capacity),
        ("local", &None, None)
    );
    assert_eq!(added[1].id, Some("attic".parse().expect("a name")));
    assert_eq!(added[1].domain, Some("house".parse().expect("a name")));
    assert_eq!(added[1].capacity, Some(ByteCount(2 << 30)));
    for typed in [["--id", "a/b"], ["--domain", ""], ["--capacity", "much"]] {
        let ended = desk.run(&["node", "add", typed[0], typed[1]]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{typed:?}");
        assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_listed() {
    let server = TestServer::start().await;
    server.lose_nodes(1);
    let shown = server.desk.succeed(&["node", "ls"]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 10);
    assert!(lines[0].starts_with("node    state"), "{shown}");
    assert!(lines[1].starts_with("node-0  lost "), "{shown}");
    assert!(lines[9].starts_with("node-8  connected "), "{shown}");
    let listed = server.desk.json(&["node", "ls", "--json"]);
    assert_eq!(listed["nodes"][8]["id"], "node-8");
    assert_eq!(listed["nodes"][8]["capacity_bytes"], 256 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_empty_nodes_are_removed() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    assert_eq!(desk.succeed(&["node", "rm", "node-3"]), "node-3 removed\n");
    assert_eq!(
        desk.json(&["node", "rm", "node-4", "--json"]),
        json!({ "removed": "node-4" })
    );
    desk.fail(&["node", "rm", "none"], 3, "error: there is no node none\n");
    server.store.put("file", b"x").await.expect("stored");
    let expected = "error: node node-5 still holds shards of 1 stripes\n\
                    hint: only nodes without shards can be removed\n";
    desk.fail(&["node", "rm", "node-5"], 1, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_passphrase_is_changed() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    desk.write("old", "old\n");
    desk.write("new", "correct horse\n");
    let change = [
        "passwd",
        "--passphrase-file",
        "old",
        "--new-passphrase-file",
        "new",
    ];
    let said = "The passphrase is changed; nodes that are away learn of it when they are back.\n";
    assert_eq!(desk.succeed(&change), said);
    assert_eq!(
        *server.operator.passphrase.lock().expect("no panic"),
        "correct horse"
    );
    let again = desk.run(&change);
    assert_eq!((again.code, again.stdout.as_str()), (Some(1), ""));
    assert!(
        again.stderr.starts_with("error: the passphrase is wrong"),
        "{}",
        again.stderr
    );
    let expected = "error: there is no terminal to ask for passphrases on\n\
                    hint: use --passphrase-file and --new-passphrase-file\n";
    desk.fail(&["passwd"], 2, expected);
    assert_eq!(desk.run(&change[..3]).code, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_where_one_is_asked_for() {
    let token = "a-token-of-thirty-two-characters";
    let server = TestServer::over(TestStore::new(9).await, |config| {
        config.token = Some(gateway::BearerToken::new(token.to_owned().into()).expect("long enough"));
    })
    .await;
    let desk = &server.desk;
    desk.write("token", format!("{token}\n"));
    let ended = desk.run(&["ls"]);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(1), ""),
        "{}",
        ended.stderr
    );
    assert_eq!(desk.succeed(&["ls", "--client-token-file", "token"]), "");
    let output = desk
        .command(&["ls"])
        .env("CLOUDSHELL_STORE_TOKEN", token)
        .output();
    assert_eq!(output.expect("it runs").status.code(), Some(0));
}
