//! All rounds of a server in a test, and how it compares with the first server.

use serde::{Deserialize, Serialize};

use super::{Missed, Ratio};

/// All rounds of a target in a test. Counts and times are sums, figures are medians.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct Summary {
    pub(in crate::race) test: String,
    pub(in crate::race) target: String,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(in crate::race) rounds: usize,
    pub(in crate::race) requests: u64,
    pub(in crate::race) elapsed_ns: u64,
    pub(in crate::race) errors: u64,
    pub(in crate::race) bound: Bound,
    pub(in crate::race) requests_per_second: Compared,
    /// Null when the race did not start the server.
    pub(in crate::race) cpu_ns_per_request: Option<Compared>,
    /// At rest: CPU time of the server per second.
    pub(in crate::race) cpu_ns_per_second: Option<Compared>,
    pub(in crate::race) idle_connection_bytes: Option<Compared>,
    /// What kept the rate from being made in most rounds: then it is not compared. Null if it was made.
    pub(in crate::race) missed: Option<Missed>,
    /// The median over the rounds, for each percentile.
    #[cfg_attr(test, schemars(with = "Vec<crate::race::schema::Latency>"))]
    pub(in crate::race) latency_ns: Vec<(f64, u64)>,
    /// For each percentile, the interval of the true median, in 95 of 100 cases: a bootstrap over the rounds.
    /// Null with fewer than three.
    #[cfg_attr(test, schemars(with = "Option<Vec<crate::race::schema::Interval>>"))]
    pub(in crate::race) latency_intervals_ns: Option<Vec<(f64, u64, u64)>>,
}

impl Summary {
    pub(in crate::race) fn figures(&self) -> impl Iterator<Item = &Compared> {
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
pub(in crate::race) enum Bound {
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
pub(in crate::race) struct Compared {
    /// Of the rounds.
    pub(in crate::race) median: f64,
    pub(in crate::race) least: f64,
    pub(in crate::race) greatest: f64,
    /// Null for the first target itself, with fewer than three rounds in common, and where either failed in
    /// more than 1 of 100 answers.
    pub(in crate::race) ratio: Option<Ratio>,
}
