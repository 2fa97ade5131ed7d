//! What a transaction changes.

use std::collections::HashMap;

use model::{ChunkRef, Geometry, NodeId, StripeId, VersionStamp};
use sqlx::{Row, SqliteConnection};

use super::read;
use super::row::{self, NodeNumbers};
use crate::{CatalogueError, Commit, NodeEntry, Stripe, Version, VersionBody, sql};

/// A change that some caller waits for.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Commit(Commit),
    PutNode(NodeEntry),
    RemoveNode(NodeId),
}

/// The changes of one transaction, and the sums that are written once at its end.
pub(super) struct Staging<'db> {
    db: &'db mut SqliteConnection,
    numbers: NodeNumbers,
    /// Placements met so far, by geometry and bytes.
    placements: HashMap<(Geometry, Vec<u8>), i64>,
    /// How many stripes each placement gained or lost.
    stripes_by_placement: HashMap<i64, i64>,
    /// Versions ever committed: the number of the next one.
    versions: i64,
    totals: TotalsDelta,
}

#[derive(Default)]
struct TotalsDelta {
    objects: i64,
    bytes: i64,
    stripes: i64,
    latest: Option<VersionStamp>,
}

impl<'db> Staging<'db> {
    pub(super) async fn new(db: &'db mut SqliteConnection) -> Result<Self, CatalogueError> {
        let numbers = read::node_numbers(&mut *db).await?;
        let versions = sqlx::query(sql::TOTALS)
            .fetch_one(&mut *db)
            .await?
            .try_get("versions")?;
        Ok(Self {
            db,
            numbers,
            placements: HashMap::new(),
            stripes_by_placement: HashMap::new(),
            versions,
            totals: TotalsDelta::default(),
        })
    }

    pub(super) async fn apply(&mut self, change: &Change) -> Result<(), CatalogueError> {
        match change {
            Change::Commit(commit) => self.commit(commit).await,
            Change::PutNode(node) => self.put_node(node).await,
            Change::RemoveNode(id) => self.remove_node(id).await,
        }
    }

    /// Writes the sums. What is left is to commit the transaction.
    pub(super) async fn finish(mut self) -> Result<(), CatalogueError> {
        self.count_placements().await?;
        let TotalsDelta {
            objects,
            bytes,
            stripes,
            latest,
        } = self.totals;
        let latest = latest.map(|stamp| stamp.to_bytes().to_vec());
        let query = sqlx::query(sql::ADD_TOTALS)
            .bind(objects)
            .bind(bytes)
            .bind(stripes)
            .bind(self.versions)
            .bind(latest);
        query.execute(self.db).await?;
        Ok(())
    }

    async fn count_placements(&mut self) -> Result<(), CatalogueError> {
        for (placement, gained) in std::mem::take(&mut self.stripes_by_placement) {
            if gained != 0 {
                let query = sqlx::query(sql::COUNT_PLACEMENT).bind(placement).bind(gained);
                query.execute(&mut *self.db).await?;
            }
        }
        Ok(())
    }

    async fn commit(&mut self, commit: &Commit) -> Result<(), CatalogueError> {
        for stripe in &commit.stripes {
            self.stripe(stripe).await?;
        }
        for version in &commit.versions {
            self.version(version).await?;
        }
        Ok(())
    }

    async fn stripe(&mut self, stripe: &Stripe) -> Result<(), CatalogueError> {
        let placement = self.placement(stripe).await?;
        let id = stripe.id.to_bytes().to_vec();
        let query = sqlx::query(sql::INSERT_STRIPE)
            .bind(id.clone())
            .bind(stripe.len)
            .bind(placement);
        let is_new = query.execute(&mut *self.db).await?.rows_affected() == 1;
        if is_new {
            self.totals.stripes += 1;
        } else {
            self.move_stripe(id, stripe.len, placement).await?;
        }
        *self.stripes_by_placement.entry(placement).or_default() += 1;
        Ok(())
    }

    async fn move_stripe(&mut self, id: Vec<u8>, len: u32, placement: i64) -> Result<(), CatalogueError> {
        let old = sqlx::query_scalar(sql::STRIPE_PLACEMENT).bind(id.clone());
        let old: i64 = old.fetch_one(&mut *self.db).await?;
        let query = sqlx::query(sql::UPDATE_STRIPE).bind(id).bind(len).bind(placement);
        query.execute(&mut *self.db).await?;
        *self.stripes_by_placement.entry(old).or_default() -= 1;
        Ok(())
    }

    /// The number of a stripe's placement, which is made if it is new.
    async fn placement(&mut self, stripe: &Stripe) -> Result<i64, CatalogueError> {
        let Stripe {
            geometry, placement, ..
        } = stripe;
        if placement.len() != geometry.shards() {
            let what = format!(
                "{} has {} shards and {} places",
                stripe.id,
                geometry.shards(),
                placement.len()
            );
            return Err(CatalogueError::corrupt(what));
        }
        let key = (*geometry, row::placement_bytes(placement, &self.numbers)?);
        if let Some(&num) = self.placements.get(&key) {
            return Ok(num);
        }
        let num = self.find_or_insert_placement(*geometry, &key.1).await?;
        self.placements.insert(key, num);
        Ok(num)
    }

    async fn find_or_insert_placement(
        &mut self,
        geometry: Geometry,
        nodes: &[u8],
    ) -> Result<i64, CatalogueError> {
        let (data, parity) = (geometry.data() as i64, geometry.parity() as i64);
        let find = sqlx::query_scalar(sql::FIND_PLACEMENT)
            .bind(nodes)
            .bind(data)
            .bind(parity);
        if let Some(num) = find.fetch_optional(&mut *self.db).await? {
            return Ok(num);
        }
        let insert = sqlx::query_scalar(sql::INSERT_PLACEMENT)
            .bind(nodes)
            .bind(data)
            .bind(parity);
        Ok(insert.fetch_one(&mut *self.db).await?)
    }

    async fn version(&mut self, version: &Version) -> Result<(), CatalogueError> {
        if !self.insert_version(version).await? {
            return Ok(());
        }
        if let VersionBody::Object { chunks, .. } = &version.body {
            self.insert_chunks(chunks).await?;
        }
        self.versions += 1;
        self.totals.latest = self.totals.latest.max(Some(version.stamp));
        self.make_current(version).await
    }

    /// Whether the version is new.
    async fn insert_version(&mut self, version: &Version) -> Result<bool, CatalogueError> {
        let (attributes, is_inline) = match &version.body {
            VersionBody::Tombstone => (None, false),
            VersionBody::Object { attributes, chunks } => (Some(attributes), chunks.is_empty()),
        };
        let geometry = attributes
            .map(|attributes| attributes.geometry)
            .unwrap_or_default();
        let query = sqlx::query(sql::INSERT_VERSION)
            .bind(version.path.as_str())
            .bind(version.stamp.to_bytes().to_vec())
            .bind(self.versions)
            .bind(version.record.to_bytes().to_vec())
            .bind(attributes.is_none())
            .bind(is_inline)
            .bind(attributes.map_or(0, |attributes| attributes.size.cast_signed()))
            .bind(attributes.map_or(0, |attributes| attributes.modified_unix_ms))
            .bind(attributes.and_then(|attributes| attributes.content_type.as_deref()))
            .bind(attributes.and_then(|attributes| row::metadata_json(&attributes.metadata)))
            .bind(geometry.data() as i64)
            .bind(geometry.parity() as i64);
        Ok(query.execute(&mut *self.db).await?.rows_affected() == 1)
    }

    /// The chunks of the version that is being inserted.
    async fn insert_chunks(&mut self, chunks: &[ChunkRef]) -> Result<(), CatalogueError> {
        for (seq, chunk) in chunks.iter().enumerate() {
            let stripe = StripeId::chunk(chunk.id).to_bytes().to_vec();
            let query = sqlx::query(sql::INSERT_CHUNK)
                .bind(self.versions)
                .bind(seq as i64);
            query.bind(stripe).bind(chunk.len).execute(&mut *self.db).await?;
        }
        Ok(())
    }

    /// Makes a new version the current one, unless a greater stamp is there.
    async fn make_current(&mut self, version: &Version) -> Result<(), CatalogueError> {
        let (path, stamp) = (version.path.as_str(), version.stamp.to_bytes().to_vec());
        let row = sqlx::query(sql::NEWEST)
            .bind(path)
            .fetch_one(&mut *self.db)
            .await?;
        if row.try_get::<&[u8], _>("newest")? != stamp {
            return Ok(());
        }
        if let Some(size) = row.try_get::<Option<i64>, _>("live_size")? {
            self.totals.objects -= 1;
            self.totals.bytes -= size;
        }
        let query = match &version.body {
            VersionBody::Tombstone => sqlx::query(sql::DELETE_OBJECT).bind(path),
            VersionBody::Object { attributes, .. } => {
                self.totals.objects += 1;
                self.totals.bytes += attributes.size.cast_signed();
                sqlx::query(sql::PUT_OBJECT).bind(path).bind(stamp)
            }
        };
        query.execute(&mut *self.db).await?;
        Ok(())
    }

    async fn put_node(&mut self, node: &NodeEntry) -> Result<(), CatalogueError> {
        let statement = if self.numbers.contains_key(&node.id) {
            sql::UPDATE_NODE
        } else {
            sql::INSERT_NODE
        };
        sqlx::query(statement)
            .bind(node.id.as_str())
            .bind(node.domain.as_str())
            .bind(node.provider.as_str())
            .bind(node.capacity_bytes.cast_signed())
            .execute(&mut *self.db)
            .await?;
        self.numbers = read::node_numbers(&mut *self.db).await?;
        Ok(())
    }

    async fn remove_node(&mut self, id: &NodeId) -> Result<(), CatalogueError> {
        let Some(&number) = self.numbers.get(id) else {
            return Err(CatalogueError::UnknownNode { node: id.clone() });
        };
        self.count_placements().await?;
        let stripes = self.stripes_on(number).await?;
        if stripes > 0 {
            return Err(CatalogueError::NodeInUse {
                node: id.clone(),
                stripes,
            });
        }
        sqlx::query(sql::DELETE_NODE)
            .bind(id.as_str())
            .execute(&mut *self.db)
            .await?;
        self.numbers.remove(id);
        Ok(())
    }

    async fn stripes_on(&mut self, number: u16) -> Result<u64, CatalogueError> {
        let mut stripes = 0;
        for row in read::placement_rows(&mut *self.db).await? {
            let (nodes, _) = row.try_get::<&[u8], _>("nodes")?.as_chunks::<2>();
            if nodes.contains(&number.to_le_bytes()) {
                stripes += row.try_get::<i64, _>("stripes")?.cast_unsigned();
            }
        }
        Ok(stripes)
    }
}
