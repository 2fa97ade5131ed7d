//! How fast nine `DirStore`s on one disk are, as JSON lines: `{"figure": …, "value": …, "unit": …}`.
//!
//! Nine stores at once, 32 callers each, as nine agents of one machine are used: small shards (those of a 4 KiB
//! object's record at 6 + 3), then big ones (of a 1 MiB chunk), then both read back.
//!
//! `cargo run --release -p shardstore --example dirstore_speed [DIR]`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::{ChunkId, ShardId, StripeId};
use serde_json::json;
use shardstore::{DirStore, ShardStore};

fn main() -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::TempDir::new()?;
    let dir = std::env::args_os()
        .nth(1)
        .map_or_else(|| scratch.path().to_owned(), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    let stores = runtime.block_on(async { open_all(&dir) })?;
    for (what, len, count) in [
        ("small", 700, 8_000),
        ("inline", 11_000, 2_000),
        ("big", 174_900, 600),
    ] {
        let load = Load { len, count };
        runtime.block_on(load.run(what, "put", &stores, put))?;
        runtime.block_on(load.run(what, "get", &stores, get))?;
    }
    runtime.block_on(list(&stores[0]))?;
    let peak = testkit::peak_memory_bytes(std::process::id())?;
    print("dirstore_peak_memory", peak as f64 / 1e6, "MB");
    reopen(&dir, stores)
}

/// What each store is given.
#[derive(Clone, Copy)]
struct Load {
    len: usize,
    count: u64,
}

impl Load {
    async fn run<F>(
        self,
        what: &str,
        verb: &str,
        stores: &[Arc<DirStore>],
        call: fn(Arc<DirStore>, ShardId, Bytes) -> F,
    ) -> Result<(), Box<dyn Error>>
    where
        F: Future<Output = Duration> + Send + 'static,
    {
        let shard = Bytes::from(vec![0x5a; self.len]);
        let begun = Instant::now();
        let mut callers = tokio::task::JoinSet::new();
        for (node, store) in stores.iter().enumerate() {
            for caller in 0..CALLERS {
                let (store, shard) = (Arc::clone(store), shard.clone());
                callers.spawn(async move {
                    let mut times = Vec::new();
                    for number in (caller..self.count).step_by(CALLERS as usize) {
                        let id = shard_id(number * 31 + self.len as u64, node as u8);
                        times.push(call(Arc::clone(&store), id, shard.clone()).await);
                    }
                    times
                });
            }
        }
        let mut times = callers.join_all().await.concat();
        let elapsed = begun.elapsed().as_secs_f64();
        times.sort_unstable();
        let percentile = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1e3;
        let shards_per_s = times.len() as f64 / elapsed;
        let figure = format!("dirstore_{verb}_{what}");
        print(figure.as_str(), shards_per_s, "shards/s");
        print(figure.as_str(), shards_per_s * self.len as f64 / 1e6, "MB/s");
        print(format!("{figure}_p50"), percentile(50), "ms");
        print(format!("{figure}_p99"), percentile(99), "ms");
        Ok(())
    }
}

fn open_all(dir: &Path) -> Result<Vec<Arc<DirStore>>, Box<dyn Error>> {
    (0..STORES)
        .map(|node| Ok(Arc::new(DirStore::open(dir.join(node.to_string()), 4 << 30)?)))
        .collect()
}

async fn put(store: Arc<DirStore>, id: ShardId, shard: Bytes) -> Duration {
    let begun = Instant::now();
    store.put(id, shard).await.expect("the disk takes it");
    begun.elapsed()
}

async fn get(store: Arc<DirStore>, id: ShardId, expected: Bytes) -> Duration {
    let begun = Instant::now();
    let shard = store.get(id).await.expect("the disk gives it back");
    assert_eq!(shard.len(), expected.len());
    begun.elapsed()
}

async fn list(store: &DirStore) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let page = store.list(None, 1000).await?;
    assert_eq!(page.len(), 1000);
    print("dirstore_list", begun.elapsed().as_secs_f64() * 1e3, "ms");
    Ok(())
}

fn reopen(dir: &Path, stores: Vec<Arc<DirStore>>) -> Result<(), Box<dyn Error>> {
    drop(stores);
    let begun = Instant::now();
    let stores = open_all(dir)?;
    assert_eq!(stores.len(), STORES);
    print("dirstore_reopen", begun.elapsed().as_secs_f64() * 1e3, "ms");
    Ok(())
}

fn shard_id(number: u64, index: u8) -> ShardId {
    // Odd multipliers of SplitMix64 spread consecutive numbers over the whole range, as hashes are.
    let mut id = [0; 32];
    for (place, word) in id.chunks_exact_mut(8).enumerate() {
        let mixed = (number + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9 + 2 * place as u64);
        word.copy_from_slice(
            &(mixed ^ mixed >> 31)
                .wrapping_mul(0x94d0_49bb_1331_11eb)
                .to_be_bytes(),
        );
    }
    StripeId::chunk(ChunkId::from_bytes(id)).shard(index)
}

fn print(figure: impl Into<String>, value: f64, unit: &str) {
    println!(
        "{}",
        json!({ "figure": figure.into(), "value": value, "unit": unit })
    );
}

const STORES: usize = 9;
const CALLERS: u64 = 32;
