//! Listing: which range of paths, and which of its entries fold into one.

use model::ObjectPath;
use sqlx::SqliteConnection;

use super::row;
use crate::{CatalogueError, ListEntry, ListPage, ListQuery, Object, sql};

/// One page of a listing. A page costs as many seeks as it has entries, however many objects fold into them.
pub(super) async fn list(db: &mut SqliteConnection, query: &ListQuery) -> Result<ListPage, CatalogueError> {
    let Some(range) = Range::of(query) else {
        return Ok(ListPage::default());
    };
    // One entry more than asked tells whether there are more.
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX).saturating_add(1);
    let statement = match folding_delimiter(query) {
        None => sqlx::query(sql::LIST)
            .bind(range.first)
            .bind(range.end)
            .bind(limit),
        Some(delimiter) => sqlx::query(sql::LIST_FOLDED)
            .bind(range.first)
            .bind(range.end)
            .bind(limit)
            .bind(query.prefix.chars().count() as i64)
            .bind(delimiter.to_string())
            .bind(behind_all()),
    };
    let rows = statement.fetch_all(db).await?;
    let mut entries = rows
        .iter()
        .map(|row| Ok(entry(row::object(row)?, query)))
        .collect::<Result<Vec<_>, CatalogueError>>()?;
    let is_truncated = entries.len() > query.limit;
    entries.truncate(query.limit);
    Ok(ListPage {
        entries,
        is_truncated,
    })
}

/// Paths from `first` up to, but without, `end`.
#[derive(Debug, PartialEq, Eq)]
struct Range {
    first: String,
    end: String,
}

impl Range {
    /// The paths that can be entries; `None` if there are surely none.
    fn of(query: &ListQuery) -> Option<Self> {
        // NUL is in no path, and SQL functions stop at it.
        if query.limit == 0 || query.prefix.contains('\0') {
            return None;
        }
        let first = match &query.after {
            Some(after) => behind(after, query)?.max(query.prefix.clone()),
            None => query.prefix.clone(),
        };
        let end = successor(&query.prefix).unwrap_or_else(behind_all);
        (first < end).then_some(Self { first, end })
    }
}

/// The first path that can be an entry behind `after`.
fn behind(after: &str, query: &ListQuery) -> Option<String> {
    match folded(after, query) {
        Some(prefix) => successor(prefix),
        // The smallest character of a path is U+0001.
        None => Some(format!("{after}\u{1}")),
    }
}

fn entry(object: Object, query: &ListQuery) -> ListEntry {
    match folded(object.path.as_str(), query) {
        Some(prefix) => ListEntry::Prefix(prefix.to_owned()),
        None => ListEntry::Object(object),
    }
}

/// The entry that `path` folds into, if it folds.
fn folded<'a>(path: &'a str, query: &ListQuery) -> Option<&'a str> {
    let delimiter = folding_delimiter(query)?;
    let behind = path.strip_prefix(&query.prefix)?;
    let len = query.prefix.len() + behind.find(delimiter)? + delimiter.len_utf8();
    path.get(..len)
}

/// NUL is in no path, so it folds nothing.
fn folding_delimiter(query: &ListQuery) -> Option<char> {
    query.delimiter.filter(|&delimiter| delimiter != '\0')
}

/// The smallest text that is greater than every text that begins with `prefix`; `None` if there is none.
///
/// UTF-8 sorts like the code points, so the last character that has a next one moves there.
fn successor(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        let mut above = last..=char::MAX;
        if let Some(next) = above.nth(1) {
            text.push(next);
            return Some(text);
        }
    }
    None
}

/// A text greater than every path, and than the rest of every path: none has so many of the greatest character.
fn behind_all() -> String {
    char::MAX
        .to_string()
        .repeat(ObjectPath::LEN_MAX / char::MAX.len_utf8() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successors_follow_all_that_begins_alike() {
        let cases = [
            ("a", Some("b")),
            ("a/", Some("a0")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("", None),
        ];
        for (prefix, expected) in cases {
            assert_eq!(successor(prefix).as_deref(), expected, "{prefix:?}");
        }
    }
}
