//! Names and states of the places that keep shards.

use std::fmt;
use std::str::FromStr;

/// Declares a name of lower-case letters, digits and a few marks.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseNameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                check_name(text).map(|()| Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// Names a node within its store, for people: `local-3`, `us-east-1`.
    NodeId
);

name!(
    /// What fails together: a region, an account, a host. Placement and tolerance count domains.
    Domain
);

/// How a node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeState {
    /// Its agent answers.
    Connected,
    /// The daemon is getting to it.
    Connecting,
    /// It sleeps and can be woken.
    Asleep,
    /// It was connected and does not answer; the daemon keeps trying.
    Lost,
    /// It cannot be reached now for a reason that trying does not change.
    Unavailable,
}

impl NodeState {
    /// The word shown to people and used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Connecting => "connecting",
            Self::Asleep => "asleep",
            Self::Lost => "lost",
            Self::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which way a link's packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathKind {
    /// UDP between the two machines.
    Direct,
    /// Through the node's shell.
    Shell,
}

impl PathKind {
    /// The word shown to people and used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Shell => "shell",
        }
    }
}

impl fmt::Display for PathKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text cannot name a node or a domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no name: 1 to {NAME_LEN_MAX} of a-z, 0-9, '-', '.' and ':', starting with a letter or digit"
)]
pub struct ParseNameError {
    text: String,
}

fn check_name(text: &str) -> Result<(), ParseNameError> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_name = text.starts_with(is_plain)
        && text.len() <= NAME_LEN_MAX
        && text.chars().all(|c| is_plain(c) || matches!(c, '-' | '.' | ':'));
    if is_name {
        Ok(())
    } else {
        Err(ParseNameError {
            text: text.chars().take(80).collect(),
        })
    }
}

/// Fits every label and file name; the longest AWS region name has 14 characters.
const NAME_LEN_MAX: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for text in ["local-1", "us-east-1", "aws:123", "7"] {
            assert_eq!(text.parse::<NodeId>().unwrap().as_str(), text);
        }
        for text in ["", "-x", "..", "A", "a/b", "a b", &"a".repeat(64)] {
            assert!(text.parse::<NodeId>().is_err(), "{text:?} was accepted");
        }
    }
}
