//! What the targets try: the crates' own files, without the crates around them, whose dependencies would have to be built
//! with a sanitizer too, for many minutes.

#[path = "../../crates/cloudshell/src/channel/mod.rs"]
pub mod channel;
#[path = "../../crates/transport/src/shell_path/framing.rs"]
pub mod framing;
mod script;

pub use script::Script;
