//! What CloudShell Store keeps, byte for byte: shards, records, chunk lists and key envelopes.
//!
//! The formats are specified in `docs/format.md`; this crate is that page as code, and `vectors/` holds examples of
//! both what must open and what must be refused. Everything here is a function of its arguments: no input or output,
//! no clock, no thread, no randomness (nonces and salts are passed in).
//!
//! A put goes [`Chunker`] → [`Sealer::chunk_id`] → [`Sealer::seal`], then [`Record::encode`] → [`Sealer::seal`];
//! a get goes [`Sealer::open`], [`Record::decode`]. A node, which has no key, uses [`check_shard`] alone.
//!
//! ```
//! use codec::{Cipher, MasterKey, Sealer};
//! use model::{Geometry, StoreId, StripeId};
//!
//! let sealer = Sealer::new(StoreId::from_bytes([1; 16]), Cipher::Aes256Gcm, &MasterKey::from_bytes([2; 32]));
//! let stripe = StripeId::chunk(sealer.chunk_id(b"hello"));
//! let mut counter = 0;
//! let mut nonces = || { counter += 1; [counter; 12] }; // a real caller draws them at random
//! let shards = sealer.seal(stripe, Geometry::default(), b"hello", &mut nonces)?;
//!
//! let survivors: Vec<_> = (0..9).zip(shards).skip(3).collect(); // any six will do
//! assert_eq!(sealer.open(stripe, &survivors)?, &b"hello"[..]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]
#![deny(clippy::host_endian_bytes)]

mod aead;
mod chunk_list;
mod chunker;
mod cipher;
mod envelope;
mod erasure;
mod key;
mod record;
mod sealer;
mod shard;

pub use chunk_list::{ChunkList, ChunkListError, ChunkListReader};
pub use chunker::Chunker;
pub use cipher::{Cipher, NonceSource};
pub use envelope::{EnvelopeError, KdfParams, KeyEnvelope, Lock, LockKind, Unlock};
pub use key::MasterKey;
pub use record::{RECORD_CHUNKS_MAX, RECORD_LEN_MAX, Record, RecordBody, RecordContent, RecordError};
pub use sealer::{OpenError, SealError, Sealer};
pub use shard::{SHARD_HEADER_LEN, SHARD_OVERHEAD, STRIPE_LEN_MAX, ShardFault, ShardHeader, check_shard};
