//! Datagrams as lines of text.
//!
//! ```text
//! line = base64(datagram), no padding | "\n"
//! ```
//!
//! A terminal is not 8-bit clean and may add lines of its own (a prompt, a broadcast). Lines that are not base64, too
//! short or too long are skipped; what slips through is refused by QUIC, which authenticates every packet.

use data_encoding::BASE64_NOPAD;

/// Appends a datagram's line to `out`. Empty datagrams are not sent.
pub fn frame_datagram(datagram: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + BASE64_NOPAD.encode_len(datagram.len()), 0);
    if let Some(line) = out.get_mut(start..) {
        BASE64_NOPAD.encode_mut(datagram, line);
    }
    out.push(b'\n');
}

/// Finds datagrams in what a terminal prints. Holds at most one line.
#[derive(Debug, Default)]
pub struct Deframer {
    line: Vec<u8>,
    is_overlong: bool,
    skipped_lines: u64,
}

impl Deframer {
    /// Takes the next bytes, however they are cut, and calls `deliver` for each datagram that ends in them.
    pub fn push(&mut self, bytes: &[u8], mut deliver: impl FnMut(&[u8])) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (part, behind) = rest.split_at(end);
            self.extend(part);
            self.finish_line(&mut deliver);
            rest = behind.get(1..).unwrap_or_default();
        }
        self.extend(rest);
    }

    /// Lines that were no datagram.
    pub fn skipped_lines(&self) -> u64 {
        self.skipped_lines
    }

    fn extend(&mut self, part: &[u8]) {
        if self.line.len() + part.len() > SHELL_LINE_LEN_MAX {
            self.is_overlong = true;
            self.line.clear();
        }
        if !self.is_overlong {
            self.line.extend_from_slice(part);
        }
    }

    fn finish_line(&mut self, deliver: &mut impl FnMut(&[u8])) {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        match BASE64_NOPAD.decode(line) {
            Ok(datagram) if !self.is_overlong && datagram.len() >= DATAGRAM_LEN_MIN => deliver(&datagram),
            _ => self.skipped_lines += 1,
        }
        self.line.clear();
        self.is_overlong = false;
    }
}

/// Longest line that can be a datagram: 64 KiB of UDP payload in base64.
pub const SHELL_LINE_LEN_MAX: usize = 88 << 10;

/// No QUIC packet is shorter (RFC 9000 §10.3 pads to 21), but many words of a prompt are.
const DATAGRAM_LEN_MIN: usize = 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn deframe(bytes: &[u8], cut: usize) -> (Vec<Vec<u8>>, u64) {
        let mut deframer = Deframer::default();
        let mut datagrams = Vec::new();
        for part in bytes.chunks(cut.max(1)) {
            deframer.push(part, |datagram| datagrams.push(datagram.to_vec()));
        }
        (datagrams, deframer.skipped_lines())
    }

    #[test]
    fn a_frame_is_one_line_of_base64() {
        let mut line = Vec::new();
        frame_datagram(&[0xff; 21], &mut line);
        assert_eq!(line, b"////////////////////////////\n");
    }

    #[test]
    fn noise_between_frames_is_skipped() {
        let mut text = b"\x1b[?2004h[cloudshell-user@ip ~]$ \nWelcome\n".to_vec();
        frame_datagram(&[1; 30], &mut text);
        text.extend_from_slice(b"\r\nBroadcast message from root\r\n");
        frame_datagram(&[2; 40], &mut text);
        assert_eq!(deframe(&text, 7), (vec![vec![1; 30], vec![2; 40]], 4));
    }

    #[test]
    fn a_line_without_end_takes_bounded_memory_and_harms_nothing() {
        let mut text = vec![b'A'; 10 * SHELL_LINE_LEN_MAX];
        text.push(b'\n');
        frame_datagram(&[3; 25], &mut text);
        let mut deframer = Deframer::default();
        let mut datagrams = Vec::new();
        for part in text.chunks(1000) {
            deframer.push(part, |datagram| datagrams.push(datagram.to_vec()));
            assert!(deframer.line.capacity() <= 2 * SHELL_LINE_LEN_MAX);
        }
        assert_eq!(datagrams, [vec![3; 25]]);
    }

    proptest! {
        #[test]
        fn datagrams_come_out_as_they_went_in(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 20..2000), 0..8),
            cut in 1_usize..3000,
        ) {
            let mut text = Vec::new();
            datagrams.iter().for_each(|datagram| frame_datagram(datagram, &mut text));
            prop_assert_eq!(deframe(&text, cut), (datagrams, 0));
        }

        #[test]
        fn random_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..5000), cut in 1_usize..500) {
            deframe(&bytes, cut);
        }
    }
}
