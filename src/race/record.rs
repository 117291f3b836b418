//! What a race measured, as it is written to JSON and read back. Every report is made from this alone.

use std::collections::BTreeMap;
use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use crate::stats::Ratio;
#[cfg(test)]
use serde_json::json;

use super::counters::Counts;
use super::environment::{Disturbance, Environment};
use super::order::Turn;

pub(super) use super::place::{Machine, ServerHost};

/// The version of the JSON. It changes when a reader of the old version would misread the new one.
pub(super) const FORMAT: &str = "hullo-race/1";

/// The kind of error of connections that should have been open and idle, and were not.
pub(super) const LOST: &str = "idle connections lost";

/// The kind of error of answers under load that are not like those from before it.
pub(super) const UNLIKE: &str = "unlike the probe's";

/// What `hullo race` writes with `--json`, and reads with `--from` and `--compare`. Times are in
/// nanoseconds unless their name says otherwise.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    #[cfg_attr(test, schemars(extend("const" = FORMAT)))]
    pub(super) format: String,
    /// The version of hullo.
    #[cfg_attr(test, schemars(regex(pattern = r"^\d+\.\d+\.\d+")))]
    pub(super) version: String,
    pub(super) started_unix_ms: u64,
    pub(super) elapsed_ms: u64,
    /// The command line, the program's name first.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) command: Vec<String>,
    pub(super) machine: Machine,
    /// Null in older records.
    pub(super) environment: Option<Environment>,
    pub(super) settings: Settings,
    /// In the order of the command line. The others are compared with the first.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) targets: Vec<Target>,
    /// In the order in which they were run.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) tests: Vec<Test>,
    /// In the order in which they were measured.
    pub(super) results: Vec<Measurement>,
    /// One for each test and target that was measured in it.
    pub(super) summaries: Vec<Summary>,
    /// What a reader has to know before trusting a figure.
    pub(super) warnings: Vec<String>,
    /// Null if there was nothing to decide.
    pub(super) gate: Option<Gate>,
}

/// What `--fail-if` asked, and what came out.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Gate {
    /// As on the command line: `cpu>+5%`.
    pub(super) conditions: Vec<String>,
    /// Rounds were added until all was decided, or the interval within this share of the ratio; null if not.
    pub(super) until: Option<f64>,
    pub(super) decisions: Vec<Decision>,
}

/// Whether a condition was met by a target in a test.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    pub(super) condition: String,
    pub(super) test: String,
    pub(super) target: String,
    pub(super) rounds: usize,
    /// With an interval in which all decisions of a race hold, in 99 of 100 races.
    pub(super) ratio: Option<Ratio>,
    pub(super) outcome: Outcome,
    /// Why there is no ratio.
    pub(super) reason: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// The whole interval is beyond the limit.
    Fails,
    /// The whole interval is on the other side.
    Passes,
    /// It lies on both sides, or there is none.
    Undecided,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    #[cfg_attr(test, schemars(length(min = 1), extend("uniqueItems" = true)))]
    pub(super) suites: Vec<Suite>,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) rounds: usize,
    #[cfg_attr(test, schemars(length(min = 1), extend("uniqueItems" = true)))]
    pub(super) server_cpus: Vec<usize>,
    #[cfg_attr(test, schemars(length(min = 1), extend("uniqueItems" = true)))]
    pub(super) load_cpus: Vec<usize>,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) workers: usize,
    /// The path that was requested, unless a target's URL has another.
    #[cfg_attr(test, schemars(regex(pattern = "^/")))]
    pub(super) path: String,
    pub(super) generator: Generator,
    pub(super) generator_version: String,
    /// How long each server was warmed up; if until it was steady, at most.
    pub(super) warm_up_ns: u64,
    /// Null for false.
    pub(super) warm_up_until_steady: Option<bool>,
    /// Of the order of the servers within each round, and of the intervals of latencies. Null if the servers
    /// took turns in the order of the command line.
    pub(super) seed: Option<u64>,
    /// How many processes of each server are measured in a round; null for one.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) processes_per_round: Option<usize>,
    /// How long each round waited for a quiet machine, at most; null if it did not.
    pub(super) quiet_wait_ns: Option<u64>,
    /// What was requested, if it was not a plain GET.
    pub(super) request: Option<Request>,
    /// Null if they ran on the machine of the race, without another network.
    pub(super) server_host: Option<ServerHost>,
}

impl Settings {
    /// Measurements of a target in a test.
    pub(super) fn turns(&self) -> usize {
        self.rounds
            .saturating_mul(self.processes_per_round.unwrap_or(1))
    }
}

/// The requests of a race, besides their path and `Host`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) method: String,
    /// Each as `Name: value`.
    pub(super) fields: Vec<String>,
    pub(super) content_bytes: u64,
    /// Null if it is not text. With a file of requests, all of them.
    pub(super) content: Option<String>,
    /// The file of the requests; null where all are the same.
    pub(super) file: Option<String>,
}

/// A server that was raced.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    #[cfg_attr(test, schemars(length(min = 1, max = NAME_CHARS_MAX)))]
    pub(super) name: String,
    /// The command that started it, with its placeholders; null if it was already running.
    pub(super) command: Option<String>,
    /// Where it was already running.
    pub(super) url: Option<String>,
    /// One finding for each probe, in the same order for every target.
    pub(super) behaviour: Vec<Finding>,
    /// Why it was not measured, or not to the end; null if it was.
    pub(super) out: Option<String>,
}

/// How a target answered one probe.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Finding {
    /// The probe: `http_1_0`.
    #[cfg_attr(test, schemars(regex(pattern = "^[a-z0-9_]+$")))]
    pub(super) id: String,
    /// The head of its column: `HTTP/1.0`.
    pub(super) title: String,
    /// Whether it did as the RFC requires, or sent the greeting that all have to send.
    pub(super) right: bool,
    /// What it did, in a few words: `200, closes`.
    pub(super) saw: String,
}

/// A question that one or more tests ask.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Suite {
    /// The tests of an article that compared servers in Go (net/http) and Rust (warp) by hey: -n requests, then for -z, then for -z on one connection
    Article,
    /// 16 requests in each write
    Pipeline,
    /// A new connection for each request
    Churn,
    /// 10,000 open connections, of which -c send requests
    Many,
    /// Memory of an idle connection
    Idle,
    /// Latency at fixed rates, from 10 to 100 % of what the server can do
    Rate,
    /// CPU and latency at the same rates for all servers (--rates), and CPU at rest
    Cost,
    /// The load of -c connections for -z, at each value of --sweep
    #[value(skip)]
    Sweep,
}

/// What `--sweep` changes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Axis {
    Connections,
    Pipeline,
}

/// The place of a test in a sweep.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Point {
    pub(super) axis: Axis,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) value: u64,
}

/// What sends the requests.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Generator {
    /// hullo bench, in this binary
    Hullo,
    /// hey, the article's generator
    Hey,
    /// wrk, with a script that counts its errors
    Wrk,
}

/// As in the JSON and on the command line.
impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Not a choice on the command line, so clap does not know its name.
            Self::Sweep => f.write_str("sweep"),
            _ => f.write_str(&name(self)),
        }
    }
}

/// As in the JSON and on the command line.
impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name(self))
    }
}

/// As in the JSON and on the command line.
impl fmt::Display for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name(self))
    }
}

fn name(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map_or(String::new(), |value| value.get_name().to_owned())
}

/// One kind of work that every target is given.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    /// Unique in a race: `article-2`.
    #[cfg_attr(test, schemars(regex(pattern = r"^[a-z]+(-[a-z0-9.]+)*$")))]
    pub(super) id: String,
    pub(super) suite: Suite,
    /// For a reader: `5 s, 100 connections`.
    pub(super) title: String,
    /// Connections that send requests.
    pub(super) connections: u64,
    /// Connections that are open beside them and idle.
    pub(super) idle_connections: u64,
    /// How many requests end the test; null if a duration does.
    pub(super) requests: Option<u64>,
    /// How long the test lasts; null if a number of requests ends it.
    pub(super) duration_ns: Option<u64>,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) pipeline: u64,
    pub(super) keepalive: bool,
    /// Open model: the share of its own capacity that each target is asked for.
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0, "maximum" = 1)))]
    pub(super) load: Option<f64>,
    /// Open model: the requests/s that all targets are asked for.
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0)))]
    pub(super) offered_rate: Option<f64>,
    /// Null if it is not a part of a sweep.
    pub(super) sweep: Option<Point>,
}

impl Test {
    /// Whether requests are due at a rate, however fast the server answers.
    pub(super) fn is_open_model(&self) -> bool {
        self.load.is_some() || self.offered_rate.is_some()
    }

    /// Whether connections are open for a time and nothing is sent.
    pub(super) fn is_rest(&self) -> bool {
        self.connections == 0 && self.duration_ns.is_some()
    }
}

/// What kept a rate from being made.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Missed {
    /// Requests without an answer became more and more.
    Server,
    /// All connections were busy: at its latency, the rate takes more of them.
    Connections,
    /// The generator had no CPU time left, or other processes had its cores.
    Generator,
}

/// One target in one round of one test.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Measurement {
    pub(super) test: String,
    pub(super) target: String,
    /// From 1.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) round: usize,
    /// Which process of its target in this round, from 1; null for the only one.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) process: Option<usize>,
    /// Null where its length was fixed.
    pub(super) warm_up: Option<WarmUp>,
    /// What else went on; null where the system does not tell.
    pub(super) disturbance: Option<Disturbance>,
    /// Whole answers, also those with a status that is an error.
    pub(super) requests: u64,
    pub(super) elapsed_ns: u64,
    pub(super) requests_per_second: f64,
    #[cfg_attr(test, schemars(extend("additionalProperties" = json!({"type": "integer", "minimum": 1}))))]
    pub(super) errors: BTreeMap<String, u64>,
    /// Pairs of a percentile and nanoseconds, as many as the generator reports; 100 is the slowest.
    #[cfg_attr(test, schemars(with = "Vec<super::schema::Latency>"))]
    pub(super) latency_ns: Vec<(f64, u64)>,
    /// How answers and errors were spread over the connections, where the generator reports it.
    pub(super) per_connection: Option<PerConnection>,
    /// Size of an answer, its head included, where the generator reports it.
    pub(super) response_bytes: Option<f64>,
    /// Answers that the race itself got while the load ran.
    pub(super) sampled: Option<Sampled>,
    /// Answers in each 100 ms, where the generator reports them.
    pub(super) over_time: Option<Vec<u64>>,
    /// Open model: the requests/s that were asked for.
    pub(super) rate: Option<f64>,
    /// What kept that rate from being made; null if it was.
    pub(super) missed: Option<Missed>,
    /// Memory of the server for each open and idle connection.
    pub(super) idle_connection_bytes: Option<f64>,
    /// Null when the race did not start the server.
    pub(super) server: Option<ServerCost>,
    pub(super) generator: GeneratorCost,
}

/// Answers to the load's request that the race itself got on connections of its own, compared with those from
/// before the load.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Sampled {
    pub(super) answers: u64,
    /// How many of them differ, in status, names of fields, or content.
    pub(super) different: u64,
    /// How the first of those differs.
    pub(super) example: Option<String>,
}

/// A warm-up that ended when the server was steady.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct WarmUp {
    pub(super) elapsed_ns: u64,
    /// False if it took too long.
    pub(super) steady: bool,
}

/// How answers and errors were spread over the connections. A connection counts once, however often it
/// was opened again.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct PerConnection {
    pub(super) connections: u64,
    /// Answers of the connection with the fewest.
    pub(super) least: u64,
    pub(super) median: u64,
    /// Answers that nine of ten connections do not exceed.
    pub(super) p90: u64,
    pub(super) greatest: u64,
    /// Connections with under a quarter of the answers that the best tenth has.
    pub(super) starved: u64,
    pub(super) with_errors: u64,
    /// Errors on connections: all except requests of the open model that never got a connection.
    pub(super) errors: u64,
}

impl PerConnection {
    /// Whether a run can have had such connections, and `all_errors` errors.
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
    /// What it is compared in: figures of the same turn are taken together.
    pub(super) fn turn(&self) -> Turn {
        Turn {
            round: self.round,
            process: self.process.unwrap_or(1),
        }
    }

    pub(super) fn all_errors(&self) -> u64 {
        self.errors.values().copied().fold(0, u64::saturating_add)
    }
}

/// What the server's processes used during a measurement.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ServerCost {
    pub(super) user_ns: u64,
    pub(super) system_ns: u64,
    pub(super) cpu_ns_per_request: f64,
    /// Share of its cores' time: 1 is all of them, all the time.
    pub(super) utilisation: f64,
    /// Share of the time that its busiest thread ran.
    pub(super) busiest_thread: f64,
    /// How long its cores were busy beyond what it and all other processes account for; null where the
    /// system does not report it.
    pub(super) uncounted_ns: Option<u64>,
    pub(super) rss_peak_bytes: u64,
    /// Context switches because it waited.
    pub(super) voluntary_switches: u64,
    /// Context switches because it was preempted.
    pub(super) involuntary_switches: u64,
    pub(super) processes: usize,
    /// Null where they are not available.
    pub(super) counts: Option<Counts>,
}

/// What the load generator used during a measurement.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct GeneratorCost {
    pub(super) cpu_ns_per_request: f64,
    pub(super) utilisation: f64,
    /// Share of the time that one of its threads was ready to run and waited for a core, because something
    /// else used it; null where the generator does not report it.
    pub(super) queued: Option<f64>,
}

/// All rounds of a target in a test. Counts and times are sums, figures are medians.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Summary {
    pub(super) test: String,
    pub(super) target: String,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) rounds: usize,
    pub(super) requests: u64,
    pub(super) elapsed_ns: u64,
    pub(super) errors: u64,
    pub(super) bound: Bound,
    pub(super) requests_per_second: Compared,
    /// Null when the race did not start the server.
    pub(super) cpu_ns_per_request: Option<Compared>,
    /// At rest: CPU time of the server per second.
    pub(super) cpu_ns_per_second: Option<Compared>,
    pub(super) idle_connection_bytes: Option<Compared>,
    /// What kept the rate from being made in most rounds: then it is not compared. Null if it was made.
    pub(super) missed: Option<Missed>,
    /// The median over the rounds, for each percentile.
    #[cfg_attr(test, schemars(with = "Vec<super::schema::Latency>"))]
    pub(super) latency_ns: Vec<(f64, u64)>,
    /// For each percentile, the interval of the true median, in 95 of 100 cases: a bootstrap over the rounds.
    /// Null with fewer than three.
    #[cfg_attr(test, schemars(with = "Option<Vec<super::schema::Interval>>"))]
    pub(super) latency_intervals_ns: Option<Vec<(f64, u64, u64)>>,
}

impl Summary {
    pub(super) fn figures(&self) -> impl Iterator<Item = &Compared> {
        let others = [
            &self.cpu_ns_per_request,
            &self.cpu_ns_per_second,
            &self.idle_connection_bytes,
        ];
        let others = others.into_iter().flatten();
        others.chain([&self.requests_per_second])
    }
}

/// What limited the requests/s of a test.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Bound {
    /// The server was busy all the time: the requests/s are its own.
    Server,
    /// The generator was busy all the time: the requests/s are the generator's.
    Generator,
    /// Both shared the same cores and used them up.
    Shared,
    /// Neither was busy all the time: they waited for each other, or for the clock.
    Neither,
    /// Not the generator, and how busy the server was is not known.
    Unknown,
}

/// A figure, and how it compares with the first target's.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Compared {
    /// Of the rounds.
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) greatest: f64,
    /// Null for the first target itself, with fewer than three rounds in common, and where either failed in
    /// more than 1 of 100 answers.
    pub(super) ratio: Option<Ratio>,
}

/// Length of a target's name.
pub(super) const NAME_CHARS_MAX: usize = 40;

/// No count, time or size of a race is greater: 104 days in nanoseconds.
const NUMBER_MAX: f64 = 9_007_199_254_740_992.0;
/// An interval may be as wide as chance makes it.
const RATIO_MAX: f64 = 1e300;
/// Servers by tests by measurements: a report looks at each of them for each of the others.
const WORK_MAX: usize = 100_000_000;

/// Whether each number is one that a race can have measured. `key`: the name of the value.
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
    /// Reads one, or says why the text is not one.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Form {
            format: String,
        }
        let wrong = |error: serde_json::Error| format!("not the record of a race: {error}");
        let Form { format } = serde_json::from_str(text).map_err(wrong)?;
        if format != FORMAT {
            return Err(format!("the format is {format:?}, not {FORMAT:?}"));
        }
        let value: Value = serde_json::from_str(text).map_err(wrong)?;
        check(&value, "")?;
        let record = Self::deserialize(value).map_err(wrong)?;
        record.check()?;
        Ok(record)
    }

    /// Whether a race can have written it, as far as a report relies on it.
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
            return Err("too many servers, tests and rounds".to_owned());
        }
        let holds = |ratio: &Ratio| ratio.low <= ratio.mean && ratio.mean <= ratio.high;
        let is_mixed = |figure: &Compared| {
            let is_ordered = figure.least <= figure.median && figure.median <= figure.greatest;
            let ratio = figure.ratio.as_ref();
            !is_ordered || !ratio.is_none_or(holds)
        };
        let decisions = self.gate.iter().flat_map(|gate| &gate.decisions);
        let mut ratios = decisions.filter_map(|decision| decision.ratio.as_ref());
        if ratios.any(|ratio| !holds(ratio)) {
            return Err("a ratio is not in its interval".to_owned());
        }
        let mut figures = self.summaries.iter().flat_map(Summary::figures);
        if figures.any(is_mixed) {
            return Err("a median is not between its least and its greatest".to_owned());
        }
        let is_possible = |result: &Measurement| {
            let each = result.per_connection.as_ref();
            each.is_none_or(|each| each.is_possible(result.all_errors()))
        };
        if !self.results.iter().all(is_possible) {
            return Err("a per_connection contradicts itself or the errors".to_owned());
        }
        Ok(())
    }

    /// Whether a server was measured in a turn of a test.
    pub(super) fn has(&self, test: &str, target: &str, turn: Turn) -> bool {
        let mut results = self.results.iter();
        results.any(|of| of.turn() == turn && of.test == test && of.target == target)
    }

    /// How many rounds of a test have begun.
    pub(super) fn rounds_of(&self, test: &str) -> usize {
        let results = self.results.iter().filter(|of| of.test == test);
        results.map(|of| of.round).max().unwrap_or(0)
    }

    /// How many measurements of servers that did not fail are still to be made.
    pub(super) fn missing(&self) -> usize {
        let servers = self.targets.iter().filter(|target| target.out.is_none());
        let tests = servers.flat_map(|server| self.tests.iter().map(move |test| (server, test)));
        let missing = tests.map(|(server, test)| {
            let of = |result: &&Measurement| result.test == test.id && result.target == server.name;
            let measured = self.results.iter().filter(of).count();
            self.settings.turns().saturating_sub(measured)
        });
        missing.fold(0, usize::saturating_add)
    }

    /// As JSON.
    pub(super) fn json(&self) -> String {
        let text = serde_json::to_string(self);
        text.expect("a record has nothing that JSON cannot hold") + "\n"
    }
}
