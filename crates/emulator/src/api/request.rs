//! What requests contain. Members nobody knows are let pass.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::ApiError;
use crate::service::{Vpc, VpcConfig};

/// Reads a body; an empty one is an empty object.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| ApiError::invalid(error.to_string()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Nothing {}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfEnvironment {
    pub(super) environment_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateEnvironment {
    environment_name: Option<String>,
    vpc_config: Option<VpcConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateSession {
    pub(super) environment_id: String,
    session_type: Option<String>,
    tab_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteSession {
    pub(super) environment_id: String,
    pub(super) session_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetFileUploadUrls {
    pub(super) environment_id: String,
    pub(super) file_upload_path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RedeemCode {
    pub(super) environment_id: String,
    #[serde(rename = "AuthCode")]
    _auth_code: String,
    #[serde(rename = "CodeVerifier")]
    _code_verifier: String,
    #[serde(rename = "KeyBase")]
    _key_base: String,
    #[serde(rename = "RedirectUri")]
    _redirect_uri: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutCredentials {
    pub(super) environment_id: String,
    pub(super) refresh_token: String,
    #[serde(rename = "KeyBase")]
    _key_base: String,
}

impl CreateEnvironment {
    /// Returns the VPC, if one is asked for.
    pub(super) fn vpc(self) -> Result<Option<Vpc>, ApiError> {
        let Some(config) = self.vpc_config else {
            return Ok(None);
        };
        let name = self.environment_name.unwrap_or_default();
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || name.len() > 28 || !name.bytes().all(is_good) {
            return Err(ApiError::invalid(
                "EnvironmentName is required: 1 to 28 letters, digits and hyphens.",
            ));
        }
        if config.vpc_id.is_empty() || config.subnet_ids.is_empty() {
            return Err(ApiError::invalid(
                "VpcConfig needs a VpcId and at least one of SubnetIds.",
            ));
        }
        if !(1..=5).contains(&config.security_group_ids.len()) {
            return Err(ApiError::invalid(
                "VpcConfig needs one to five of SecurityGroupIds.",
            ));
        }
        Ok(Some(Vpc { name, config }))
    }
}

impl CreateSession {
    /// Returns the tab, if the session is to be in tmux.
    pub(super) fn tab(&self) -> Result<Option<Uuid>, ApiError> {
        let tab = self.tab_id.as_deref().map(str::parse::<Uuid>).transpose();
        let tab = tab.map_err(|_| ApiError::invalid("TabId must be a UUID."))?;
        match (self.session_type.as_deref(), tab) {
            (None, _) => Ok(None),
            (Some("TMUX"), Some(tab)) if tab.get_version_num() == 4 => Ok(Some(tab)),
            (Some("TMUX"), _) => Err(ApiError::invalid(
                "SessionType TMUX needs a TabId, a UUID of version 4.",
            )),
            (Some(_), _) => Err(ApiError::invalid("SessionType must be TMUX, or left out.")),
        }
    }
}
