//! What an uploader says of an object in headers.

use std::collections::BTreeMap;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::ApiError;

/// The media type, if one is given.
pub(crate) fn content_type(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(None);
    };
    let text = text_of(&CONTENT_TYPE, value)?;
    if text.len() > CONTENT_TYPE_LEN_MAX {
        let len = text.len();
        return Err(ApiError::bad_request(format!(
            "Content-Type has {len} bytes, the longest is {CONTENT_TYPE_LEN_MAX}"
        )));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// The time of the content's last change, if one is given.
pub(crate) fn modified_unix_ms(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(value) = headers.get(STORE_MODIFIED) else {
        return Ok(None);
    };
    let time = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    time.map(Some).ok_or_else(|| {
        ApiError::bad_request(format!(
            "{STORE_MODIFIED} is not a number of milliseconds since 1970"
        ))
    })
}

/// The uploader's own pairs: headers behind [`META_PREFIX`], in lower case as HTTP has it; values are UTF-8.
pub(crate) fn user_metadata(headers: &HeaderMap) -> Result<BTreeMap<String, String>, ApiError> {
    let mut metadata = BTreeMap::new();
    let mut len = 0;
    for (name, value) in headers {
        let Some(key) = name.as_str().strip_prefix(META_PREFIX) else {
            continue;
        };
        let value = text_of(name, value)?;
        len += key.len() + value.len();
        if key.is_empty() || metadata.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(ApiError::bad_request(format!(
                "{name} has no name, or is given twice"
            )));
        }
    }
    if len > METADATA_LEN_MAX {
        return Err(ApiError::bad_request(format!(
            "the metadata have {len} bytes, the most is {METADATA_LEN_MAX}"
        )));
    }
    Ok(metadata)
}

fn text_of<'a>(name: &HeaderName, value: &'a HeaderValue) -> Result<&'a str, ApiError> {
    std::str::from_utf8(value.as_bytes()).map_err(|_| ApiError::bad_request(format!("{name} is not UTF-8")))
}

/// Carries the time of the content's last change in milliseconds since 1970, both ways.
pub(crate) const STORE_MODIFIED: HeaderName = HeaderName::from_static("x-store-modified");

/// Precedes the names of the uploader's own pairs, both ways.
pub(crate) const META_PREFIX: &str = "x-store-meta-";

/// The longest registered media type has about 80 characters; parameters come on top.
const CONTENT_TYPE_LEN_MAX: usize = 255;

/// Leaves a record far below its limit of 1 MiB, and a listing readable.
const METADATA_LEN_MAX: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let parse = |value: &str| HeaderValue::from_bytes(value.as_bytes()).expect("a value");
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), parse(value)));
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    #[test]
    fn pairs_keep_their_text() {
        let headers = headers(&[
            ("x-store-meta-colour", "grün"),
            ("x-store-meta-empty", ""),
            ("x-other", "no"),
        ]);
        let expected = BTreeMap::from([
            ("colour".to_owned(), "grün".to_owned()),
            ("empty".to_owned(), String::new()),
        ]);
        assert_eq!(user_metadata(&headers).expect("well formed"), expected);
    }

    #[test]
    fn too_much_and_too_odd_is_refused() {
        let long = "x".repeat(8 << 10);
        for pairs in [
            [("x-store-meta-a", "1"), ("x-store-meta-a", "2")],
            [("x-store-meta-", "1"), ("x-other", "2")],
            [("x-store-meta-a", long.as_str()), ("x-other", "2")],
        ] {
            assert!(user_metadata(&headers(&pairs)).is_err(), "{pairs:?}");
        }
        let mut latin1 = HeaderMap::new();
        latin1.insert(
            "x-store-meta-a",
            HeaderValue::from_bytes(b"\xfc").expect("a value"),
        );
        assert!(user_metadata(&latin1).is_err());
        assert!(content_type(&headers(&[("content-type", &long[..256])])).is_err());
    }

    #[test]
    fn times_are_numbers() {
        let at = |text| {
            modified_unix_ms(&headers(&[("x-store-modified", text)]))
                .ok()
                .flatten()
        };
        assert_eq!(
            [at("0"), at("-5"), at(" 1700000000123 ")],
            [Some(0), Some(-5), Some(1_700_000_000_123)]
        );
        assert_eq!(
            [at(""), at("yesterday"), at("1e3"), at("9223372036854775808")],
            [None; 4]
        );
    }
}
