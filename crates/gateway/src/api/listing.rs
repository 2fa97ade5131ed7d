//! Pages of a listing.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Object;

/// Which objects to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListParameters {
    /// Only paths that begin with this text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[param(required = false)]
    pub prefix: String,
    /// One character; paths that agree up to the next one behind the prefix are folded into one entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many entries, 1 to 1,000; 1,000 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
}

/// A part of a listing, in byte order of paths and prefixes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObjectPage {
    /// Its lines.
    pub entries: Vec<ListEntry>,
    /// Where the next page begins; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ListEntry {
    /// An object.
    Object(Object),
    /// Paths that were folded.
    Prefix(PrefixEntry),
}

/// Paths that were folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PrefixEntry {
    /// What they begin with; ends in the delimiter.
    pub prefix: String,
}

impl From<catalogue::ListEntry> for ListEntry {
    fn from(entry: catalogue::ListEntry) -> Self {
        match entry {
            catalogue::ListEntry::Object(object) => Self::Object(object.into()),
            catalogue::ListEntry::Prefix(prefix) => Self::Prefix(PrefixEntry { prefix }),
        }
    }
}

/// Most entries on a page; also the default. A page of the longest paths is about 1.5 MB.
pub const LIST_LIMIT_MAX: usize = 1000;
