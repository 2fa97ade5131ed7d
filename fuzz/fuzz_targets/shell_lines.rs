//! Datagrams in what a terminal prints: found whatever the cuts between the parts that arrive, and framed as they were.
//!
//! The first byte says how long the parts are.
#![no_main]

use fuzz::framing::{Deframer, SHELL_LINE_LEN_MAX, frame_datagram};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, text)) = bytes.split_first() else {
        return;
    };
    let whole = datagrams(text, text.len());
    assert_eq!(datagrams(text, usize::from(*cut)), whole);

    let (found, _) = whole;
    let mut framed = Vec::new();
    for datagram in &found {
        assert!(datagram.len() <= SHELL_LINE_LEN_MAX);
        frame_datagram(datagram, &mut framed);
    }
    assert_eq!(datagrams(&framed, framed.len()), (found, 0));
});

/// The datagrams, and how many lines were none.
fn datagrams(text: &[u8], cut: usize) -> (Vec<Vec<u8>>, u64) {
    let mut deframer = Deframer::default();
    let mut found = Vec::new();
    for part in text.chunks(cut.max(1)) {
        deframer.push(part, |datagram| found.push(datagram.to_vec()));
    }
    (found, deframer.skipped_lines())
}
