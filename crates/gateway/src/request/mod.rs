//! What requests say, parsed before anything is done.

mod condition;
mod json;
mod metadata;
mod object_path;
mod range;
mod upload;

pub(crate) use condition::Conditions;
pub(crate) use json::{JSON_LEN_MAX, JsonBody, QueryOf};
pub(crate) use metadata::{META_PREFIX, STORE_MODIFIED, content_type, modified_unix_ms, user_metadata};
pub(crate) use object_path::PathOf;
pub(crate) use range::{RangeAnswer, answer_range};
pub(crate) use upload::{UploadStalled, frames};
