//! What lies below a folder of the store.

use futures_util::TryStreamExt as _;
use futures_util::stream::{self, Stream};
use gateway::api::{ListEntry, Object};
use model::ObjectPath;

use crate::client::Client;
use crate::error::{CommandError, Kind};

/// Every object whose path begins with a prefix, in order, a page at a time.
pub(super) fn objects<'a>(
    client: &'a Client,
    prefix: &'a str,
) -> impl Stream<Item = Result<Object, CommandError>> + 'a {
    let pages = stream::try_unfold(Some(Walk::default()), move |walk| async move {
        match walk {
            Some(walk) => walk.next(client, prefix).await.map(Some),
            None => Ok(None),
        }
    });
    pages
        .map_ok(|page| stream::iter(page.into_iter().map(Ok)))
        .try_flatten()
}

/// How far a listing has come.
#[derive(Debug, Default)]
struct Walk {
    cursor: Option<String>,
    last: String,
}

impl Walk {
    async fn next(
        mut self,
        client: &Client,
        prefix: &str,
    ) -> Result<(Vec<Object>, Option<Self>), CommandError> {
        let page = client.list(prefix, None, self.cursor.as_deref()).await?;
        let objects: Vec<Object> = page.entries.into_iter().filter_map(object).collect();
        self.check_order(&objects)?;
        let next = page.next_cursor.map(|cursor| Self {
            cursor: Some(cursor),
            last: self.last,
        });
        Ok((objects, next))
    }

    /// A listing that goes round in circles would never end.
    fn check_order(&mut self, objects: &[Object]) -> Result<(), CommandError> {
        for object in objects {
            if object.path <= self.last {
                return Err(CommandError::failed("the daemon's list is out of order"));
            }
            self.last.clone_from(&object.path);
        }
        Ok(())
    }
}

fn object(entry: ListEntry) -> Option<Object> {
    match entry {
        ListEntry::Object(object) => Some(object),
        ListEntry::Prefix(_) => None,
    }
}

/// A path that names no file may name a folder, which is worth a hint.
pub(super) async fn explain_missing(
    client: &Client,
    path: &ObjectPath,
    error: CommandError,
    hint: &str,
) -> CommandError {
    if error.kind() != Kind::NotFound {
        return error;
    }
    let below = client.list(&format!("{path}/"), Some("/"), None).await;
    if below.is_ok_and(|page| !page.entries.is_empty()) {
        CommandError::not_found("it is a folder").with_hint(hint)
    } else {
        error
    }
}
