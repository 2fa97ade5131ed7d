//! How stripes are cut.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a stripe is cut: any `data` of its `data + parity` shards rebuild it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Geometry {
    /// Shards needed.
    pub data: u8,
    /// Shards that may be lost.
    pub parity: u8,
}

impl From<model::Geometry> for Geometry {
    fn from(geometry: model::Geometry) -> Self {
        let byte = |shards: usize| u8::try_from(shards).expect("a geometry has at most 255 shards");
        Self {
            data: byte(geometry.data()),
            parity: byte(geometry.parity()),
        }
    }
}

impl TryFrom<Geometry> for model::Geometry {
    type Error = model::GeometryError;

    fn try_from(geometry: Geometry) -> Result<Self, Self::Error> {
        Self::new(geometry.data, geometry.parity)
    }
}
