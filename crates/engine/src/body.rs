//! What arrives from an uploader.

/// The uploader's stream failed before its end; nothing is kept of it.
#[derive(Debug, thiserror::Error)]
#[error("the upload ended early")]
pub struct BodyError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
