//! `region`: CloudShell's regions as nodes.

use gateway::api::{AddNodeRequest, Node, NodeList};
use model::{ByteCount, NodeId};

use crate::arguments::{RegionArguments, RegionCommand};
use crate::client::Client;
use crate::command::Failures;
use crate::command::status::{path, state};
use crate::error::CommandError;
use crate::output::{Cell, Style, Table, print_json, print_text, timestamp};

pub(crate) async fn run(client: &Client, command: RegionCommand, style: &Style) -> Result<(), CommandError> {
    match command {
        RegionCommand::Ls => list(client, style).await,
        RegionCommand::Add(regions) => each(client, regions, Change::Add, style).await,
        RegionCommand::Rm(regions) => each(client, regions, Change::Remove, style).await,
        RegionCommand::Wake(regions) => each(client, regions, Change::Wake, style).await,
        RegionCommand::Sleep(regions) => each(client, regions, Change::Sleep, style).await,
    }
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Add,
    Remove,
    Wake,
    Sleep,
}

impl Change {
    /// What was done, after the number of regions.
    fn done(self) -> &'static str {
        match self {
            Self::Add => "added",
            Self::Remove => "removed",
            Self::Wake => "woken",
            Self::Sleep => "sent to sleep",
        }
    }

    async fn carry_out(self, client: &Client, region: &NodeId) -> Result<(), CommandError> {
        match self {
            Self::Add => {
                let request = AddNodeRequest {
                    provider: CLOUDSHELL.to_owned(),
                    id: Some(region.to_string()),
                    ..AddNodeRequest::default()
                };
                client.add_node(&request).await.map(drop)
            }
            Self::Remove => client.remove_node(region).await,
            Self::Wake => client.wake_node(region).await,
            Self::Sleep => client.sleep_node(region).await,
        }
    }
}

/// One that fails does not stop the rest.
async fn each(
    client: &Client,
    RegionArguments { regions }: RegionArguments,
    change: Change,
    style: &Style,
) -> Result<(), CommandError> {
    let (mut changed, mut failures) = (Vec::new(), Failures::default());
    for region in &regions {
        match change.carry_out(client, region).await {
            Ok(()) => changed.push(region.to_string()),
            Err(error) => failures.add(region.to_string(), error),
        }
    }
    if style.is_json {
        let done = change.done().replace(' ', "_");
        print_json(&serde_json::json!({ done: changed, "failed": failures.document() }))?;
    } else if !changed.is_empty() {
        style.say(&format!("{} {}", changed.join(", "), change.done()))?;
    }
    failures.conclude(regions.len(), change.done(), style)
}

async fn list(client: &Client, style: &Style) -> Result<(), CommandError> {
    let mut list: NodeList = client.nodes().await?;
    list.nodes.retain(|node| node.provider == CLOUDSHELL);
    if style.is_json {
        print_json(&list)
    } else {
        print_text(&table(&list.nodes, style))
    }
}

fn table(nodes: &[Node], style: &Style) -> String {
    let mut table = Table::default();
    let left = |text: &str| Cell::Left(text.to_owned());
    let right = |text: &str| Cell::Right(text.to_owned());
    table.row([
        left("region"),
        left("state"),
        left("path"),
        right("used"),
        right("capacity"),
        right("hours this month"),
        left("kept until"),
        left(""),
    ]);
    for node in nodes {
        let hours = node.allowance.map_or("?".to_owned(), |allowance| {
            format!("{:.1} of {:.0}", allowance.awake_hours, allowance.awake_hours_max)
        });
        let kept_until = node.allowance.and_then(|allowance| allowance.kept_until_unix_ms);
        table.row([
            left(&node.id),
            left(state(node.state)),
            left(node.path.map_or("–", path)),
            Cell::Right(
                node.used_bytes
                    .map_or("?".to_owned(), |bytes| ByteCount(bytes).to_string()),
            ),
            Cell::Right(ByteCount(node.capacity_bytes).to_string()),
            Cell::Right(hours),
            Cell::Left(kept_until.map_or("–".to_owned(), timestamp)),
            Cell::Left(style.name(node.reason.as_deref().unwrap_or_default())),
        ]);
    }
    table.render()
}

/// The provider's name in the API.
const CLOUDSHELL: &str = "cloudshell";
