//! `stat`: a file's attributes, and where its shards are.

use gateway::api::{Layout, ShardPlace, ShardState, StripeKind, StripeLayout};
use model::ByteCount;

use crate::arguments::StatArguments;
use crate::client::{Client, object_path};
use crate::command::folder::explain_missing;
use crate::command::status::survival;
use crate::error::CommandError;
use crate::output::{Cell, Style, Table, print_json, print_text, timestamp};

pub(crate) async fn run(
    client: &Client,
    arguments: &StatArguments,
    style: &Style,
) -> Result<(), CommandError> {
    let path = object_path(&arguments.path)?;
    let layout = match client.layout(&path, arguments.stripes).await {
        Ok(layout) => layout,
        Err(error) => {
            let hint = "list it with: cloudshell-store ls";
            return Err(explain_missing(client, &path, error, hint).await.about(&path));
        }
    };
    if style.is_json {
        print_json(&layout)
    } else {
        print_text(&describe(&layout, style))
    }
}

fn describe(layout: &Layout, style: &Style) -> String {
    let survival = survival("This file", "survives", layout.domains_may_be_lost);
    let shown = layout.stripes.len() as u64;
    let more = match layout.stripe_count.saturating_sub(shown) {
        0 => String::new(),
        left => format!("… {left} more stripes; --stripes shows more\n"),
    };
    let attributes = attributes(layout, style);
    format!("{attributes}\n{survival}\n\n{}{more}", shard_table(layout))
}

fn attributes(layout: &Layout, style: &Style) -> String {
    let object = &layout.object;
    let bytes = object.size_bytes;
    let mut text = format!("{}\n", style.bold(&style.name(&object.path)));
    let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<10}{value}\n"));
    line("size", &format!("{} ({bytes} bytes)", ByteCount(bytes)));
    line("modified", &format!("{} UTC", timestamp(object.modified_unix_ms)));
    line("version", &object.version);
    if let Some(value) = &object.content_type {
        line("type", &style.name(value));
    }
    for (key, value) in &object.metadata {
        line(&style.name(key), &style.name(value));
    }
    line("stored", &stored(layout));
    text
}

/// In its record or in chunks, and how those are cut.
fn stored(layout: &Layout) -> String {
    let place = match layout.stripe_count.saturating_sub(1) {
        0 => "in its record".to_owned(),
        1 => "in 1 chunk".to_owned(),
        chunks => format!("in {chunks} chunks"),
    };
    let geometry = layout.object.geometry;
    let (data, parity) = (geometry.data, geometry.parity);
    format!("{place}, each stripe cut into {data} data + {parity} parity shards")
}

fn shard_table(layout: &Layout) -> String {
    let mut table = Table::default();
    let width = layout
        .stripes
        .iter()
        .map(|stripe| stripe.shards.len())
        .max()
        .unwrap_or(0);
    let header = (0..width).map(|index| Cell::Left(index.to_string()));
    table.row(std::iter::once(Cell::Left("stripe".to_owned())).chain(header));
    for (n, stripe) in layout.stripes.iter().enumerate() {
        let shards = stripe.shards.iter().map(|shard| Cell::Left(shown(shard)));
        table.row(
            std::iter::once(Cell::Left(name(stripe, layout.first.saturating_add(n as u64)))).chain(shards),
        );
    }
    table.render()
}

fn name(stripe: &StripeLayout, number: u64) -> String {
    match stripe.kind {
        StripeKind::Record => "record".to_owned(),
        StripeKind::Chunk => format!("chunk {}", number.saturating_sub(1)),
    }
}

/// The node's name; in brackets if it cannot be reached, a dash if the shard was never written.
fn shown(shard: &ShardPlace) -> String {
    let node = shard.node.as_deref().unwrap_or("–");
    match shard.state {
        ShardState::Placed => node.to_owned(),
        ShardState::Doubtful => format!("{node}?"),
        ShardState::Unreachable => format!("({node})"),
        ShardState::NeverWritten => "–".to_owned(),
    }
}
