//! `ls`: files and folders.

use gateway::api::{ListEntry, Object, ObjectPage};
use model::ByteCount;
use serde::Serialize;

use crate::arguments::LsArguments;
use crate::client::Client;
use crate::error::CommandError;
use crate::output::{Cell, Style, Table, print_json, print_text, timestamp};

pub(crate) async fn run(client: &Client, arguments: &LsArguments, style: &Style) -> Result<(), CommandError> {
    let typed = arguments.prefix.trim_start_matches('/');
    // `ls folder` means what is in it, even where other names begin alike.
    if !typed.is_empty() && !typed.ends_with('/') {
        let folder = Listing::new(client, arguments, format!("{typed}/"));
        let first = folder.page(None).await?;
        if !first.entries.is_empty() {
            return folder.print(first, style).await;
        }
    }
    let listing = Listing::new(client, arguments, typed.to_owned());
    let first = listing.page(None).await?;
    if first.entries.is_empty() && !typed.is_empty() {
        return Err(CommandError::not_found(format!("nothing begins with {typed:?}")));
    }
    listing.print(first, style).await
}

struct Listing<'a> {
    client: &'a Client,
    arguments: &'a LsArguments,
    prefix: String,
}

#[derive(Serialize)]
struct Document {
    entries: Vec<ListEntry>,
}

impl<'a> Listing<'a> {
    fn new(client: &'a Client, arguments: &'a LsArguments, prefix: String) -> Self {
        Self {
            client,
            arguments,
            prefix,
        }
    }

    async fn page(&self, cursor: Option<&str>) -> Result<ObjectPage, CommandError> {
        let delimiter = (!self.arguments.recursive).then_some("/");
        self.client.list(&self.prefix, delimiter, cursor).await
    }

    async fn print(&self, first: ObjectPage, style: &Style) -> Result<(), CommandError> {
        let (mut page, mut collected) = (first, Vec::new());
        loop {
            if style.is_json {
                collected.append(&mut page.entries);
            } else {
                print_text(&self.lines(&page.entries, style))?;
            }
            let Some(cursor) = page.next_cursor else { break };
            page = self.page(Some(&cursor)).await?;
        }
        if style.is_json {
            print_json(&Document { entries: collected })?;
        }
        Ok(())
    }

    fn lines(&self, entries: &[ListEntry], style: &Style) -> String {
        if !self.arguments.long {
            return entries
                .iter()
                .map(|entry| shown_name(entry, style) + "\n")
                .collect();
        }
        let mut table = Table::default();
        for entry in entries {
            let (size, time) = match entry {
                ListEntry::Object(object) => (self.size(object), timestamp(object.modified_unix_ms)),
                ListEntry::Prefix(_) => ("-".to_owned(), String::new()),
            };
            let name = shown_name(entry, style);
            table.row([Cell::Right(size), Cell::Left(time), Cell::Left(name)]);
        }
        table.render()
    }

    fn size(&self, object: &Object) -> String {
        if self.arguments.bytes {
            object.size_bytes.to_string()
        } else {
            ByteCount(object.size_bytes).to_string()
        }
    }
}

fn shown_name(entry: &ListEntry, style: &Style) -> String {
    match entry {
        ListEntry::Object(object) => style.name(&object.path),
        ListEntry::Prefix(prefix) => style.bold(&style.name(&prefix.prefix)),
    }
}
