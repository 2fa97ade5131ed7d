//! What an answer says of an object in its headers.

use std::time::{Duration, SystemTime};

use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    LAST_MODIFIED,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use catalogue::Object;
use model::{ObjectPath, VersionStamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::request::{META_PREFIX, STORE_MODIFIED};

/// All but length and range.
///
/// An object may be a page with scripts, and this origin can do everything to the store: so a browser saves it
/// rather than showing it, and if it is shown after all, it is shown in a sandbox.
pub(crate) fn object_headers(object: &Object) -> HeaderMap {
    let attributes = &object.attributes;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, media_type(attributes.content_type.as_deref()));
    headers.insert(ETAG, entity_tag(object.stamp));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(CONTENT_DISPOSITION, disposition(&object.path));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    headers.insert(STORE_MODIFIED, HeaderValue::from(attributes.modified_unix_ms));
    headers.extend(http_date(attributes.modified_unix_ms).map(|date| (LAST_MODIFIED, date)));
    headers.extend(
        attributes
            .metadata
            .iter()
            .filter_map(|(key, value)| metadata_header(key, value)),
    );
    headers
}

/// The version in quotes.
pub(crate) fn entity_tag(version: VersionStamp) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("hexadecimal digits in quotes")
}

fn media_type(content_type: Option<&str>) -> HeaderValue {
    let given = content_type.and_then(|text| HeaderValue::from_bytes(text.as_bytes()).ok());
    given.unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// RFC 6266 with the encoding of RFC 8187: any name, and no way to break out of the header.
fn disposition(path: &ObjectPath) -> HeaderValue {
    let name = utf8_percent_encode(path.name(), NOT_ATTR_CHAR);
    let value = format!("attachment; filename*=UTF-8''{name}");
    HeaderValue::from_str(&value).expect("percent-encoded")
}

/// Pairs stored through another door may not fit in a header; listings have them all.
fn metadata_header(key: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(format!("{META_PREFIX}{key}").as_bytes()).ok()?;
    Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
}

/// HTTP's dates begin in 1970 and have years of four digits.
fn http_date(unix_ms: i64) -> Option<HeaderValue> {
    let unix_ms = u64::try_from(unix_ms)
        .ok()
        .filter(|at| *at < YEAR_10000_UNIX_MS)?;
    let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_millis(unix_ms));
    HeaderValue::from_str(&date).ok()
}

/// RFC 8187 §3.2.1: what is no `attr-char`.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

const YEAR_10000_UNIX_MS: u64 = 253_402_300_800_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out() {
        let path: ObjectPath = "a/\"x\"; filename=y\r\nSet-Cookie: z€.txt"
            .parse()
            .expect("a path");
        assert_eq!(
            disposition(&path),
            "attachment; filename*=UTF-8''%22x%22%3B%20filename%3Dy%0D%0ASet-Cookie%3A%20z%E2%82%AC.txt"
        );
    }

    #[test]
    fn dates_that_http_cannot_write_are_left_out() {
        assert_eq!(
            http_date(784_111_777_999).expect("a date"),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
        assert_eq!(
            http_date(253_402_300_799_999).expect("a date"),
            "Fri, 31 Dec 9999 23:59:59 GMT"
        );
        for unix_ms in [-1, i64::MIN, 253_402_300_800_000, i64::MAX] {
            assert_eq!(http_date(unix_ms), None, "{unix_ms}");
        }
    }

    #[test]
    fn what_fits_no_header_is_left_out() {
        assert_eq!(media_type(Some("text/plain")), "text/plain");
        assert_eq!(media_type(Some("a\nb")), "application/octet-stream");
        assert_eq!(metadata_header("a b", "x"), None);
        assert_eq!(metadata_header("ab", "x\r\ny"), None);
        let (name, value) = metadata_header("ab", "grün").expect("fits");
        assert_eq!(
            (name.as_str(), value.as_bytes()),
            ("x-store-meta-ab", "grün".as_bytes())
        );
    }
}
