//! The commands, one file each.

mod cat;
mod demo;
mod emulator;
mod failures;
mod folder;
mod get;
mod ls;
mod mv;
mod node;
mod passwd;
mod put;
mod region;
mod rm;
mod stat;
mod status;

use std::path::Path;

use clap::CommandFactory as _;

use crate::arguments::{Arguments, Command};
use crate::client::Client;
use crate::daemon;
use crate::error::CommandError;
use crate::output::{Style, print_json, print_text};

pub(crate) use self::failures::Failures;

/// Carries out what was typed.
pub(crate) async fn run(arguments: Arguments, style: &Style) -> Result<(), CommandError> {
    if style.is_json {
        refuse_json(&arguments.command)?;
    }
    let client = || Client::new(&arguments.global);
    match arguments.command {
        Command::Init(init) => make_store(init, style).await,
        Command::Serve(serve) => Ok(daemon::serve(*serve, None).await?),
        Command::Emulator(arguments) => emulator::run(&arguments, style).await,
        Command::Demo(arguments) => demo::run(arguments, style).await,
        Command::Put(put) => put::run(&client()?, put, style).await,
        Command::Get(get) => get::run(&client()?, get, style).await,
        Command::Cat(cat) => cat::run(&client()?, &cat).await,
        Command::Ls(ls) => ls::run(&client()?, &ls, style).await,
        Command::Stat(stat) => stat::run(&client()?, &stat, style).await,
        Command::Rm(rm) => rm::run(&client()?, &rm, style).await,
        Command::Mv(mv) => mv::run(&client()?, &mv, style).await,
        Command::Status => status::run(&client()?, style).await,
        Command::Node(command) => node::run(&client()?, command, style).await,
        Command::Region(command) => region::run(&client()?, command, style).await,
        Command::Passwd(passwd) => passwd::run(&client()?, &passwd, style).await,
        Command::Completions { shell } => print_completions(shell),
    }
}

/// Some commands print something that is no document.
fn refuse_json(command: &Command) -> Result<(), CommandError> {
    let what = match command {
        Command::Cat(_) => "cat prints the file itself",
        Command::Get(get) if get.dest.as_deref() == Some(Path::new("-")) => "'-' prints the file itself",
        Command::Completions { .. } => "completions prints a script",
        _ => return Ok(()),
    };
    Err(CommandError::usage(format!("{what}, so it cannot print JSON")))
}

fn print_completions(shell: clap_complete::Shell) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "cloudshell-store", &mut script);
    print_text(&String::from_utf8_lossy(&script))
}

async fn make_store(arguments: daemon::InitArguments, style: &Style) -> Result<(), CommandError> {
    let (store, dir) = daemon::init(arguments).await?;
    if style.is_json {
        return print_json(&serde_json::json!({ "store": store.to_string(), "dir": dir }));
    }
    style.say(&format!("Store {} is in {}.", store.fmt_short(), dir.display()))?;
    style.say(&format!(
        "Start it with: cloudshell-store serve --dir {}",
        dir.display()
    ))
}
