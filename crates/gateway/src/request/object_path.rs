//! The object that a URL names.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use model::ObjectPath;
use percent_encoding::percent_decode_str;

use crate::api::ErrorCode;
use crate::error::ApiError;

/// The object path behind the route's prefix: whatever stands in the URL there, percent-decoded once.
///
/// `%2F` is a `/` like any other. What cannot be a path is refused with the reason, `..` among it: nothing is
/// normalised.
#[derive(Debug)]
pub(crate) struct PathOf<const PREFIX_SEGMENTS: usize>(pub(crate) ObjectPath);

impl<S: Sync, const PREFIX_SEGMENTS: usize> FromRequestParts<S> for PathOf<PREFIX_SEGMENTS> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // The leading slash makes the first segment an empty one.
        let raw = parts
            .uri
            .path()
            .splitn(PREFIX_SEGMENTS + 2, '/')
            .last()
            .unwrap_or("");
        decode(raw).map(Self)
    }
}

fn decode(raw: &str) -> Result<ObjectPath, ApiError> {
    if !escapes_are_whole(raw.as_bytes()) {
        let message = "the URL has a '%' that is not followed by two hexadecimal digits";
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            ErrorCode::BadPath,
            message,
        ));
    }
    let bytes: Vec<u8> = percent_decode_str(raw).collect();
    Ok(ObjectPath::try_from(bytes.as_slice())?)
}

fn escapes_are_whole(raw: &[u8]) -> bool {
    raw.split(|byte| *byte == b'%').skip(1).all(|behind| {
        let digits = behind.iter().take(2).filter(|byte| byte.is_ascii_hexdigit());
        digits.count() == 2
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls_are_decoded_once() {
        let cases = [
            ("a", "a"),
            ("a%20b/%E2%82%AC", "a b/€"),
            ("a%2Fb", "a/b"),
            ("%252e", "%2e"),
            ("a+b", "a+b"),
            ("...", "..."),
        ];
        for (raw, path) in cases {
            assert_eq!(decode(raw).expect(raw).as_str(), path, "{raw:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_path_is_refused() {
        let long = "x".repeat(1025);
        for raw in [
            "",
            "/a",
            "a/",
            "a//b",
            "..",
            "a/%2e%2e/b",
            "%2E",
            "a%00",
            "%ff",
            "%",
            "%4",
            "%zz",
            "a%2",
            &long,
        ] {
            assert!(decode(raw).is_err(), "{raw:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn any_path_survives_its_url(segments in proptest::collection::vec("[^/\0]{1,20}", 1..5)) {
            let text = segments.join("/");
            prop_assume!(text.parse::<ObjectPath>().is_ok());
            let raw = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string();
            let decoded = decode(&raw).expect("encoded");
            prop_assert_eq!(decoded.as_str(), text);
        }

        #[test]
        fn nothing_panics(raw in "\\PC*") {
            let _ = decode(&raw);
        }
    }
}
