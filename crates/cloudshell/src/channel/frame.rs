//! One message of the data channel, as bytes.
//!
//! ```text
//!   0  u32       header length: 116, the offset of the payload length
//!   4  [u8; 32]  type, ASCII, padded with spaces
//!  36  u32       schema version: 1
//!  40  u64       created, milliseconds since 1970
//!  48  i64       sequence number
//!  56  u64       flags
//!  64  [u8; 16]  message id: the UUID's halves, the second first
//!  80  [u8; 32]  SHA-256 of the payload
//! 112  u32       payload type
//! 116  u32       payload length
//! 120            payload
//! ```
//!
//! Integers are big-endian. [`Frame::decode`] refuses what a faithful sender never makes: the service and old agents are
//! lenient, but a frame that is not what it says is of no use to a byte stream.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A message of the data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is for.
    pub message_type: MessageType,
    /// When it was made, in milliseconds since 1970; never 0.
    pub created_ms: u64,
    /// Its place in the sender's stream; 0 for what is no stream data.
    pub sequence: i64,
    /// See [`FLAG_SYN`] and [`FLAG_FIN`]; receivers ignore them.
    pub flags: u64,
    /// Random.
    pub message_id: Uuid,
    /// What the payload of stream data is.
    pub payload_type: PayloadType,
    /// At most [`PAYLOAD_LEN_MAX`] bytes.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The frame's bytes: one WebSocket message.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + self.payload.len());
        bytes.extend_from_slice(&HEADER_LEN_FIELD.to_be_bytes());
        bytes.extend_from_slice(&padded(self.message_type.name()));
        bytes.extend_from_slice(&SCHEMA_VERSION.to_be_bytes());
        bytes.extend_from_slice(&self.created_ms.to_be_bytes());
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&self.flags.to_be_bytes());
        let (first, second) = self.message_id.as_u64_pair();
        bytes.extend_from_slice(&second.to_be_bytes());
        bytes.extend_from_slice(&first.to_be_bytes());
        bytes.extend_from_slice(&Sha256::digest(&self.payload));
        bytes.extend_from_slice(&self.payload_type.number().to_be_bytes());
        let payload_len = u32::try_from(self.payload.len()).expect("payloads are limited to less than 4 GiB");
        bytes.extend_from_slice(&payload_len.to_be_bytes());
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    /// Reads one WebSocket message.
    ///
    /// # Errors
    ///
    /// [`FrameError`] if it is not exactly one faithful frame.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let mut fields = Fields(bytes);
        let header_len = u32::from_be_bytes(fields.take()?);
        if header_len != HEADER_LEN_FIELD {
            return Err(FrameError::HeaderLength { found: header_len });
        }
        let message_type = MessageType::from_padded(&fields.take::<32>()?)?;
        let _schema_version = fields.take::<4>()?;
        let created_ms = u64::from_be_bytes(fields.take()?);
        let sequence = i64::from_be_bytes(fields.take()?);
        let flags = u64::from_be_bytes(fields.take()?);
        let (second, first) = (fields.take()?, fields.take()?);
        let message_id = Uuid::from_u64_pair(u64::from_be_bytes(first), u64::from_be_bytes(second));
        let digest: [u8; 32] = fields.take()?;
        let payload_type = PayloadType::from_number(u32::from_be_bytes(fields.take()?));
        let declared = u32::from_be_bytes(fields.take()?);
        let payload = fields.0;
        // Pauses carry nothing of worth: their senders need not be exact.
        if !message_type.is_publication() {
            check_payload(payload, declared, &digest)?;
            if created_ms == 0 {
                return Err(FrameError::NoDate);
            }
        }
        Ok(Self {
            message_type,
            created_ms,
            sequence,
            flags,
            message_id,
            payload_type,
            payload: payload.to_vec(),
        })
    }
}

fn check_payload(payload: &[u8], declared: u32, digest: &[u8; 32]) -> Result<(), FrameError> {
    let found = payload.len();
    if found > PAYLOAD_LEN_MAX {
        return Err(FrameError::TooLong { found });
    }
    if usize::try_from(declared) != Ok(found) {
        return Err(FrameError::PayloadLength { declared, found });
    }
    // A digest of nothing protects nothing, and some senders leave it out.
    if found > 0 && Sha256::digest(payload).as_slice() != digest {
        return Err(FrameError::Digest);
    }
    Ok(())
}

/// The rest of a frame's bytes.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (field, rest) = self.0.split_first_chunk().ok_or(FrameError::TooShort)?;
        self.0 = rest;
        Ok(*field)
    }
}

/// What a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageType {
    /// Client to agent, in the client's sequence.
    InputStreamData,
    /// Agent to client, in the agent's sequence.
    OutputStreamData,
    /// One message of stream data arrived.
    Acknowledge,
    /// The session is over.
    ChannelClosed,
    /// The other side cannot take messages now.
    PausePublication,
    /// The other side can take messages again.
    StartPublication,
    /// A type that this client has no use for.
    Other(String),
}

impl MessageType {
    /// Its name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::InputStreamData => "input_stream_data",
            Self::OutputStreamData => "output_stream_data",
            Self::Acknowledge => "acknowledge",
            Self::ChannelClosed => "channel_closed",
            Self::PausePublication => "pause_publication",
            Self::StartPublication => "start_publication",
            Self::Other(name) => name,
        }
    }

    /// The type with a name.
    pub fn from_name(name: &str) -> Self {
        match name {
            "input_stream_data" => Self::InputStreamData,
            "output_stream_data" => Self::OutputStreamData,
            "acknowledge" => Self::Acknowledge,
            "channel_closed" => Self::ChannelClosed,
            "pause_publication" => Self::PausePublication,
            "start_publication" => Self::StartPublication,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Senders pad with spaces or NULs, on either side.
    fn from_padded(field: &[u8; 32]) -> Result<Self, FrameError> {
        let text = std::str::from_utf8(field).map_err(|_| FrameError::Type)?;
        let name = text.trim_matches('\0').trim();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(FrameError::Type);
        }
        Ok(Self::from_name(name))
    }

    fn is_publication(&self) -> bool {
        matches!(self, Self::PausePublication | Self::StartPublication)
    }
}

fn padded(name: &str) -> [u8; 32] {
    let mut field = [b' '; 32];
    for (place, byte) in field.iter_mut().zip(name.bytes()) {
        *place = byte;
    }
    field
}

/// What the payload of stream data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadType {
    /// No stream data.
    None,
    /// Keystrokes, or what the terminal prints.
    Output,
    /// The size of the terminal.
    Size,
    /// The agent asks what the client can do.
    HandshakeRequest,
    /// The client's answer.
    HandshakeResponse,
    /// The agent is content.
    HandshakeComplete,
    /// A number that ends the session or a connection.
    Flag,
    /// What a command without a terminal prints to its standard error.
    StdErr,
    /// A number that this client has no use for.
    Other(u32),
}

impl PayloadType {
    /// Its number on the wire.
    pub fn number(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Output => 1,
            Self::Size => 3,
            Self::HandshakeRequest => 5,
            Self::HandshakeResponse => 6,
            Self::HandshakeComplete => 7,
            Self::Flag => 10,
            Self::StdErr => 11,
            Self::Other(number) => number,
        }
    }

    /// The type with a number.
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Self::None,
            1 => Self::Output,
            3 => Self::Size,
            5 => Self::HandshakeRequest,
            6 => Self::HandshakeResponse,
            7 => Self::HandshakeComplete,
            10 => Self::Flag,
            11 => Self::StdErr,
            other => Self::Other(other),
        }
    }
}

/// Why bytes are no frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// It ends within the header.
    #[error("shorter than a header of {HEADER_LEN} bytes")]
    TooShort,
    /// Its header has another shape.
    #[error("the header says that it has {found} bytes, not {HEADER_LEN_FIELD}")]
    HeaderLength {
        /// What the header says.
        found: u32,
    },
    /// Its type is no name.
    #[error("no message type")]
    Type,
    /// It was made at no time.
    #[error("no date")]
    NoDate,
    /// Its payload is longer than any agent sends.
    #[error("payload of {found} bytes, at most {PAYLOAD_LEN_MAX} are taken")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// It was cut, or two were joined.
    #[error("payload of {found} bytes, the header says {declared}")]
    PayloadLength {
        /// Bytes declared.
        declared: u32,
        /// Bytes found.
        found: usize,
    },
    /// It was damaged.
    #[error("the payload does not have its digest")]
    Digest,
}

/// In [`Frame::flags`]: the first of a stream.
pub const FLAG_SYN: u64 = 1;
/// In [`Frame::flags`]: the last of a stream.
pub const FLAG_FIN: u64 = 2;

/// Agents send a kilobyte, and a few bytes carried over; nothing that they send comes near this.
pub const PAYLOAD_LEN_MAX: usize = 64 << 10;

/// Bytes before the payload.
pub const HEADER_LEN: usize = 120;

/// The field counts the bytes before the payload's length.
const HEADER_LEN_FIELD: u32 = 116;
const SCHEMA_VERSION: u32 = 1;

#[cfg(test)]
pub(super) mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;

    /// Recorded frames: name, SHA-256 of the whole, the whole in hexadecimal.
    pub(crate) fn vectors() -> Vec<(&'static str, Vec<u8>)> {
        include_str!("vectors.txt")
            .lines()
            .map(|line| {
                let mut words = line.split_whitespace();
                let mut word = || words.next().expect("a name, a hash, the bytes");
                let (name, hash, hex) = (word(), word(), word());
                let bytes = HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal");
                assert_eq!(HEXLOWER.encode(&Sha256::digest(&bytes)), hash, "vector {name}");
                (name, bytes)
            })
            .collect()
    }

    pub(crate) fn vector(name: &str) -> Vec<u8> {
        let found = vectors().into_iter().find(|(found, _)| *found == name);
        found.expect("there is such a vector").1
    }

    fn frame(kind: &str, sequence: i64, flags: u64, payload_type: u32, id: &str, payload: &str) -> Frame {
        Frame {
            message_type: MessageType::from_name(kind),
            created_ms: 1_503_434_274_948,
            sequence,
            flags,
            message_id: id.parse().expect("a UUID"),
            payload_type: PayloadType::from_number(payload_type),
            payload: payload.as_bytes().to_vec(),
        }
    }

    #[test]
    fn recorded_frames_are_made_and_read_byte_by_byte() {
        const ID: &str = "dd01e56b-ff48-483e-a508-b5f073f31b16";
        let (input, output) = ("input_stream_data", "output_stream_data");
        let acknowledge = r#"{"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":"dd01e56b-ff48-483e-a508-b5f073f31b16","AcknowledgedMessageSequenceNumber":0,"IsSequentialMessage":true}"#;
        let closed = r#"{"MessageId":"dd01e56b-ff48-483e-a508-b5f073f31b16","CreatedDate":"1503434274948","DestinationId":"destination-id","SessionId":"session-id","MessageType":"channel_closed","SchemaVersion":1,"Output":""}"#;
        let request = r#"{"AgentVersion":"3.3.987.0","RequestedClientActions":[{"ActionType":"SessionType","ActionParameters":{"SessionType":"Standard_Stream","Properties":null}}]}"#;
        let response = r#"{"ClientVersion":"1.2.764.0","ProcessedClientActions":[{"ActionType":"SessionType","ActionStatus":1,"ActionResult":null,"Error":""}],"Errors":null}"#;
        let complete = r#"{"HandshakeTimeToComplete":48000000,"CustomerMessage":""}"#;
        let frames = [
            ("A", frame(input, 1, 2, 0, ID, "payload")),
            (
                "B",
                frame(
                    input,
                    0,
                    0,
                    3,
                    "00112233-4455-4677-8899-aabbccddeeff",
                    r#"{"cols":80,"rows":24}"#,
                ),
            ),
            (
                "C",
                frame(input, 1, 0, 1, "11111111-2222-4333-8444-555555555555", "ls\r"),
            ),
            ("D", frame(output, 0, 1, 1, ID, "sh-5.2$ ")),
            (
                "E",
                frame(
                    "acknowledge",
                    0,
                    3,
                    0,
                    "0f0e0d0c-0b0a-4908-8706-050403020100",
                    acknowledge,
                ),
            ),
            ("F", frame("channel_closed", 0, 3, 0, ID, closed)),
            ("G", frame(input, 2, 0, 10, ID, "\0\0\0\u{2}")),
            ("H", frame("pause_publication", 0, 3, 0, ID, "")),
            (
                "I",
                frame(output, 0, 1, 5, "22222222-3333-4444-9555-666666666666", request),
            ),
            (
                "J",
                frame(input, 0, 0, 6, "33333333-4444-4555-a666-777777777777", response),
            ),
            (
                "K",
                frame(output, 1, 0, 7, "44444444-5555-4666-b777-888888888888", complete),
            ),
        ];
        let vectors = vectors();
        assert_eq!(vectors.len(), frames.len());
        for ((name, bytes), (frame_name, frame)) in vectors.iter().zip(&frames) {
            assert_eq!(name, frame_name);
            assert_eq!(
                HEXLOWER.encode(&frame.encode()),
                HEXLOWER.encode(bytes),
                "vector {name}"
            );
            assert_eq!(Frame::decode(bytes).as_ref(), Ok(frame), "vector {name}");
        }
    }

    #[test]
    fn each_flaw_is_named() {
        let good = vector("C");
        let damaged = |place: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[place] = value;
            Frame::decode(&bytes)
        };
        assert_eq!(Frame::decode(&good[..119]), Err(FrameError::TooShort));
        assert_eq!(Frame::decode(&[]), Err(FrameError::TooShort));
        assert_eq!(damaged(3, 117), Err(FrameError::HeaderLength { found: 117 }));
        assert_eq!(damaged(4, 0xff), Err(FrameError::Type));
        assert_eq!(damaged(100, 0), Err(FrameError::Digest));
        assert_eq!(damaged(122, b'!'), Err(FrameError::Digest));
        let cut = Frame::decode(&good[..122]);
        assert_eq!(
            cut,
            Err(FrameError::PayloadLength {
                declared: 3,
                found: 2
            })
        );
        let mut dateless = good.clone();
        dateless[40..48].fill(0);
        assert_eq!(Frame::decode(&dateless), Err(FrameError::NoDate));
        let mut long = Frame::decode(&good).expect("it is good");
        long.payload = vec![0; PAYLOAD_LEN_MAX + 1];
        assert_eq!(
            Frame::decode(&long.encode()),
            Err(FrameError::TooLong {
                found: PAYLOAD_LEN_MAX + 1
            })
        );
    }

    #[test]
    fn padding_is_understood_on_either_side() {
        let mut bytes = vector("C");
        bytes[4..36].fill(0);
        bytes[19..36].copy_from_slice(b"input_stream_data");
        assert_eq!(
            Frame::decode(&bytes).map(|frame| frame.message_type),
            Ok(MessageType::InputStreamData)
        );
        bytes[4..36].fill(b' ');
        assert_eq!(Frame::decode(&bytes), Err(FrameError::Type));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_frame_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Frame::decode(&bytes);
        }

        #[test]
        fn damage_is_never_taken_for_a_payload(place in 0..123_usize, flip in 1..=255_u8) {
            let good = vector("C");
            let mut bytes = good.clone();
            bytes[place] ^= flip;
            if let Ok(frame) = Frame::decode(&bytes) {
                prop_assert_eq!(frame.payload, b"ls\r");
            }
        }
    }
}
