//! How fast a catalogue of a million objects answers, as JSON lines.
//!
//! A thousand folders of a thousand objects, committed in random order of their paths; then pages of 1,000 from the
//! beginning and from the middle, with and without delimiter; totals and placements; and single commits by 64
//! callers at a time.
//!
//! `cargo run --release -p catalogue --example list_speed [OBJECTS]`

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalogue::{
    Catalogue, CatalogueError, Commit, ListQuery, NodeEntry, SqliteCatalogue, Stripe, Version, VersionBody,
};
use model::{Geometry, NodeId, ObjectAttributes, StripeId, VersionStamp};
use serde_json::{Value, json};

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let objects = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |text| text.parse())?;
    let dir = tempfile::TempDir::new()?;
    let path = dir.path().join("catalogue.sqlite");
    let catalogue = Arc::new(SqliteCatalogue::open(&path).await?);
    build(&*catalogue, objects).await?;
    let file_bytes = std::fs::metadata(&path)?.len();
    print(json!({ "what": "size", "objects": objects, "file_bytes": file_bytes }));
    measure_pages(&*catalogue).await?;
    measure_counts(&*catalogue).await?;
    measure_commits(catalogue, objects).await?;
    print(json!({ "what": "peak memory", "bytes": peak_memory_bytes() }));
    Ok(())
}

async fn build(catalogue: &dyn Catalogue, objects: u64) -> Result<(), Box<dyn Error>> {
    for number in 0..NODES {
        catalogue.put_node(node(number)).await?;
    }
    let begun = Instant::now();
    for first in (0..objects).step_by(COMMIT_OBJECTS) {
        let last = objects.min(first + COMMIT_OBJECTS as u64);
        let mut commit = Commit::default();
        for number in first..last {
            // An odd multiplier walks through all numbers once, far from the order of paths.
            add_object(&mut commit, number * 383_381 % objects, number);
        }
        catalogue.commit(commit).await?;
    }
    let elapsed = begun.elapsed().as_secs_f64();
    print(json!({ "what": "build", "objects_per_s": (objects as f64 / elapsed).round() }));
    Ok(())
}

async fn measure_pages(catalogue: &dyn Catalogue) -> Result<(), Box<dyn Error>> {
    let middle = Some("folder-500/file-500".to_owned());
    let cases = [
        ("first page", "", None, None),
        ("middle page", "", None, middle.clone()),
        ("first page, folded", "", Some('/'), None),
        ("page of 500 folders, folded", "", Some('/'), middle),
        ("one folder, folded", "folder-700/", Some('/'), None),
    ];
    for (what, prefix, delimiter, after) in cases {
        let query = ListQuery {
            prefix: prefix.to_owned(),
            delimiter,
            after,
            limit: 1000,
        };
        let mut entries = 0;
        let times = timed(async || {
            entries = catalogue.list(&query).await?.entries.len();
            Ok(())
        });
        print(json!({ "what": what, "times": times.await?, "entries": entries }));
    }
    Ok(())
}

async fn measure_counts(catalogue: &dyn Catalogue) -> Result<(), Box<dyn Error>> {
    let totals = timed(async || catalogue.totals().await.map(drop)).await?;
    print(json!({ "what": "totals", "times": totals }));
    let placements = timed(async || catalogue.placements().await.map(drop)).await?;
    print(json!({ "what": "placements", "times": placements, "count": catalogue.placements().await?.len() }));
    Ok(())
}

async fn measure_commits(catalogue: Arc<SqliteCatalogue>, objects: u64) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let catalogue = Arc::clone(&catalogue);
        callers.spawn(async move {
            for number in (objects + caller..objects + COMMITS).step_by(CALLERS as usize) {
                let mut commit = Commit::default();
                add_object(&mut commit, number, number);
                catalogue.commit(commit).await?;
            }
            Ok::<_, CatalogueError>(())
        });
    }
    callers.join_all().await.into_iter().collect::<Result<(), _>>()?;
    let elapsed = begun.elapsed().as_secs_f64();
    print(
        json!({ "what": "commits", "callers": CALLERS, "commits_per_s": (COMMITS as f64 / elapsed).round() }),
    );
    Ok(())
}

/// The first time, and the median of the following ones, in milliseconds.
async fn timed(mut call: impl AsyncFnMut() -> Result<(), CatalogueError>) -> Result<Value, CatalogueError> {
    let mut times = Vec::new();
    for _ in 0..21 {
        let begun = Instant::now();
        call().await?;
        times.push(begun.elapsed());
    }
    let first = times.remove(0);
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    Ok(json!({ "first_ms": ms(first), "median_ms": ms(times[10]), "max_ms": ms(times[19]) }))
}

/// A small object: one version, and the stripe of its record.
fn add_object(commit: &mut Commit, number: u64, time: u64) {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let record = StripeId::record(id);
    let geometry = Geometry::default();
    commit.stripes.push(Stripe {
        id: record,
        geometry,
        len: 4500,
        placement: (0..NODES)
            .map(|shard| Some(node_id((shard + number) % NODES)))
            .collect(),
    });
    let attributes = ObjectAttributes {
        size: 4096,
        modified_unix_ms: 1_700_000_000_000,
        content_type: None,
        metadata: BTreeMap::new(),
        geometry,
    };
    let path = format!("folder-{:03}/file-{:03}", number / 1000, number % 1000);
    commit.versions.push(Version {
        path: path.parse().expect("a valid path"),
        stamp: VersionStamp { time, writer: 1 },
        record,
        body: VersionBody::Object {
            attributes,
            chunks: Vec::new(),
        },
    });
}

fn node(number: u64) -> NodeEntry {
    NodeEntry {
        id: node_id(number),
        domain: "domain".parse().expect("a valid name"),
        provider: "local".to_owned(),
        capacity_bytes: 1 << 30,
    }
}

fn node_id(number: u64) -> NodeId {
    format!("local-{number}").parse().expect("a valid name")
}

/// Linux's own high-water mark; 0 elsewhere.
fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

fn print(line: Value) {
    println!("{line}");
}

const NODES: u64 = 9;
const COMMIT_OBJECTS: usize = 10_000;
const CALLERS: u64 = 64;
const COMMITS: u64 = 20_000;
