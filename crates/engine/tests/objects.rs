//! What a user does with objects: every size around the limits comes back, ranges are exact, versions and conditions
//! hold, nothing of a failed upload is visible. Over nine nodes in memory and a real catalogue.

use std::collections::BTreeMap;

use engine::{BodyError, DeleteError, Event, GetError, Precondition, PutError, PutOptions, RenameError};
use futures_util::{StreamExt as _, stream};
use model::{ByteCount, ObjectPath};
use testkit::{Lottery, TestStore, body, frames, read_range};

const MIB: usize = 1 << 20;

fn path(text: &str) -> ObjectPath {
    text.parse().expect("tests use valid paths")
}

#[tokio::test]
async fn every_size_around_the_limits_comes_back() {
    let store = TestStore::new(9).await;
    let mut lottery = Lottery::from_env();
    for size in [
        0,
        1,
        4096,
        (64 << 10) - 1,
        64 << 10,
        (64 << 10) + 1,
        MIB - 1,
        MIB,
        MIB + 1,
        5 * MIB + 12_345,
    ] {
        let bytes = lottery.bytes(size);
        let name = format!("sizes/{size}");
        let object = store.put(&name, &bytes).await.expect("stored");
        assert_eq!(
            (object.attributes.size, object.is_inline),
            (size as u64, size <= 64 << 10)
        );
        assert!(
            store.get(&name).await.expect("read") == bytes,
            "{} differ",
            ByteCount(size as u64)
        );
    }
}

#[tokio::test]
async fn ranges_are_exact() {
    let store = TestStore::new(9).await;
    let mut lottery = Lottery::from_env();
    for size in [10_000, 3 * MIB + 77] {
        let bytes = lottery.bytes(size);
        store.put("file", &bytes).await.expect("stored");
        let edges = [
            0,
            1,
            MIB - 1,
            MIB,
            MIB + 1,
            2 * MIB,
            size - 1,
            size,
            size + 1,
            usize::MAX,
        ];
        let random = std::array::from_fn::<_, 6, _>(|_| lottery.below(size));
        for start in edges.into_iter().chain(random) {
            for end in edges.into_iter().chain(random) {
                let expected = bytes
                    .get(start.min(size)..end.clamp(start.min(size), size))
                    .unwrap_or_default();
                let got = read_range(&store.engine, "file", start as u64..end as u64)
                    .await
                    .expect("read");
                assert!(got == expected, "{start}..{end} of {size}: {} bytes", got.len());
            }
        }
    }
}

#[tokio::test]
async fn a_new_version_replaces_and_an_open_reader_keeps_the_old() {
    let store = TestStore::new(9).await;
    let old = vec![1; 3 * MIB];
    let first = store.put("file", &old).await.expect("stored");
    let reader = store.engine.open(&path("file")).await.expect("it is there");
    let second = store.put("file", b"new").await.expect("stored");
    assert!(second.stamp > first.stamp);
    assert_eq!(store.get("file").await.expect("read"), b"new");
    let parts: Vec<_> = reader.stream(0..u64::MAX).await.expect("opened").collect().await;
    let read: Vec<u8> = parts.into_iter().flat_map(|part| part.expect("read")).collect();
    assert!(read == old);
}

#[tokio::test]
async fn deleted_objects_are_gone_and_can_be_put_again() {
    let store = TestStore::new(9).await;
    store.put("a", b"1").await.expect("stored");
    store
        .engine
        .delete(&path("a"), &Precondition::default())
        .await
        .expect("deleted");
    assert!(matches!(store.get("a").await, Err(GetError::NotFound)));
    let again = store.engine.delete(&path("a"), &Precondition::default()).await;
    assert!(matches!(again, Err(DeleteError::NotFound)), "{again:?}");
    store.put("a", b"2").await.expect("stored");
    assert_eq!(store.get("a").await.expect("read"), b"2");
}

#[tokio::test]
async fn moving_keeps_bytes_and_attributes_and_does_not_overwrite_unasked() {
    let store = TestStore::new(9).await;
    let bytes = Lottery::from_env().bytes(2 * MIB + 5);
    let options = PutOptions {
        modified_unix_ms: Some(-5),
        content_type: Some("text/x".to_owned()),
        metadata: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        ..PutOptions::default()
    };
    let put = store
        .engine
        .put(&path("a"), options, body(&bytes))
        .await
        .expect("stored");
    store.put("b", b"other").await.expect("stored");
    let error = store
        .engine
        .rename(&path("a"), &path("b"), false)
        .await
        .expect_err("b exists");
    assert!(matches!(error, RenameError::Exists { .. }), "{error}");
    let moved = store
        .engine
        .rename(&path("a"), &path("b"), true)
        .await
        .expect("moved");
    assert_eq!(moved.attributes, put.attributes);
    assert_eq!(store.paths().await, ["b"]);
    assert!(store.get("b").await.expect("read") == bytes);
    let missing = store.engine.rename(&path("a"), &path("c"), false).await;
    assert!(matches!(missing, Err(RenameError::NotFound)), "{missing:?}");
    assert_eq!(
        store
            .engine
            .rename(&path("b"), &path("b"), false)
            .await
            .expect("nothing to do")
            .stamp,
        moved.stamp
    );
}

#[tokio::test]
async fn preconditions_are_checked_at_the_end_too() {
    let store = TestStore::new(9).await;
    let first = store.put("a", b"1").await.expect("stored");
    let only_new = Precondition {
        if_none_match: Some(Vec::new()),
        ..Precondition::default()
    };
    let options = PutOptions {
        precondition: only_new.clone(),
        ..PutOptions::default()
    };
    let refused = store
        .engine
        .put(&path("a"), options, body(b"2"))
        .await
        .expect_err("it exists");
    assert!(matches!(refused, PutError::PreconditionFailed { current: Some(stamp) } if stamp == first.stamp));

    // The object appears while the upload is on its way.
    let engine = store.engine.clone();
    let racing = stream::once(async move {
        engine
            .put(&path("b"), PutOptions::default(), body(b"first"))
            .await
            .expect("stored");
        Ok(bytes::Bytes::from_static(b"second"))
    });
    let options = PutOptions {
        precondition: only_new,
        ..PutOptions::default()
    };
    let refused = store
        .engine
        .put(&path("b"), options, racing)
        .await
        .expect_err("it exists by now");
    assert!(
        matches!(refused, PutError::PreconditionFailed { .. }),
        "{refused}"
    );
    assert_eq!(store.get("b").await.expect("read"), b"first");
}

#[tokio::test]
async fn an_upload_that_is_cut_off_or_has_another_length_leaves_nothing() {
    let store = TestStore::new(9).await;
    let cut = || Err(BodyError("connection reset".into()));
    for size in [10, 3 * MIB] {
        let part = vec![5; size];
        let broken = frames(&part).map(Ok).chain(stream::once(async move { cut() }));
        let error = store
            .engine
            .put(&path("cut"), PutOptions::default(), broken)
            .await
            .expect_err("cut off");
        assert!(matches!(error, PutError::Body(_)), "{error}");
        for announced in [size as u64 - 1, size as u64 + 1] {
            let options = PutOptions {
                size: Some(announced),
                ..PutOptions::default()
            };
            let error = store
                .engine
                .put(&path("cut"), options, body(&part))
                .await
                .expect_err("another length");
            let PutError::SizeMismatch { expected, received } = error else {
                panic!("{error}")
            };
            assert_eq!((expected, received), (announced, size as u64));
        }
    }
    assert_eq!(store.paths().await, [""; 0]);
}

#[tokio::test]
async fn of_two_uploads_to_one_path_one_wins_whole() {
    let store = TestStore::new(9).await;
    let versions: Vec<Vec<u8>> = (0..8_u8).map(|n| vec![n; 2 * MIB + usize::from(n)]).collect();
    let puts = versions.iter().map(|bytes| store.put("race", bytes));
    let objects = futures_util::future::join_all(puts).await;
    let objects: Vec<_> = objects
        .into_iter()
        .map(|object| object.expect("stored"))
        .collect();
    let winner = (0..8).max_by_key(|n| objects[*n].stamp).expect("there are eight");
    assert!(store.get("race").await.expect("read") == versions[winner]);
}

#[tokio::test]
async fn equal_chunks_are_stored_once() {
    let store = TestStore::new(9).await;
    let bytes = Lottery::from_env().bytes(4 * MIB);
    store.put("a", &bytes).await.expect("stored");
    let before = store.engine.catalogue().totals().await.expect("counted");
    store.put("b", &bytes).await.expect("stored");
    let after = store.engine.catalogue().totals().await.expect("counted");
    assert_eq!(after.stripes - before.stripes, 1, "only the record is new");
    assert_eq!(store.engine.counters().chunks_deduplicated, 4);
}

#[tokio::test]
async fn an_object_with_a_chunk_list_of_its_own_comes_back() {
    // 16,385 chunks would be 16 GiB of content; all chunks are equal, so that only hashing them takes time.
    let store = TestStore::new(9).await;
    let chunks = codec::RECORD_CHUNKS_MAX + 1;
    let chunk = bytes::Bytes::from(vec![9; MIB]);
    let stream = stream::iter(std::iter::repeat_n(chunk.clone(), chunks)).map(Ok);
    let object = store
        .engine
        .put(&path("huge"), PutOptions::default(), stream)
        .await
        .expect("stored");
    assert_eq!(object.attributes.size, (chunks * MIB) as u64);
    let end = object.attributes.size;
    assert!(
        read_range(&store.engine, "huge", end - 10..end)
            .await
            .expect("read")
            == [9; 10]
    );
    store
        .engine
        .rename(&path("huge"), &path("moved"), false)
        .await
        .expect("moved");
    assert!(
        read_range(&store.engine, "moved", end - 10..end)
            .await
            .expect("read")
            == [9; 10]
    );
}

#[tokio::test]
async fn subscribers_hear_what_happens() {
    let store = TestStore::new(9).await;
    let mut events = store.engine.subscribe();
    let object = store.put("a", b"123").await.expect("stored");
    store
        .engine
        .rename(&path("a"), &path("b"), false)
        .await
        .expect("moved");
    store
        .engine
        .delete(&path("b"), &Precondition::default())
        .await
        .expect("deleted");
    let expected = [
        Event::ObjectPut {
            path: path("a"),
            stamp: object.stamp,
            size: 3,
        },
        Event::ObjectMoved {
            from: path("a"),
            to: path("b"),
        },
        Event::ObjectDeleted { path: path("b") },
    ];
    for event in expected {
        assert_eq!(events.try_recv(), Ok(event));
    }
}
