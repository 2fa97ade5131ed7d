//! Reed-Solomon over GF(2^8): systematic, any k of n (construction in `docs/format.md`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::Geometry;
use rustfs_erasure_codec::CodecOptions;
use rustfs_erasure_codec::galois_8::ReedSolomon;

/// The codecs in use, one per geometry: building one inverts a matrix, and it remembers the inversions of the
/// loss patterns it has met.
///
/// Only the library's single-threaded calls are used, so that callers decide about threads.
#[derive(Default)]
pub(crate) struct ErasureCodecs(Mutex<HashMap<Geometry, Arc<ReedSolomon>>>);

impl ErasureCodecs {
    /// Fills the parity bodies from the data bodies; all are equally long.
    pub(crate) fn encode(&self, geometry: Geometry, bodies: &mut [&mut [u8]]) {
        let (data, parity) = bodies.split_at_mut(geometry.data());
        if data.first().is_none_or(|body| body.is_empty()) {
            return;
        }
        self.codec(geometry)
            .encode_sep(data, parity)
            .expect("n bodies of one length");
    }

    /// Fills the data bodies marked `false` from those marked `true`. At least k are `true`; absent parity is empty.
    pub(crate) fn rebuild_data(&self, geometry: Geometry, bodies: &mut [(&mut [u8], bool)]) {
        self.codec(geometry)
            .reconstruct_data(bodies)
            .expect("k of n bodies of one length");
    }

    fn codec(&self, geometry: Geometry) -> Arc<ReedSolomon> {
        let mut codecs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(codec) = codecs.get(&geometry) {
            return Arc::clone(codec);
        }
        // A store has one or two geometries; whoever has more pays for building codecs again.
        if codecs.len() >= CODECS_MAX {
            codecs.clear();
        }
        let codec = Arc::new(new_codec(geometry));
        codecs.insert(geometry, Arc::clone(&codec));
        codec
    }
}

fn new_codec(geometry: Geometry) -> ReedSolomon {
    let options = CodecOptions {
        inversion_cache_capacity: INVERSIONS_MAX,
        ..CodecOptions::default()
    };
    ReedSolomon::with_options(geometry.data(), geometry.parity(), options)
        .expect("at most 255 shards, of 256 the field has room for")
}

/// Codecs kept at once.
const CODECS_MAX: usize = 8;

/// Inverted matrices kept per codec: more than the 83 losing patterns of up to three shards at 6 + 3, and at most
/// 64 KiB each in the widest stripe.
const INVERSIONS_MAX: usize = 128;
