//! Which part of an object is asked for (RFC 9110 §14).

use std::ops::Range;

/// What to do about a `Range` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RangeAnswer {
    /// 200 with everything: there is no range, it is malformed, or there are several (§14.2 lets a server ignore any).
    Whole,
    /// 206 with these bytes.
    Part(Range<u64>),
    /// 416: it lies behind the end.
    Unsatisfiable,
}

/// What to answer to this `Range` of an object of `size` bytes.
pub(crate) fn answer_range(header: &str, size: u64) -> RangeAnswer {
    // No range of nothing can be written in a Content-Range; a client that always sends one wants the object.
    let Some(spec) = RangeSpec::parse(header).filter(|_| size > 0) else {
        return RangeAnswer::Whole;
    };
    let range = match spec {
        RangeSpec::Bounded { first, last } => first..last.saturating_add(1).min(size),
        RangeSpec::Suffix { len } => size.saturating_sub(len)..size,
    };
    if range.is_empty() {
        return RangeAnswer::Unsatisfiable;
    }
    RangeAnswer::Part(range)
}

/// One range, as written.
#[derive(Clone, Copy, Debug)]
enum RangeSpec {
    /// From `first` to `last`, both included.
    Bounded { first: u64, last: u64 },
    /// The last `len` bytes.
    Suffix { len: u64 },
}

impl RangeSpec {
    fn parse(header: &str) -> Option<Self> {
        let (unit, ranges) = header.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = ranges.trim().split_once('-')?;
        match (first.trim(), last.trim()) {
            ("", len) => Some(Self::Suffix { len: number(len)? }),
            (first, "") => Some(Self::Bounded {
                first: number(first)?,
                last: u64::MAX,
            }),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::Bounded { first, last })
            }
        }
    }
}

/// Digits alone; a number too great for any object is as good as the greatest.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::RangeAnswer::{Part, Unsatisfiable, Whole};
    use super::*;

    #[test]
    fn the_table_of_ranges() {
        let huge = format!("bytes=0-{}", "9".repeat(40));
        let cases = [
            ("bytes=0-0", Part(0..1)),
            ("bytes=0-", Part(0..100)),
            ("bytes=10-19", Part(10..20)),
            ("bytes=99-99", Part(99..100)),
            ("bytes=50-1000", Part(50..100)),
            ("bytes=-1", Part(99..100)),
            ("bytes=-100", Part(0..100)),
            ("bytes=-1000", Part(0..100)),
            ("Bytes = 3 - 4 ", Part(3..5)),
            (&huge, Part(0..100)),
            ("bytes=100-", Unsatisfiable),
            ("bytes=100-200", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=18446744073709551615-18446744073709551615", Unsatisfiable),
            ("bytes=5-4", Whole),
            ("bytes=", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=0x1-2", Whole),
            ("bytes=0-1,3-4", Whole),
            ("bytes=0-1,", Whole),
            ("lines=0-1", Whole),
            ("0-1", Whole),
            ("", Whole),
        ];
        for (header, expected) in cases {
            assert_eq!(answer_range(header, 100), expected, "{header:?}");
        }
        for header in ["bytes=0-", "bytes=-5", "bytes=7-9"] {
            assert_eq!(answer_range(header, 0), Whole, "{header:?} of nothing");
        }
    }

    proptest! {
        #[test]
        fn answers_lie_within_the_object(header in "(bytes=)?[0-9 ,-]{0,50}|\\PC*", size: u64) {
            if let Part(range) = answer_range(&header, size) {
                prop_assert!(range.start < range.end && range.end <= size, "{range:?}");
            }
        }

        #[test]
        fn bounded_ranges_mean_what_a_slice_does(size in 1u64..1000, first in 0u64..1000, len in 1u64..1000) {
            let all: Vec<u64> = (0..size).collect();
            let wanted: Vec<u64> = (first..first + len).filter(|at| all.contains(at)).collect();
            let expected = match (wanted.first(), wanted.last()) {
                (Some(first), Some(last)) => Part(*first..last + 1),
                _ => Unsatisfiable,
            };
            prop_assert_eq!(answer_range(&format!("bytes={first}-{}", first + len - 1), size), expected);
        }
    }
}
