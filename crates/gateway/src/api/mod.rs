//! What travels as JSON: one type per noun, shared by the server and its clients.
//!
//! Names are in snake case, ids and versions are text, amounts end in their unit (`size_bytes`), and times are
//! milliseconds since 1970 in UTC and end in `_unix_ms`. A client should ignore fields that it does not know.

mod error;
mod event;
mod geometry;
mod health;
mod layout;
mod listing;
mod node;
mod object;
mod secret;
mod status;
mod store;

pub use error::{ErrorBody, ErrorCode, ErrorDetail};
pub use event::EventData;
pub use geometry::Geometry;
pub use health::{Health, HealthState};
pub use layout::{Layout, LayoutParameters, ShardPlace, ShardState, StripeKind, StripeLayout};
pub use listing::{LIST_LIMIT_MAX, ListEntry, ListParameters, ObjectPage, PrefixEntry};
pub use node::{AddNodeRequest, Allowance, Node, NodeAdded, NodeList, NodeState, PathKind};
pub use object::{MoveRequest, Object};
pub use secret::Secret;
pub use status::{Status, ToleranceCount};
pub use store::{ChangePassphraseRequest, Cipher, Lock, Store};
