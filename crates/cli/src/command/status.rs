//! `status`: nodes, space, and how much may be lost.

use gateway::api::{Cipher, Node, NodeState, PathKind, Status};
use model::ByteCount;

use crate::client::Client;
use crate::error::CommandError;
use crate::output::{Cell, Style, Table, count, print_json, print_text};

pub(crate) async fn run(client: &Client, style: &Style) -> Result<(), CommandError> {
    let status = client.status().await?;
    if style.is_json {
        print_json(&status)
    } else {
        print_text(&describe(&status, style))
    }
}

fn describe(status: &Status, style: &Style) -> String {
    let mut text = format!(
        "{}\n\n",
        style.bold(&survival("Every file", "survives", status.domains_may_be_lost))
    );
    text.push_str(&node_table(&status.nodes, style));
    text.push('\n');
    text.push_str(&space(status));
    if status.stripes_degraded > 0 {
        text.push_str(&format!(
            "{} stripes have fewer shards than they should\n",
            status.stripes_degraded
        ));
    }
    if status.store.cipher == Cipher::None {
        text.push_str("This store is NOT encrypted.\n");
    }
    text
}

fn space(status: &Status) -> String {
    let (objects, stored) = (count(status.objects as usize, "object"), ByteCount(status.bytes));
    let used = ByteCount(status.used_bytes);
    let asked = status
        .nodes
        .iter()
        .filter(|node| node.used_bytes.is_some())
        .count();
    if asked < status.nodes.len() {
        let nodes = status.nodes.len();
        return format!(
            "{objects}, {stored}; {used} on the {asked} of {nodes} nodes that could be asked so far\n"
        );
    }
    let expansion = status
        .expansion
        .map_or(String::new(), |factor| format!(", {factor:.2} times as much"));
    format!("{objects}, {stored}; {used} on the nodes{expansion}\n")
}

/// The one honest sentence.
pub(crate) fn survival(subject: &str, verb: &str, domains: Option<usize>) -> String {
    match domains {
        None => format!("{subject} cannot be read completely now: too few nodes are connected.")
            .replace("Every file cannot", "Some files cannot"),
        Some(0) => format!("{subject} can be read now, and not if one more domain is lost."),
        Some(1) => format!("{subject} {verb} the loss of any 1 more domain."),
        Some(count) => format!("{subject} {verb} the loss of any {count} domains."),
    }
}

pub(crate) fn node_table(nodes: &[Node], style: &Style) -> String {
    let mut table = Table::default();
    let header = [
        "node", "state", "path", "domain", "used", "capacity", "latency", "",
    ];
    table.row(header.map(|name| {
        if matches!(name, "used" | "capacity" | "latency") {
            Cell::Right(name.to_owned())
        } else {
            Cell::Left(name.to_owned())
        }
    }));
    for node in nodes {
        table.row([
            Cell::Left(node.id.clone()),
            Cell::Left(state(node.state).to_owned()),
            Cell::Left(node.path.map_or("–", path).to_owned()),
            Cell::Left(node.domain.clone()),
            Cell::Right(
                node.used_bytes
                    .map_or("?".to_owned(), |bytes| ByteCount(bytes).to_string()),
            ),
            Cell::Right(ByteCount(node.capacity_bytes).to_string()),
            Cell::Right(node.latency_ms.map_or("–".to_owned(), |ms| format!("{ms:.1} ms"))),
            Cell::Left(style.name(node.reason.as_deref().unwrap_or_default())),
        ]);
    }
    table.render()
}

pub(crate) fn state(state: NodeState) -> &'static str {
    model::NodeState::from(state).as_str()
}

pub(crate) fn path(path: PathKind) -> &'static str {
    model::PathKind::from(path).as_str()
}
