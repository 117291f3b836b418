//! What a race measured, as it is written to JSON and read back. Every report is made from this alone.

mod decision;
mod measurement;
mod place;
mod settings;
mod summary;
mod test;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::race::environment::Environment;
use crate::race::order::Turn;
pub(in crate::race) use crate::stats::Ratio;

pub(in crate::race) use decision::{Decision, Gate, Outcome};
pub(in crate::race) use measurement::{
    GeneratorCost, Handshakes, LOST, Measurement, Missed, PerConnection, Sampled, ServerCost,
    UNLIKE, WarmUp,
};
pub(in crate::race) use place::{Machine, ServerHost};
pub(in crate::race) use settings::{Axis, Generator, Request, Settings, Suite};
pub(in crate::race) use summary::{Bound, Compared, Summary};
pub(in crate::race) use test::{Point, Test};

/// The version of the JSON. It changes when a reader of the old version would misread the new one.
pub(in crate::race) const FORMAT: &str = "hullo-race/1";

/// Length of a target's name.
pub(in crate::race) const NAME_CHARS_MAX: usize = 40;

/// What `hullo race` writes with `--json`, and reads with `--from` and `--compare`. Times are in
/// nanoseconds unless their name says otherwise.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct Record {
    #[cfg_attr(test, schemars(extend("const" = FORMAT)))]
    pub(in crate::race) format: String,
    /// The version of hullo.
    #[cfg_attr(test, schemars(regex(pattern = r"^\d+\.\d+\.\d+")))]
    pub(in crate::race) version: String,
    pub(in crate::race) started_unix_ms: u64,
    pub(in crate::race) elapsed_ms: u64,
    /// The command line, the program's name first.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(in crate::race) command: Vec<String>,
    pub(in crate::race) machine: Machine,
    /// Null in older records.
    pub(in crate::race) environment: Option<Environment>,
    pub(in crate::race) settings: Settings,
    /// In the order of the command line. The others are compared with the first.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(in crate::race) targets: Vec<Target>,
    /// In the order in which they were run.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(in crate::race) tests: Vec<Test>,
    /// In the order in which they were measured.
    pub(in crate::race) results: Vec<Measurement>,
    /// One for each test and target that was measured in it.
    pub(in crate::race) summaries: Vec<Summary>,
    /// What a reader has to know before trusting a figure.
    pub(in crate::race) warnings: Vec<String>,
    /// Null if there was nothing to decide.
    pub(in crate::race) gate: Option<Gate>,
}

/// A server that was raced.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct Target {
    #[cfg_attr(test, schemars(length(min = 1, max = NAME_CHARS_MAX)))]
    pub(in crate::race) name: String,
    /// The command that started it, with its placeholders; null if it was already running.
    pub(in crate::race) command: Option<String>,
    /// Where it was already running.
    pub(in crate::race) url: Option<String>,
    /// Whether it was asked over https; null for false.
    pub(in crate::race) https: Option<bool>,
    /// What it agreed on with the race: version of TLS and cipher suite. Null for plain HTTP, or if it did not answer.
    pub(in crate::race) tls: Option<String>,
    /// One finding for each probe that is for such a server, in the same order for every target.
    pub(in crate::race) behaviour: Vec<Finding>,
    /// Why it was not measured, or not to the end; null if it was.
    pub(in crate::race) out: Option<String>,
}

/// How a target answered one probe.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct Finding {
    /// The probe: `http_1_0`.
    #[cfg_attr(test, schemars(regex(pattern = "^[a-z0-9_]+$")))]
    pub(in crate::race) id: String,
    /// The head of its column: `HTTP/1.0`.
    pub(in crate::race) title: String,
    /// Whether it did as the RFC requires, or sent the greeting that all have to send.
    pub(in crate::race) right: bool,
    /// What it did, in a few words: `200, closes`.
    pub(in crate::race) saw: String,
}

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
    pub(in crate::race) fn read(text: &str) -> Result<Self, String> {
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
    pub(in crate::race) fn has(&self, test: &str, target: &str, turn: Turn) -> bool {
        let mut results = self.results.iter();
        results.any(|of| of.turn() == turn && of.test == test && of.target == target)
    }

    /// How many rounds of a test have begun.
    pub(in crate::race) fn rounds_of(&self, test: &str) -> usize {
        let results = self.results.iter().filter(|of| of.test == test);
        results.map(|of| of.round).max().unwrap_or(0)
    }

    /// How many measurements of servers that did not fail are still to be made.
    pub(in crate::race) fn missing(&self) -> usize {
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
    pub(in crate::race) fn json(&self) -> String {
        let text = serde_json::to_string(self);
        text.expect("a record has nothing that JSON cannot hold") + "\n"
    }
}
