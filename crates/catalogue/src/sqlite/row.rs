//! From rows to values and back. A row that makes no sense is [`CatalogueError::Corrupt`], never a panic.

use std::collections::{BTreeMap, HashMap};

use model::{Geometry, NodeId, ObjectAttributes, StripeId, VersionStamp};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::{CatalogueError, Object, Stripe};

/// The node behind each number.
pub(super) type NodeNames = HashMap<u16, NodeId>;

/// The number of each node.
pub(super) type NodeNumbers = HashMap<NodeId, u16>;

pub(super) fn object(row: &SqliteRow) -> Result<Object, CatalogueError> {
    let path = row.try_get::<&str, _>("path")?;
    let attributes = ObjectAttributes {
        size: row.try_get::<i64, _>("size")?.cast_unsigned(),
        modified_unix_ms: row.try_get("modified_unix_ms")?,
        content_type: row.try_get("content_type")?,
        metadata: metadata(row.try_get("metadata")?)?,
        geometry: geometry(row)?,
    };
    Ok(Object {
        path: path.parse().map_err(CatalogueError::corrupt)?,
        stamp: stamp(row.try_get("stamp")?)?,
        attributes,
        record: stripe_id(row.try_get("record")?)?,
        is_inline: row.try_get("is_inline")?,
    })
}

pub(super) fn stripe(row: &SqliteRow, names: &NodeNames) -> Result<Stripe, CatalogueError> {
    Ok(Stripe {
        id: stripe_id(row.try_get("id")?)?,
        geometry: geometry(row)?,
        len: row.try_get("len")?,
        placement: placement(row, names)?,
    })
}

pub(super) fn placement(row: &SqliteRow, names: &NodeNames) -> Result<Vec<Option<NodeId>>, CatalogueError> {
    let nodes = row.try_get::<&[u8], _>("nodes")?;
    let (numbers, rest) = nodes.as_chunks::<2>();
    if !rest.is_empty() || numbers.len() != geometry(row)?.shards() {
        let what = format!(
            "a placement of {} bytes for {} shards",
            nodes.len(),
            geometry(row)?.shards()
        );
        return Err(CatalogueError::corrupt(what));
    }
    let name = |number: &[u8; 2]| match u16::from_le_bytes(*number) {
        0 => Ok(None),
        number => names
            .get(&number)
            .map(|name| Some(name.clone()))
            .ok_or_else(|| CatalogueError::corrupt(format!("a placement names node number {number}"))),
    };
    numbers.iter().map(name).collect()
}

/// The bytes of a placement.
///
/// # Errors
///
/// [`CatalogueError::UnknownNode`] if a node has no number.
pub(super) fn placement_bytes(
    placement: &[Option<NodeId>],
    numbers: &NodeNumbers,
) -> Result<Vec<u8>, CatalogueError> {
    let mut bytes = Vec::with_capacity(2 * placement.len());
    for node in placement {
        let number = match node {
            None => 0,
            Some(node) => *numbers
                .get(node)
                .ok_or_else(|| CatalogueError::UnknownNode { node: node.clone() })?,
        };
        bytes.extend(number.to_le_bytes());
    }
    Ok(bytes)
}

pub(super) fn geometry(row: &SqliteRow) -> Result<Geometry, CatalogueError> {
    let (data, parity) = (row.try_get("data")?, row.try_get("parity")?);
    Geometry::new(data, parity).map_err(CatalogueError::corrupt)
}

pub(super) fn stripe_id(bytes: &[u8]) -> Result<StripeId, CatalogueError> {
    StripeId::from_bytes(bytes)
        .ok_or_else(|| CatalogueError::corrupt(format!("a stripe id of {} bytes", bytes.len())))
}

pub(super) fn stamp(bytes: &[u8]) -> Result<VersionStamp, CatalogueError> {
    let bytes = bytes
        .try_into()
        .map_err(|_| CatalogueError::corrupt(format!("a stamp of {} bytes", bytes.len())))?;
    Ok(VersionStamp::from_bytes(bytes))
}

/// Most objects have no metadata; NULL spares their rows the two braces.
pub(super) fn metadata_json(metadata: &BTreeMap<String, String>) -> Option<String> {
    let json = || serde_json::to_string(metadata).expect("a map of strings is JSON");
    (!metadata.is_empty()).then(json)
}

fn metadata(json: Option<&str>) -> Result<BTreeMap<String, String>, CatalogueError> {
    let parse = |json| serde_json::from_str(json).map_err(CatalogueError::corrupt);
    json.map_or(Ok(BTreeMap::new()), parse)
}
