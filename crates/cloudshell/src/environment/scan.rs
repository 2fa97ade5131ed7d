//! Finding a mark in what a terminal prints.

/// Looks for a mark in bytes that come in parts. Keeps the first bytes before it, up to a limit.
#[derive(Debug)]
pub(super) struct Scan {
    mark: Vec<u8>,
    kept: Vec<u8>,
    kept_max: usize,
    /// What may be the beginning of the mark.
    undecided: Vec<u8>,
}

/// The mark was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The first bytes before it.
    pub(super) before: Vec<u8>,
    /// All bytes behind it.
    pub(super) behind: Vec<u8>,
}

impl Scan {
    /// `mark` must not be empty.
    pub(super) fn new(mark: &[u8], kept_max: usize) -> Self {
        Self {
            mark: mark.to_vec(),
            kept: Vec::new(),
            kept_max,
            undecided: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Option<Found> {
        self.undecided.extend_from_slice(bytes);
        let found = self
            .undecided
            .windows(self.mark.len())
            .position(|window| window == self.mark);
        if let Some(at) = found {
            let behind = self.undecided.split_off(at + self.mark.len());
            self.keep(at);
            return Some(Found {
                before: std::mem::take(&mut self.kept),
                behind,
            });
        }
        self.keep((self.undecided.len() + 1).saturating_sub(self.mark.len()));
        None
    }

    /// What was kept so far, for people.
    pub(super) fn seen(&self) -> String {
        String::from_utf8_lossy(&self.kept).trim().to_owned()
    }

    /// Decides that the first bytes are no part of the mark.
    fn keep(&mut self, len: usize) {
        let room = self.kept_max - self.kept.len();
        self.kept.extend(self.undecided.drain(..len).take(room));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_mark_is_found_however_the_bytes_are_cut(
            before in "[ab]{0,40}",
            behind in "[ab]{0,20}",
            cut in 1..9_usize,
            kept_max in 0..50_usize,
        ) {
            let mark = "abxab";
            let text = format!("{before}{mark}{behind}");
            let mut scan = Scan::new(mark.as_bytes(), kept_max);
            let mut chunks = text.as_bytes().chunks(cut);
            let mut found = None;
            for chunk in chunks.by_ref() {
                found = scan.push(chunk);
                if found.is_some() {
                    break;
                }
                prop_assert!(scan.undecided.len() < mark.len());
            }
            let found = found.expect("it is there");
            let mut rest = found.behind;
            rest.extend(chunks.flatten());
            prop_assert_eq!(rest, behind.as_bytes());
            prop_assert_eq!(found.before, &before.as_bytes()[..kept_max.min(before.len())]);
        }
    }
}
