//! What the daemon answers. It may be somebody else's, so no answer is read without a limit.

use gateway::api::ErrorBody;
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::error::{CommandError, Kind, chain};

/// The document that an answer consists of.
pub(super) async fn document<T: DeserializeOwned>(response: Response) -> Result<T, CommandError> {
    let bytes = limited(response, DOCUMENT_LEN_MAX).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| CommandError::failed(format!("the daemon's answer makes no sense: {error}")))
}

/// What the daemon says about a request that it did not carry out.
pub(super) async fn refusal(response: Response) -> CommandError {
    let status = response.status();
    let bytes = limited(response, REFUSAL_LEN_MAX).await.unwrap_or_default();
    match serde_json::from_slice(&bytes) {
        Ok(ErrorBody { error }) => CommandError::from_api(error.code, error.message, error.hint),
        Err(_) if status == StatusCode::NOT_FOUND => CommandError::new(Kind::NotFound, "not found"),
        Err(_) => CommandError::failed(format!("the daemon answered {status}")),
    }
}

async fn limited(mut response: Response, len_max: usize) -> Result<Vec<u8>, CommandError> {
    let failed =
        |error: reqwest::Error| CommandError::failed(format!("the daemon's answer: {}", chain(&error)));
    let mut bytes = Vec::new();
    while let Some(frame) = response.chunk().await.map_err(failed)? {
        if bytes.len() + frame.len() > len_max {
            return Err(CommandError::failed(format!(
                "the daemon's answer is longer than {len_max} bytes"
            )));
        }
        bytes.extend_from_slice(&frame);
    }
    Ok(bytes)
}

/// A page of a thousand objects with the longest paths and their own metadata is a few megabytes.
const DOCUMENT_LEN_MAX: usize = 64 << 20;
const REFUSAL_LEN_MAX: usize = 64 << 10;
