//! What the command line says.

use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt as _};
use model::{ByteCount, StoreId};
use transport::PeerId;

/// A parsed command line.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) command: Command,
}

#[derive(Debug)]
pub(crate) enum Command {
    Serve(ServeOptions),
    Attach(Identity),
    Stop(Identity),
    Help,
    Version,
}

/// Which agent is meant.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The folder of all stores on this node.
    pub(crate) dir: PathBuf,
    pub(crate) store: StoreId,
    /// The only peer it obeys.
    pub(crate) daemon: PeerId,
    pub(crate) capacity: ByteCount,
}

#[derive(Clone, Debug)]
pub(crate) struct ServeOptions {
    pub(crate) identity: Identity,
    pub(crate) bind: SocketAddr,
    pub(crate) is_detached: bool,
}

impl Arguments {
    pub(crate) fn parse(mut parser: Parser) -> Result<Self, lexopt::Error> {
        let mut raw = Raw::default();
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("help") | Arg::Short('h') => {
                    return Ok(Self {
                        command: Command::Help,
                    });
                }
                Arg::Long("version") | Arg::Short('V') => {
                    return Ok(Self {
                        command: Command::Version,
                    });
                }
                Arg::Long("dir") => raw.dir = Some(parser.value()?.into()),
                Arg::Long("store") => raw.store = Some(parser.value()?.parse()?),
                Arg::Long("daemon") => raw.daemon = Some(parser.value()?.parse()?),
                Arg::Long("capacity") => raw.capacity = Some(parser.value()?.parse()?),
                Arg::Long("bind") => raw.bind = Some(parser.value()?.parse()?),
                Arg::Long("detach") => raw.is_detached = true,
                Arg::Value(command) if raw.command.is_none() => raw.command = Some(command.string()?),
                other => return Err(other.unexpected()),
            }
        }
        raw.into_command().map(|command| Self { command })
    }
}

/// What was typed, before it is known to be complete.
#[derive(Debug, Default)]
struct Raw {
    command: Option<String>,
    dir: Option<PathBuf>,
    store: Option<StoreId>,
    daemon: Option<PeerId>,
    capacity: Option<ByteCount>,
    bind: Option<SocketAddr>,
    is_detached: bool,
}

impl Raw {
    fn into_command(self) -> Result<Command, lexopt::Error> {
        let command = self.command.clone().ok_or("a command is missing")?;
        let bind = self.bind.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
        let is_detached = self.is_detached;
        let identity = self.into_identity()?;
        match command.as_str() {
            "serve" => Ok(Command::Serve(ServeOptions {
                identity,
                bind,
                is_detached,
            })),
            "attach" => Ok(Command::Attach(identity)),
            "stop" => Ok(Command::Stop(identity)),
            other => Err(format!("there is no command {other:?}").into()),
        }
    }

    fn into_identity(self) -> Result<Identity, lexopt::Error> {
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cloudshell-store"));
        Ok(Identity {
            dir: self
                .dir
                .or_else(home)
                .ok_or("--dir is missing, and HOME is not set")?,
            store: self.store.ok_or("--store is missing")?,
            daemon: self.daemon.ok_or("--daemon is missing")?,
            capacity: self.capacity.unwrap_or(CAPACITY),
        })
    }
}

/// CloudShell's home directory holds about 1 GB, of which the user may want some.
const CAPACITY: ByteCount = ByteCount(1 << 30);

pub(crate) const USAGE: &str = "\
Keeps shards of a CloudShell Store. The daemon starts it; people rarely do.

Usage: cloudshell-store-agent <serve|attach|stop> --store ID --daemon KEY [options]

Commands:
  serve    keep shards and answer the daemon
  attach   join standard input and output to the running agent
  stop     end the running agent

Options:
  --store ID         the store, 32 hexadecimal digits
  --daemon KEY       the daemon's public key, 64 hexadecimal digits; nobody else is answered
  --capacity SIZE    the most to keep, such as 900MiB [default: 1GiB]
  --bind ADDR        UDP address to bind [default: 0.0.0.0:0]
  --dir DIR          where stores are kept [default: $HOME/.cloudshell-store]
  --detach           go to the background once ready
  -h, --help         print this
  -V, --version      print the version

Example:
  cloudshell-store-agent serve --store 0123456789abcdef0123456789abcdef --daemon <key> --capacity 900MiB";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        let arguments = Arguments::parse(Parser::from_args(line.split_whitespace()));
        arguments
            .map(|arguments| arguments.command)
            .map_err(|error| error.to_string())
    }

    const STORE: &str = "00112233445566778899aabbccddeeff";
    const DAEMON: &str = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";

    #[test]
    fn a_whole_command_line_is_understood() {
        let line = format!(
            "serve --store {STORE} --daemon {DAEMON} --capacity 900MiB --bind 127.0.0.1:7 --dir /d --detach"
        );
        let Ok(Command::Serve(options)) = parse(&line) else {
            panic!("no serve")
        };
        assert_eq!(options.identity.store.to_string(), STORE);
        assert_eq!(options.identity.daemon.to_string(), DAEMON);
        assert_eq!(options.identity.capacity, ByteCount(900 << 20));
        assert_eq!((options.bind.port(), options.is_detached), (7, true));
    }

    #[test]
    fn what_is_missing_is_named() {
        let cases = [
            ("", "a command is missing"),
            ("attach", "--store is missing"),
            (&format!("attach --store {STORE}"), "--daemon is missing"),
            (
                &format!("dance --store {STORE} --daemon {DAEMON} --dir /d"),
                "no command \"dance\"",
            ),
            ("serve --frobnicate", "--frobnicate"),
            ("serve --capacity much", "no amount of bytes"),
        ];
        for (line, expected) in cases {
            let error = parse(line).expect_err(line);
            assert!(error.contains(expected), "{line:?} gave {error:?}");
        }
    }
}
