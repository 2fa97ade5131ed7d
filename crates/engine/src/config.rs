//! How an engine is set up.

use std::time::Duration;

use model::Geometry;

/// How an [`Engine`](crate::Engine) is set up.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// How new stripes are cut.
    pub geometry: Geometry,
    /// Fewest durable shards of a stripe beyond the data shards before a write is acknowledged: 1 survives one loss.
    pub spare_shards_min: usize,
    /// Chunks sealed and written at once, over all uploads; each takes up to 2.5 MiB of memory.
    pub chunk_writes_max: usize,
    /// Chunks read ahead of an object's reader.
    pub read_ahead: usize,
    /// Long objects read at once; more wait. Each holds up to `read_ahead` MiB.
    pub readers_max: usize,
    /// How long a node may take to keep a shard before another is used.
    pub put_timeout: Duration,
    /// How long a node may take to send a shard before it counts as unreachable.
    pub get_timeout: Duration,
    /// How long a node that sleeps may take to wake before it is done without.
    pub wake_timeout: Duration,
    /// How long the nodes asked first may take before a further one is asked.
    pub hedge_delay: Duration,
}

impl EngineConfig {
    /// Durable shards that a write needs: one more than needed for reading, by default.
    pub fn write_floor(&self, geometry: Geometry) -> usize {
        (geometry.data() + self.spare_shards_min).min(geometry.shards())
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            geometry: Geometry::default(),
            spare_shards_min: 1,
            chunk_writes_max: 24,
            read_ahead: 6,
            readers_max: 16,
            put_timeout: Duration::from_secs(20),
            get_timeout: Duration::from_secs(20),
            // CloudShell takes some ten seconds to resume and up to a minute to create an environment.
            wake_timeout: Duration::from_secs(120),
            hedge_delay: Duration::from_millis(300),
        }
    }
}
