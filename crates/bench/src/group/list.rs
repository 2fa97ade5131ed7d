//! The catalogue, alone.

use crate::bench::Bench;
use crate::error::BenchError;
use crate::figure::Figure;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>, BenchError> {
    let objects = bench.scale.listed;
    let lines = bench.example("list_speed", &[objects.to_string()])?;
    let first = lines.value("list_first_page", "ms")?;
    let middle = lines.value("list_middle_page", "ms")?;
    let name = format!("list page of 1,000 of {objects}");
    Ok(vec![Figure::new(name, first.max(middle), "ms").at_most(20.0)])
}
