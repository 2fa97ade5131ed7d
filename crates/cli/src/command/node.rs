//! `node`: adds, lists and removes nodes.

use gateway::api::AddNodeRequest;

use crate::arguments::NodeCommand;
use crate::client::Client;
use crate::command::status::node_table;
use crate::error::CommandError;
use crate::output::{Style, print_json, print_text};

pub(crate) async fn run(client: &Client, command: NodeCommand, style: &Style) -> Result<(), CommandError> {
    match command {
        NodeCommand::Add { id, domain, capacity } => {
            let capacity_bytes = capacity.map(|capacity| capacity.0);
            let request = AddNodeRequest {
                provider: "local".to_owned(),
                id,
                domain,
                capacity_bytes,
            };
            let added = client.add_node(&request).await?;
            if style.is_json {
                print_json(&added)
            } else {
                style.say(&added.id)
            }
        }
        NodeCommand::Ls => {
            let list = client.nodes().await?;
            if style.is_json {
                print_json(&list)
            } else {
                print_text(&node_table(&list.nodes, style))
            }
        }
        NodeCommand::Rm { id } => {
            client.remove_node(&id).await?;
            if style.is_json {
                print_json(&serde_json::json!({ "removed": id }))
            } else {
                Ok(())
            }
        }
    }
}
