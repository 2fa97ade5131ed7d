//! The agent's UTF-8 filter.

/// Passes terminal output on as the real agent does: text unchanged, anything else almost unchanged.
///
/// A byte that begins no character is passed on, but the last three bytes of a read wait for the next one, as they may be
/// a character cut in two. U+FFFD itself loses two of its three bytes unless a read ends with it.
#[derive(Debug, Default)]
pub(crate) struct Utf8Filter {
    carried: Vec<u8>,
}

impl Utf8Filter {
    /// Returns what is to be sent now; it may be empty.
    pub(crate) fn pass(&mut self, read: &[u8]) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.carried);
        bytes.extend_from_slice(read);
        let mut passed = Vec::with_capacity(bytes.len());
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let valid = valid_len(rest);
            passed.extend_from_slice(&rest[..valid]);
            rest = &rest[valid..];
            if rest.len() < CHARACTER_LEN_MAX {
                break;
            }
            passed.push(rest[0]);
            let skipped = if rest.starts_with(REPLACEMENT) {
                REPLACEMENT.len()
            } else {
                1
            };
            rest = &rest[skipped..];
        }
        self.carried = rest.to_vec();
        passed
    }
}

/// Bytes of whole characters at the start, up to the first U+FFFD.
fn valid_len(bytes: &[u8]) -> usize {
    let valid = match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) => error.valid_up_to(),
    };
    let replacement = bytes[..valid]
        .windows(REPLACEMENT.len())
        .position(|window| window == REPLACEMENT);
    replacement.unwrap_or(valid)
}

const CHARACTER_LEN_MAX: usize = 4;
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds the reads one after the other.
    fn passed(reads: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut filter = Utf8Filter::default();
        reads.iter().map(|read| filter.pass(read)).collect()
    }

    #[test]
    fn a_character_cut_in_two_arrives_whole() {
        let euro = "€".as_bytes();
        assert_eq!(passed(&[b"12\xe2\x82", b"\xac"]), [b"12".to_vec(), euro.to_vec()]);
    }

    #[test]
    fn bytes_that_are_no_text_pass_unless_they_are_the_last_three() {
        let expected: [&[u8]; 2] = [b"\xff", b"\xfe\xfd\xfcabc"];
        assert_eq!(passed(&[b"\xff\xfe\xfd\xfc", b"abc"]), expected);
    }

    #[test]
    fn a_replacement_character_is_damaged_unless_it_ends_a_read() {
        let mut text = REPLACEMENT.to_vec();
        text.push(b'x');
        assert_eq!(passed(&[&text]), [b"\xefx".to_vec()]);
        assert_eq!(passed(&[REPLACEMENT]), [b"".to_vec()]);
    }

    proptest! {
        #[test]
        fn text_passes_unchanged(text in "[a-zäöü€𝄞\n]{0,200}", cut in 0_usize..200) {
            let bytes = text.as_bytes();
            let (left, right) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(passed(&[left, right]).concat(), bytes);
        }
    }
}
