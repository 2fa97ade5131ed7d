//! `cloudshell-store`: the daemon, and the commands that talk to it.

mod arguments;
mod client;
mod command;
mod daemon;
mod destination;
mod download;
mod error;
mod output;
mod progress;
mod reading;
mod source;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let style = output::Style::new(&arguments.global);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(command::run(arguments, &style));
            // Somebody may still hold standard input open, which a thread reads; nobody wants those bytes any more.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(&style),
    }
}
