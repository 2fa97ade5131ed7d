//! How fast a catalogue of a million objects answers, as JSON lines: `{"figure": …, "value": …, "unit": …}`.
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
use serde_json::json;

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
    print("list_objects", objects as f64, "objects");
    print("list_file", file_bytes as f64 / 1e6, "MB");
    measure_pages(&*catalogue).await?;
    measure_counts(&*catalogue).await?;
    measure_commits(catalogue, objects).await?;
    let peak = testkit::peak_memory_bytes(std::process::id())?;
    print("list_peak_memory", peak as f64 / 1e6, "MB");
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
    print("list_build", objects as f64 / elapsed, "objects/s");
    Ok(())
}

async fn measure_pages(catalogue: &dyn Catalogue) -> Result<(), Box<dyn Error>> {
    let middle = Some("folder-500/file-500".to_owned());
    let cases = [
        ("list_first_page", "", None, None),
        ("list_middle_page", "", None, middle.clone()),
        ("list_first_page_folded", "", Some('/'), None),
        ("list_page_of_folders", "", Some('/'), middle),
        ("list_one_folder", "folder-700/", Some('/'), None),
    ];
    for (figure, prefix, delimiter, after) in cases {
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
        times.await?.print(figure);
        print(format!("{figure}_entries"), entries as f64, "entries");
    }
    Ok(())
}

async fn measure_counts(catalogue: &dyn Catalogue) -> Result<(), Box<dyn Error>> {
    let totals = timed(async || catalogue.totals().await.map(drop));
    totals.await?.print("totals");
    let placements = timed(async || catalogue.placements().await.map(drop));
    placements.await?.print("placements");
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
    print("commits", COMMITS as f64 / elapsed, "commits/s");
    Ok(())
}

/// How long a call took.
struct Times {
    first: Duration,
    /// Of those after the first.
    median: Duration,
    max: Duration,
}

impl Times {
    /// The median under the figure's own name, the others under names made of it.
    fn print(&self, figure: &str) {
        let times = [("", self.median), ("_first", self.first), ("_max", self.max)];
        for (suffix, time) in times {
            print(format!("{figure}{suffix}"), time.as_secs_f64() * 1e3, "ms");
        }
    }
}

async fn timed(mut call: impl AsyncFnMut() -> Result<(), CatalogueError>) -> Result<Times, CatalogueError> {
    let mut times = Vec::new();
    for _ in 0..21 {
        let begun = Instant::now();
        call().await?;
        times.push(begun.elapsed());
    }
    let first = times.remove(0);
    times.sort_unstable();
    Ok(Times {
        first,
        median: times[10],
        max: times[19],
    })
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

fn print(figure: impl Into<String>, value: f64, unit: &str) {
    println!(
        "{}",
        json!({ "figure": figure.into(), "value": value, "unit": unit })
    );
}

const NODES: u64 = 9;
const COMMIT_OBJECTS: usize = 10_000;
const CALLERS: u64 = 64;
const COMMITS: u64 = 20_000;
