//! `node`: adds, lists and removes nodes.

use gateway::api::AddNodeRequest;
use model::NodeId;

use crate::arguments::{NodeAddArguments, NodeCommand};
use crate::client::Client;
use crate::command::status::node_table;
use crate::error::CommandError;
use crate::output::{Style, print_json, print_text};

pub(crate) async fn run(client: &Client, command: NodeCommand, style: &Style) -> Result<(), CommandError> {
    match command {
        NodeCommand::Add(add) => run_add(client, add, style).await,
        NodeCommand::Ls => run_ls(client, style).await,
        NodeCommand::Rm { id } => run_rm(client, &id, style).await,
    }
}

async fn run_add(client: &Client, add: NodeAddArguments, style: &Style) -> Result<(), CommandError> {
    let request = AddNodeRequest {
        provider: "local".to_owned(),
        id: add.id.map(|id| id.to_string()),
        domain: add.domain.map(|domain| domain.to_string()),
        capacity_bytes: add.capacity.map(|capacity| capacity.0),
    };
    let added = client.add_node(&request).await?;
    if style.is_json {
        print_json(&added)
    } else {
        style.say(&added.id)
    }
}

async fn run_ls(client: &Client, style: &Style) -> Result<(), CommandError> {
    let list = client.nodes().await?;
    if style.is_json {
        print_json(&list)
    } else {
        print_text(&node_table(&list.nodes, style))
    }
}

async fn run_rm(client: &Client, id: &NodeId, style: &Style) -> Result<(), CommandError> {
    client.remove_node(id).await?;
    if style.is_json {
        print_json(&serde_json::json!({ "removed": id.to_string() }))
    } else {
        style.say(&format!("{id} removed"))
    }
}
