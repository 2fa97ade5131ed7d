//! Putting a stripe together, shard by shard.

use model::Geometry;

use crate::erasure::ErasureCodecs;

/// The bodies of a stripe that are known so far. Data bodies lie where they belong in the plaintext.
pub(super) struct Assembly {
    geometry: Geometry,
    stripe_len: usize,
    /// All data bodies, one behind the other.
    data: Vec<u8>,
    /// The parity bodies; those that are not known are empty.
    parity: Vec<Vec<u8>>,
    /// Which shards are known, by index.
    known: Vec<bool>,
}

impl Assembly {
    pub(super) fn new(geometry: Geometry, stripe_len: usize) -> Self {
        Self {
            geometry,
            stripe_len,
            data: vec![0; geometry.shard_len(stripe_len) * geometry.data()],
            parity: vec![Vec::new(); geometry.parity()],
            known: vec![false; geometry.shards()],
        }
    }

    /// Has `fill` write the body of a shard, unless it is known or the stripe is complete without it.
    pub(super) fn add<E>(
        &mut self,
        index: u8,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let index = usize::from(index);
        if self.is_complete() || self.known.get(index) != Some(&false) {
            return Ok(());
        }
        fill(self.body(index))?;
        if let Some(known) = self.known.get_mut(index) {
            *known = true;
        }
        Ok(())
    }

    /// Number of shards known.
    pub(super) fn intact(&self) -> usize {
        self.known.iter().filter(|known| **known).count()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.intact() >= self.geometry.data()
    }

    /// The plaintext, once the assembly is complete.
    pub(super) fn finish(mut self, codecs: &ErasureCodecs) -> Vec<u8> {
        let data_known = self.known.iter().take(self.geometry.data());
        if self.stripe_len > 0 && !data_known.clone().all(|known| *known) {
            codecs.rebuild_data(self.geometry, &mut self.bodies());
        }
        self.data.truncate(self.stripe_len);
        self.data
    }

    fn body(&mut self, index: usize) -> &mut [u8] {
        let len = self.geometry.shard_len(self.stripe_len);
        match index.checked_sub(self.geometry.data()) {
            // An empty stripe has empty bodies, and `chunks` wants a length.
            None => self
                .data
                .chunks_exact_mut(len.max(1))
                .nth(index)
                .unwrap_or_default(),
            Some(row) => {
                let body = self.parity.get_mut(row).expect("an index below the shard count");
                body.resize(len, 0);
                body
            }
        }
    }

    /// All bodies by index, with whether each is known; of unknown parity nothing is there.
    fn bodies(&mut self) -> Vec<(&mut [u8], bool)> {
        let len = self.geometry.shard_len(self.stripe_len);
        let data = self.data.chunks_exact_mut(len);
        let parity = self.parity.iter_mut().map(Vec::as_mut_slice);
        data.chain(parity).zip(self.known.iter().copied()).collect()
    }
}
