//! What a search has found, and all trials that it made: its results as JSON.
//!
//! `find.schema.json` is derived from these types and their comments.

use serde::Serialize;

use crate::bench::goal::By;

/// The format of the JSON.
pub(super) const FORMAT: &str = "hullo-bench-find/1";

/// What hullo bench --find writes with --json and -o json.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "hullo bench --find, results"))]
pub(in crate::bench) struct Found {
    #[cfg_attr(test, schemars(extend("const" = FORMAT)))]
    pub(super) format: String,
    pub(super) version: String,
    pub(super) url: String,
    /// As the user wrote it.
    pub(super) goal: String,
    pub(super) by: By,
    /// The length of a trial; those of low rates are longer.
    pub(super) trial_ns: u64,
    /// Null if there is no answer.
    pub(super) capacity: Option<Capacity>,
    /// Why there is no answer.
    pub(super) refused: Option<String>,
    /// The highest load that held, where there is no answer.
    pub(super) at_least: Option<f64>,
    /// In the order in which they were made.
    pub(super) trials: Vec<Trial>,
}

/// The highest load that holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::bench) struct Capacity {
    /// Requests per second, or connections.
    pub(super) load: f64,
    /// It lies in here with a probability of 95 %.
    pub(super) low: f64,
    pub(super) high: f64,
    /// Answers per second at that load.
    pub(super) requests_per_second: f64,
    /// How many of the trials at `low`, made after the search, have held.
    pub(super) confirmed: usize,
    pub(super) confirming: usize,
}

/// One run at one load.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::bench) struct Trial {
    pub(super) load: f64,
    /// Null if it says nothing, because the generator was the limit.
    pub(super) held: Option<bool>,
    /// Why it did not hold, or says nothing.
    pub(super) said: String,
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) unanswered: u64,
    pub(super) requests_per_second: f64,
    pub(super) p50_ns: u64,
    pub(super) p90_ns: u64,
    pub(super) p99_ns: u64,
    pub(super) p99_9_ns: u64,
    pub(super) max_ns: u64,
    /// The fraction of the time that the generator's busiest thread ran.
    pub(super) generator_busy: f64,
}

impl Found {
    pub(in crate::bench) fn json(&self) -> String {
        let text = serde_json::to_string(self);
        text.expect("it has nothing that JSON cannot hold") + "\n"
    }

    pub(in crate::bench) fn has_answer(&self) -> bool {
        self.capacity.is_some()
    }

    /// By load.
    pub(super) fn sorted(&self) -> Vec<&Trial> {
        let mut trials: Vec<&Trial> = self.trials.iter().collect();
        trials.sort_by(|a, b| a.load.total_cmp(&b.load));
        trials
    }
}
