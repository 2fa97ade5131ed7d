//! The catalogue against a `BTreeMap`: random commits in random order of stamps, overwrites and tombstones, then
//! every listing against a naive one. Names are made of the pieces that databases trip over.
//!
//! A failure prints its seed and is kept in `tests/model.proptest-regressions`.

#![expect(clippy::unwrap_used, reason = "every function here is part of a test")]

use std::collections::BTreeMap;

use catalogue::contract::{as_object, object, tombstone};
use catalogue::{Catalogue, Commit, ListEntry, ListPage, ListQuery, SqliteCatalogue, Version, VersionBody};
use model::ObjectPath;
use proptest::prelude::*;
use tempfile::TempDir;

/// All versions of all paths, by stamp.
type Model = BTreeMap<String, BTreeMap<u64, Version>>;

const PIECES: [&str; 16] = [
    "a",
    "b",
    "/",
    "/",
    "%",
    "_",
    "'",
    "\"",
    "\\",
    "\u{1}",
    "\u{7f}",
    "é",
    "\u{d7ff}",
    "\u{e000}",
    "\u{10ffff}",
    "-",
];

fn text(pieces: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PIECES[..]), pieces).prop_map(|pieces| pieces.concat())
}

fn name() -> impl Strategy<Value = String> {
    text(1..6).prop_filter("no path", |text| text.parse::<ObjectPath>().is_ok())
}

fn version() -> impl Strategy<Value = Version> {
    (name(), 1..40_u64, 0..1000_u64, prop::bool::weighted(0.3)).prop_map(
        |(name, time, size, is_tombstone)| {
            if is_tombstone {
                tombstone(&name, time)
            } else {
                object(&name, time, size, &[])
            }
        },
    )
}

fn query() -> impl Strategy<Value = ListQuery> {
    let delimiter = prop::sample::select(vec![
        None,
        Some('/'),
        Some('/'),
        Some('a'),
        Some('é'),
        Some('\u{10ffff}'),
    ]);
    (text(0..3), delimiter, prop::option::of(text(0..5)), 0..8_usize).prop_map(
        |(prefix, delimiter, after, limit)| ListQuery {
            prefix,
            delimiter,
            after,
            limit,
        },
    )
}

fn current(model: &Model) -> impl Iterator<Item = &Version> {
    let newest = model
        .values()
        .filter_map(|versions| versions.values().next_back());
    newest.filter(|version| matches!(version.body, VersionBody::Object { .. }))
}

/// Folds every object, sorts, and takes what is asked for.
fn naive_list(model: &Model, query: &ListQuery) -> ListPage {
    let mut entries = BTreeMap::new();
    for version in current(model) {
        let path = version.path.as_str();
        let Some(behind) = path.strip_prefix(&query.prefix) else {
            continue;
        };
        let cut = query
            .delimiter
            .and_then(|delimiter| Some(behind.find(delimiter)? + delimiter.len_utf8()));
        let entry = match cut {
            Some(cut) => ListEntry::Prefix(path[..query.prefix.len() + cut].to_owned()),
            None => ListEntry::Object(as_object(version)),
        };
        entries.insert(entry.key().to_owned(), entry);
    }
    let is_behind = |entry: &ListEntry| {
        query
            .after
            .as_ref()
            .is_none_or(|after| entry.key() > after.as_str())
    };
    let behind: Vec<_> = entries.into_values().filter(is_behind).collect();
    ListPage {
        is_truncated: query.limit > 0 && behind.len() > query.limit,
        entries: behind.into_iter().take(query.limit).collect(),
    }
}

async fn check(commits: Vec<Vec<Version>>, queries: Vec<ListQuery>) {
    let dir = TempDir::new().unwrap();
    let catalogue = SqliteCatalogue::open(dir.path().join("catalogue.sqlite"))
        .await
        .unwrap();
    let mut model = Model::new();
    for versions in commits {
        for version in &versions {
            // The first of two versions with one stamp stands: committing what is there changes nothing.
            let path = model.entry(version.path.as_str().to_owned()).or_default();
            path.entry(version.stamp.time).or_insert_with(|| version.clone());
        }
        let stripes = Vec::new();
        catalogue.commit(Commit { stripes, versions }).await.unwrap();
    }
    let totals = catalogue.totals().await.unwrap();
    let sizes: Vec<u64> = current(&model)
        .map(|version| as_object(version).attributes.size)
        .collect();
    assert_eq!(
        (totals.objects, totals.bytes),
        (sizes.len() as u64, sizes.iter().sum())
    );
    let latest = model.values().flat_map(BTreeMap::keys).max().copied();
    assert_eq!(totals.latest.map(|stamp| stamp.time), latest);
    for query in queries {
        assert_eq!(
            catalogue.list(&query).await.unwrap(),
            naive_list(&model, &query),
            "{query:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn listings_and_totals_agree_with_a_map(
        commits in prop::collection::vec(prop::collection::vec(version(), 1..12), 1..6),
        queries in prop::collection::vec(query(), 20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(commits, queries));
    }
}
