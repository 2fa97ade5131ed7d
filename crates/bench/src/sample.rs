//! Measuring more than once.

use std::time::{Duration, Instant};

use crate::error::BenchError;

/// Measures `count` times, passing the number of the run, and gives the median: one run that the machine disturbed does
/// not show.
pub(crate) fn median_of(
    count: usize,
    mut measure: impl FnMut(usize) -> Result<f64, BenchError>,
) -> Result<f64, BenchError> {
    let mut values = (0..count).map(&mut measure).collect::<Result<Vec<_>, _>>()?;
    values.sort_by(f64::total_cmp);
    Ok(values[count / 2])
}

/// How long a call takes.
pub(crate) fn timed(call: impl FnOnce() -> Result<(), BenchError>) -> Result<Duration, BenchError> {
    let begun = Instant::now();
    call()?;
    Ok(begun.elapsed())
}

/// Megabytes (10⁶ bytes) a second.
pub(crate) fn mb_per_s(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / 1e6 / time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_one_outlier_and_an_error_ends_the_series() {
        let values = [3.0, 900.0, 2.0];
        assert_eq!(median_of(3, |run| Ok(values[run])).unwrap(), 3.0);
        let mut runs = 0;
        let result = median_of(3, |_| {
            runs += 1;
            Err(BenchError::Panicked("x".to_owned()))
        });
        assert_eq!((result.unwrap_err().to_string(), runs), ("x".to_owned(), 1));
    }

    #[test]
    fn a_megabyte_is_a_million_bytes() {
        assert_eq!(mb_per_s(3_000_000, Duration::from_secs(2)), 1.5);
    }
}
