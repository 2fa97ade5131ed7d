//! A STUN server (RFC 8489): it tells whoever asks from which address it was asked.
//!
//! Binding requests over UDP only, without authentication: what NAT traversal needs.

use std::net::SocketAddr;
use std::time::Duration;

use stun_types::attribute::XorMappedAddress;
use stun_types::message::{BINDING, Message, MessageClass, MessageWriteExt as _, MessageWriteVec};
use stun_types::prelude::MessageWrite as _;
use tokio::net::UdpSocket;

/// Answers until it is dropped; what is no binding request is not answered.
pub(crate) async fn serve(socket: UdpSocket) {
    let mut buffer = [0; DATAGRAM_LEN_MAX];
    loop {
        let Ok((len, client)) = socket.recv_from(&mut buffer).await else {
            // An earlier answer that did not arrive, most likely; if it is worse, asking at once would only burn the processor.
            tokio::time::sleep(ERROR_PAUSE).await;
            continue;
        };
        if let Some(response) = answer(&buffer[..len], client) {
            let _ = socket.send_to(&response, client).await;
        }
    }
}

fn answer(request: &[u8], client: SocketAddr) -> Option<Vec<u8>> {
    let request = Message::from_bytes(request).ok()?;
    if !request.has_class(MessageClass::Request) || !request.has_method(BINDING) {
        return None;
    }
    let mut response = Message::builder_success(&request, MessageWriteVec::new());
    let address = XorMappedAddress::new(client, request.transaction_id());
    response.add_attribute(&address).ok()?;
    response.add_fingerprint().ok()?;
    Some(response.finish())
}

/// Requests have no payload; what is longer than an Ethernet frame is none.
const DATAGRAM_LEN_MAX: usize = 1500;
const ERROR_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A binding request without attributes; the transaction is of RFC 5769.
    const REQUEST: [u8; 20] = [
        0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf,
        0xae,
    ];

    #[test]
    fn the_address_is_the_one_of_the_published_response() {
        let client = "192.0.2.1:32853".parse().unwrap();
        let response = answer(&REQUEST, client).unwrap();
        assert_eq!(response[..2], [1, 1]);
        assert_eq!(response[4..20], REQUEST[4..]);
        // RFC 5769, section 2.2: XOR-MAPPED-ADDRESS.
        let attribute = [
            0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
        ];
        assert_eq!(response[20..32], attribute);
    }

    #[test]
    fn responses_and_indications_are_not_answered() {
        for first in [[1, 1], [0, 0x11], [0, 3]] {
            let mut message = REQUEST;
            message[..2].copy_from_slice(&first);
            assert_eq!(
                answer(&message, "127.0.0.1:1".parse().unwrap()),
                None,
                "{first:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_datagram_is_too_strange(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), is_close in any::<bool>()) {
            if is_close && bytes.len() >= 8 {
                bytes[..8].copy_from_slice(&REQUEST[..8]);
            }
            let _ = answer(&bytes, "127.0.0.1:1".parse().unwrap());
        }
    }
}
