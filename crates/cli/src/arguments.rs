//! What was typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use model::{ByteCount, Domain, NodeId};

use crate::daemon::{InitArguments, ServeArguments};

/// A personal, fault-tolerant file store made of free or spare disks.
#[derive(Debug, Parser)]
#[command(name = "cloudshell-store", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Args, Clone, Debug)]
pub(crate) struct GlobalArguments {
    /// The daemon's API
    #[arg(
        long,
        global = true,
        env = "CLOUDSHELL_STORE_URL",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL",
        help_heading = GLOBAL_HEADING
    )]
    pub(crate) url: String,
    /// A file with the daemon's token; CLOUDSHELL_STORE_TOKEN can hold the token itself
    #[arg(long, global = true, value_name = "FILE", help_heading = GLOBAL_HEADING)]
    pub(crate) client_token_file: Option<PathBuf>,
    /// Print one JSON document instead of text; errors are text on standard error all the same
    #[arg(long, global = true, help_heading = GLOBAL_HEADING)]
    pub(crate) json: bool,
    /// Show no progress, and say nothing but what was asked for and errors
    #[arg(short, long, global = true, help_heading = GLOBAL_HEADING)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a store
    #[command(
        after_help = "Examples:\n  cloudshell-store init\n  cloudshell-store init --dir ~/store --passphrase-file pass.txt\n  cloudshell-store init --dir /tmp/s --no-passphrase"
    )]
    Init(InitArguments),
    /// Run the daemon
    #[command(
        after_help = "Examples:\n  cloudshell-store serve\n  cloudshell-store serve --dir ~/store --nodes local:9\n  CLOUDSHELL_STORE_KEY=... cloudshell-store serve --addr 127.0.0.1:9000"
    )]
    Serve(Box<ServeArguments>),
    /// Run CloudShell's emulator: its API, environments and terminals on this machine
    #[command(
        after_help = "Examples:\n  cloudshell-store emulator\n  cloudshell-store emulator --dir /tmp/shells --addr 127.0.0.1:4566 --delays real\n  curl -s http://127.0.0.1:4566/_emulator/state | jq"
    )]
    Emulator(EmulatorArguments),
    /// Run a daemon on nine emulated regions
    #[command(
        after_help = "Examples:\n  cloudshell-store demo\n  cloudshell-store demo --dir /tmp/demo --addr 127.0.0.1:9000"
    )]
    Demo(DemoArguments),
    /// Store files and folders
    #[command(
        override_usage = "cloudshell-store put [OPTIONS] <SRC>... [DEST]",
        after_help = "With several sources, or a destination that ends in '/', the destination is a folder.\n\nExamples:\n  cloudshell-store put report.pdf\n  cloudshell-store put report.pdf letters/2026/report.pdf\n  cloudshell-store put -r photos music backup/\n  tar c src | cloudshell-store put - src.tar"
    )]
    Put(PutArguments),
    /// Fetch files and folders
    #[command(
        after_help = "Examples:\n  cloudshell-store get letters/report.pdf\n  cloudshell-store get letters/report.pdf /tmp/\n  cloudshell-store get -r photos restored/\n  cloudshell-store get src.tar - | tar x"
    )]
    Get(GetArguments),
    /// Print a file
    #[command(after_help = "Example:\n  cloudshell-store cat notes/todo.txt | less")]
    Cat(CatArguments),
    /// List files and folders
    #[command(
        after_help = "Examples:\n  cloudshell-store ls\n  cloudshell-store ls -l photos/\n  cloudshell-store ls -r --json > list.json"
    )]
    Ls(LsArguments),
    /// Show a file's attributes and where its shards are
    #[command(after_help = "Example:\n  cloudshell-store stat photos/IMG_2041.heic")]
    Stat(StatArguments),
    /// Delete files and folders
    #[command(
        after_help = "Examples:\n  cloudshell-store rm notes/old.txt\n  cloudshell-store rm -r photos/2019"
    )]
    Rm(RmArguments),
    /// Move or rename a file
    #[command(
        after_help = "Examples:\n  cloudshell-store mv draft.txt letters/final.txt\n  cloudshell-store mv -f new.txt old.txt"
    )]
    Mv(MvArguments),
    /// Show nodes, space, and how much may be lost
    #[command(
        after_help = "Examples:\n  cloudshell-store status\n  cloudshell-store status --json | jq .nodes"
    )]
    Status,
    /// Add, list and remove nodes
    #[command(
        subcommand,
        after_help = "Examples:\n  cloudshell-store node add --capacity 2GiB\n  cloudshell-store node ls\n  cloudshell-store node rm local-10"
    )]
    Node(NodeCommand),
    /// Add, list, wake and remove CloudShell regions
    #[command(
        subcommand,
        after_help = "Examples:\n  cloudshell-store region add eu-west-1 us-east-1\n  cloudshell-store region ls\n  cloudshell-store region sleep eu-west-1"
    )]
    Region(RegionCommand),
    /// Change the passphrase; touches no data
    #[command(
        after_help = "Examples:\n  cloudshell-store passwd\n  cloudshell-store passwd --passphrase-file old.txt --new-passphrase-file new.txt"
    )]
    Passwd(PasswdArguments),
    /// Print a completion script
    #[command(
        after_help = "Example:\n  cloudshell-store completions bash > ~/.local/share/bash-completion/completions/cloudshell-store"
    )]
    Completions {
        /// For which shell
        shell: Shell,
    },
}

#[derive(Args, Clone, Debug)]
pub(crate) struct EmulatorArguments {
    /// Where homes and credentials are kept
    #[arg(long, value_name = "DIR", default_value = "cloudshell-emulator")]
    pub(crate) dir: PathBuf,
    /// Where it listens; loopback only, since whoever holds its credentials has a shell on this machine
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4566")]
    pub(crate) addr: SocketAddr,
    /// How long environments take to be made, to wake and to fall asleep: 'none', or 'real' like the service's
    #[arg(long, value_name = "WHICH", default_value = "none")]
    pub(crate) delays: EmulatedDelays,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EmulatedDelays {
    None,
    Real,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct DemoArguments {
    /// Where the store and the emulated homes are kept
    #[arg(long, value_name = "DIR", default_value = "demo")]
    pub(crate) dir: PathBuf,
    /// Address of the API
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) addr: SocketAddr,
    /// Address of the emulator
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4566")]
    pub(crate) emulator_addr: SocketAddr,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct PutArguments {
    /// Files and folders to store, '-' for standard input; the last of several says where to
    #[arg(required = true, value_name = "SRC")]
    pub(crate) paths: Vec<PathBuf>,
    /// Store folders with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Leave files that are there as they are
    #[arg(short, long)]
    pub(crate) no_clobber: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct GetArguments {
    /// The file, or with -r the folder
    pub(crate) path: String,
    /// Where to, '-' for standard output [default: its name, here]
    pub(crate) dest: Option<PathBuf>,
    /// Fetch a folder with all that is in it
    #[arg(short, long)]
    pub(crate) recursive: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct CatArguments {
    /// The file
    pub(crate) path: String,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct LsArguments {
    /// A folder, or what the paths begin with [default: everything]
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Show size and time
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Go into folders
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Show sizes in bytes
    #[arg(short, long)]
    pub(crate) bytes: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct StatArguments {
    /// The file
    pub(crate) path: String,
    /// Show at most so many stripes
    #[arg(long, default_value_t = 20)]
    pub(crate) stripes: usize,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RmArguments {
    /// Files, or with -r folders
    #[arg(required = true)]
    pub(crate) paths: Vec<String>,
    /// Delete folders with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct MvArguments {
    /// The file
    pub(crate) from: String,
    /// Its new path; a folder if it ends in '/'
    pub(crate) to: String,
    /// Replace a file that is there
    #[arg(short, long)]
    pub(crate) force: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Start another agent on this machine
    #[command(
        after_help = "Examples:\n  cloudshell-store node add\n  cloudshell-store node add --id attic --domain house --capacity 2GiB"
    )]
    Add(NodeAddArguments),
    /// List the nodes
    #[command(after_help = "Example:\n  cloudshell-store node ls --json | jq -r '.nodes[].id'")]
    Ls,
    /// Forget a node that holds nothing
    #[command(after_help = "Example:\n  cloudshell-store node rm local-10")]
    Rm {
        /// Its name
        id: NodeId,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RegionCommand {
    /// Use regions of AWS CloudShell
    #[command(after_help = "Example:\n  cloudshell-store region add eu-west-1 us-east-1")]
    Add(RegionArguments),
    /// List the regions, with hours used this month and how long their homes are kept
    #[command(after_help = "Example:\n  cloudshell-store region ls --json | jq '.nodes[].allowance'")]
    Ls,
    /// Forget regions that hold nothing
    #[command(after_help = "Example:\n  cloudshell-store region rm eu-west-1")]
    Rm(RegionArguments),
    /// Wake regions, as traffic would
    #[command(after_help = "Example:\n  cloudshell-store region wake eu-west-1")]
    Wake(RegionArguments),
    /// Let regions sleep at once
    #[command(after_help = "Example:\n  cloudshell-store region sleep eu-west-1 us-east-1")]
    Sleep(RegionArguments),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RegionArguments {
    /// Names of regions, such as eu-west-1
    #[arg(required = true, value_name = "REGION")]
    pub(crate) regions: Vec<NodeId>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct NodeAddArguments {
    /// Its name [default: local-N]
    #[arg(long)]
    pub(crate) id: Option<NodeId>,
    /// What it fails together with [default: itself]
    #[arg(long)]
    pub(crate) domain: Option<Domain>,
    /// The most it may keep [default: the daemon's setting]
    #[arg(long, value_name = "SIZE")]
    pub(crate) capacity: Option<ByteCount>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct PasswdArguments {
    /// Read the old passphrase from the first line of a file instead of asking
    #[arg(long, value_name = "FILE", requires = "new_passphrase_file")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Read the new passphrase from the first line of a file instead of asking
    #[arg(long, value_name = "FILE", requires = "passphrase_file")]
    pub(crate) new_passphrase_file: Option<PathBuf>,
}

const GLOBAL_HEADING: &str = "Global options";

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 not enough nodes. Of several failures it is their
common code, or 1. With --json, standard output is one JSON document, or empty if nothing was done;
errors are text on standard error, and the exit code is the same.

Start with:
  cloudshell-store init
  cloudshell-store serve
  cloudshell-store put -r Documents";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn check_examples(command: &clap::Command) {
        for sub in command.get_subcommands() {
            let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{} shows no example", sub.get_name());
            check_examples(sub);
        }
    }

    #[test]
    fn the_command_line_is_consistent_and_every_command_shows_an_example() {
        let command = Arguments::command();
        command.clone().debug_assert();
        check_examples(&command);
    }
}
