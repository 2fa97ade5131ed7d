//! What the API costs on top of the engine: the real server on loopback, nodes in memory, a real client, all in one
//! process. Run it with `cargo run --release -p gateway --example api_speed`.
#![expect(clippy::print_stdout, reason = "this is a program")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use gateway::api::{Cipher, Lock};
use gateway::{AddNode, GatewayConfig, Operator, OperatorError, StoreInfo, serve};
use model::{NodeId, StoreId};
use testkit::{Lottery, TestStore};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

#[tokio::main]
async fn main() {
    let store = TestStore::with(9, 1 << 30, engine::EngineConfig::default()).await;
    let config = GatewayConfig::new(store.engine.clone(), Arc::new(Nobody));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let objects = format!("http://{}/api/v1/objects", listener.local_addr().expect("bound"));
    tokio::spawn(serve(listener, config, std::future::pending()));
    // See the tests: a build of the whole workspace leaves reqwest's choice of cryptography to its user.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();

    let bytes = Bytes::from(Lottery::new(1).bytes(LONG_LEN));
    let begun = Instant::now();
    store.put("alone", &bytes).await.expect("stored");
    println!("put of 256 MiB to the engine alone: {:.0} MB/s", mb_per_s(begun));
    let bytes = Bytes::from(Lottery::new(2).bytes(LONG_LEN));
    let begun = Instant::now();
    let frames = (0..LONG_LEN)
        .step_by(FRAME_LEN)
        .map(|at| Ok::<_, std::io::Error>(bytes.slice(at..at + FRAME_LEN)));
    let body = reqwest::Body::wrap_stream(stream::iter(frames.collect::<Vec<_>>()));
    client
        .put(format!("{objects}/long"))
        .body(body)
        .send()
        .await
        .expect("answered")
        .error_for_status()
        .expect("stored");
    println!("put of 256 MiB: {:.0} MB/s", mb_per_s(begun));
    let begun = Instant::now();
    let mut response = client
        .get(format!("{objects}/long"))
        .send()
        .await
        .expect("answered");
    let mut len = 0;
    while let Some(frame) = response.chunk().await.expect("the whole") {
        len += frame.len();
    }
    assert_eq!(len, LONG_LEN);
    println!("get of 256 MiB: {:.0} MB/s", mb_per_s(begun));

    let begun = Instant::now();
    stream::iter(0..FILES)
        .for_each_concurrent(32, |n| {
            let put = client
                .put(format!("{objects}/small/{n}"))
                .body(bytes.slice(n * 4096..(n + 1) * 4096));
            async { assert_eq!(put.send().await.expect("answered").status(), 201) }
        })
        .await;
    println!(
        "put of {FILES} files of 4 KiB: {:.0} files/s",
        FILES as f64 / begun.elapsed().as_secs_f64()
    );
    let begun = Instant::now();
    stream::iter(0..FILES)
        .for_each_concurrent(32, |n| {
            let get = client.get(format!("{objects}/small/{n}"));
            async {
                assert_eq!(
                    get.send()
                        .await
                        .expect("answered")
                        .bytes()
                        .await
                        .expect("whole")
                        .len(),
                    4096
                )
            }
        })
        .await;
    println!(
        "get of {FILES} files of 4 KiB: {:.0} files/s",
        FILES as f64 / begun.elapsed().as_secs_f64()
    );
}

fn mb_per_s(begun: Instant) -> f64 {
    LONG_LEN as f64 / 1e6 / begun.elapsed().as_secs_f64()
}

/// Nothing is asked of the daemon here.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl Operator for Nobody {
    fn store(&self) -> StoreInfo {
        StoreInfo {
            id: StoreId::from_bytes([7; 16]),
            cipher: Cipher::Aes256Gcm,
            lock: Lock::Open,
            dir: PathBuf::new(),
            version: String::new(),
        }
    }

    async fn add_node(&self, _: AddNode) -> Result<NodeId, OperatorError> {
        Err(refused())
    }

    async fn remove_node(&self, _: &NodeId) -> Result<(), OperatorError> {
        Err(refused())
    }

    async fn change_passphrase(
        &self,
        _: Zeroizing<String>,
        _: Zeroizing<String>,
    ) -> Result<(), OperatorError> {
        Err(refused())
    }
}

fn refused() -> OperatorError {
    OperatorError::Refused {
        reason: "there is no daemon".to_owned(),
    }
}

const LONG_LEN: usize = 256 << 20;
const FRAME_LEN: usize = 256 << 10;
const FILES: usize = 5000;
