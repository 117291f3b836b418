//! What was measured of a server in one round of a test.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
#[cfg(test)]
use serde_json::json;

use crate::race::counters::Counts;
use crate::race::environment::Disturbance;
use crate::race::order::Turn;

/// The kind of error of connections that should have been open and idle, and were not.
pub(in crate::race) const LOST: &str = "idle connections lost";

/// The kind of error of answers under load that are not like those from before it.
pub(in crate::race) const UNLIKE: &str = "unlike the probe's";

/// One target in one round of one test.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct Measurement {
    pub(in crate::race) test: String,
    pub(in crate::race) target: String,
    /// From 1.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(in crate::race) round: usize,
    /// Which process of its target in this round, from 1; null for the only one.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(in crate::race) process: Option<usize>,
    /// Null where its length was fixed.
    pub(in crate::race) warm_up: Option<WarmUp>,
    /// What else went on; null where the system does not tell.
    pub(in crate::race) disturbance: Option<Disturbance>,
    /// Whole answers, also those with a status that is an error.
    pub(in crate::race) requests: u64,
    pub(in crate::race) elapsed_ns: u64,
    pub(in crate::race) requests_per_second: f64,
    #[cfg_attr(test, schemars(extend("additionalProperties" = json!({"type": "integer", "minimum": 1}))))]
    pub(in crate::race) errors: BTreeMap<String, u64>,
    /// Pairs of a percentile and nanoseconds, as many as the generator reports; 100 is the slowest.
    #[cfg_attr(test, schemars(with = "Vec<crate::race::schema::Latency>"))]
    pub(in crate::race) latency_ns: Vec<(f64, u64)>,
    /// How answers and errors were spread over the connections, where the generator reports it.
    pub(in crate::race) per_connection: Option<PerConnection>,
    /// Size of an answer, its head included, where the generator reports it.
    pub(in crate::race) response_bytes: Option<f64>,
    /// Answers that the race itself got while the load ran.
    pub(in crate::race) sampled: Option<Sampled>,
    /// Answers in each 100 ms, where the generator reports them.
    pub(in crate::race) over_time: Option<Vec<u64>>,
    /// Open model: the requests/s that were asked for.
    pub(in crate::race) rate: Option<f64>,
    /// What kept that rate from being made; null if it was.
    pub(in crate::race) missed: Option<Missed>,
    /// Over https, where the generator reports them.
    pub(in crate::race) handshakes: Option<Handshakes>,
    /// Memory of the server for each open and idle connection.
    pub(in crate::race) idle_connection_bytes: Option<f64>,
    /// Null when the race did not start the server.
    pub(in crate::race) server: Option<ServerCost>,
    pub(in crate::race) generator: GeneratorCost,
}

/// Of TLS, on the connections of a measurement.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct Handshakes {
    pub(in crate::race) full: u64,
    /// Of an earlier session, which costs less.
    pub(in crate::race) resumed: u64,
}

impl Measurement {
    /// What it is compared in: figures of the same turn are taken together.
    pub(in crate::race) fn turn(&self) -> Turn {
        Turn {
            round: self.round,
            process: self.process.unwrap_or(1),
        }
    }

    pub(in crate::race) fn all_errors(&self) -> u64 {
        self.errors.values().copied().fold(0, u64::saturating_add)
    }
}

/// What kept a rate from being made.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::race) enum Missed {
    /// Requests without an answer became more and more.
    Server,
    /// All connections were busy: at its latency, the rate takes more of them.
    Connections,
    /// The generator had no CPU time left, or other processes had its cores.
    Generator,
}

/// Answers to the load's request that the race itself got on connections of its own, compared with those from
/// before the load.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct Sampled {
    pub(in crate::race) answers: u64,
    /// How many of them differ, in status, names of fields, or content.
    pub(in crate::race) different: u64,
    /// How the first of those differs.
    pub(in crate::race) example: Option<String>,
}

/// A warm-up that ended when the server was steady.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct WarmUp {
    pub(in crate::race) elapsed_ns: u64,
    /// False if it took too long.
    pub(in crate::race) steady: bool,
}

/// How answers and errors were spread over the connections. A connection counts once, however often it
/// was opened again.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct PerConnection {
    pub(in crate::race) connections: u64,
    /// Answers of the connection with the fewest.
    pub(in crate::race) least: u64,
    pub(in crate::race) median: u64,
    /// Answers that nine of ten connections do not exceed.
    pub(in crate::race) p90: u64,
    pub(in crate::race) greatest: u64,
    /// Connections with under a quarter of the answers that the best tenth has.
    pub(in crate::race) starved: u64,
    pub(in crate::race) with_errors: u64,
    /// Errors on connections: all except requests of the open model that never got a connection.
    pub(in crate::race) errors: u64,
}

impl PerConnection {
    /// Whether a run can have had such connections, and `all_errors` errors.
    pub(super) fn is_possible(&self, all_errors: u64) -> bool {
        let order = [self.least, self.median, self.p90, self.greatest];
        order.is_sorted()
            && self.starved <= self.connections
            && self.with_errors <= self.connections.min(self.errors)
            && (self.with_errors > 0 || self.errors == 0)
            && self.errors <= all_errors
    }
}

/// What the server's processes used during a measurement.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct ServerCost {
    pub(in crate::race) user_ns: u64,
    pub(in crate::race) system_ns: u64,
    pub(in crate::race) cpu_ns_per_request: f64,
    /// Share of its cores' time: 1 is all of them, all the time.
    pub(in crate::race) utilisation: f64,
    /// Share of the time that its busiest thread ran.
    pub(in crate::race) busiest_thread: f64,
    /// How long its cores were busy beyond what it and all other processes account for; null where the
    /// system does not report it.
    pub(in crate::race) uncounted_ns: Option<u64>,
    pub(in crate::race) rss_peak_bytes: u64,
    /// Context switches because it waited.
    pub(in crate::race) voluntary_switches: u64,
    /// Context switches because it was preempted.
    pub(in crate::race) involuntary_switches: u64,
    pub(in crate::race) processes: usize,
    /// Null where they are not available.
    pub(in crate::race) counts: Option<Counts>,
}

/// What the load generator used during a measurement.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct GeneratorCost {
    pub(in crate::race) cpu_ns_per_request: f64,
    pub(in crate::race) utilisation: f64,
    /// Share of the time that one of its threads was ready to run and waited for a core, because something
    /// else used it; null where the generator does not report it.
    pub(in crate::race) queued: Option<f64>,
}
