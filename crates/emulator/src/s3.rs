//! HTTP in front of the [`Bucket`](crate::bucket::Bucket).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::multipart::Field;
use axum::extract::{Multipart, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::bucket::{
    BucketRefusal, CustomerKey, ENCRYPTION_ALGORITHM, ENCRYPTION_KEY, ENCRYPTION_KEY_MD5, Grant,
};
use crate::shared::Shared;

/// `POST /s3/<bucket>`: the fields of a presigned form, then the file.
pub(crate) async fn put(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if !request.headers().contains_key(header::CONTENT_LENGTH) {
        return error(
            411,
            "MissingContentLength",
            "You must provide the Content-Length HTTP header.",
        );
    }
    let form = <Multipart as axum::extract::FromRequest<()>>::from_request(request, &()).await;
    let Ok(form) = form else {
        return error(
            412,
            "PreconditionFailed",
            "Bucket POST must be of the enclosure-type multipart/form-data",
        );
    };
    match receive(&shared, form).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(response) => response,
    }
}

/// `GET /s3/<bucket>/<object>?…&X-Amz-Signature=…` with the customer's key in a header.
pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Path((_, object)): Path<(String, String)>,
    Query(query): Query<Presigned>,
    headers: HeaderMap,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let customer = CustomerKey {
        algorithm: text(ENCRYPTION_ALGORITHM),
        key: text(ENCRYPTION_KEY),
        key_md5: text(&ENCRYPTION_KEY_MD5.to_ascii_lowercase()),
    };
    let now = shared.clock.now();
    let grant = match shared
        .bucket
        .check_get(&object, query.signature.as_deref(), &customer, now)
    {
        Ok(grant) => grant,
        Err(refusal) => return refused(&refusal),
    };
    match File::open(grant.path()).await {
        Ok(file) => send(file).await,
        Err(_) => refused(&BucketRefusal::NoSuchKey),
    }
}

/// What is signed in an address.
#[derive(Debug, Deserialize)]
pub(crate) struct Presigned {
    #[serde(rename = "X-Amz-Signature")]
    signature: Option<String>,
}

async fn receive(shared: &Shared, mut form: Multipart) -> Result<(), Response> {
    let malformed = || {
        error(
            400,
            "MalformedPOSTRequest",
            "The body of your POST request is not well-formed.",
        )
    };
    let mut fields = Vec::new();
    while let Ok(Ok(Some(mut field))) = timeout(CHUNK_TIME_MAX, form.next_field()).await {
        let name = field.name().unwrap_or_default().to_owned();
        if name.eq_ignore_ascii_case("file") {
            let grant = shared.bucket.check_form(&fields, shared.clock.now());
            let grant = grant.map_err(|refusal| refused(&refusal))?;
            return store(shared, &grant, field).await;
        }
        let value = short_text(&mut field).await.ok_or_else(malformed)?;
        if fields.len() >= FIELDS_MAX {
            return Err(malformed());
        }
        fields.push((name, value));
    }
    Err(error(
        400,
        "InvalidArgument",
        "POST requires exactly one file upload per request.",
    ))
}

async fn short_text(field: &mut Field<'_>) -> Option<String> {
    let mut text = Vec::new();
    while let Some(chunk) = timeout(CHUNK_TIME_MAX, field.chunk()).await.ok()?.ok()? {
        if text.len() + chunk.len() > FIELD_LEN_MAX {
            return None;
        }
        text.extend_from_slice(&chunk);
    }
    String::from_utf8(text).ok()
}

/// Writes the file beside its place, then puts it there: nobody gets half an object.
async fn store(shared: &Shared, grant: &Grant, mut field: Field<'_>) -> Result<(), Response> {
    let broken = || {
        error(
            500,
            "InternalError",
            "We encountered an internal error. Please try again.",
        )
    };
    let partial = Partial(
        grant
            .path()
            .with_extension(uuid::Uuid::new_v4().simple().to_string()),
    );
    let mut file = File::create(&partial.0).await.map_err(|_| broken())?;
    let mut len = 0_u64;
    loop {
        let chunk = timeout(CHUNK_TIME_MAX, field.chunk()).await;
        let incomplete = || {
            error(
                400,
                "IncompleteBody",
                "You did not provide all bytes that Content-Length promised.",
            )
        };
        let Some(chunk) = chunk.map_err(|_| incomplete())?.map_err(|_| incomplete())? else {
            break;
        };
        len += chunk.len() as u64;
        if len > shared.bucket.config.object_len_max {
            return Err(refused(&BucketRefusal::TooLarge(
                shared.bucket.config.object_len_max,
            )));
        }
        file.write_all(&chunk).await.map_err(|_| broken())?;
    }
    file.flush().await.map_err(|_| broken())?;
    std::fs::rename(&partial.0, grant.path()).map_err(|_| broken())?;
    shared.bucket.stored(grant, len);
    Ok(())
}

/// A file that is removed unless it was moved.
struct Partial(std::path::PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn send(file: File) -> Response {
    let Ok(metadata) = file.metadata().await else {
        return refused(&BucketRefusal::NoSuchKey);
    };
    let chunks = futures_util::stream::unfold(file, |mut file| async move {
        let mut chunk = vec![0; CHUNK_LEN];
        match file.read(&mut chunk).await {
            Ok(0) => None,
            Ok(len) => {
                chunk.truncate(len);
                Some((Ok(bytes::Bytes::from(chunk)), file))
            }
            Err(error) => Some((Err(error), file)),
        }
    });
    (
        [(header::CONTENT_LENGTH, metadata.len())],
        Body::from_stream(chunks),
    )
        .into_response()
}

fn refused(refusal: &BucketRefusal) -> Response {
    let (status, code) = refusal.status_and_code();
    error(status, code, &refusal.to_string())
}

fn error(status: u16, code: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let message = message.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

const CHUNK_TIME_MAX: Duration = Duration::from_secs(30);
const CHUNK_LEN: usize = 64 << 10;
const FIELDS_MAX: usize = 32;
const FIELD_LEN_MAX: usize = 8 << 10;
