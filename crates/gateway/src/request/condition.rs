//! Conditional requests (RFC 9110 §13): entity tags are quoted version stamps.
//!
//! `If-Modified-Since` and its like are not looked at: the time of last change is the uploader's word, and proves nothing.

use axum::http::header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use axum::http::{HeaderMap, HeaderName};
use engine::Precondition;
use model::VersionStamp;

use crate::error::ApiError;

/// The conditions that a request sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conditions {
    if_match: Option<TagList>,
    if_none_match: Option<TagList>,
    /// Whether a range is only wanted of this version; `Some(None)` is a validator that no version has.
    if_range: Option<Option<VersionStamp>>,
}

/// `*`, or the versions named; names of no version are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
enum TagList {
    Any,
    Versions(Vec<VersionStamp>),
}

impl Conditions {
    /// # Errors
    ///
    /// `bad_request` if a list of entity tags is malformed: guessing would overwrite what should be kept.
    pub(crate) fn parse(headers: &HeaderMap) -> Result<Self, ApiError> {
        Ok(Self {
            if_match: TagList::parse(headers, IF_MATCH, Comparison::Strong)?,
            if_none_match: TagList::parse(headers, IF_NONE_MATCH, Comparison::Weak)?,
            if_range: headers.get(IF_RANGE).map(|value| {
                let tag = value.to_str().ok().and_then(|text| EntityTag::parse(text.trim()));
                tag.and_then(|(tag, _)| tag.version(Comparison::Strong))
            }),
        })
    }

    /// The same, for the engine to check when it commits.
    pub(crate) fn precondition(self) -> Precondition {
        Precondition {
            if_match: self.if_match.map(TagList::into_stamps),
            if_none_match: self.if_none_match.map(TagList::into_stamps),
        }
    }

    /// Whether `If-Match` holds for the current version.
    pub(crate) fn matches(&self, current: VersionStamp) -> bool {
        self.if_match.as_ref().is_none_or(|list| list.contains(current))
    }

    /// Whether the client has this version already.
    pub(crate) fn is_not_modified(&self, current: VersionStamp) -> bool {
        self.if_none_match
            .as_ref()
            .is_some_and(|list| list.contains(current))
    }

    /// Whether a range of this version is wanted, rather than the whole of it.
    pub(crate) fn wants_range_of(&self, current: VersionStamp) -> bool {
        self.if_range.is_none_or(|version| version == Some(current))
    }
}

impl TagList {
    fn parse(
        headers: &HeaderMap,
        name: HeaderName,
        comparison: Comparison,
    ) -> Result<Option<Self>, ApiError> {
        let mut versions = None;
        for value in headers.get_all(&name) {
            let error =
                || ApiError::bad_request(format!("{name} is neither * nor a list of quoted entity tags"));
            let text = value.to_str().map_err(|_| error())?.trim();
            if text == "*" {
                return Ok(Some(Self::Any));
            }
            versions
                .get_or_insert_with(Vec::new)
                .extend(parse_list(text, comparison).ok_or_else(error)?);
        }
        Ok(versions.map(Self::Versions))
    }

    fn contains(&self, version: VersionStamp) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }

    /// The engine takes an empty list for `*`, so a list of no version needs a name that no version has.
    fn into_stamps(self) -> Vec<VersionStamp> {
        match self {
            Self::Any => Vec::new(),
            Self::Versions(versions) if versions.is_empty() => vec![NO_VERSION],
            Self::Versions(versions) => versions,
        }
    }
}

/// RFC 9110 §8.8.3.2: a weak tag never matches in a strong comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

struct EntityTag<'a> {
    is_weak: bool,
    opaque: &'a str,
}

impl<'a> EntityTag<'a> {
    /// The tag at the beginning of `text`, and what is behind it.
    fn parse(text: &'a str) -> Option<(Self, &'a str)> {
        let (is_weak, quoted) = match text.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, text),
        };
        let (opaque, behind) = quoted.strip_prefix('"')?.split_once('"')?;
        Some((Self { is_weak, opaque }, behind))
    }

    fn version(&self, comparison: Comparison) -> Option<VersionStamp> {
        if self.is_weak && comparison == Comparison::Strong {
            return None;
        }
        self.opaque.parse().ok()
    }
}

fn parse_list(mut text: &str, comparison: Comparison) -> Option<Vec<VersionStamp>> {
    let mut versions = Vec::new();
    loop {
        let (tag, behind) = EntityTag::parse(text)?;
        versions.extend(tag.version(comparison));
        let behind = behind.trim_start();
        if behind.is_empty() {
            return Some(versions);
        }
        text = behind.strip_prefix(',')?.trim_start();
    }
}

/// A clock's first stamp is later than this.
const NO_VERSION: VersionStamp = VersionStamp { time: 0, writer: 0 };

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const ONE: VersionStamp = VersionStamp { time: 1, writer: 7 };
    const TWO: VersionStamp = VersionStamp { time: 2, writer: 7 };

    fn conditions(name: HeaderName, value: &str) -> Option<Conditions> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).ok()?);
        Conditions::parse(&headers).ok()
    }

    #[test]
    fn entity_tags_are_compared_as_http_says() {
        let cases = [
            ("*".to_owned(), [true, true], [true, true]),
            (format!("\"{ONE}\""), [true, false], [true, false]),
            (format!("W/\"{ONE}\""), [false, false], [true, false]),
            (
                format!("\"other\" , \"{ONE}\",\"{TWO}\""),
                [true, true],
                [true, true],
            ),
            ("\"other\"".to_owned(), [false, false], [false, false]),
            ("\"a,b\"".to_owned(), [false, false], [false, false]),
        ];
        for (text, strong, weak) in cases {
            let if_match = conditions(IF_MATCH, &text).expect("well formed");
            assert_eq!(
                [ONE, TWO].map(|at| if_match.matches(at)),
                strong,
                "If-Match: {text}"
            );
            let precondition = if_match.precondition();
            assert_eq!(
                [ONE, TWO].map(|at| precondition.holds(Some(at))),
                strong,
                "If-Match: {text}"
            );
            let if_none = conditions(IF_NONE_MATCH, &text).expect("well formed");
            assert_eq!(
                [ONE, TWO].map(|at| if_none.is_not_modified(at)),
                weak,
                "If-None-Match: {text}"
            );
            let precondition = if_none.precondition();
            let excluded = [ONE, TWO].map(|at| !precondition.holds(Some(at)));
            assert_eq!(excluded, weak, "If-None-Match: {text}");
        }
    }

    #[test]
    fn malformed_lists_are_refused() {
        for text in [
            "",
            "abc",
            "\"",
            "\"a",
            "a\"",
            "\"a\"\"b\"",
            "\"a\",",
            "\"a\" b",
            "w/\"a\"",
            "*, \"a\"",
        ] {
            assert_eq!(conditions(IF_MATCH, text), None, "{text:?}");
        }
    }

    #[test]
    fn a_range_is_given_only_of_the_version_asked_for() {
        let cases = [
            (format!("\"{ONE}\""), true),
            (format!("\"{TWO}\""), false),
            (format!("W/\"{ONE}\""), false),
            ("Sat, 29 Oct 1994 19:43:31 GMT".to_owned(), false),
        ];
        for (text, wants) in cases {
            assert_eq!(
                conditions(IF_RANGE, &text).expect("any").wants_range_of(ONE),
                wants,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[\"*W/a, ]{0,40}|\\PC*") {
            let _ = conditions(IF_MATCH, &text);
        }
    }
}
