//! What was typed.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::group::STEPS;

/// Measures CloudShell Store and compares it with its targets
#[derive(Clone, Debug, Parser)]
#[command(name = "store-bench", version)]
pub(crate) struct Arguments {
    /// The folder with the daemon and the agent
    #[arg(long, default_value = "target/dist", value_name = "DIR")]
    pub(crate) dist: PathBuf,
    /// Only this step; may be repeated
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(STEPS.map(|step| step.name)))]
    pub(crate) only: Vec<String>,
    /// Smaller loads, for development; the figures are not comparable with those of a full run
    #[arg(long)]
    pub(crate) quick: bool,
    /// Print a JSON line for each figure instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

impl Arguments {
    /// Whether a step was asked for.
    pub(crate) fn wants(&self, step: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == step)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_steps_are_chosen_by_name() {
        Arguments::command().debug_assert();
        let all = Arguments::parse_from(["store-bench"]);
        assert!(STEPS.iter().all(|step| all.wants(step.name)));
        let two = Arguments::parse_from(["store-bench", "--only", "codec", "--only", "list"]);
        let wanted: Vec<_> = STEPS
            .map(|step| step.name)
            .into_iter()
            .filter(|name| two.wants(name))
            .collect();
        assert_eq!(wanted, ["codec", "list"]);
        assert!(Arguments::try_parse_from(["store-bench", "--only", "nonsense"]).is_err());
    }
}
