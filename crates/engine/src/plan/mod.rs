//! Decisions, as pure functions of a snapshot: where shards go, and how much may be lost.

mod placement;
mod tolerance;

pub use placement::{Candidate, Placer};
pub use tolerance::tolerance;
