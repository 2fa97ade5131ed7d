//! Signature Version 4, as the service checks it.
//!
//! ```text
//! canonical request = method \n path \n query \n headers \n names of signed headers \n SHA-256(body)
//! string to sign    = AWS4-HMAC-SHA256 \n date \n scope \n SHA-256(canonical request)
//! key               = HMAC(HMAC(HMAC(HMAC("AWS4" secret, day), region), service), "aws4_request")
//! ```

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use axum::http::HeaderMap;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use crate::calendar::{compact, parse_compact};
use crate::config::Credential;

/// A request, as far as it is signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// As it was sent, still percent-encoded.
    pub(crate) path: &'a str,
    /// As it was sent, without the question mark.
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// Why a request is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error("Missing Authentication Token")]
    Missing,
    #[error("Authorization header is incomplete: {0}")]
    Incomplete(&'static str),
    #[error("Credential should be scoped to a valid region and to the service it is sent to.")]
    Scope,
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    #[error("The security token included in the request is expired")]
    Expired,
    #[error("Signature expired or not yet valid: its date is more than five minutes off.")]
    Skewed,
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method."
    )]
    Mismatch,
}

impl SignatureError {
    /// The service's name for it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::Scope | Self::Skewed | Self::Mismatch => "InvalidSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::Expired => "ExpiredTokenException",
        }
    }
}

/// Checks a request's signature; returns whose it is, and the region it was made for.
///
/// `now` is what signatures are dated by, `emulated_now` what tokens expire by.
pub(crate) fn verify<'c>(
    request: &Request<'_>,
    service: &str,
    credentials: &'c [Credential],
    now: SystemTime,
    emulated_now: SystemTime,
) -> Result<(&'c Credential, String), SignatureError> {
    let authorization = Authorization::parse(request.headers)?;
    if authorization.service != service || !is_region(authorization.region) {
        return Err(SignatureError::Scope);
    }
    let mut known = credentials.iter();
    let credential = known
        .find(|credential| credential.access_key_id == authorization.access_key_id)
        .ok_or(SignatureError::UnknownKey)?;
    let date = signing_date(request.headers).ok_or(SignatureError::Incomplete("no date"))?;
    if distance(now, date) > SKEW_MAX {
        return Err(SignatureError::Skewed);
    }
    if compact(date)[..8] != *authorization.day {
        return Err(SignatureError::Scope);
    }
    let is_right = canonical_queries(request.query).iter().any(|query| {
        let canonical = canonical_request(request, query, &authorization.signed_headers);
        authorization.is_signed_by(&credential.secret_access_key, date, &canonical)
    });
    if !is_right {
        return Err(SignatureError::Mismatch);
    }
    check_token(credential, request.headers, emulated_now)?;
    Ok((credential, authorization.region.to_owned()))
}

/// What the `Authorization` header says.
#[derive(Debug)]
struct Authorization<'a> {
    access_key_id: &'a str,
    day: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: Vec<u8>,
}

impl<'a> Authorization<'a> {
    fn parse(headers: &'a HeaderMap) -> Result<Self, SignatureError> {
        let header = headers.get("authorization").ok_or(SignatureError::Missing)?;
        let text = header
            .to_str()
            .map_err(|_| SignatureError::Incomplete("it is no text"))?;
        let parts = text
            .strip_prefix(ALGORITHM)
            .ok_or(SignatureError::Incomplete("unknown algorithm"))?;
        let part = |name: &str, missing| {
            let mut parts = parts.split(',').map(str::trim);
            parts
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
                .ok_or(SignatureError::Incomplete(missing))
        };
        let mut scope = part("Credential", "no Credential")?.rsplitn(5, '/');
        let mut next = || {
            scope
                .next()
                .ok_or(SignatureError::Incomplete("the scope has five parts"))
        };
        let (terminator, service, region, day, access_key_id) = (next()?, next()?, next()?, next()?, next()?);
        if terminator != "aws4_request" {
            return Err(SignatureError::Scope);
        }
        let signed_headers: Vec<_> = part("SignedHeaders", "no SignedHeaders")?.split(';').collect();
        let has = |name| signed_headers.contains(&name);
        if !has("host") || !(has("x-amz-date") || has("date")) {
            return Err(SignatureError::Incomplete("host and a date must be signed"));
        }
        let signature = part("Signature", "no Signature")?;
        let signature = HEXLOWER
            .decode(signature.as_bytes())
            .map_err(|_| SignatureError::Incomplete("the signature is not hexadecimal"))?;
        Ok(Self {
            access_key_id,
            day,
            region,
            service,
            signed_headers,
            signature,
        })
    }

    fn is_signed_by(&self, secret: &str, date: SystemTime, canonical: &str) -> bool {
        let scope = format!("{}/{}/{}/aws4_request", self.day, self.region, self.service);
        let hash = HEXLOWER.encode(&Sha256::digest(canonical));
        let to_sign = format!("{ALGORITHM}\n{}\n{scope}\n{hash}", compact(date));
        let mut key = hmac(format!("AWS4{secret}").as_bytes(), self.day)
            .finalize()
            .into_bytes();
        for step in [self.region, self.service, "aws4_request"] {
            key = hmac(&key, step).finalize().into_bytes();
        }
        hmac(&key, &to_sign).verify_slice(&self.signature).is_ok()
    }
}

fn hmac(key: &[u8], text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac
}

/// HMAC-SHA-256 in hexadecimal, as presigned forms carry it.
pub(crate) fn hmac_hex(key: &[u8], text: &str) -> String {
    HEXLOWER.encode(&hmac(key, text).finalize().into_bytes())
}

fn canonical_request(request: &Request<'_>, query: &str, signed_headers: &[&str]) -> String {
    let path: Vec<_> = request
        .path
        .split('/')
        .map(|segment| utf8_percent_encode(segment, RESERVED).to_string())
        .collect();
    let headers: String = signed_headers
        .iter()
        .map(|name| format!("{name}:{}\n", canonical_header(request.headers, name)))
        .collect();
    format!(
        "{}\n{}\n{query}\n{headers}\n{}\n{}",
        request.method,
        path.join("/"),
        signed_headers.join(";"),
        HEXLOWER.encode(&Sha256::digest(request.body))
    )
}

/// The values of a header joined by commas, without the white space around and between their words.
fn canonical_header(headers: &HeaderMap, name: &str) -> String {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect();
    values.join(",")
}

/// A plus sign is a space to some signers, and itself to others: both are accepted.
fn canonical_queries(query: &str) -> BTreeSet<String> {
    [false, true]
        .into_iter()
        .map(|plus_is_space| canonical_query(query, plus_is_space))
        .collect()
}

fn canonical_query(query: &str, plus_is_space: bool) -> String {
    let encoded = |text: &str| {
        let text = if plus_is_space {
            text.replace('+', " ")
        } else {
            text.to_owned()
        };
        let decoded: Vec<u8> = percent_decode_str(&text).collect();
        percent_encoding::percent_encode(&decoded, RESERVED).to_string()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<_> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encoded(name), encoded(value))
        })
        .collect();
    pairs.sort();
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

fn check_token(credential: &Credential, headers: &HeaderMap, now: SystemTime) -> Result<(), SignatureError> {
    let sent = headers.get("x-amz-security-token").map(|token| token.as_bytes());
    if sent != credential.session_token.as_ref().map(|token| token.as_bytes()) {
        return Err(SignatureError::UnknownKey);
    }
    match credential.expires_at {
        Some(expires_at) if expires_at <= now => Err(SignatureError::Expired),
        _ => Ok(()),
    }
}

fn signing_date(headers: &HeaderMap) -> Option<SystemTime> {
    let text = |name| headers.get(name)?.to_str().ok();
    match text("x-amz-date") {
        Some(date) => parse_compact(date),
        None => {
            text("date").and_then(|date| parse_compact(date).or_else(|| httpdate::parse_http_date(date).ok()))
        }
    }
}

fn distance(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).unwrap_or_else(|error| error.duration())
}

/// Whether it looks like a region, such as `us-gov-west-1`. Regions name directories, so nothing else may pass.
pub(crate) fn is_region(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let number = parts.next_back().unwrap_or_default();
    let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let words = parts.clone().count();
    is_number && (2..=3).contains(&words) && parts.all(is_word) && text.len() <= 24
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SKEW_MAX: Duration = Duration::from_secs(300);

/// Everything but letters, digits and `-_.~`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

#[cfg(test)]
mod tests;
