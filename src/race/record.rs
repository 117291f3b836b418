//! What a race found out, as it is written to JSON and read back. Every table, picture and page is
//! made from this and from nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The form of the JSON. It changes when a reader of the old form would misread the new one.
pub(super) const FORMAT: &str = "hullo-race/1";

/// The kind of error of connections that were to be open and idle, and were not.
pub(super) const LOST: &str = "idle connections lost";

/// A whole race.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) format: String,
    /// Of hullo.
    pub(super) version: String,
    pub(super) started_unix_ms: u64,
    pub(super) elapsed_ms: u64,
    /// The words of the command line that made it, the program's name first.
    pub(super) command: Vec<String>,
    pub(super) machine: Machine,
    pub(super) settings: Settings,
    /// In the order of the command line; what the others are measured by comes first.
    pub(super) targets: Vec<Target>,
    /// In the order in which they were run.
    pub(super) tests: Vec<Test>,
    /// In the order in which they were measured.
    pub(super) results: Vec<Measurement>,
    /// One for each test and target that was measured in it.
    pub(super) summaries: Vec<Summary>,
    /// What a reader has to know before they believe a figure.
    pub(super) warnings: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Machine {
    /// As `/proc/cpuinfo` names it.
    pub(super) cpu: String,
    /// That this process may run on.
    pub(super) cores: usize,
    pub(super) memory_bytes: u64,
    /// As `/etc/os-release` names it.
    pub(super) system: String,
    pub(super) kernel: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) suites: Vec<String>,
    pub(super) rounds: usize,
    pub(super) server_cpus: Vec<usize>,
    pub(super) load_cpus: Vec<usize>,
    pub(super) workers: usize,
    /// That is asked for where a target's URL says no other.
    pub(super) path: String,
    /// `hullo`, `hey` or `wrk`.
    pub(super) generator: String,
    pub(super) generator_version: String,
    pub(super) warm_up_ns: u64,
}

/// A server that was raced.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    pub(super) name: String,
    /// How it was started, with its placeholders; or nothing, when it was running already.
    pub(super) command: Option<String>,
    /// Where it was found running.
    pub(super) url: Option<String>,
    /// What it does besides being fast, one for each probe, in the same order for every target.
    pub(super) behaviour: Vec<Finding>,
    /// Why it was not measured, or not to the end.
    pub(super) out: Option<String>,
}

/// How a target behaved under one probe.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Finding {
    /// Of the probe: `http_1_0`.
    pub(super) id: String,
    /// The head of its column: `HTTP/1.0`.
    pub(super) title: String,
    /// Did it do as the RFC, or the sentence that all of them have to say, wants?
    pub(super) right: bool,
    /// What it did, in a few words: `200, closes`.
    pub(super) saw: String,
}

/// One kind of work that every target is given.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    /// Unique in a race: `article-2`.
    pub(super) id: String,
    pub(super) suite: String,
    /// For a reader: `5 s, 100 connections`.
    pub(super) title: String,
    /// Connections that requests are sent on.
    pub(super) connections: u64,
    /// Connections that are open beside them and say nothing.
    pub(super) idle_connections: u64,
    /// How many requests, when that ends the test.
    pub(super) requests: Option<u64>,
    /// How long, when that ends the test.
    pub(super) duration_ns: Option<u64>,
    pub(super) pipeline: u64,
    pub(super) keepalive: bool,
    /// Open model: the part of its own capacity that a target is asked for.
    pub(super) load: Option<f64>,
}

/// One target in one round of one test.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Measurement {
    pub(super) test: String,
    pub(super) target: String,
    /// From 1.
    pub(super) round: usize,
    /// Whole answers, as asked for or not.
    pub(super) requests: u64,
    pub(super) elapsed_ns: u64,
    pub(super) requests_per_second: f64,
    pub(super) errors: BTreeMap<String, u64>,
    /// By percentile, `50` to `99.99`, then `100`, the slowest; as many as the generator says.
    pub(super) latency_ns: Vec<(f64, u64)>,
    /// Where the generator says how its connections fared.
    pub(super) per_connection: Option<PerConnection>,
    /// Of an answer, its head included, where the generator says so.
    pub(super) response_bytes: Option<f64>,
    /// Open model: requests/s that were asked for.
    pub(super) rate: Option<f64>,
    /// Of the server's memory, for each connection that is open and idle.
    pub(super) idle_connection_bytes: Option<f64>,
    /// Nothing when the server is not ours to look into.
    pub(super) server: Option<ServerCost>,
    pub(super) generator: GeneratorCost,
}

/// How answers and errors spread over the connections; one that is opened again is still the same.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PerConnection {
    pub(super) connections: u64,
    /// Answers of the connection with the fewest.
    pub(super) least: u64,
    pub(super) median: u64,
    /// That nine of ten connections do not exceed.
    pub(super) p90: u64,
    pub(super) greatest: u64,
    /// Connections with under a quarter of the answers that the best tenth has.
    pub(super) starved: u64,
    pub(super) with_errors: u64,
    /// On connections: without those requests of the open model that never had one.
    pub(super) errors: u64,
}

impl PerConnection {
    /// Can a run have had connections like these, and `all_errors` errors?
    fn is_possible(&self, all_errors: u64) -> bool {
        let order = [self.least, self.median, self.p90, self.greatest];
        order.is_sorted()
            && self.starved <= self.connections
            && self.with_errors <= self.connections.min(self.errors)
            && (self.with_errors > 0 || self.errors == 0)
            && self.errors <= all_errors
    }
}

impl Measurement {
    pub(super) fn all_errors(&self) -> u64 {
        self.errors.values().copied().fold(0, u64::saturating_add)
    }
}

/// What a server's processes cost during a measurement.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerCost {
    pub(super) user_ns: u64,
    pub(super) system_ns: u64,
    pub(super) cpu_ns_per_request: f64,
    /// Of the cores that it may run on: 1 is all of them, all the time.
    pub(super) utilisation: f64,
    /// The part of the time that its busiest thread ran.
    pub(super) busiest_thread: f64,
    /// For how long its cores were busy beyond what it and all other processes account for; nothing
    /// where the system does not say.
    pub(super) uncounted_ns: Option<u64>,
    pub(super) rss_peak_bytes: u64,
    /// It had to wait for something.
    pub(super) voluntary_switches: u64,
    /// It had to make room for another.
    pub(super) involuntary_switches: u64,
    pub(super) processes: usize,
}

/// What the load generator cost during a measurement.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GeneratorCost {
    pub(super) cpu_ns_per_request: f64,
    pub(super) utilisation: f64,
}

/// The rounds of a target in a test, taken together.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Summary {
    pub(super) test: String,
    pub(super) target: String,
    pub(super) rounds: usize,
    /// Sums over the rounds.
    pub(super) requests: u64,
    pub(super) elapsed_ns: u64,
    pub(super) errors: u64,
    pub(super) bound: Bound,
    pub(super) requests_per_second: Compared,
    /// Nothing when the server is not ours to look into.
    pub(super) cpu_ns_per_request: Option<Compared>,
    pub(super) idle_connection_bytes: Option<Compared>,
    /// The median over the rounds, for each percentile.
    pub(super) latency_ns: Vec<(f64, u64)>,
}

/// What kept a test from being faster.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bound {
    /// The server had no time left: its requests/s are its own.
    Server,
    /// The generator had no time left: the requests/s are those of the generator.
    Generator,
    /// They share cores, and left nothing of them: the requests/s are of both.
    Shared,
    /// Neither: both waited for each other, or for the clock.
    Neither,
    /// Not the generator; how busy the server was is not known.
    Unknown,
}

/// A figure, and how it stands to that of the first target.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Compared {
    /// Over the rounds.
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) greatest: f64,
    /// Nothing for the first target itself, with fewer than three rounds in common, and where one of
    /// the two has failed in more than 1 of 100 answers.
    pub(super) ratio: Option<Ratio>,
}

/// This target's figure over that of the first, round by round.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ratio {
    pub(super) mean: f64,
    /// The interval that holds the true ratio: in 99 of 100 tests, both ratios of a target are in
    /// theirs.
    pub(super) low: f64,
    pub(super) high: f64,
    /// Is 1 outside of the interval, and the mean more than 2 % away from it?
    pub(super) differs: bool,
}

/// What an interval must lie in for a server to be called equal, and not only not told apart.
const NARROW: (f64, f64) = (0.8, 1.25);

impl Ratio {
    /// Is it known that there is no difference worth a word? If not, and it does not differ, it would
    /// take more rounds to see one.
    pub(super) fn is_equal(&self) -> bool {
        !self.differs && self.low > NARROW.0 && self.high < NARROW.1
    }
}

/// Of the name of a target.
pub(super) const NAME_CHARS_MAX: usize = 40;

/// No count, time or size of a race is greater: these are 104 days in nanoseconds.
const NUMBER_MAX: f64 = 9_007_199_254_740_992.0;
/// An interval may be as wide as chance makes it.
const RATIO_MAX: f64 = 1e300;
/// Servers by tests by measurements: a report looks at each of them for each of the others.
const WORK_MAX: usize = 100_000_000;

/// Is each number one that a race can have found? `key`: what the value is called.
fn check(value: &Value, key: &str) -> Result<(), String> {
    match value {
        Value::Number(number) => {
            let most = match key {
                "low" | "mean" | "high" => RATIO_MAX,
                _ => NUMBER_MAX,
            };
            match number.as_f64() {
                Some(figure) if (0.0..=most).contains(&figure) => Ok(()),
                _ => Err(format!("{key} cannot be {number}")),
            }
        }
        Value::Array(items) => items.iter().try_for_each(|item| check(item, key)),
        Value::Object(items) => items.iter().try_for_each(|(key, item)| check(item, key)),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

impl Record {
    /// Reads one, or says why it is none.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Form {
            format: String,
        }
        let none = |error: serde_json::Error| format!("not the record of a race: {error}");
        let Form { format } = serde_json::from_str(text).map_err(none)?;
        if format != FORMAT {
            return Err(format!("its format is {format:?}, not {FORMAT:?}"));
        }
        let value: Value = serde_json::from_str(text).map_err(none)?;
        check(&value, "")?;
        let record = Self::deserialize(value).map_err(none)?;
        record.check()?;
        Ok(record)
    }

    /// Is it one that a race can have written, as far as a report relies on it?
    fn check(&self) -> Result<(), String> {
        let is_long = |target: &Target| target.name.chars().count() > NAME_CHARS_MAX;
        if self.targets.iter().any(is_long) {
            return Err(format!("a name has more than {NAME_CHARS_MAX} characters"));
        }
        let work = [self.targets.len(), self.tests.len(), self.results.len()];
        let work = work
            .iter()
            .fold(1_usize, |all, &count| all.saturating_mul(count.max(1)));
        if work > WORK_MAX || self.summaries.len() > WORK_MAX {
            return Err("it has too many servers, tests and rounds".to_owned());
        }
        let is_mixed = |figure: &Compared| {
            let is_ordered = figure.least <= figure.median && figure.median <= figure.greatest;
            let ratio = figure.ratio.as_ref();
            let holds = |ratio: &Ratio| ratio.low <= ratio.mean && ratio.mean <= ratio.high;
            !is_ordered || !ratio.is_none_or(holds)
        };
        let mut figures = self.summaries.iter().flat_map(|summary| {
            let cpu = summary.cpu_ns_per_request.as_ref();
            let idle = summary.idle_connection_bytes.as_ref();
            [Some(&summary.requests_per_second), cpu, idle]
                .into_iter()
                .flatten()
        });
        if figures.any(is_mixed) {
            return Err("a figure is not between its least and its greatest".to_owned());
        }
        let is_possible = |result: &Measurement| {
            let each = result.per_connection.as_ref();
            each.is_none_or(|each| each.is_possible(result.all_errors()))
        };
        if !self.results.iter().all(is_possible) {
            return Err("a per_connection contradicts itself, or the errors".to_owned());
        }
        Ok(())
    }

    /// As JSON.
    pub(super) fn json(&self) -> String {
        let text = serde_json::to_string(self);
        text.expect("a record has nothing that JSON cannot hold") + "\n"
    }
}
