//! `cloudshell-store`: the daemon, and the commands that talk to it.

mod arguments;
mod client;
mod command;
mod daemon;
mod destination;
mod error;
mod output;
mod progress;
mod source;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let style = output::Style::new(&arguments.global);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(command::run(arguments, &style)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(&style),
    }
}
