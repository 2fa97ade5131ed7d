//! What is said on the agent's socket before datagrams pass: one line each way.

use model::ByteCount;
use node::{ATTACHED, NOT_ATTACHED};
use transport::PeerId;

use crate::arguments::Identity;

/// The first line of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hello {
    /// Carry the link of this daemon; refuse if the agent runs otherwise.
    Attach { daemon: PeerId, capacity: ByteCount },
    /// End.
    Stop,
}

impl Hello {
    pub(crate) fn attach(identity: &Identity) -> Self {
        Self::Attach {
            daemon: identity.daemon,
            capacity: identity.capacity,
        }
    }

    pub(crate) fn to_line(self) -> String {
        match self {
            Self::Attach { daemon, capacity } => format!("attach {daemon} {}\n", capacity.0),
            Self::Stop => "stop\n".to_owned(),
        }
    }

    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let hello = match words.next()? {
            "attach" => Self::Attach {
                daemon: words.next()?.parse().ok()?,
                capacity: words.next()?.parse().ok()?,
            },
            "stop" => Self::Stop,
            _ => return None,
        };
        words.next().is_none().then_some(hello)
    }
}

/// The answer to an attach that is welcome.
pub(crate) fn welcome(agent: PeerId) -> String {
    format!("{ATTACHED} {agent} {}\n", env!("CARGO_PKG_VERSION"))
}

/// The answer to one that is not.
pub(crate) fn refusal(why: &str) -> String {
    format!("{NOT_ATTACHED}: {why}\n")
}

/// Longest first line.
pub(crate) const LINE_LEN_MAX: u64 = 256;

#[cfg(test)]
mod tests {
    use transport::LinkKey;

    use super::*;

    #[test]
    fn lines_are_read_as_written() {
        let daemon = LinkKey::from_bytes(&[3; 32]).peer_id();
        for hello in [
            Hello::Attach {
                daemon,
                capacity: ByteCount(9),
            },
            Hello::Stop,
        ] {
            assert_eq!(Hello::from_line(&hello.to_line()), Some(hello));
        }
        for line in [
            "",
            "attach",
            "attach x 9",
            "stop now",
            &format!("attach {daemon}"),
            "\u{0}",
        ] {
            assert_eq!(Hello::from_line(line), None, "{line:?}");
        }
    }
}
