//! The operations.

use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::ApiError;
use super::request::{
    CreateEnvironment, CreateSession, DeleteSession, GetFileUploadUrls, Nothing, OfEnvironment,
    PutCredentials, RedeemCode, parse,
};
use crate::channel::has_tmux;
use crate::config::Credential;
use crate::service::{self, Owned, Status, random_text};
use crate::shared::Shared;

/// Who asks, with which key.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) credential: Credential,
    pub(super) place: service::Caller,
}

/// Does what is asked.
pub(super) fn perform(
    shared: &Arc<Shared>,
    operation: &str,
    caller: &Caller,
    body: &[u8],
) -> Result<Value, ApiError> {
    let place = &caller.place;
    match operation {
        "describeEnvironments" => {
            parse::<Nothing>(body)?;
            Ok(describe(shared, place))
        }
        "createEnvironment" => create(shared, place, parse(body)?),
        "getEnvironmentStatus" => {
            let OfEnvironment { environment_id } = parse(body)?;
            shared.with_service(|service, _| {
                let owned = service.find(place, &environment_id)?;
                let mut status = identity(owned);
                status.insert("Status".to_owned(), owned.environment.status().as_str().into());
                status.insert(
                    "StatusReason".to_owned(),
                    status_reason(owned.environment.status()),
                );
                Ok(Value::Object(status))
            })
        }
        "startEnvironment" => {
            let OfEnvironment { environment_id } = parse(body)?;
            shared.with_service(|service, now| {
                let owned = service.start(place, &environment_id, now)?;
                Ok(json!({"EnvironmentId": id_text(owned.id), "Status": owned.environment.status()}))
            })
        }
        "stopEnvironment" => {
            let OfEnvironment { environment_id } = parse(body)?;
            shared.with_service(|service, now| service.stop(place, &environment_id, now))?;
            Ok(json!({"EnvironmentId": environment_id}))
        }
        "deleteEnvironment" => {
            let OfEnvironment { environment_id } = parse(body)?;
            shared.with_service(|service, now| service.delete(place, &environment_id, now))?;
            Ok(json!({}))
        }
        "createSession" => create_session(shared, place, &parse(body)?),
        "deleteSession" => {
            let DeleteSession {
                environment_id,
                session_id,
            } = parse(body)?;
            shared.with_service(|service, _| service.delete_session(place, &environment_id, &session_id))?;
            Ok(json!({}))
        }
        "sendHeartBeat" => {
            let OfEnvironment { environment_id } = parse(body)?;
            shared.with_service_quietly(|service, now| service.heartbeat(place, &environment_id, now))?;
            Ok(json!({}))
        }
        "getFileUploadUrls" => upload_urls(shared, caller, parse(body)?),
        "redeemCode" => {
            let RedeemCode { environment_id, .. } = parse(body)?;
            shared.with_service(|service, _| service.find(place, &environment_id).map(|_| ()))?;
            Ok(json!({"RefreshToken": format!("{REFRESH_TOKEN}{}", random_text(120))}))
        }
        "putCredentials" => {
            let request: PutCredentials = parse(body)?;
            shared.with_service(|service, _| service.find(place, &request.environment_id).map(|_| ()))?;
            if request.refresh_token.starts_with(REFRESH_TOKEN) {
                return Ok(json!({}));
            }
            Err(ApiError::new(
                400,
                "TokenDecryptionException",
                "The refresh token is not one of the console's.",
            ))
        }
        _ => Err(ApiError::unknown_operation(operation)),
    }
}

fn describe(shared: &Shared, place: &service::Caller) -> Value {
    shared.with_service(|service, _| {
        let environments: Vec<_> = service
            .list(place)
            .map(|owned| Value::Object(identity(owned)))
            .collect();
        json!({"Environments": environments})
    })
}

fn create(shared: &Shared, place: &service::Caller, request: CreateEnvironment) -> Result<Value, ApiError> {
    let vpc = request.vpc()?;
    let creation = || shared.faults.creation(&place.region);
    shared.with_service(|service, now| {
        let owned = match vpc {
            Some(vpc) => service.create_vpc(place, vpc, now, creation)?,
            None => service.create_default(place, now, creation)?,
        };
        let mut created = identity(owned);
        created.insert("Status".to_owned(), owned.environment.status().as_str().into());
        Ok(Value::Object(created))
    })
}

fn create_session(
    shared: &Shared,
    place: &service::Caller,
    request: &CreateSession,
) -> Result<Value, ApiError> {
    let tab = request.tab()?;
    if tab.is_some() && !has_tmux() {
        return Err(ApiError::invalid(
            "Sessions of type TMUX need tmux, which this machine does not have.",
        ));
    }
    let environment = &request.environment_id;
    let (session, token) =
        shared.with_service(|service, now| service.create_session(place, environment, tab, now))?;
    let url = format!(
        "ws://{}/v1/data-channel/{session}?role=publish_subscribe&cell-number={}",
        shared.authority,
        random_text(64)
    );
    Ok(json!({"EnvironmentId": environment, "SessionId": session, "TokenValue": token, "StreamUrl": url}))
}

fn upload_urls(shared: &Shared, caller: &Caller, request: GetFileUploadUrls) -> Result<Value, ApiError> {
    let region = &caller.place.region;
    if !shared.faults.offers_uploads(region) {
        return Err(ApiError::denied("Files cannot be uploaded to this environment."));
    }
    let is_vpc = shared.with_service(|service, _| {
        let owned = service.find(&caller.place, &request.environment_id)?;
        owned
            .environment
            .expect(Status::Running)
            .map_err(service::Refusal::WrongStatus)?;
        Ok::<_, service::Refusal>(owned.vpc.is_some())
    })?;
    if is_vpc {
        return Err(ApiError::invalid("VPC environments have no file upload."));
    }
    let path = request.file_upload_path.unwrap_or_default();
    let name = path
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or("file");
    let name: String = name.chars().take(100).collect();
    let token = caller.credential.session_token.as_deref();
    let grant = shared.bucket.grant(&name, token, region, shared.clock.now());
    let base = format!("http://{}/s3/cloudshell-{region}", shared.authority);
    let object: Vec<_> = grant
        .object
        .split('/')
        .map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string())
        .collect();
    Ok(json!({
        "FileUploadPresignedUrl": base,
        "FileUploadPresignedFields": grant.fields.iter().map(|(name, value)| (*name, value)).collect::<std::collections::BTreeMap<_, _>>(),
        "FileDownloadPresignedUrl": format!("{base}/{}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={}", object.join("/"), grant.signature),
        "FileDownloadPresignedKey": grant.encryption_key,
        "FileDownloadPresignedKeyHash": grant.encryption_key_md5,
    }))
}

/// What every mention of an environment contains.
fn identity(owned: &Owned) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("EnvironmentId".to_owned(), id_text(owned.id).into());
    if let Some(vpc) = &owned.vpc {
        members.insert("EnvironmentName".to_owned(), vpc.name.clone().into());
        members.insert("VpcConfig".to_owned(), json!(vpc.config));
    }
    members
}

fn status_reason(status: Status) -> Value {
    match status {
        Status::CreationFailed => "Unable to start the environment.".into(),
        _ => Value::Null,
    }
}

fn id_text(id: Uuid) -> String {
    id.as_hyphenated().to_string()
}

const REFRESH_TOKEN: &str = "emulated-refresh-token-";
