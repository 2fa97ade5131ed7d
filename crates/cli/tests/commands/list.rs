//! `ls`, `stat` and `status`: what only looks.

use serde_json::json;

use crate::server::TestServer;

async fn server() -> TestServer {
    let server = TestServer::start().await;
    for path in ["folder/one", "folder/sub/two", "folder2", "top"] {
        server.store.put(path, path.as_bytes()).await.expect("stored");
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_store_lists_nothing() {
    let server = TestServer::start().await;
    assert_eq!(server.desk.succeed(&["ls"]), "");
    assert_eq!(server.desk.succeed(&["ls", "-l", "-r", "/"]), "");
    assert_eq!(server.desk.json(&["ls", "--json"]), json!({ "entries": [] }));
    server
        .desk
        .fail(&["ls", "x"], 3, "error: nothing begins with \"x\"\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_and_beginnings_are_listed() {
    let server = server().await;
    let cases = [
        (&["ls"][..], "folder/\nfolder2\ntop\n"),
        (&["ls", "-q"], "folder/\nfolder2\ntop\n"),
        (&["ls", "/"], "folder/\nfolder2\ntop\n"),
        (&["ls", "folder"], "folder/one\nfolder/sub/\n"),
        (&["ls", "/folder/"], "folder/one\nfolder/sub/\n"),
        (&["ls", "fol"], "folder/\nfolder2\n"),
        (&["ls", "top"], "top\n"),
        (&["ls", "-r", "folder"], "folder/one\nfolder/sub/two\n"),
        (&["ls", "-r", "folder2"], "folder2\n"),
        (&["ls", "-r"], "folder/one\nfolder/sub/two\nfolder2\ntop\n"),
    ];
    for (arguments, expected) in cases {
        assert_eq!(server.desk.succeed(arguments), expected, "{arguments:?}");
    }
    server
        .desk
        .fail(&["ls", "top/"], 3, "error: nothing begins with \"top/\"\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_and_times_are_shown() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    let file = std::fs::File::create(desk.write("big", vec![0; 1_500_000])).expect("opened");
    file.set_len(1_500_000).expect("long");
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_795_442_709_000);
    file.set_modified(time).expect("set");
    desk.succeed(&["put", "big", "f/big"]);
    desk.succeed(&["put", "big", "big"]);
    let line = "2026-11-23 14:05:09  big\n";
    assert_eq!(
        desk.succeed(&["ls", "-l"]),
        format!("1.4 MiB  {line}      -                       f/\n")
    );
    assert_eq!(
        desk.succeed(&["ls", "-l", "-b", "big"]),
        format!("1500000  {line}")
    );
    let listed = desk.json(&["ls", "-r", "--json"]);
    assert_eq!(listed["entries"][1]["path"], "f/big");
    assert_eq!(listed["entries"][1]["size_bytes"], 1_500_000);
    assert_eq!(listed["entries"][1]["modified_unix_ms"], 1_795_442_709_000_i64);
}

/// More than a page of a thousand.
#[tokio::test(flavor = "multi_thread")]
async fn long_listings_are_whole() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    for n in 0..1203 {
        desk.write(&format!("in/{n:04}"), "");
    }
    assert_eq!(desk.succeed(&["put", "-r", "in"]), "1203 files stored, 0 B\n");
    let expected: String = (0..1203).map(|n| format!("in/{n:04}\n")).collect();
    assert_eq!(desk.succeed(&["ls", "in"]), expected);
    let listed = desk.json(&["ls", "in", "--json"]);
    assert_eq!(listed["entries"].as_array().expect("a list").len(), 1203);
    assert_eq!(
        desk.succeed(&["get", "-r", "in", "out"]),
        "1203 files in out, 0 B\n"
    );
    assert_eq!(desk.succeed(&["rm", "-r", "in"]), "1203 files deleted\n");
    assert_eq!(desk.succeed(&["ls"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn stat_shows_where_the_shards_are() {
    let server = TestServer::start().await;
    let desk = &server.desk;
    server.store.put("f/one", &[7; 1_500_000]).await.expect("stored");
    let shown = desk.succeed(&["stat", "f/one"]);
    for expected in [
        "f/one\n",
        "  size      1.4 MiB (1500000 bytes)\n",
        "  stored    in 2 chunks, each stripe cut into 6 data + 3 parity shards\n",
        "This file survives the loss of any 3 domains.\n",
        "\nrecord   node-",
        "\nchunk 0  node-",
        "\nchunk 1  node-",
    ] {
        assert!(shown.contains(expected), "{expected:?} in {shown}");
    }
    let layout = desk.json(&["stat", "f/one", "--json"]);
    assert_eq!(layout["stripe_count"], 3);
    assert_eq!(layout["domains_may_be_lost"], 3);
    let mut nodes: Vec<_> = (0..9)
        .map(|n| layout["stripes"][1]["shards"][n]["node"].clone())
        .collect();
    nodes.sort_by_key(ToString::to_string);
    let expected: Vec<_> = (0..9).map(|n| json!(format!("node-{n}"))).collect();
    assert_eq!(nodes, expected);
    let shown = desk.succeed(&["stat", "f/one", "--stripes", "1"]);
    assert!(
        shown.ends_with("… 2 more stripes; --stripes shows more\n"),
        "{shown}"
    );
    desk.fail(&["stat", "none"], 3, "error: none: object not found\n");
    let hint = "hint: list it with: cloudshell-store ls\n";
    desk.fail(&["stat", "f"], 3, &format!("error: f: it is a folder\n{hint}"));
    server.lose_nodes(4);
    let shown = desk.succeed(&["stat", "f/one"]);
    assert!(
        shown.contains("This file cannot be read completely now"),
        "{shown}"
    );
    assert!(shown.contains("(node-0)"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_the_truth() {
    let server = server().await;
    let desk = &server.desk;
    let shown = desk.succeed(&["status"]);
    assert!(
        shown.starts_with("Every file survives the loss of any 3 domains.\n"),
        "{shown}"
    );
    assert!(shown.contains("\n4 objects, 34 B; "), "{shown}");
    server.lose_nodes(2);
    let shown = desk.succeed(&["status"]);
    assert!(
        shown.starts_with("Every file survives the loss of any 1 more domain.\n"),
        "{shown}"
    );
    assert!(shown.contains("\nnode-1  lost "), "{shown}");
    let status = desk.json(&["status", "--json"]);
    assert_eq!(status["domains_may_be_lost"], 1);
    assert_eq!(status["nodes"][1]["state"], "lost");
    assert_eq!(status["nodes"][8]["state"], "connected");
}
