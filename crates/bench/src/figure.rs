//! A measured value and what it is judged by.

/// A measured value and what it is judged by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: String,
    /// How much, in `unit`.
    pub(crate) value: f64,
    /// Such as `MB/s`, where MB is 10⁶ bytes.
    pub(crate) unit: &'static str,
    /// What was aimed at; a limit of the machine has none.
    pub(crate) target: Option<Target>,
    /// What the machine allows at best, in words, measured in the same run.
    pub(crate) limit: Option<String>,
}

impl Figure {
    /// A value without target.
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            target: None,
            limit: None,
        }
    }

    /// The value should be this high.
    pub(crate) fn at_least(self, target: f64) -> Self {
        Self {
            target: Some(Target::AtLeast(target)),
            ..self
        }
    }

    /// The value should be no higher.
    pub(crate) fn at_most(self, target: f64) -> Self {
        Self {
            target: Some(Target::AtMost(target)),
            ..self
        }
    }

    /// What the machine allows at best.
    pub(crate) fn limited_by(self, limit: impl Into<String>) -> Self {
        Self {
            limit: Some(limit.into()),
            ..self
        }
    }

    /// Whether the target is met; none without a target.
    pub(crate) fn is_met(&self) -> Option<bool> {
        self.target.map(|target| target.is_met_by(self.value))
    }

    /// The value with its unit.
    pub(crate) fn measured(&self) -> String {
        format!("{} {}", digits(self.value), self.unit)
    }

    /// The target with its unit; empty if there is none.
    pub(crate) fn aim(&self) -> String {
        match self.target {
            Some(Target::AtLeast(target)) => format!("≥ {} {}", digits(target), self.unit),
            Some(Target::AtMost(target)) => format!("≤ {} {}", digits(target), self.unit),
            None => String::new(),
        }
    }
}

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(target) => value >= target,
            Self::AtMost(target) => value <= target,
        }
    }
}

/// Three significant digits, and all those before the point: more would be noise.
fn digits(value: f64) -> String {
    let places = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_at_its_own_value_and_missed_beyond() {
        let rate = |value| Figure::new("rate", value, "MB/s").at_least(120.0).is_met();
        assert_eq!((rate(120.0), rate(119.9)), (Some(true), Some(false)));
        let delay = |value| Figure::new("delay", value, "ms").at_most(20.0).is_met();
        assert_eq!((delay(20.0), delay(20.1)), (Some(true), Some(false)));
        assert_eq!(Figure::new("limit", 1.0, "MB/s").is_met(), None);
    }

    #[test]
    fn values_are_shown_with_three_digits() {
        let cases = [
            (1234.56, "1235 MB/s"),
            (99.96, "100.0 MB/s"),
            (9.876, "9.88 MB/s"),
            (0.0, "0.00 MB/s"),
        ];
        for (value, expected) in cases {
            assert_eq!(Figure::new("", value, "MB/s").measured(), expected);
        }
        assert_eq!(Figure::new("", 1.0, "ms").at_most(20.0).aim(), "≤ 20.0 ms");
    }
}
