//! The promises of [`Catalogue`], one test function each.
//!
//! Every function wants a fresh, empty catalogue and panics if it breaks the promise.
//! [`contract_tests!`](crate::contract_tests) makes a test of each:
//!
//! ```ignore
//! // A future of the catalogue and of whatever must live as long as it does (a directory, a server).
//! catalogue::contract_tests!(async { (open().await, directory) });
//! ```

#![expect(
    clippy::unwrap_used,
    reason = "these functions are tests, compiled with a feature"
)]

use std::collections::BTreeMap;

use futures_util::future::join_all;
use model::{ChunkId, ChunkRef, Geometry, NodeId, ObjectAttributes, ObjectPath, StripeId, VersionStamp};

use crate::{
    Catalogue, CatalogueError, Commit, ListEntry, ListQuery, NodeEntry, Object, PlacementCount, Stripe,
    Totals, Version, VersionBody,
};

/// Declares one `#[tokio::test]` per promise of [`Catalogue`](crate::Catalogue); the expression is a future that
/// makes a fresh catalogue and a guard. The calling crate needs tokio's `macros` and `rt`.
#[macro_export]
macro_rules! contract_tests {
    ($fresh:expr) => {
        $crate::contract_tests! { @each $fresh;
            an_empty_catalogue_is_empty,
            a_committed_object_is_found,
            the_greatest_stamp_is_current_in_whatever_order,
            a_tombstone_hides_older_versions_only,
            committing_again_changes_nothing,
            chunks_come_in_order_and_pages,
            chunks_of_an_unknown_version_are_none,
            a_chunk_without_stripe_is_placed_nowhere,
            stripes_come_in_the_order_asked,
            a_stripe_committed_again_moves,
            a_commit_with_an_unknown_node_records_nothing,
            a_misshapen_stripe_is_refused,
            a_refused_commit_does_not_fail_its_neighbours,
            nodes_come_by_id_and_are_replaced,
            a_node_in_use_stays,
            an_empty_node_goes,
            totals_follow_commits,
            placements_count_stripes,
            a_listing_is_in_byte_order,
            a_listing_knows_its_prefix,
            a_listing_folds_at_the_delimiter,
            a_listing_continues_behind_any_entry,
            a_listing_of_nothing_is_empty,
            every_attribute_comes_back,
        }
    };
    (@each $fresh:expr; $($promise:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $promise() {
                let (catalogue, _guard) = $fresh.await;
                $crate::contract::$promise(&catalogue).await;
            }
        )*
    };
}

/// Nothing is found in an empty catalogue, and no question about it is an error.
pub async fn an_empty_catalogue_is_empty(catalogue: &dyn Catalogue) {
    assert_eq!(catalogue.head(&path("a")).await.unwrap(), None);
    assert_eq!(catalogue.stripes(&[chunk(1).0]).await.unwrap(), [None]);
    assert_eq!(catalogue.nodes().await.unwrap(), []);
    assert_eq!(catalogue.totals().await.unwrap(), Totals::default());
    assert_eq!(catalogue.placements().await.unwrap(), []);
    assert_eq!(keys(catalogue, ListQuery::default()).await, (vec![], false));
}

/// `head` and `list` show the version that was committed.
pub async fn a_committed_object_is_found(catalogue: &dyn Catalogue) {
    let version = object("a/b", 1, 500, &[]);
    commit(catalogue, [version.clone()]).await;
    let found = catalogue.head(&path("a/b")).await.unwrap();
    assert_eq!(found, Some(as_object(&version)));
    assert_eq!(catalogue.head(&path("a")).await.unwrap(), None);
    let page = catalogue.list(&query("", None, None, 10)).await.unwrap();
    assert_eq!(page.entries, [ListEntry::Object(as_object(&version))]);
}

/// The order of commits does not matter, the order of stamps does; time goes before writer.
pub async fn the_greatest_stamp_is_current_in_whatever_order(catalogue: &dyn Catalogue) {
    let stamps = [(5, 1), (3, 9), (5, 2), (4, 9), (300, 0), (299, 9)];
    let mut greatest = stamp(0, 0);
    for (time, writer) in stamps {
        let version = Version {
            stamp: stamp(time, writer),
            ..object("a", 0, time, &[])
        };
        greatest = greatest.max(version.stamp);
        commit(catalogue, [version]).await;
        let found = catalogue.head(&path("a")).await.unwrap().unwrap();
        assert_eq!((found.stamp, found.attributes.size), (greatest, greatest.time));
    }
    let totals = catalogue.totals().await.unwrap();
    assert_eq!(
        (totals.objects, totals.bytes, totals.latest),
        (1, 300, Some(greatest))
    );
}

/// A tombstone that comes late does not hide a newer version, and a newer version revives.
pub async fn a_tombstone_hides_older_versions_only(catalogue: &dyn Catalogue) {
    let steps = [
        (object("a", 10, 1, &[]), Some(10)),
        (tombstone("a", 5), Some(10)),
        (tombstone("a", 20), None),
        (object("a", 15, 1, &[]), None),
        (object("a", 30, 1, &[]), Some(30)),
        (tombstone("b", 40), Some(30)),
    ];
    for (version, current) in steps {
        commit(catalogue, [version.clone()]).await;
        let found = catalogue.head(&path("a")).await.unwrap();
        assert_eq!(
            found.map(|object| object.stamp.time),
            current,
            "after {version:?}"
        );
        let (listed, _) = keys(catalogue, query("", None, None, 10)).await;
        assert_eq!(listed.len(), usize::from(current.is_some()), "after {version:?}");
    }
    assert_eq!(catalogue.head(&path("b")).await.unwrap(), None);
}

/// A commit that is repeated, as after a lost answer, counts once.
pub async fn committing_again_changes_nothing(catalogue: &dyn Catalogue) {
    put_nodes(catalogue).await;
    let commit = Commit {
        stripes: vec![stripe(1, [1, 2, 3])],
        versions: vec![object("a", 1, 100, &[1]), tombstone("b", 2)],
    };
    let mut before = None;
    for _ in 0..2 {
        catalogue.commit(commit.clone()).await.unwrap();
        let state = (
            catalogue.totals().await.unwrap(),
            catalogue.placements().await.unwrap(),
            catalogue.chunks(&path("a"), stamp(1, 1), 0, 10).await.unwrap(),
        );
        assert_eq!(*before.get_or_insert(state.clone()), state);
    }
}

/// Chunks come as the version lists them, the same one twice if it is there twice, with their stripes.
pub async fn chunks_come_in_order_and_pages(catalogue: &dyn Catalogue) {
    put_nodes(catalogue).await;
    let seeds: Vec<u8> = (0..50).map(|place| place * 7 % 20).collect();
    let stripes = (0..20).map(|seed| stripe(seed, [1, 2, 3])).collect();
    let versions = vec![object("a", 1, 50, &seeds), object("a", 2, 1, &[3])];
    catalogue.commit(Commit { stripes, versions }).await.unwrap();
    for (first, limit) in [(0, 100), (0, 7), (7, 7), (49, 7), (50, 7), (u64::MAX, 7), (0, 0)] {
        let chunks = catalogue
            .chunks(&path("a"), stamp(1, 1), first, limit)
            .await
            .unwrap();
        let expected = seeds.iter().skip(usize::try_from(first).unwrap()).take(limit);
        let found = chunks.iter().map(|placed| (placed.chunk, placed.stripe.clone()));
        let expected = expected.map(|&seed| (chunk(seed).1, stripe(seed, [1, 2, 3])));
        assert_eq!(
            found.collect::<Vec<_>>(),
            expected.collect::<Vec<_>>(),
            "{limit} from {first}"
        );
    }
}

/// Neither an unknown path nor an unknown stamp has chunks, and an inline object has none.
pub async fn chunks_of_an_unknown_version_are_none(catalogue: &dyn Catalogue) {
    put_nodes(catalogue).await;
    commit(catalogue, [object("a", 1, 5, &[1]), object("inline", 1, 5, &[])]).await;
    for (name, time) in [("a", 2), ("b", 1), ("inline", 1)] {
        assert_eq!(
            catalogue.chunks(&path(name), stamp(time, 1), 0, 9).await.unwrap(),
            [],
            "{name} {time}"
        );
    }
    assert!(catalogue.head(&path("inline")).await.unwrap().unwrap().is_inline);
    assert!(!catalogue.head(&path("a")).await.unwrap().unwrap().is_inline);
}

/// A version may be known before its stripes are.
pub async fn a_chunk_without_stripe_is_placed_nowhere(catalogue: &dyn Catalogue) {
    commit(catalogue, [object("a", 1, 5, &[1])]).await;
    let chunks = catalogue.chunks(&path("a"), stamp(1, 1), 0, 9).await.unwrap();
    let nowhere = Stripe {
        placement: vec![None; 3],
        len: chunk(1).1.len,
        ..stripe(1, [0, 0, 0])
    };
    assert_eq!(chunks.len(), 1);
    assert_eq!((chunks[0].chunk, &chunks[0].stripe), (chunk(1).1, &nowhere));
}

/// One answer per id, in the order of the ids, whatever is known and however many there are.
pub async fn stripes_come_in_the_order_asked(catalogue: &dyn Catalogue) {
    put_nodes(catalogue).await;
    let stripes: Vec<_> = (0..40).map(|seed| stripe(seed, [1, 0, 3])).collect();
    let versions = Vec::new();
    catalogue.commit(Commit { stripes, versions }).await.unwrap();
    let seeds: Vec<u8> = (0..2000_u32).map(|place| (place * 13 % 60) as u8).collect();
    let ids: Vec<_> = seeds.iter().map(|&seed| chunk(seed).0).collect();
    let expected = seeds
        .iter()
        .map(|&seed| (seed < 40).then(|| stripe(seed, [1, 0, 3])));
    assert_eq!(
        catalogue.stripes(&ids).await.unwrap(),
        expected.collect::<Vec<_>>()
    );
    assert_eq!(catalogue.stripes(&[]).await.unwrap(), []);
}

/// The placement of the last commit counts, as after a repair.
pub async fn a_stripe_committed_again_moves(catalogue: &dyn Catalogue) {
    put_nodes(catalogue).await;
    for nodes in [[1, 2, 3], [1, 2, 0], [4, 2, 3], [4, 2, 3]] {
        let stripes = vec![stripe(1, nodes)];
        catalogue
            .commit(Commit {
                stripes,
                versions: vec![],
            })
            .await
            .unwrap();
        assert_eq!(
            catalogue.stripes(&[chunk(1).0]).await.unwrap(),
            [Some(stripe(1, nodes))]
        );
        assert_eq!(catalogue.placements().await.unwrap(), [count(nodes, 1)]);
        assert_eq!(catalogue.totals().await.unwrap().stripes, 1);
    }
}

/// A commit is atomic: the good part of a bad one is not recorded either.
pub async fn a_commit_with_an_unknown_node_records_nothing(catalogue: &dyn Catalogue) {
    put_nodes(catalogue).await;
    let stripes = vec![stripe(1, [1, 2, 3]), stripe(2, [1, 2, 77])];
    let versions = vec![object("a", 1, 1, &[])];
    let refusal = catalogue.commit(Commit { stripes, versions }).await;
    assert!(
        matches!(&refusal, Err(CatalogueError::UnknownNode { node }) if *node == node_id(77)),
        "{refusal:?}"
    );
    assert_eq!(catalogue.head(&path("a")).await.unwrap(), None);
    assert_eq!(catalogue.stripes(&[chunk(1).0]).await.unwrap(), [None]);
    assert_eq!(catalogue.totals().await.unwrap(), Totals::default());
}

/// A stripe has one place for each shard, no more and no fewer.
pub async fn a_misshapen_stripe_is_refused(catalogue: &dyn Catalogue) {
    put_nodes(catalogue).await;
    for places in [0, 2, 4] {
        let misshapen = Stripe {
            placement: vec![None; places],
            ..stripe(1, [1, 2, 3])
        };
        let refusal = catalogue
            .commit(Commit {
                stripes: vec![misshapen],
                versions: vec![],
            })
            .await;
        assert!(
            matches!(refusal, Err(CatalogueError::Corrupt { .. })),
            "{places} places: {refusal:?}"
        );
        assert_eq!(catalogue.totals().await.unwrap().stripes, 0);
    }
}

/// Commits that share a transaction do not share a fate.
pub async fn a_refused_commit_does_not_fail_its_neighbours(catalogue: &dyn Catalogue) {
    put_nodes(catalogue).await;
    let commits = (0..60_u8).map(|seed| Commit {
        stripes: vec![stripe(seed, [1, 2, if seed % 10 == 5 { 77 } else { 3 }])],
        versions: vec![object(&format!("object-{seed:02}"), 1, 10, &[])],
    });
    let answers = join_all(commits.map(|commit| catalogue.commit(commit))).await;
    for (seed, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_ok(), seed % 10 != 5, "commit {seed}: {answer:?}");
    }
    let totals = catalogue.totals().await.unwrap();
    assert_eq!((totals.objects, totals.bytes, totals.stripes), (54, 540, 54));
}

/// Nodes are listed by id; putting one again replaces what is known of it.
pub async fn nodes_come_by_id_and_are_replaced(catalogue: &dyn Catalogue) {
    let replaced = NodeEntry {
        domain: "elsewhere".parse().unwrap(),
        provider: "other".to_owned(),
        capacity_bytes: u64::MAX,
        ..node(2)
    };
    for entry in [node(3), node(1), node(2), replaced.clone()] {
        catalogue.put_node(entry).await.unwrap();
    }
    assert_eq!(catalogue.nodes().await.unwrap(), [node(1), replaced, node(3)]);
}

/// A node that stripes name cannot be forgotten, and the error says how many there are.
pub async fn a_node_in_use_stays(catalogue: &dyn Catalogue) {
    put_nodes(catalogue).await;
    let stripes = vec![stripe(1, [1, 2, 3]), stripe(2, [3, 2, 1]), stripe(3, [4, 2, 3])];
    catalogue
        .commit(Commit {
            stripes,
            versions: vec![],
        })
        .await
        .unwrap();
    for (number, expected) in [(1, 2), (2, 3), (4, 1)] {
        let refusal = catalogue.remove_node(&node_id(number)).await;
        let Err(CatalogueError::NodeInUse { node, stripes }) = refusal else {
            panic!("node {number}: {refusal:?}");
        };
        assert_eq!((node, stripes), (node_id(number), expected));
    }
    assert_eq!(catalogue.nodes().await.unwrap().len(), 4);
}

/// A node that all stripes have left can be forgotten; its name may come back as a new node.
pub async fn an_empty_node_goes(catalogue: &dyn Catalogue) {
    put_nodes(catalogue).await;
    for nodes in [[1, 2, 3], [4, 2, 3]] {
        let stripes = vec![stripe(1, nodes)];
        catalogue
            .commit(Commit {
                stripes,
                versions: vec![],
            })
            .await
            .unwrap();
    }
    catalogue.remove_node(&node_id(1)).await.unwrap();
    assert_eq!(catalogue.nodes().await.unwrap(), [node(2), node(3), node(4)]);
    let again = catalogue.remove_node(&node_id(1)).await;
    assert!(
        matches!(&again, Err(CatalogueError::UnknownNode { node }) if *node == node_id(1)),
        "{again:?}"
    );
    catalogue.put_node(node(1)).await.unwrap();
    assert_eq!(
        catalogue.stripes(&[chunk(1).0]).await.unwrap(),
        [Some(stripe(1, [4, 2, 3]))]
    );
    catalogue.remove_node(&node_id(1)).await.unwrap();
}

/// Totals count live objects, all stripes, and remember the greatest stamp, a tombstone's too.
pub async fn totals_follow_commits(catalogue: &dyn Catalogue) {
    put_nodes(catalogue).await;
    let steps = [
        (object("a", 1, 100, &[]), (1, 100, 1)),
        (object("b", 2, 50, &[]), (2, 150, 2)),
        (object("a", 3, 10, &[]), (2, 60, 3)),
        (tombstone("b", 9), (1, 10, 9)),
        (tombstone("b", 4), (1, 10, 9)),
        (object("b", 5, 7, &[]), (1, 10, 9)),
    ];
    for (version, (objects, bytes, latest)) in steps {
        commit(catalogue, [version.clone()]).await;
        let expected = Totals {
            objects,
            bytes,
            stripes: 0,
            latest: Some(stamp(latest, 1)),
        };
        assert_eq!(catalogue.totals().await.unwrap(), expected, "after {version:?}");
    }
}

/// Each set of nodes is counted once, by index: the same nodes in another order are another placement.
pub async fn placements_count_stripes(catalogue: &dyn Catalogue) {
    put_nodes(catalogue).await;
    let placed = [[1, 2, 3], [3, 2, 1], [1, 2, 3], [1, 0, 3], [1, 2, 3]];
    let stripes = placed
        .iter()
        .enumerate()
        .map(|(seed, nodes)| stripe(seed as u8, *nodes))
        .collect();
    catalogue
        .commit(Commit {
            stripes,
            versions: vec![],
        })
        .await
        .unwrap();
    let mut counts = catalogue.placements().await.unwrap();
    counts.sort_by_key(|count| std::cmp::Reverse(count.stripes));
    assert_eq!(counts[0], count([1, 2, 3], 3));
    assert!(counts[1..].contains(&count([3, 2, 1], 1)), "{counts:?}");
    assert!(counts[1..].contains(&count([1, 0, 3], 1)), "{counts:?}");
    assert_eq!(counts.len(), 3);
}

/// Names that a database might order, match or cut in ways of its own, in byte order.
pub const ODD_NAMES: [&str; 22] = [
    "\u{1}",
    "\n",
    " ",
    "\"",
    "%",
    "%a",
    "'",
    "-",
    "A",
    "B",
    "[a]",
    "_",
    "a",
    "a ",
    "a/b",
    "a0",
    "aa",
    "b\\",
    "\u{7f}",
    "é",
    "\u{ffff}",
    "\u{10ffff}",
];

/// Byte by byte, whatever the characters mean to a database.
pub async fn a_listing_is_in_byte_order(catalogue: &dyn Catalogue) {
    assert!(ODD_NAMES.is_sorted(), "the expectation itself");
    commit(
        catalogue,
        ODD_NAMES.iter().rev().map(|name| object(name, 1, 1, &[])),
    )
    .await;
    assert_eq!(
        keys(catalogue, query("", None, None, 100)).await,
        (owned(&ODD_NAMES), false)
    );
    assert_eq!(
        keys(catalogue, query("", None, None, 22)).await,
        (owned(&ODD_NAMES), false)
    );
    assert_eq!(
        keys(catalogue, query("", None, None, 21)).await,
        (owned(&ODD_NAMES[..21]), true)
    );
    for name in ODD_NAMES {
        assert_eq!(
            catalogue.head(&path(name)).await.unwrap().unwrap().path.as_str(),
            name
        );
    }
}

/// A prefix is text, not a pattern, and need not end at a segment.
pub async fn a_listing_knows_its_prefix(catalogue: &dyn Catalogue) {
    commit(catalogue, ODD_NAMES.iter().map(|name| object(name, 1, 1, &[]))).await;
    for prefix in [
        "",
        "a",
        "a/",
        "%",
        "_",
        "[",
        "\u{10ffff}",
        "\u{10ffff}x",
        "\0",
        "a\0",
        "zz",
    ] {
        let expected = ODD_NAMES
            .iter()
            .filter(|name| name.starts_with(prefix))
            .copied()
            .collect::<Vec<_>>();
        assert_eq!(
            keys(catalogue, query(prefix, None, None, 100)).await,
            (owned(&expected), false),
            "{prefix:?}"
        );
    }
}

/// What agrees up to the first delimiter behind the prefix is one entry.
pub async fn a_listing_folds_at_the_delimiter(catalogue: &dyn Catalogue) {
    let names = ["a", "a-b/c", "a/b", "a/b/c", "a/b/d", "a/c", "a0", "b/x", "c"];
    commit(catalogue, names.iter().map(|name| object(name, 1, 1, &[]))).await;
    let cases: [(&str, char, &[&str]); 8] = [
        ("", '/', &["a", "a-b/", "a/", "a0", "b/", "c"]),
        ("a", '/', &["a", "a-b/", "a/", "a0"]),
        ("a/", '/', &["a/b", "a/b/", "a/c"]),
        ("a/b", '/', &["a/b", "a/b/"]),
        ("a/b/", '/', &["a/b/c", "a/b/d"]),
        ("", 'b', &["a", "a-b", "a/b", "a/c", "a0", "b", "c"]),
        ("", '\u{10ffff}', &names),
        ("", '\0', &names),
    ];
    for (prefix, delimiter, expected) in cases {
        let found = keys(catalogue, query(prefix, Some(delimiter), None, 100)).await;
        assert_eq!(found, (owned(expected), false), "{prefix:?} {delimiter:?}");
    }
}

/// Pages of one entry join up to the whole, with and without delimiter.
pub async fn a_listing_continues_behind_any_entry(catalogue: &dyn Catalogue) {
    let names = [
        "a/1",
        "a/2",
        "b",
        "b/1",
        "b0",
        "é/1",
        "é/2",
        "\u{10ffff}",
        "\u{10ffff}/1",
    ];
    commit(catalogue, names.iter().map(|name| object(name, 1, 1, &[]))).await;
    let folded = ["a/", "b", "b/", "b0", "é/", "\u{10ffff}", "\u{10ffff}/"];
    for (delimiter, expected) in [(None, &names[..]), (Some('/'), &folded[..])] {
        let mut after = None;
        for (place, name) in expected.iter().enumerate() {
            let (found, is_truncated) = keys(catalogue, query("", delimiter, after.as_deref(), 1)).await;
            assert_eq!(
                (found, is_truncated),
                (owned(&[*name]), place + 1 < expected.len())
            );
            after = Some((*name).to_owned());
        }
        assert_eq!(
            keys(catalogue, query("", delimiter, after.as_deref(), 1)).await,
            (vec![], false)
        );
    }
}

/// A limit of nothing lists nothing, and so does a place behind the end.
pub async fn a_listing_of_nothing_is_empty(catalogue: &dyn Catalogue) {
    commit(catalogue, [object("a/b", 1, 1, &[])]).await;
    for query in [
        query("", None, None, 0),
        query("", None, Some("b"), 9),
        query("a", Some('/'), Some("a/"), 9),
        query("b", None, None, 9),
    ] {
        assert_eq!(keys(catalogue, query.clone()).await, (vec![], false), "{query:?}");
    }
    assert_eq!(keys(catalogue, query("a", None, Some("A"), 9)).await.0, ["a/b"]);
}

/// Times before 1970, any text and any geometry come back as they were.
pub async fn every_attribute_comes_back(catalogue: &dyn Catalogue) {
    let attributes = ObjectAttributes {
        size: 1 << 50,
        modified_unix_ms: -1,
        content_type: Some("text/plain; charset=\"ütf\"".to_owned()),
        metadata: BTreeMap::from([
            ("k\n\"".to_owned(), "\u{0}é".to_owned()),
            (String::new(), String::new()),
        ]),
        geometry: Geometry::new(200, 55).unwrap(),
    };
    let version = Version {
        record: StripeId::record([0xff; 32]),
        stamp: stamp(u64::MAX, u64::MAX),
        body: VersionBody::Object {
            attributes,
            chunks: vec![],
        },
        ..object("a", 1, 1, &[])
    };
    commit(catalogue, [version.clone()]).await;
    assert_eq!(
        catalogue.head(&path("a")).await.unwrap(),
        Some(as_object(&version))
    );
}

/// A version with these chunks (by seed) in a 2 + 1 geometry, stamped `time` by writer 1.
pub fn object(name: &str, time: u64, size: u64, chunks: &[u8]) -> Version {
    let attributes = ObjectAttributes {
        size,
        modified_unix_ms: 1_700_000_000_000,
        content_type: None,
        metadata: BTreeMap::new(),
        geometry: geometry(),
    };
    Version {
        path: path(name),
        stamp: stamp(time, 1),
        record: StripeId::record([time as u8; 32]),
        body: VersionBody::Object {
            attributes,
            chunks: chunks.iter().map(|&seed| chunk(seed).1).collect(),
        },
    }
}

/// A tombstone, stamped `time` by writer 1.
pub fn tombstone(name: &str, time: u64) -> Version {
    Version {
        body: VersionBody::Tombstone,
        ..object(name, time, 0, &[])
    }
}

/// What `head` shows of a version.
///
/// # Panics
///
/// If it is a tombstone.
pub fn as_object(version: &Version) -> Object {
    let VersionBody::Object { attributes, chunks } = &version.body else {
        panic!("a tombstone is no object");
    };
    Object {
        path: version.path.clone(),
        stamp: version.stamp,
        attributes: attributes.clone(),
        record: version.record,
        is_inline: chunks.is_empty(),
    }
}

async fn commit(catalogue: &dyn Catalogue, versions: impl IntoIterator<Item = Version>) {
    let versions = versions.into_iter().collect();
    catalogue
        .commit(Commit {
            stripes: vec![],
            versions,
        })
        .await
        .unwrap();
}

async fn keys(catalogue: &dyn Catalogue, query: ListQuery) -> (Vec<String>, bool) {
    let page = catalogue.list(&query).await.unwrap();
    (
        page.entries.iter().map(|entry| entry.key().to_owned()).collect(),
        page.is_truncated,
    )
}

fn query(prefix: &str, delimiter: Option<char>, after: Option<&str>, limit: usize) -> ListQuery {
    ListQuery {
        prefix: prefix.to_owned(),
        delimiter,
        after: after.map(str::to_owned),
        limit,
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn path(name: &str) -> ObjectPath {
    name.parse().unwrap()
}

fn stamp(time: u64, writer: u64) -> VersionStamp {
    VersionStamp { time, writer }
}

fn geometry() -> Geometry {
    Geometry::new(2, 1).unwrap()
}

fn chunk(seed: u8) -> (StripeId, ChunkRef) {
    let id = ChunkId::from_bytes([seed; 32]);
    let len = 1000 + u32::from(seed);
    (StripeId::chunk(id), ChunkRef { id, len })
}

/// A stripe on the nodes with these numbers; 0 is none.
fn stripe(seed: u8, nodes: [u8; 3]) -> Stripe {
    Stripe {
        id: chunk(seed).0,
        geometry: geometry(),
        len: chunk(seed).1.len,
        placement: placement(nodes),
    }
}

fn count(nodes: [u8; 3], stripes: u64) -> PlacementCount {
    PlacementCount {
        data: 2,
        placement: placement(nodes),
        stripes,
    }
}

fn placement(nodes: [u8; 3]) -> Vec<Option<NodeId>> {
    nodes.map(|number| (number != 0).then(|| node_id(number))).into()
}

fn node_id(number: u8) -> NodeId {
    format!("local-{number}").parse().unwrap()
}

fn node(number: u8) -> NodeEntry {
    NodeEntry {
        id: node_id(number),
        domain: format!("domain-{number}").parse().unwrap(),
        provider: "local".to_owned(),
        capacity_bytes: 1 << 30,
    }
}

async fn put_nodes(catalogue: &dyn Catalogue) {
    for number in 1..=4 {
        catalogue.put_node(node(number)).await.unwrap();
    }
}
