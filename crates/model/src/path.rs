//! Names of objects.

use std::fmt;
use std::str::FromStr;

/// Where an object lies in the store: UTF-8 segments separated by `/`.
///
/// No segment is empty, `.` or `..`, no byte is NUL, and the whole is at most [`Self::LEN_MAX`] bytes,
/// so a path can be put below a folder of a file system without leaving it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectPath(String);

impl ObjectPath {
    /// Longest path, in bytes.
    pub const LEN_MAX: usize = 1024;

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment: the name without its folder.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The segments in order; there is at least one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl FromStr for ObjectPath {
    type Err = ParsePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > Self::LEN_MAX {
            return Err(ParsePathError::TooLong {
                len_bytes: text.len(),
            });
        }
        if text.contains('\0') {
            return Err(ParsePathError::Nul);
        }
        for segment in text.split('/') {
            match segment {
                "" => return Err(ParsePathError::EmptySegment),
                "." | ".." => {
                    return Err(ParsePathError::DotSegment {
                        segment: segment.to_owned(),
                    });
                }
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<&[u8]> for ObjectPath {
    type Error = ParsePathError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        std::str::from_utf8(bytes)
            .map_err(|_| ParsePathError::NotUtf8)?
            .parse()
    }
}

impl fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text cannot name an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParsePathError {
    /// A leading, trailing or doubled `/`, or nothing at all.
    #[error("the path has an empty segment (a leading, trailing or doubled '/')")]
    EmptySegment,
    /// `.` and `..` mean other places to a file system.
    #[error("the path has the segment {segment:?}, which means another place to a file system")]
    DotSegment {
        /// `.` or `..`.
        segment: String,
    },
    /// A NUL byte ends a name in C.
    #[error("the path has a NUL byte")]
    Nul,
    /// Names are text.
    #[error("the path is not UTF-8")]
    NotUtf8,
    /// Longer than [`ObjectPath::LEN_MAX`].
    #[error("the path has {len_bytes} bytes, the longest is {max}", max = ObjectPath::LEN_MAX)]
    TooLong {
        /// Its length in bytes.
        len_bytes: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_and_odd_names_are_paths() {
        for text in [
            "a",
            "a/b",
            "Ünïcode/ 空 /…",
            "...",
            "a b\tc\n",
            "-rf",
            "a\\b",
            &"x".repeat(1024),
        ] {
            assert_eq!(text.parse::<ObjectPath>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn refusals_say_why() {
        let cases = [
            ("", ParsePathError::EmptySegment),
            ("/a", ParsePathError::EmptySegment),
            ("a/", ParsePathError::EmptySegment),
            ("a//b", ParsePathError::EmptySegment),
            ("a/./b", ParsePathError::DotSegment { segment: ".".into() }),
            ("../a", ParsePathError::DotSegment { segment: "..".into() }),
            ("a\0b", ParsePathError::Nul),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<ObjectPath>(), Err(error), "{text:?}");
        }
        assert_eq!(
            "x".repeat(1025).parse::<ObjectPath>(),
            Err(ParsePathError::TooLong { len_bytes: 1025 })
        );
        assert_eq!(ObjectPath::try_from(&b"\xff"[..]), Err(ParsePathError::NotUtf8));
    }
}
