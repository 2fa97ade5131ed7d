//! Amounts of bytes, as people write and read them.

use std::fmt;
use std::str::FromStr;

/// An amount of bytes: shown as `1.2 GiB`, read from `1.2GiB`, `500 MB` or `4096`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteCount(pub u64);

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        let mut unit = "B";
        for larger in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
            if value < 1024.0 {
                break;
            }
            value /= 1024.0;
            unit = larger;
        }
        let text = if unit == "B" {
            format!("{} B", self.0)
        } else {
            format!("{value:.1} {unit}")
        };
        f.pad(&text)
    }
}

impl FromStr for ByteCount {
    type Err = ParseByteCountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseByteCountError {
            text: text.chars().take(80).collect(),
        };
        let trimmed = text.trim();
        let digits = trimmed
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let factor = factor(unit.trim()).ok_or_else(error)?;
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(factor).map(Self).ok_or_else(error);
        }
        let bytes = number.parse::<f64>().map_err(|_| error())? * factor as f64;
        if bytes < u64::MAX as f64 {
            Ok(Self(bytes as u64))
        } else {
            Err(error())
        }
    }
}

/// A text is no amount of bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no amount of bytes; write 4096, 64KiB, 500MB or 1.5GiB")]
pub struct ParseByteCountError {
    text: String,
}

fn factor(unit: &str) -> Option<u64> {
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        _ => return None,
    };
    Some(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_amounts_in_many_ways() {
        let cases = [
            ("0", 0),
            ("4096", 4096),
            ("1GiB", 1 << 30),
            ("1.5 GiB", 3 << 29),
            ("2 kB", 2000),
            ("1m", 1 << 20),
        ];
        for (text, bytes) in cases {
            assert_eq!(text.parse(), Ok(ByteCount(bytes)), "{text:?}");
        }
        for text in ["", "GiB", "-1", "1.2.3 MB", "1 XB", "99999999999 TiB", "1e30TiB"] {
            assert!(text.parse::<ByteCount>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn amounts_read_well() {
        let shown = [0, 1023, 1024, 1536, 1 << 30].map(|bytes| ByteCount(bytes).to_string());
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 GiB"]);
    }
}
