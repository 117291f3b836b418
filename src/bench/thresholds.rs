//! `--fail-if 'p99>5ms'`: conditions on a report, for CI.

use super::error::KINDS;
use super::report::{Report, ratio};

/// `metric operator value`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    text: String,
    metric: Metric,
    operator: Operator,
    value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Metric {
    /// Nanoseconds.
    Quantile(f64),
    Min,
    Max,
    Mean,
    Stdev,
    CpuPerRequest,
    /// Counts.
    Errors,
    Kind(usize),
    NotOk,
    Responses,
    Closed,
    Unasked,
    Unfinished,
    /// Requests a second.
    Rate,
    /// Parts of one.
    ErrorPart,
    Busy,
}

/// In what a metric is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Time,
    Count,
    Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    More,
    AtLeast,
    Less,
    AtMost,
    Equal,
    Other,
}

/// Longer ones first: `>=` also begins with `>`.
const OPERATORS: [(&str, Operator); 7] = [
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("==", Operator::Equal),
    ("!=", Operator::Other),
    (">", Operator::More),
    ("<", Operator::Less),
    ("=", Operator::Equal),
];

const METRICS: &str = "p50 to p99.99 (any pN), min, max, mean, stdev, cpu (times, as in 5ms); errors, refused, connect, reset, closed, short, timeout, bad_response, status, body, non_2xx, responses, reconnects, unasked, unfinished (counts); rps; error_rate, busy (as in 1%)";

impl Condition {
    /// Reads a condition, or says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (at, operator, length) = text
            .char_indices()
            .find_map(|(at, _)| {
                let found = OPERATORS
                    .iter()
                    .find(|(sign, _)| text[at..].starts_with(sign));
                found.map(|(sign, operator)| (at, *operator, sign.len()))
            })
            .ok_or_else(|| format!("{text:?} compares nothing: write 'p99>5ms' or 'errors>0'"))?;
        let name = text[..at].trim();
        let metric =
            metric(name).ok_or_else(|| format!("{name:?} is no metric. There are: {METRICS}"))?;
        let value = value(text[at + length..].trim(), metric.unit())?;
        Ok(Self {
            text: text.trim().to_owned(),
            metric,
            operator,
            value,
        })
    }

    /// If it holds: what was found. A time of which nothing is known, because nothing was
    /// answered, is not as it should be either.
    pub(super) fn held(&self, report: &Report) -> Option<String> {
        let Some(found) = self.metric.of(report) else {
            return Some(format!("{}: nothing was answered", self.text));
        };
        let holds = match self.operator {
            Operator::More => found > self.value,
            Operator::AtLeast => found >= self.value,
            Operator::Less => found < self.value,
            Operator::AtMost => found <= self.value,
            Operator::Equal => found.total_cmp(&self.value).is_eq(),
            Operator::Other => found.total_cmp(&self.value).is_ne(),
        };
        holds.then(|| format!("{}: it is {}", self.text, self.metric.unit().write(found)))
    }
}

fn metric(name: &str) -> Option<Metric> {
    if let Some(kind) = KINDS.iter().position(|kind| kind.0 == name) {
        return Some(Metric::Kind(kind));
    }
    Some(match name {
        "min" | "fastest" => Metric::Min,
        "max" | "slowest" => Metric::Max,
        "mean" | "average" => Metric::Mean,
        "stdev" => Metric::Stdev,
        "cpu" => Metric::CpuPerRequest,
        "errors" => Metric::Errors,
        "non_2xx" => Metric::NotOk,
        "responses" => Metric::Responses,
        "reconnects" => Metric::Closed,
        "unasked" => Metric::Unasked,
        "unfinished" => Metric::Unfinished,
        "rps" => Metric::Rate,
        "error_rate" => Metric::ErrorPart,
        "busy" => Metric::Busy,
        _ => {
            let digits = name.strip_prefix('p')?;
            let is_number = digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
            let percent: f64 = digits.parse().ok().filter(|_| is_number)?;
            (percent <= 100.0).then_some(Metric::Quantile(percent / 100.0))?
        }
    })
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
        (Unit::Count | Unit::Part, "") => 1.0,
        (Unit::Part, "%") => 0.01,
        _ => return Err(format!("{suffix:?} is no unit of this metric")),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| format!("{text:?} is no number"))?;
    Ok(number * factor)
}

impl Metric {
    fn unit(self) -> Unit {
        match self {
            Self::Quantile(_)
            | Self::Min
            | Self::Max
            | Self::Mean
            | Self::Stdev
            | Self::CpuPerRequest => Unit::Time,
            Self::ErrorPart | Self::Busy => Unit::Part,
            _ => Unit::Count,
        }
    }

    /// `None`: a time, and nothing was answered.
    fn of(self, report: &Report) -> Option<f64> {
        if self.unit() == Unit::Time && report.latency.count == 0 {
            return None;
        }
        let latency = &report.latency;
        Some(match self {
            Self::Quantile(quantile) => latency.times().quantile(quantile) as f64,
            Self::Min => latency.min_ns as f64,
            Self::Max => latency.max_ns as f64,
            Self::Mean => latency.mean_ns,
            Self::Stdev => latency.stdev_ns,
            Self::CpuPerRequest => report.generator.cpu_ns_per_request,
            Self::Errors => report.errors.total as f64,
            Self::Kind(kind) => report.errors.kinds.get(KINDS[kind].0).copied().unwrap_or(0) as f64,
            Self::NotOk => {
                let other = |(status, _): &(&u16, &u64)| !(200..300).contains(*status);
                let others = report.statuses.iter().filter(other);
                others.map(|(_, n)| *n as f64).sum()
            }
            Self::Responses => report.responses as f64,
            Self::Closed => report.connections.closed_by_server as f64,
            Self::Unasked => report.connections.closed_for_unasked_bytes as f64,
            Self::Unfinished => report.unfinished as f64,
            Self::Rate => report.requests_per_second,
            Self::ErrorPart => ratio(report.errors.total as f64, report.ended() as f64),
            Self::Busy => report.generator.busy,
        })
    }
}

impl Unit {
    fn write(self, value: f64) -> String {
        match self {
            Self::Time => format!("{:.3} ms", value / 1e6),
            Self::Count if value.fract() == 0.0 => format!("{value}"),
            Self::Count => format!("{value:.1}"),
            Self::Part => format!("{:.2} %", value * 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::ErrorKind;
    use super::super::report_tests::{report, tally};
    use super::*;

    /// 100 answers of 1 to 100 ms, 10 of them with another status, and 5 time-outs.
    fn sample() -> Report {
        let mut tally = tally(&(1..=100).map(|ms| ms * 1_000_000).collect::<Vec<_>>());
        tally.statuses[200] = 90;
        tally.statuses[500] = 10;
        tally.fault(ErrorKind::TimeOut, 5);
        tally.fault(ErrorKind::Status, 10);
        tally.closed_by_server = 2;
        report(tally)
    }

    #[track_caller]
    fn check(text: &str, held: bool) {
        let found = Condition::parse(text).unwrap().held(&sample());
        assert_eq!(found.is_some(), held, "{text}: {found:?}");
    }

    #[test]
    fn conditions_hold_or_not() {
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
    fn what_was_found_is_said() {
        let held = |text: &str| Condition::parse(text).unwrap().held(&sample());
        assert_eq!(held("max>5ms").unwrap(), "max>5ms: it is 100.000 ms");
        assert_eq!(held("timeout>0").unwrap(), "timeout>0: it is 5");
        assert_eq!(
            held("error_rate>1%").unwrap(),
            "error_rate>1%: it is 14.29 %"
        );
    }

    #[test]
    fn times_of_nothing_are_not_good() {
        let nothing = report(tally(&[]));
        let held = |text: &str| Condition::parse(text).unwrap().held(&nothing);
        assert_eq!(held("p99>5ms").unwrap(), "p99>5ms: nothing was answered");
        assert_eq!(held("errors>0"), None);
    }

    #[test]
    fn what_is_no_condition_is_said() {
        for (text, word) in [
            ("", "compares nothing"),
            ("p99", "compares nothing"),
            ("p101>1ms", "no metric"),
            ("pinf>1ms", "no metric"),
            ("p>1ms", "no metric"),
            ("p-1>1ms", "no metric"),
            ("latency>1ms", "no metric"),
            (">1ms", "no metric"),
            ("p99>5", "needs a unit"),
            ("p99>5m", "no unit"),
            ("p99>ms", "no number"),
            ("p99>", "needs a unit"),
            ("errors>1ms", "no unit"),
            ("errors>-1", "no unit"),
            ("errors>1%", "no unit"),
            ("errors>", "no number"),
            ("rps<1.2.3", "no number"),
        ] {
            let error = Condition::parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
