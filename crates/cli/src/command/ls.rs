//! `ls`: files and folders.

use gateway::api::{ListEntry, Object, ObjectPage};
use model::ByteCount;

use crate::arguments::LsArguments;
use crate::client::Client;
use crate::error::{CommandError, Kind};
use crate::output::{Cell, Style, Table, print_json, print_text, timestamp};

pub(crate) async fn run(client: &Client, arguments: &LsArguments, style: &Style) -> Result<(), CommandError> {
    let prefix = arguments.prefix.trim_start_matches('/');
    let mut first = page(client, arguments, prefix, None).await?;
    // `ls folder` means what is in it.
    if let ([ListEntry::Prefix(only)], None) = (&first.entries[..], &first.next_cursor)
        && only.prefix.trim_end_matches('/') == prefix
    {
        let folder = only.prefix.clone();
        return print_pages(
            client,
            arguments,
            &folder,
            page(client, arguments, &folder, None).await?,
            style,
        )
        .await;
    }
    if first.entries.is_empty() && !prefix.is_empty() {
        return Err(CommandError::new(
            Kind::NotFound,
            format!("nothing begins with {prefix:?}"),
        ));
    }
    first.entries.shrink_to_fit();
    print_pages(client, arguments, prefix, first, style).await
}

async fn page(
    client: &Client,
    arguments: &LsArguments,
    prefix: &str,
    cursor: Option<&str>,
) -> Result<ObjectPage, CommandError> {
    let delimiter = (!arguments.recursive).then_some("/");
    client.list(prefix, delimiter, cursor).await
}

async fn print_pages(
    client: &Client,
    arguments: &LsArguments,
    prefix: &str,
    first: ObjectPage,
    style: &Style,
) -> Result<(), CommandError> {
    let mut current = first;
    let mut collected = Vec::new();
    loop {
        let cursor = current.next_cursor.take();
        if style.is_json {
            collected.append(&mut current.entries);
        } else {
            print_text(&lines(&current.entries, arguments, style))?;
        }
        let Some(cursor) = cursor else { break };
        current = page(client, arguments, prefix, Some(&cursor)).await?;
    }
    if style.is_json {
        print_json(&serde_json::json!({ "entries": collected }))
    } else {
        Ok(())
    }
}

fn lines(entries: &[ListEntry], arguments: &LsArguments, style: &Style) -> String {
    if !arguments.long {
        return entries
            .iter()
            .map(|entry| format!("{}\n", shown_name(entry, style)))
            .collect();
    }
    let mut table = Table::default();
    for entry in entries {
        let (size, time) = match entry {
            ListEntry::Object(object) => (size(object, arguments.bytes), timestamp(object.modified_unix_ms)),
            ListEntry::Prefix(_) => ("-".to_owned(), String::new()),
        };
        table.row([
            Cell::Right(size),
            Cell::Left(time),
            Cell::Left(shown_name(entry, style)),
        ]);
    }
    table.render()
}

fn shown_name(entry: &ListEntry, style: &Style) -> String {
    match entry {
        ListEntry::Object(object) => style.name(&object.path),
        ListEntry::Prefix(prefix) => style.bold(&style.name(&prefix.prefix)),
    }
}

fn size(object: &Object, in_bytes: bool) -> String {
    if in_bytes {
        object.size_bytes.to_string()
    } else {
        ByteCount(object.size_bytes).to_string()
    }
}
