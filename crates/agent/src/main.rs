//! `cloudshell-store-agent`: the small program on a node that keeps its shards.
//!
//! ```text
//! serve    keeps shards below --dir and answers the daemon whose key it was told
//! attach   joins standard input and output to the running agent: the link's shell path
//! stop     ends the running agent
//! ```

mod arguments;
mod attach;
mod detach;
mod home;
mod serve;
mod socket;

use std::process::ExitCode;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = match Arguments::parse(lexopt::Parser::from_env()) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("cloudshell-store-agent: {error}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    let result = match arguments.command {
        Command::Help => {
            println!("{}", arguments::USAGE);
            Ok(())
        }
        Command::Version => {
            println!("cloudshell-store-agent {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        Command::Serve(options) if options.is_detached => detach::serve_detached(),
        Command::Serve(options) => serve::serve(&options),
        Command::Attach(identity) => attach::attach(&identity),
        Command::Stop(identity) => attach::stop(&identity),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cloudshell-store-agent: {error}");
            ExitCode::FAILURE
        }
    }
}
