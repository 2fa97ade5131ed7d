//! Talking to the running agent.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use crate::arguments::Identity;
use crate::home::{self, SOCKET};
use crate::serve::ServeError;
use crate::socket::{Hello, LINE_LEN_MAX, refusal};

/// Copies standard input to the agent and the agent's answers to standard output, until either ends.
pub(crate) fn attach(identity: &Identity) -> Result<(), ServeError> {
    let mut socket = match connect(identity) {
        Ok(socket) => socket,
        Err(error) => {
            print!("{}", refusal(&error.to_string()));
            return Ok(());
        }
    };
    socket.write_all(Hello::attach(identity).to_line().as_bytes())?;
    let to_agent = socket.try_clone()?;
    std::thread::spawn(move || {
        let _ = pump(io::stdin().lock(), &to_agent);
        // Whoever started this process is gone: hang up, which ends it, rather than hold a place at the agent.
        let _ = to_agent.shutdown(Shutdown::Both);
    });
    pump(socket, io::stdout().lock())?;
    Ok(())
}

/// Asks the running agent to end and waits until it has; nothing to do if none runs.
pub(crate) fn stop(identity: &Identity) -> Result<(), ServeError> {
    let Ok(mut socket) = connect(identity) else {
        return Ok(());
    };
    socket.write_all(Hello::Stop.to_line().as_bytes())?;
    let mut rest = String::new();
    BufReader::new(socket.take(LINE_LEN_MAX)).read_line(&mut rest)?;
    Ok(())
}

fn connect(identity: &Identity) -> io::Result<UnixStream> {
    home::enter(identity)?;
    UnixStream::connect(SOCKET)
}

/// Passes on what has come at once: a terminal's reader must not wait for a buffer to fill.
fn pump(mut from: impl io::Read, mut to: impl io::Write) -> io::Result<()> {
    let mut buffer = vec![0; PUMP_LEN];
    loop {
        let len = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(buffer.get(..len).unwrap_or_default())?;
        to.flush()?;
    }
}

const PUMP_LEN: usize = 64 << 10;
