//! The JSON that frames carry, and the message that opens a channel.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::frame::{Frame, PayloadType};

/// The first message of a connection, as text: who may use the channel.
pub fn open_data_channel(token: &str, request_id: Uuid, client_id: Uuid) -> String {
    let open = OpenDataChannel {
        message_schema_version: "1.0",
        request_id: request_id.to_string(),
        token_value: token,
        client_id: client_id.to_string(),
        client_version: CLIENT_VERSION,
    };
    to_json(&open)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OpenDataChannel<'a> {
    message_schema_version: &'a str,
    request_id: String,
    token_value: &'a str,
    client_id: String,
    client_version: &'a str,
}

/// The payload that acknowledges a frame.
pub(super) fn acknowledge(frame: &Frame) -> String {
    to_json(&Acknowledge {
        acknowledged_message_type: frame.message_type.name(),
        acknowledged_message_id: frame.message_id.to_string(),
        acknowledged_message_sequence_number: frame.sequence,
        is_sequential_message: true,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Acknowledge<'a> {
    acknowledged_message_type: &'a str,
    acknowledged_message_id: String,
    acknowledged_message_sequence_number: i64,
    is_sequential_message: bool,
}

/// The number that an acknowledgement is for; the number alone counts.
pub(super) fn acknowledged(payload: &[u8]) -> Option<i64> {
    let acknowledged: Acknowledged = serde_json::from_slice(payload).ok()?;
    // Acknowledged acknowledgements are sent by some agents, and have a number that is another message's.
    let is_input = matches!(
        acknowledged.acknowledged_message_type.as_deref(),
        None | Some("input_stream_data")
    );
    is_input.then_some(acknowledged.acknowledged_message_sequence_number)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Acknowledged {
    acknowledged_message_type: Option<String>,
    acknowledged_message_sequence_number: i64,
}

/// A terminal's size, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TerminalSize {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

impl TerminalSize {
    pub(super) fn to_payload(self) -> String {
        to_json(&self)
    }
}

/// What the service said when it closed a session.
pub(super) fn closing_words(payload: &[u8]) -> String {
    let closed: Option<ChannelClosed> = serde_json::from_slice(payload).ok();
    let words = closed.and_then(|closed| closed.output).unwrap_or_default();
    words.trim().chars().take(CLOSING_WORDS_MAX).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChannelClosed {
    output: Option<String>,
}

/// The answer to an agent's handshake request, and why it will not be content with it, if so.
pub(super) fn handshake_response(request: &[u8]) -> (String, Option<String>) {
    let request: HandshakeRequest = serde_json::from_slice(request).unwrap_or_default();
    let actions = request.requested_client_actions.unwrap_or_default();
    let processed: Vec<ProcessedAction> = actions.into_iter().map(process_action).collect();
    let errors: Vec<String> = processed
        .iter()
        .filter(|action| !action.error.is_empty())
        .map(|action| action.error.clone())
        .collect();
    let refusal = (!errors.is_empty()).then(|| errors.join("; "));
    let response = HandshakeResponse {
        client_version: CLIENT_VERSION,
        processed_client_actions: processed,
        errors: (!errors.is_empty()).then_some(errors),
    };
    (to_json(&response), refusal)
}

fn process_action(action: RequestedAction) -> ProcessedAction {
    let session_type = action
        .action_parameters
        .get("SessionType")
        .and_then(Value::as_str);
    let (action_status, error) = match action.action_type.as_str() {
        "SessionType" => match session_type {
            Some(known) if SESSION_TYPES.contains(&known) => (STATUS_SUCCESS, String::new()),
            other => (
                STATUS_FAILED,
                format!(
                    "Failed to process action SessionType: {} is no shell",
                    other.unwrap_or("nothing")
                ),
            ),
        },
        "KMSEncryption" => (
            STATUS_FAILED,
            "Failed to process action KMSEncryption: this client has no keys for it".to_owned(),
        ),
        other => (STATUS_UNSUPPORTED, format!("Unsupported action {other}")),
    };
    ProcessedAction {
        action_type: action.action_type,
        action_status,
        action_result: None,
        error,
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HandshakeRequest {
    requested_client_actions: Option<Vec<RequestedAction>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RequestedAction {
    action_type: String,
    #[serde(default)]
    action_parameters: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HandshakeResponse<'a> {
    client_version: &'a str,
    processed_client_actions: Vec<ProcessedAction>,
    errors: Option<Vec<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessedAction {
    action_type: String,
    action_status: u8,
    action_result: Option<()>,
    error: String,
}

/// Whether a payload of the agent's stream is for the reader.
pub(super) fn is_text(payload_type: PayloadType) -> bool {
    matches!(payload_type, PayloadType::Output | PayloadType::StdErr)
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain structs of strings and numbers are JSON")
}

/// Agents choose features by it: four numbers. What is claimed is what a shell session needs.
const CLIENT_VERSION: &str = "1.2.764.0";

/// Sessions that are a stream of bytes.
const SESSION_TYPES: [&str; 3] = ["Standard_Stream", "InteractiveCommands", "NonInteractiveCommands"];

const STATUS_SUCCESS: u8 = 1;
const STATUS_FAILED: u8 = 2;
const STATUS_UNSUPPORTED: u8 = 3;

/// What the service says is a sentence.
const CLOSING_WORDS_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::frame::tests::vector;

    fn payload_of(name: &str) -> Vec<u8> {
        Frame::decode(&vector(name)).expect("vectors are frames").payload
    }

    #[test]
    fn opening_names_token_and_client() {
        let (request, client) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(
            open_data_channel("to+ken/=", request, client),
            r#"{"MessageSchemaVersion":"1.0","RequestId":"00000000-0000-0000-0000-000000000001","TokenValue":"to+ken/=","ClientId":"00000000-0000-0000-0000-000000000002","ClientVersion":"1.2.764.0"}"#
        );
    }

    #[test]
    fn recorded_payloads_are_made_and_read() {
        let output = Frame::decode(&vector("D")).expect("vectors are frames");
        assert_eq!(acknowledge(&output).into_bytes(), payload_of("E"));
        assert_eq!(
            handshake_response(&payload_of("I")),
            (String::from_utf8(payload_of("J")).expect("text"), None)
        );
        let size = TerminalSize { cols: 80, rows: 24 };
        assert_eq!(size.to_payload().into_bytes(), payload_of("B"));
        assert_eq!(closing_words(&payload_of("F")), "");
    }

    #[test]
    fn acknowledgements_of_other_streams_count_nothing() {
        assert_eq!(acknowledged(&payload_of("E")), None);
        assert_eq!(
            acknowledged(
                br#"{"AcknowledgedMessageType":"input_stream_data","AcknowledgedMessageSequenceNumber":7}"#
            ),
            Some(7)
        );
        assert_eq!(
            acknowledged(br#"{"AcknowledgedMessageSequenceNumber":8}"#),
            Some(8)
        );
        assert_eq!(
            acknowledged(br#"{"AcknowledgedMessageSequenceNumber":"8"}"#),
            None
        );
        assert_eq!(acknowledged(b"garbage"), None);
    }

    #[test]
    fn what_the_client_cannot_do_is_said_so() {
        let (response, refusal) = handshake_response(
            br#"{"RequestedClientActions":[{"ActionType":"KMSEncryption","ActionParameters":{}},{"ActionType":"Dance"},{"ActionType":"SessionType","ActionParameters":{"SessionType":"Port"}}]}"#,
        );
        let response: Value = serde_json::from_str(&response).expect("JSON");
        let statuses: Vec<_> = (0..3)
            .map(|at| response["ProcessedClientActions"][at]["ActionStatus"].as_u64())
            .collect();
        assert_eq!(statuses, [Some(2), Some(3), Some(2)]);
        assert_eq!(response["Errors"].as_array().map(Vec::len), Some(3));
        assert!(
            refusal.as_deref().is_some_and(|text| text.contains("no keys")),
            "{refusal:?}"
        );
        let (response, _) = handshake_response(b"garbage");
        assert!(response.contains(r#""ProcessedClientActions":[]"#), "{response}");
    }

    #[test]
    fn closing_words_are_bounded() {
        let long = format!(r#"{{"Output":" {} "}}"#, "é".repeat(10_000));
        assert_eq!(closing_words(long.as_bytes()).chars().count(), CLOSING_WORDS_MAX);
        assert_eq!(closing_words(br#"{"Output":" timed out. "}"#), "timed out.");
        assert_eq!(closing_words(b"garbage"), "");
    }
}
