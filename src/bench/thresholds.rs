//! `--fail-if 'p99>5ms'`: conditions on a report, for CI.

use super::error::ErrorCounts;
use super::report::Report;

/// `metric operator value`.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    text: String,
    metric: Metric,
    compare: Compare,
    value: f64,
}

#[derive(Clone, Copy, Debug)]
enum Metric {
    Quantile(f64),
    /// Errors of the kind with this key.
    Errors(&'static str),
    Named(Unit, fn(&Report) -> f64),
}

/// The unit of a metric's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Time,
    Count,
    Fraction,
}

/// Name and hey's word for it, unit, value.
type NamedMetric = (&'static [&'static str], Unit, fn(&Report) -> f64);

/// All metrics but percentiles and kinds of errors, in the order of the help.
const METRICS: [NamedMetric; 15] = [
    (&["min", "fastest"], Unit::Time, |report| {
        report.response_times().min() as f64
    }),
    (&["max", "slowest"], Unit::Time, |report| {
        report.response_times().max() as f64
    }),
    (&["mean", "average"], Unit::Time, |report| {
        report.response_times().mean()
    }),
    (&["stdev"], Unit::Time, |report| {
        report.response_times().histogram().stdev()
    }),
    (&["cpu"], Unit::Time, |report| {
        report.generator.cpu_ns_per_request
    }),
    (&["errors"], Unit::Count, |report| {
        report.errors.total as f64
    }),
    (&["non_2xx"], Unit::Count, not_2xx),
    (&["responses"], Unit::Count, |report| {
        report.responses as f64
    }),
    (&["reconnects"], Unit::Count, |report| {
        report.connections.closed_by_server as f64
    }),
    (&["unasked"], Unit::Count, |report| {
        report.connections.closed_for_unasked_bytes as f64
    }),
    (&["unfinished"], Unit::Count, |report| {
        report.unfinished as f64
    }),
    (&["unanswered"], Unit::Count, |report| {
        report.unanswered_count() as f64
    }),
    (&["rps"], Unit::Count, |report| report.requests_per_second),
    (&["error_rate"], Unit::Fraction, Report::error_rate),
    (&["busy"], Unit::Fraction, |report| report.generator.busy),
];

fn not_2xx(report: &Report) -> f64 {
    let other = |(status, _): &(&u16, &u64)| !(200..300).contains(*status);
    let others = report.statuses.iter().filter(other);
    others.map(|(_, count)| *count as f64).sum()
}

/// Does the measured value compare so with the given one?
type Compare = fn(&f64, &f64) -> bool;

/// Longer ones first: `>=` also begins with `>`.
const OPERATORS: [(&str, Compare); 7] = [
    (">=", |a, b| a >= b),
    ("<=", |a, b| a <= b),
    ("==", |a, b| a.total_cmp(b).is_eq()),
    ("!=", |a, b| a.total_cmp(b).is_ne()),
    (">", |a, b| a > b),
    ("<", |a, b| a < b),
    ("=", |a, b| a.total_cmp(b).is_eq()),
];

impl Condition {
    /// Parses a condition.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (at, compare, length) = text
            .char_indices()
            .find_map(|(at, _)| {
                let found = OPERATORS
                    .iter()
                    .find(|(sign, _)| text[at..].starts_with(sign));
                found.map(|(sign, compare)| (at, *compare, sign.len()))
            })
            .ok_or_else(|| format!("{text:?} has no comparison: write 'p99>5ms' or 'errors>0'"))?;
        let name = text[..at].trim();
        let metric = Metric::parse(name)
            .ok_or_else(|| format!("{name:?} is not a metric. Metrics: {}", metrics()))?;
        let value = value(text[at + length..].trim(), metric.unit())?;
        Ok(Self {
            text: text.trim().to_owned(),
            metric,
            compare,
            value,
        })
    }

    /// What was measured, if the condition is not met.
    pub(super) fn unmet(&self, report: &Report) -> Option<String> {
        let Some(measured) = self.metric.of(report) else {
            return Some(format!("{}: no request was answered", self.text));
        };
        let is_met = (self.compare)(&measured, &self.value);
        (!is_met).then(|| self.sentence(measured))
    }

    /// Does it limit errors of any kind?
    pub(super) fn is_about_errors(&self) -> bool {
        let named = ["errors", "error_rate", "non_2xx"];
        let name = self.text.trim_start();
        matches!(self.metric, Metric::Errors(_)) || named.iter().any(|word| name.starts_with(word))
    }

    /// The percentile that it is about, as a fraction.
    pub(super) fn quantile(&self) -> Option<f64> {
        match self.metric {
            Metric::Quantile(quantile) => Some(quantile),
            Metric::Errors(_) | Metric::Named(..) => None,
        }
    }

    /// The time that it names, in nanoseconds.
    pub(super) fn nanos(&self) -> Option<f64> {
        (self.metric.unit() == Unit::Time).then_some(self.value)
    }

    fn sentence(&self, measured: f64) -> String {
        let unit = self.metric.unit();
        format!("{}: it is {}", self.text, unit.write(measured))
    }

    /// What was measured, if the condition is met. A condition on times is also met when there are
    /// none because nothing was answered: that must not pass.
    pub(super) fn met(&self, report: &Report) -> Option<String> {
        let Some(measured) = self.metric.of(report) else {
            return Some(format!("{}: no request was answered", self.text));
        };
        (self.compare)(&measured, &self.value).then(|| self.sentence(measured))
    }
}

/// All metrics, by unit.
fn metrics() -> String {
    let kinds = ErrorCounts::default().rows();
    let kinds = kinds.map(|row| (Unit::Count, row.key));
    let others = METRICS.map(|(names, unit, _)| (unit, names[0]));
    let all: Vec<_> = others.into_iter().chain(kinds).collect();
    let of = |unit| {
        let names = all.iter().filter(|(of, _)| *of == unit);
        names.map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
    };
    format!(
        "p50, p99.9 (any pN), {} (times, as in 5ms); {} (numbers); {} (as in 1%)",
        of(Unit::Time),
        of(Unit::Count),
        of(Unit::Fraction)
    )
}

fn value(text: &str, unit: Unit) -> Result<f64, String> {
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let factor = match (unit, suffix.trim()) {
        (Unit::Time, "ns") => 1.0,
        (Unit::Time, "us" | "\u{b5}s" | "\u{3bc}s") => 1e3,
        (Unit::Time, "ms") => 1e6,
        (Unit::Time, "s") => 1e9,
        (Unit::Time, "") => return Err(format!("{text:?} needs a unit: ns, us, ms or s")),
        (Unit::Count | Unit::Fraction, "") => 1.0,
        (Unit::Fraction, "%") => 0.01,
        _ => return Err(format!("{suffix:?} is not a unit of this metric")),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| format!("{text:?} is not a number"))?;
    Ok(number * factor)
}

impl Metric {
    fn parse(name: &str) -> Option<Self> {
        let named = METRICS.iter().find(|(names, ..)| names.contains(&name));
        if let Some((_, unit, of)) = named {
            return Some(Self::Named(*unit, *of));
        }
        let mut kinds = ErrorCounts::default().rows();
        if let Some(row) = kinds.find(|row| row.key == name) {
            return Some(Self::Errors(row.key));
        }
        let digits = name.strip_prefix('p')?;
        let is_number = digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let percent: f64 = digits.parse().ok().filter(|_| is_number)?;
        (percent <= 100.0).then_some(Self::Quantile(percent / 100.0))
    }

    fn unit(self) -> Unit {
        match self {
            Self::Quantile(_) => Unit::Time,
            Self::Errors(_) => Unit::Count,
            Self::Named(unit, _) => unit,
        }
    }

    /// `None` for a time when nothing was answered.
    fn of(self, report: &Report) -> Option<f64> {
        if self.unit() == Unit::Time && report.latency.count == 0 {
            return None;
        }
        match self {
            Self::Quantile(quantile) => Some(report.response_times().quantile(quantile) as f64),
            Self::Errors(key) => {
                let mut rows = report.errors.kinds.rows();
                rows.find(|row| row.key == key).map(|row| row.count as f64)
            }
            Self::Named(_, of) => Some(of(report)),
        }
    }
}

impl Unit {
    fn write(self, value: f64) -> String {
        match self {
            Self::Time => format!("{:.3} ms", value / 1e6),
            Self::Count if value.fract() == 0.0 => format!("{value}"),
            Self::Count => format!("{value:.1}"),
            Self::Fraction => format!("{:.2} %", value * 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::ErrorKind;
    use super::super::report_tests::{report, tally};
    use super::*;

    /// 100 answers of 1 to 100 ms, 10 of them with another status, and 5 timeouts.
    fn sample() -> Report {
        let mut tally = tally(&(1..=100).map(|ms| ms * 1_000_000).collect::<Vec<_>>());
        tally.statuses[200] = 90;
        tally.statuses[500] = 10;
        tally.record_error(ErrorKind::Timeout, 5);
        tally.record_error(ErrorKind::Status, 10);
        tally.connections.closed_by_server = 2;
        report(tally)
    }

    #[track_caller]
    fn check(text: &str, held: bool) {
        let found = Condition::parse(text).unwrap().met(&sample());
        assert_eq!(found.is_some(), held, "{text}: {found:?}");
    }

    #[test]
    fn conditions_are_met_or_not() {
        for (text, held) in [
            ("p50>49ms", true),
            ("p50 > 51 ms", false),
            ("p99<100ms", true),
            ("p99.9>=0.099s", true),
            ("p0<=1001us", true),
            ("max>99999us", true),
            ("max>100000000ns", false),
            ("min<1ms", false),
            ("min<=1ms", true),
            ("mean==50.5ms", true),
            ("mean!=50.5ms", false),
            ("stdev>100ms", false),
            ("errors>0", true),
            ("errors>15", false),
            ("errors=15", true),
            ("timeout>=5", true),
            ("refused>0", false),
            ("status==10", true),
            ("non_2xx>9", true),
            ("responses<100", false),
            ("reconnects>1", true),
            ("unfinished>0", false),
            ("rps<99", false),
            ("rps<101", true),
            ("error_rate>14%", true),
            ("error_rate>0.15", false),
            ("busy>=50%", true),
            ("cpu>1us", true),
        ] {
            check(text, held);
        }
    }

    #[test]
    fn the_measured_value_is_reported() {
        let met = |text: &str| Condition::parse(text).unwrap().met(&sample());
        assert_eq!(met("max>5ms").unwrap(), "max>5ms: it is 100.000 ms");
        assert_eq!(met("timeout>0").unwrap(), "timeout>0: it is 5");
        assert_eq!(
            met("error_rate>1%").unwrap(),
            "error_rate>1%: it is 14.29 %"
        );
    }

    #[test]
    fn without_answers_conditions_on_times_are_met() {
        let nothing = report(tally(&[]));
        let met = |text: &str| Condition::parse(text).unwrap().met(&nothing);
        assert_eq!(met("p99>5ms").unwrap(), "p99>5ms: no request was answered");
        assert_eq!(met("errors>0"), None);
    }

    #[test]
    fn bad_conditions_are_refused() {
        for (text, word) in [
            ("", "no comparison"),
            ("p99", "no comparison"),
            ("p101>1ms", "not a metric"),
            ("pinf>1ms", "not a metric"),
            ("p>1ms", "not a metric"),
            ("p-1>1ms", "not a metric"),
            ("latency>1ms", "not a metric"),
            (">1ms", "not a metric"),
            ("p99>5", "needs a unit"),
            ("p99>5m", "not a unit"),
            ("p99>ms", "not a number"),
            ("p99>", "needs a unit"),
            ("errors>1ms", "not a unit"),
            ("errors>-1", "not a unit"),
            ("errors>1%", "not a unit"),
            ("errors>", "not a number"),
            ("rps<1.2.3", "not a number"),
        ] {
            let error = Condition::parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
