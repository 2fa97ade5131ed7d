//! Metrics, read as Prometheus reads them.

use std::collections::BTreeMap;

use crate::server::{TestServer, send};

/// Samples by name and labels; panics on a line that is neither a sample nor a comment.
fn parse(page: &str) -> BTreeMap<String, f64> {
    assert!(page.ends_with("# EOF\n"), "the page is whole");
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let parse = |line: &str| {
        let (series, value) = line.rsplit_once(' ').expect("name and value");
        let name = series.split('{').next().unwrap_or_default();
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
            "{line}"
        );
        assert!(!series.contains('{') || series.ends_with('}'), "{line}");
        (series.to_owned(), value.parse().expect("a number"))
    };
    samples.map(parse).collect()
}

#[tokio::test]
async fn the_page_counts_what_was_done() {
    let server = TestServer::start().await;
    server.put("a", &vec![7; 100_000]).await;
    server.put("b", b"12345").await;
    send(server.client.get(server.object("b")))
        .await
        .bytes()
        .await
        .expect("bytes");
    server.get("/api/v1/objects/none").await;
    server.get("/made/up/1").await;
    let invented = reqwest::Method::from_bytes(b"INVENTED").expect("a method");
    send(server.client.request(invented, server.url("/made/up/2"))).await;
    server.store.nodes[0].disconnect();
    server.store.nodes[1].node.set_usage(shardstore::Usage {
        capacity_bytes: 1000,
        used_bytes: 400,
        shards: 3,
    });
    let response = server.get("/metrics").await;
    assert_eq!(
        response.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let samples = parse(&response.text().await.expect("text"));
    let requests = "cloudshell_store_http_request_duration_seconds_count";
    let object = "/api/v1/objects/{*path}";
    let expected = [
        ("cloudshell_store_puts_total".to_owned(), 2.0),
        ("cloudshell_store_put_bytes_total".to_owned(), 100_005.0),
        ("cloudshell_store_get_bytes_total".to_owned(), 5.0),
        ("cloudshell_store_objects".to_owned(), 2.0),
        ("cloudshell_store_object_bytes".to_owned(), 100_005.0),
        ("cloudshell_store_domains_may_be_lost".to_owned(), 2.0),
        ("cloudshell_store_stripes{domains_may_be_lost=\"2\"}".to_owned(), 3.0),
        ("cloudshell_store_node_used_bytes{node=\"node-1\"}".to_owned(), 400.0),
        ("cloudshell_store_node_capacity_bytes{node=\"node-1\"}".to_owned(), f64::from(256 << 20)),
        (
            "cloudshell_store_node_info{node=\"node-0\",domain=\"node-0\",provider=\"memory\",state=\"lost\",path=\"none\"}".to_owned(),
            1.0,
        ),
        (format!("{requests}{{method=\"PUT\",route=\"{object}\",status=\"201\"}}"), 2.0),
        (format!("{requests}{{method=\"GET\",route=\"{object}\",status=\"200\"}}"), 1.0),
        (format!("{requests}{{method=\"GET\",route=\"{object}\",status=\"404\"}}"), 1.0),
        (format!("{requests}{{method=\"GET\",route=\"unmatched\",status=\"404\"}}"), 1.0),
        (format!("{requests}{{method=\"other\",route=\"unmatched\",status=\"404\"}}"), 1.0),
    ];
    for (series, value) in expected {
        assert_eq!(samples.get(&series), Some(&value), "{series}\nof {samples:#?}");
    }
}
