//! What `--find` asks for: conditions that are to hold, such as `p99<5ms and errors==0`.

use clap::ValueEnum;
use serde::Serialize;

use super::report::Report;
use super::thresholds::Condition;

/// A trial fails with a larger fraction of errors, unless the goal says how many there may be.
const ERROR_RATE_MAX: &str = "error_rate<=1%";

/// What is searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum By {
    /// Requests per second (open model)
    #[default]
    Rate,
    /// Connections that send one request after the other (closed model)
    Connections,
}

impl By {
    /// The unit of a load.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Rate => "requests/s",
            Self::Connections => "connections",
        }
    }
}

/// All of them must hold.
#[derive(Clone, Debug)]
pub(super) struct Goal {
    text: String,
    conditions: Vec<Condition>,
}

impl Goal {
    /// Conditions as those of `--fail-if`, with `and` between them.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(" and ").flat_map(|part| part.split("&&"));
        let conditions: Result<Vec<Condition>, String> = parts.map(Condition::parse).collect();
        let mut conditions = conditions?;
        if !conditions.iter().any(Condition::is_about_errors) {
            conditions.push(Condition::parse(ERROR_RATE_MAX)?);
        }
        Ok(Self {
            text: text.trim().to_owned(),
            conditions,
        })
    }

    /// As the user wrote it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The first condition that does not hold, with what was measured.
    pub(super) fn failed(&self, report: &Report) -> Option<String> {
        let mut failed = self.conditions.iter();
        failed.find_map(|condition| condition.unmet(report))
    }

    /// The highest percentile in it, as a fraction: how many requests it takes depends on it.
    pub(super) fn quantile(&self) -> f64 {
        let quantiles = self.conditions.iter().filter_map(Condition::quantile);
        quantiles.fold(0.5, f64::max)
    }

    /// The longest of its times, in nanoseconds.
    pub(super) fn nanos(&self) -> Option<u64> {
        let nanos = self.conditions.iter().filter_map(Condition::nanos);
        nanos.reduce(f64::max).map(|nanos| nanos as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::report_tests::{report, tally};
    use super::*;

    fn failed(goal: &str) -> Option<String> {
        let millis: Vec<u64> = (1..=100).map(|ms| ms * 1_000_000).collect();
        Goal::parse(goal).unwrap().failed(&report(tally(&millis)))
    }

    #[test]
    fn all_conditions_must_hold() {
        assert_eq!(failed("p99<100ms"), None);
        assert_eq!(failed("p99<100ms and errors==0 && max<1s"), None);
        let said = failed("p99<100ms and p50<20ms").unwrap();
        assert!(said.starts_with("p50<20ms: it is 50.0"), "{said}");
        assert!(failed("rps>=101").is_some());
    }

    #[test]
    fn errors_break_a_goal_unless_it_speaks_of_them() {
        let mut broken = tally(&[1_000_000; 90]);
        broken.record_error(super::super::error::ErrorKind::Reset, 10);
        let broken = report(broken);
        let said = Goal::parse("p99<5ms").unwrap().failed(&broken).unwrap();
        assert!(said.starts_with("error_rate<=1%: it is 10.00 %"), "{said}");
        let allowed = Goal::parse("p99<5ms and error_rate<20%").unwrap();
        assert_eq!(allowed.failed(&broken), None);
    }

    #[test]
    fn the_length_of_a_trial_follows_from_the_goal() {
        let goal = Goal::parse("p99.9<5ms and p50<200us").unwrap();
        assert_eq!(
            (goal.nanos(), goal.text()),
            (Some(5_000_000), "p99.9<5ms and p50<200us")
        );
        assert!((goal.quantile() - 0.999).abs() < 1e-9);
        assert_eq!(Goal::parse("errors==0").unwrap().nanos(), None);
        for wrong in ["", "p99<5ms and", "p99", "p99<5ms or p50<1ms"] {
            assert!(Goal::parse(wrong).is_err(), "{wrong}");
        }
    }
}
