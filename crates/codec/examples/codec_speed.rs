//! Measures what one core does with 1 MiB chunks at 6 + 3: prints a JSON line for each
//! figure: `{"figure": "codec_put", "value": 1.9, "unit": "GB/s"}` (10⁹ bytes of plaintext a second).
//!
//! `cargo run --release -p codec --example codec_speed`

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use codec::{Cipher, MasterKey, Sealer};
use model::{CHUNK_LEN_MAX, Geometry, StoreId, StripeId};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sealer = Sealer::new(
        StoreId::from_bytes([1; 16]),
        Cipher::Aes256Gcm,
        &MasterKey::from_bytes([2; 32]),
    );
    let plaintext = noise(CHUNK_LEN_MAX);
    let (stripe, shards) = put(&sealer, &plaintext)?;
    measure("codec_put", || put(&sealer, &plaintext).map(|_| ()))?;
    let open = |lost: usize| sealer.open(stripe, &shards[lost..lost + 6]).map(|_| ());
    measure("codec_get", || open(0))?;
    measure("codec_get_three_lost", || open(3))
}

fn put(sealer: &Sealer, plaintext: &[u8]) -> Result<(StripeId, Vec<(u8, Bytes)>), codec::SealError> {
    let stripe = StripeId::chunk(sealer.chunk_id(plaintext));
    let mut nonce = [0; 12];
    let mut nonces = || {
        nonce[0] += 1;
        nonce
    };
    let shards = sealer.seal(stripe, Geometry::default(), plaintext, &mut nonces)?;
    Ok((stripe, (0..).zip(black_box(shards)).collect()))
}

/// Runs `work` on one chunk after another for [`DURATION`], after a warm-up.
fn measure<E: std::error::Error + 'static>(
    figure: &str,
    mut work: impl FnMut() -> Result<(), E>,
) -> Result<(), Box<dyn std::error::Error>> {
    run_for(&mut work, DURATION / 10)?;
    let (chunks, elapsed) = run_for(&mut work, DURATION)?;
    let gb_per_s = (chunks * CHUNK_LEN_MAX) as f64 / elapsed.as_secs_f64() / 1e9;
    println!(r#"{{"figure": "{figure}", "value": {gb_per_s:.2}, "unit": "GB/s"}}"#);
    Ok(())
}

fn run_for<E>(work: &mut impl FnMut() -> Result<(), E>, duration: Duration) -> Result<(usize, Duration), E> {
    let start = Instant::now();
    let mut chunks = 0;
    while start.elapsed() < duration {
        work()?;
        chunks += 1;
    }
    Ok((chunks, start.elapsed()))
}

fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

const DURATION: Duration = Duration::from_millis(2500);
