//! Types one command into a terminal that somebody else has opened, and prints what the command printed.
//!
//! ```text
//! ssm-bridge-terminal COMMAND < answer of createSession
//! ```
//!
//! The output is exact: the terminal's line ends are kept, its prompt and echo are left out.

use std::error::Error;
use std::io::{Write as _, stdin, stdout};
use std::time::Duration;

use aws_ssm_bridge::{EndpointPolicy, OutputStream, Session, SessionConfig};
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::time::timeout;

/// What `createSession` answers, as far as a terminal needs it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    session_id: String,
    stream_url: String,
    token_value: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let command = std::env::args()
        .nth(1)
        .ok_or("usage: ssm-bridge-terminal COMMAND < createSession's answer")?;
    let created: Created = serde_json::from_reader(stdin())?;
    let output = timeout(TIME_MAX, run(created, &command))
        .await
        .map_err(|_| format!("{command:?} did not end within {TIME_MAX:?}"))??;
    stdout().write_all(&output)?;
    Ok(())
}

async fn run(created: Created, command: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let config = SessionConfig {
        endpoint_policy: EndpointPolicy::AllowAny,
        ..SessionConfig::new("cloudshell")
    };
    let Created {
        session_id,
        stream_url,
        token_value,
    } = created;
    let session = Session::attach(session_id, stream_url, token_value, config).await?;
    let mut output = session.output();
    session.wait_ready().await?;
    session.send_terminal_size(80, 24).await?;
    session.send(typed(command)).await?;
    let printed = read(&mut output).await?;
    session.terminate().await?;
    Ok(printed)
}

/// The markers are typed in another way than they are printed, or the echo would pass for them.
fn typed(command: &str) -> String {
    format!("printf '\\137\\137begin\\137\\137\\n'; {command}; printf '\\137\\137end\\137\\137\\n'\r")
}

/// Returns what comes between the markers.
async fn read(output: &mut OutputStream) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    while let Some(bytes) = output.next().await {
        all.extend_from_slice(&bytes);
        if let Some(end) = find(&all, END) {
            let begin = find(&all, BEGIN).ok_or("the end came without a beginning")? + BEGIN.len();
            return Ok(all[begin..end].to_vec());
        }
    }
    Err(format!(
        "the terminal ended after {:?}",
        String::from_utf8_lossy(&all)
    ))
}

fn find(all: &[u8], part: &[u8]) -> Option<usize> {
    all.windows(part.len()).position(|window| window == part)
}

const BEGIN: &[u8] = b"__begin__\r\n";
const END: &[u8] = b"__end__\r\n";
/// Commands here take a moment.
const TIME_MAX: Duration = Duration::from_secs(60);
