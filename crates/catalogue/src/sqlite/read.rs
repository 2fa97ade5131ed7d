//! What is asked of the catalogue, but for listings.

use std::collections::HashMap;

use model::{ChunkId, ChunkRef, Geometry, NodeId, ObjectPath, StripeId, StripeKind, VersionStamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::row::{self, NodeNames, NodeNumbers};
use crate::{CatalogueError, NodeEntry, Object, PlacedChunk, PlacementCount, Stripe, Totals, sql};

pub(super) async fn head(
    db: &mut SqliteConnection,
    path: &ObjectPath,
) -> Result<Option<Object>, CatalogueError> {
    let row = sqlx::query(sql::HEAD)
        .bind(path.as_str())
        .fetch_optional(db)
        .await?;
    row.as_ref().map(row::object).transpose()
}

/// The rows of some chunks, and the geometry of their version. Nothing, if there is no such version.
pub(super) async fn chunk_rows(
    db: &mut SqliteConnection,
    path: &ObjectPath,
    stamp: VersionStamp,
    first: u64,
    limit: usize,
) -> Result<Option<(Geometry, Vec<SqliteRow>)>, CatalogueError> {
    let stamp = stamp.to_bytes();
    let version = sqlx::query(sql::VERSION)
        .bind(path.as_str())
        .bind(stamp.as_slice());
    let Some(version) = version.fetch_optional(&mut *db).await? else {
        return Ok(None);
    };
    let end = first.saturating_add(limit as u64);
    let rows = sqlx::query(sql::CHUNKS)
        .bind(version.try_get::<i64, _>("num")?)
        .bind(i64::try_from(first).unwrap_or(i64::MAX))
        .bind(i64::try_from(end).unwrap_or(i64::MAX))
        .fetch_all(db)
        .await?;
    Ok(Some((row::geometry(&version)?, rows)))
}

/// A chunk whose stripe was never recorded is placed nowhere: the version is known from its record, and its shards
/// may still turn up in an inventory.
pub(super) fn placed_chunk(
    row: &SqliteRow,
    geometry: Geometry,
    names: &NodeNames,
) -> Result<PlacedChunk, CatalogueError> {
    let id = row::stripe_id(row.try_get("id")?)?;
    if id.kind != StripeKind::Chunk {
        return Err(CatalogueError::corrupt(format!("{id} is listed as a chunk")));
    }
    let len = row.try_get("chunk_len")?;
    let chunk = ChunkRef {
        id: ChunkId::from_bytes(id.id),
        len,
    };
    let stripe = if row.try_get::<Option<u32>, _>("len")?.is_some() {
        row::stripe(row, names)?
    } else {
        Stripe {
            id,
            geometry,
            len,
            placement: vec![None; geometry.shards()],
        }
    };
    Ok(PlacedChunk { chunk, stripe })
}

/// The rows of the stripes that are known, in no order.
pub(super) async fn stripe_rows(
    db: &mut SqliteConnection,
    ids: &[StripeId],
) -> Result<Vec<SqliteRow>, CatalogueError> {
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(STRIPES_PER_QUERY_MAX) {
        let mut query = QueryBuilder::<Sqlite>::new(sql::STRIPES);
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(id.to_bytes().to_vec());
        }
        list.push_unseparated(")");
        // The text depends on the number of ids; keeping each as a prepared statement would fill the cache.
        rows.extend(query.build().persistent(false).fetch_all(&mut *db).await?);
    }
    Ok(rows)
}

/// Puts stripes in the order asked for.
pub(super) fn stripes_in_order(
    rows: &[SqliteRow],
    ids: &[StripeId],
    names: &NodeNames,
) -> Result<Vec<Option<Stripe>>, CatalogueError> {
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        let stripe = row::stripe(row, names)?;
        found.insert(stripe.id, stripe);
    }
    Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
}

pub(super) async fn nodes(db: &mut SqliteConnection) -> Result<Vec<NodeEntry>, CatalogueError> {
    let rows = sqlx::query(sql::NODES).fetch_all(db).await?;
    rows.iter().map(node_entry).collect()
}

fn node_entry(row: &SqliteRow) -> Result<NodeEntry, CatalogueError> {
    Ok(NodeEntry {
        id: node_id(row)?,
        domain: row
            .try_get::<&str, _>("domain")?
            .parse()
            .map_err(CatalogueError::corrupt)?,
        provider: row.try_get("provider")?,
        capacity_bytes: row.try_get::<i64, _>("capacity_bytes")?.cast_unsigned(),
    })
}

fn node_id(row: &SqliteRow) -> Result<NodeId, CatalogueError> {
    row.try_get::<&str, _>("id")?
        .parse()
        .map_err(CatalogueError::corrupt)
}

pub(super) async fn node_names(db: &mut SqliteConnection) -> Result<NodeNames, CatalogueError> {
    let rows = sqlx::query(sql::NODES).fetch_all(db).await?;
    rows.iter()
        .map(|row| Ok((row.try_get("num")?, node_id(row)?)))
        .collect()
}

pub(super) async fn node_numbers(db: &mut SqliteConnection) -> Result<NodeNumbers, CatalogueError> {
    let names = node_names(db).await?;
    Ok(names.into_iter().map(|(number, name)| (name, number)).collect())
}

pub(super) async fn totals(db: &mut SqliteConnection) -> Result<Totals, CatalogueError> {
    let row = sqlx::query(sql::TOTALS).fetch_one(db).await?;
    let count = |column| row.try_get::<i64, _>(column).map(i64::cast_unsigned);
    let latest = row.try_get::<Option<&[u8]>, _>("latest")?;
    Ok(Totals {
        objects: count("objects")?,
        bytes: count("bytes")?,
        stripes: count("stripes")?,
        latest: latest.map(row::stamp).transpose()?,
    })
}

pub(super) async fn placement_rows(db: &mut SqliteConnection) -> Result<Vec<SqliteRow>, CatalogueError> {
    Ok(sqlx::query(sql::PLACEMENTS).fetch_all(db).await?)
}

pub(super) fn placement_count(row: &SqliteRow, names: &NodeNames) -> Result<PlacementCount, CatalogueError> {
    Ok(PlacementCount {
        data: row::geometry(row)?.data(),
        placement: row::placement(row, names)?,
        stripes: row.try_get::<i64, _>("stripes")?.cast_unsigned(),
    })
}

/// SQLite takes 32,766 parameters, PostgreSQL 65,535; a page of some hundred is as fast.
const STRIPES_PER_QUERY_MAX: usize = 500;
