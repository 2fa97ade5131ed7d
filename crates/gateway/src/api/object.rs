//! Objects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Geometry;

/// The current version of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Object {
    /// Its path.
    pub path: String,
    /// Which version this is: 32 hexadecimal digits; the entity tag without its quotes.
    pub version: String,
    /// Length of the content.
    pub size_bytes: u64,
    /// Last change of the content, as the uploader says.
    pub modified_unix_ms: i64,
    /// Media type, if the uploader gave one.
    pub content_type: Option<String>,
    /// The uploader's own key-value pairs.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// How its stripes were cut when it was written.
    pub geometry: Geometry,
}

impl From<catalogue::Object> for Object {
    fn from(object: catalogue::Object) -> Self {
        let attributes = object.attributes;
        Self {
            path: object.path.to_string(),
            version: object.stamp.to_string(),
            size_bytes: attributes.size,
            modified_unix_ms: attributes.modified_unix_ms,
            content_type: attributes.content_type,
            metadata: attributes.metadata,
            geometry: attributes.geometry.into(),
        }
    }
}

/// Gives an object another path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveRequest {
    /// Where it is.
    pub from: String,
    /// Where it shall be.
    pub to: String,
    /// Whether an object that is there is replaced.
    #[serde(default)]
    pub overwrite: bool,
}
