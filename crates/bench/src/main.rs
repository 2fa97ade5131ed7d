//! Measures the store through its real programs, and prints one table of figures beside their targets.
//!
//! ```text
//! store-bench --dist target/dist              everything; about twelve gigabytes of disk, a few minutes
//! store-bench --dist target/dist --only object --quick
//! ```
//!
//! Figures that need no store come from example programs of their crates, run as child processes. All others come from
//! a daemon with nine agents in a scratch directory on the disk that holds this program, driven by the client. The
//! machine's own limits (a bare link on loopback, a sequential write with fsync) are measured in the same run: a store
//! cannot be judged without them.
//!
//! A step that fails shows its error in the table and the rest goes on. The exit code is 1 if one failed; a missed
//! target is shown and is not a failure.

use std::process::ExitCode;

use clap::Parser as _;

mod arguments;
mod bench;
mod error;
mod figure;
mod group;
mod machine;
mod noise;
mod program;
mod sample;
mod scale;
mod store;
mod table;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    let is_json = arguments.json;
    let rows = match bench::Bench::new(arguments).map(|bench| bench.run()) {
        Ok(rows) => rows,
        Err(error) => {
            eprintln!("error: {}", error::chain(&error));
            return ExitCode::FAILURE;
        }
    };
    if is_json {
        print!("{}", table::json_lines(&rows));
    } else {
        print!("{}", table::text(&rows));
    }
    let has_failed = rows.iter().any(table::Row::is_failed);
    ExitCode::from(u8::from(has_failed))
}
