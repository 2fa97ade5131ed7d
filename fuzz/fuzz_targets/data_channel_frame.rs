//! One message of the data channel: what is taken for a frame is one, and comes out of its own encoding unchanged.
#![no_main]

use fuzz::channel::frame::{Frame, HEADER_LEN};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(frame) = Frame::decode(bytes) else { return };
    let encoded = frame.encode();
    assert_eq!(encoded.len(), HEADER_LEN + frame.payload.len());
    // Not always the same bytes: padding, the version and the digest of nothing are not looked at.
    assert_eq!(encoded.len(), bytes.len());
    assert_eq!(Frame::decode(&encoded).as_ref(), Ok(&frame));
});
