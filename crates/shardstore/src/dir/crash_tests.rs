//! Shown here: whenever the process is killed or the power goes, the directory opens again with every acknowledged
//! change in it and every other one wholly or not at all.
//!
//! The store announces each step that changes the medium. Before each one the directory is copied twice: as a
//! killed process leaves it, and as the worst power cut would, with the names undone whose folder was not synced
//! since. Every copy is then opened and compared with a model.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::join_all;
use model::ShardId;
use proptest::prelude::*;
use tempfile::TempDir;

use super::DirStore;
use super::cost::cost;
use super::files::Step;
use crate::contract::{shard_bytes, shard_id};
use crate::{ShardStore, StoreError};

type Shards = BTreeMap<ShardId, Bytes>;

/// What is known to have happened, and the copies made on the way.
#[derive(Default)]
struct World {
    acknowledged: Shards,
    /// `None` is a delete.
    pending: BTreeMap<ShardId, Option<Bytes>>,
    /// What a file was before a name changed that its folder's sync has not confirmed.
    unsynced: BTreeMap<ShardId, Option<Vec<u8>>>,
    images: Vec<Image>,
}

struct Image {
    dir: PathBuf,
    step: Step,
    acknowledged: Shards,
    pending: BTreeMap<ShardId, Option<Bytes>>,
}

impl World {
    fn before(&mut self, step: Step, dir: &Path, images: &Path) {
        for (kind, is_power_cut) in [("killed", false), ("powerless", true)] {
            let image = images.join(format!("{}-{kind}", self.images.len()));
            copy_tree(dir, &image);
            if is_power_cut {
                self.undo_unsynced(&image);
            }
            self.images.push(Image {
                dir: image,
                step,
                acknowledged: self.acknowledged.clone(),
                pending: self.pending.clone(),
            });
        }
        match step {
            Step::Rename(id) | Step::Remove(id) => {
                let file = fs::read(file_of(dir, id)).ok();
                self.unsynced.entry(id).or_insert(file);
            }
            Step::SyncFolder(folder) => self.unsynced.retain(|id, _| id.stripe.id[0] != folder),
            Step::Write(_) | Step::Sync(_) | Step::CommitIndex | Step::Answer => {}
        }
    }

    fn undo_unsynced(&self, image: &Path) {
        for (&id, file) in &self.unsynced {
            let path = file_of(image, id);
            match file {
                Some(bytes) => fs::write(path, bytes).unwrap(),
                None => drop(fs::remove_file(path)),
            }
        }
    }

    fn acknowledge(&mut self) {
        for (id, shard) in std::mem::take(&mut self.pending) {
            match shard {
                Some(shard) => self.acknowledged.insert(id, shard),
                None => self.acknowledged.remove(&id),
            };
        }
    }
}

impl Image {
    async fn check(&self) {
        let store = DirStore::open(&self.dir, u64::MAX).unwrap();
        let found = contents(&store).await;
        let ids = self.acknowledged.keys().chain(self.pending.keys());
        for id in ids.chain(found.keys()) {
            let found = found.get(id);
            let is_new = self.pending.get(id).is_some_and(|shard| shard.as_ref() == found);
            assert!(
                is_new || found == self.acknowledged.get(id),
                "{id} before {:?} in {}: {:?} bytes",
                self.step,
                self.dir.display(),
                found.map(Bytes::len),
            );
        }
        check_usage(&store, &found).await;
        assert_eq!(
            fs::read_dir(self.dir.join("tmp")).unwrap().count(),
            0,
            "left in tmp"
        );
    }
}

async fn contents(store: &DirStore) -> Shards {
    let mut shards = Shards::new();
    for entry in store.list(None, 1000).await.unwrap() {
        let shard = store.get(entry.id).await.unwrap();
        assert_eq!(shard.len() as u64, entry.len, "{}", entry.id);
        shards.insert(entry.id, shard);
    }
    shards
}

async fn check_usage(store: &DirStore, shards: &Shards) {
    let usage = store.usage().await.unwrap();
    let used_bytes = shards.values().map(|shard| cost(shard.len() as u64)).sum();
    assert_eq!(
        (usage.shards, usage.used_bytes),
        (shards.len() as u64, used_bytes)
    );
}

/// Changes that are in flight at the same time: shard number and new length, or nothing for a delete.
type Group = BTreeMap<u64, Option<usize>>;

async fn check_crashes(groups: Vec<Group>) {
    let scratch = scratch();
    let (dir, images) = (scratch.path().join("store"), scratch.path().join("images"));
    let world = Arc::new(Mutex::new(World::default()));
    let watch = {
        let (world, dir) = (Arc::clone(&world), dir.clone());
        move |step| {
            world.lock().unwrap().before(step, &dir, &images);
            Ok(())
        }
    };
    let store = DirStore::open_watched(&dir, u64::MAX, Box::new(watch)).unwrap();
    for (round, group) in groups.iter().enumerate() {
        let changes: BTreeMap<_, _> = group
            .iter()
            .map(|(&seed, len)| change(seed, *len, round))
            .collect();
        world.lock().unwrap().pending = changes.clone();
        let answers = join_all(
            changes
                .iter()
                .map(|(&id, shard)| apply(&store, id, shard.clone())),
        )
        .await;
        assert_eq!(answers, vec![Ok(()); group.len()]);
        world.lock().unwrap().acknowledge();
    }
    let acknowledged = world.lock().unwrap().acknowledged.clone();
    assert_eq!(contents(&store).await, acknowledged);
    drop(store);
    let images = std::mem::take(&mut world.lock().unwrap().images);
    for image in images {
        image.check().await;
    }
}

/// In memory where that is possible: the copies say what was synced, and some hundred are opened.
fn scratch() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

/// Each round writes other bytes, so that an old version cannot pass for a new one.
fn change(seed: u64, len: Option<usize>, round: usize) -> (ShardId, Option<Bytes>) {
    let bytes_of = shard_id(seed, round as u8);
    (shard_id(seed, 0), len.map(|len| shard_bytes(bytes_of, len)))
}

async fn apply(store: &DirStore, id: ShardId, shard: Option<Bytes>) -> Result<(), StoreError> {
    match shard {
        Some(shard) => store.put(id, shard).await,
        None => store.delete(id).await,
    }
}

fn file_of(dir: &Path, id: ShardId) -> PathBuf {
    let name: String = id.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    dir.join("shards").join(&name[2..4]).join(name)
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

const SMALL: Option<usize> = Some(700);
const BIG: Option<usize> = Some(20_000);
const BIGGER: Option<usize> = Some(30_000);

/// Every way a shard can change, alone and beside others.
#[tokio::test]
async fn every_kind_of_change_survives_a_crash_at_every_step() {
    let alone = [SMALL, BIG, BIGGER, BIG, SMALL, None, BIG, None];
    let alone = alone.map(|len| Group::from([(1, len)]));
    let together = [
        [(2, BIG), (3, BIG), (4, SMALL), (5, SMALL)],
        [(2, BIGGER), (3, SMALL), (4, BIG), (5, None)],
        [(2, None), (3, BIG), (4, BIGGER), (5, SMALL)],
    ];
    check_crashes(alone.into_iter().chain(together.map(Group::from)).collect()).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn random_changes_survive_a_crash_at_every_step(
        groups in prop::collection::vec(
            prop::collection::btree_map(0..5_u64, prop::sample::select(vec![SMALL, BIG, BIGGER, None]), 1..4),
            1..6,
        )
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check_crashes(groups));
    }
}

/// A store that fails with `errno` at the first step that `is_due`, with one shard in it from before.
fn failing(dir: &Path, errno: rustix::io::Errno, is_due: fn(Step) -> bool) -> DirStore {
    let is_over = Mutex::new(false);
    let watch = move |step| {
        let mut is_over = is_over.lock().unwrap();
        if is_due(step) && !std::mem::replace(&mut *is_over, true) {
            return Err(io::Error::from(errno));
        }
        Ok(())
    };
    DirStore::open_watched(dir, u64::MAX, Box::new(watch)).unwrap()
}

async fn with_one_shard() -> (TempDir, ShardId, Bytes) {
    let dir = TempDir::new().unwrap();
    let (id, shard) = (shard_id(0, 0), shard_bytes(shard_id(0, 0), 700));
    let store = DirStore::open(dir.path(), u64::MAX).unwrap();
    store.put(id, shard.clone()).await.unwrap();
    (dir, id, shard)
}

#[tokio::test]
async fn after_a_failed_write_nothing_is_written_until_reopened() {
    let steps: [fn(Step) -> bool; 5] = [
        |step| matches!(step, Step::Write(_)),
        |step| matches!(step, Step::Sync(_)),
        |step| matches!(step, Step::Rename(_)),
        |step| matches!(step, Step::SyncFolder(_)),
        |step| step == Step::CommitIndex,
    ];
    for is_due in steps {
        let (dir, old, shard) = with_one_shard().await;
        let new = shard_id(1, 0);
        let store = failing(dir.path(), rustix::io::Errno::IO, is_due);
        for attempt in 0..2 {
            let answer = store.put(new, shard_bytes(new, 20_000)).await;
            let Err(StoreError::Poisoned { reason }) = answer else {
                panic!("attempt {attempt}: {answer:?}");
            };
            assert!(reason.contains("os error 5"), "{reason}");
            assert_eq!(store.get(new).await, Err(StoreError::NotFound));
            assert_eq!(store.get(old).await, Ok(shard.clone()));
        }
        drop(store);
        let store = DirStore::open(dir.path(), u64::MAX).unwrap();
        assert_eq!(contents(&store).await, Shards::from([(old, shard)]));
        assert_eq!(store.put(new, shard_bytes(new, 20_000)).await, Ok(()));
    }
}

#[tokio::test]
async fn a_medium_without_space_is_full_and_not_poisoned() {
    let steps: [fn(Step) -> bool; 2] = [
        |step| matches!(step, Step::Write(_)),
        |step| matches!(step, Step::Sync(_)),
    ];
    for is_due in steps {
        let (dir, old, shard) = with_one_shard().await;
        let new = shard_id(1, 0);
        let store = failing(dir.path(), rustix::io::Errno::NOSPC, is_due);
        let full = StoreError::Full {
            needed_bytes: cost(20_000),
            free_bytes: 0,
            capacity_bytes: u64::MAX,
        };
        assert_eq!(store.put(new, shard_bytes(new, 20_000)).await, Err(full));
        assert_eq!(contents(&store).await, Shards::from([(old, shard)]));
        assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
        assert_eq!(store.put(new, shard_bytes(new, 20_000)).await, Ok(()));
        assert_eq!(store.get(new).await, Ok(shard_bytes(new, 20_000)));
    }
}

/// What a test of images cannot show: that a file is synced before it gets its name, and its folder before the index.
#[tokio::test]
async fn steps_are_made_in_the_order_that_survives() {
    let dir = TempDir::new().unwrap();
    let steps = Arc::new(Mutex::new(Vec::new()));
    let watch = {
        let steps = Arc::clone(&steps);
        move |step| {
            steps.lock().unwrap().push(step);
            Ok(())
        }
    };
    let store = DirStore::open_watched(dir.path(), u64::MAX, Box::new(watch)).unwrap();
    let id = shard_id(1, 0);
    store.put(id, shard_bytes(id, 20_000)).await.unwrap();
    store.put(id, shard_bytes(id, 700)).await.unwrap();
    let big = [
        Step::Write(id),
        Step::Sync(id),
        Step::Rename(id),
        Step::SyncFolder(id.stripe.id[0]),
        Step::CommitIndex,
    ];
    let small = [Step::Answer, Step::CommitIndex, Step::Remove(id), Step::Answer];
    assert_eq!(*steps.lock().unwrap(), [&big[..], &small].concat());
}
