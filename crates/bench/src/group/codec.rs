//! The codec, alone on one core.

use crate::bench::Bench;
use crate::error::BenchError;
use crate::figure::Figure;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>, BenchError> {
    let lines = bench.example("codec_speed", &[])?;
    let figure = |name: &str, figure, target| {
        let value = lines.value(figure, "GB/s")?;
        Ok(Figure::new(name, value, "GB/s").at_least(target))
    };
    Ok(vec![
        figure("codec, put side, one core", "codec_put", 1.3)?,
        figure("codec, get side, all data shards", "codec_get", 2.0)?,
        figure("codec, get side, three lost", "codec_get_three_lost", 1.2)?,
    ])
}
