//! Paths of the store, as typed and as addresses of the API.

use model::ObjectPath;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::CommandError;

/// A file's path as a person types it: the store's root may be written, and is not part of it.
///
/// Paths are checked here and not by the daemon alone, because an HTTP client takes `..` out of addresses: `rm a/../b`
/// would delete `b`.
pub(crate) fn object_path(typed: &str) -> Result<ObjectPath, CommandError> {
    let path = typed.trim_start_matches('/').parse();
    path.map_err(|error: model::ParsePathError| CommandError::usage(format!("{typed}: {error}")))
}

/// A folder's prefix as a person types it: it ends in `/`, and the root's is empty.
pub(crate) fn folder_prefix(typed: &str) -> Result<String, CommandError> {
    match typed.trim_matches('/') {
        "" => Ok(String::new()),
        folder => Ok(format!("{}/", object_path(folder)?)),
    }
}

pub(super) fn object_route(path: &ObjectPath) -> String {
    format!("objects/{}", encode_path(path))
}

pub(super) fn layout_route(path: &ObjectPath, limit: usize) -> String {
    format!("layout/{}?limit={limit}", encode_path(path))
}

pub(super) fn list_route(prefix: &str, delimiter: Option<&str>, cursor: Option<&str>) -> String {
    let parameters = [
        ("prefix", Some(prefix)),
        ("delimiter", delimiter),
        ("cursor", cursor),
    ];
    let given = parameters
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", encode(value?))));
    format!("objects?{}", given.collect::<Vec<_>>().join("&"))
}

pub(super) fn node_route(id: &model::NodeId) -> String {
    format!("nodes/{}", encode(&id.to_string()))
}

fn encode_path(path: &ObjectPath) -> String {
    path.segments().map(encode).collect::<Vec<_>>().join("/")
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// RFC 3986 §2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_paths_lose_the_root_and_nothing_else() {
        let cases = [
            ("a", "a"),
            ("/a/b", "a/b"),
            ("//a", "a"),
            (" ", " "),
            ("...", "..."),
        ];
        for (typed, path) in cases {
            assert_eq!(object_path(typed).expect("a path").as_str(), path);
        }
        for typed in ["", "/", "a/", "a//b", "..", "a/../b", "./a", "a\0"] {
            assert!(object_path(typed).is_err(), "{typed:?}");
        }
    }

    #[test]
    fn folders_end_in_a_slash() {
        let cases = [("", ""), ("/", ""), ("a", "a/"), ("/a/b//", "a/b/")];
        for (typed, prefix) in cases {
            assert_eq!(folder_prefix(typed).expect("a folder"), prefix);
        }
        folder_prefix("a/..").expect_err("it would leave a");
    }

    #[test]
    fn addresses_survive_odd_names() {
        let path = "a b/ü?#%2F&+".parse().expect("a path");
        assert_eq!(object_route(&path), "objects/a%20b/%C3%BC%3F%23%252F%26%2B");
        assert_eq!(
            list_route("a/", Some("/"), Some("x=&")),
            "objects?prefix=a%2F&delimiter=%2F&cursor=x%3D%26"
        );
    }
}
