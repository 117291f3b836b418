//! The results of a run as JSON: everything that `--merge` needs to join them with others, and
//! everything that a reader would otherwise have to compute.
//!
//! `report.schema.json` is derived from these types and their comments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::closed_model::ClosedModel;
use super::distribution::{Distribution, Figures, Percentiles};
#[cfg(test)]
use super::error::CAUSES;
use super::error::ErrorCounts;
use super::machines::Machine;
use super::pace::Arrivals;
use super::per_connection::PerConnection;
#[cfg(test)]
use super::tally::BIN_NANOS;
use super::tally::Connections;
use super::times::Times;
use super::tls::{Tls, TlsSettings};
use super::workload::TemplateReport;

/// The format of the JSON. It changes when a reader of the old one would misread the new one.
pub(super) const FORMAT: &str = "hullo-bench/1";

/// What hullo bench writes with --json and -o json, and joins with --merge. Times are in nanoseconds
/// unless their name says otherwise.
// Serde takes a missing Option for None: `deserialize_with` makes it an error, and None is null.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "hullo bench, results"))]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    #[cfg_attr(test, schemars(extend("const" = FORMAT)))]
    pub(super) format: String,
    /// The version of hullo that wrote it.
    #[cfg_attr(test, schemars(regex(pattern = r"^\d+\.\d+\.\d+")))]
    pub(super) version: String,
    pub(super) settings: Settings,
    /// The number of runs at the same time that were joined.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) machines: u64,
    pub(super) started_unix_ms: u64,
    /// From the first request to the last answer.
    pub(crate) elapsed_ns: u64,
    /// Complete answers, including those that --expect-status or --expect-body did not expect.
    pub(crate) responses: u64,
    /// Responses over `elapsed_ns`.
    pub(super) requests_per_second: f64,
    pub(super) body_bytes: u64,
    pub(crate) received_bytes: u64,
    /// Answers by status code. Codes without an answer are left out.
    #[cfg_attr(test, schemars(schema_with = "schema::statuses"))]
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(crate) errors: Errors,
    pub(super) connections: Connections,
    /// https only.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(crate) tls: Option<Tls>,
    pub(crate) per_connection: PerConnection<Figures>,
    /// Requests sent or due when the run was interrupted, with neither answer nor error.
    pub(super) unfinished: u64,
    /// Of complete answers. In the open model: from when a request was due.
    pub(crate) latency: Distribution,
    /// Open model: of complete answers, from when a request was sent.
    pub(super) service: Distribution,
    /// Of new connections: from connecting to the first byte written.
    pub(super) connect: Distribution,
    /// Of answers that came in several reads: from the first byte to the last. The others came at once.
    pub(super) reading: Distribution,
    /// Open model: how late requests were sent although a connection was free.
    pub(super) lag: Distribution,
    /// Open model only.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) offer: Option<OfferedLoad>,
    /// Open model with a rate that changes: its parts, by when requests were due.
    pub(super) phases: Vec<Phase>,
    /// With --request-file: by the name of the request.
    pub(super) templates: Vec<TemplateReport>,
    /// Closed model only, with an answer.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) closed_model: Option<ClosedModel>,
    /// Null if there are none.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) unanswered: Option<Unanswered>,
    pub(crate) over_time: OverTime,
    pub(crate) generator: Generator,
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) runs: Vec<RunSummary>,
    pub(super) warnings: Vec<String>,
}

/// What the user asked for.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    #[cfg_attr(test, schemars(regex(pattern = "^[Hh][Tt][Tt][Pp][Ss]?://")))]
    pub(super) url: String,
    /// Null with --request-file.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) method: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) request_file: Option<String>,
    /// Each connection kept the cookies of the server.
    pub(super) cookies: bool,
    /// With `connections_auto`, the most.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) connections: u64,
    /// They are opened when a request is due and none is free.
    pub(super) connections_auto: bool,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) threads: u64,
    /// Requests in one write.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) pipeline: u64,
    /// Null when the run is limited by time.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) requests: Option<u64>,
    /// Null when the run is limited by its number of requests.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) duration_ns: Option<u64>,
    pub(super) warmup_ns: u64,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) repeat: u64,
    /// Requests per second of the open model, on average.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0)))]
    pub(super) rate: Option<f64>,
    /// The --rate that changes over time: a ramp, such as 1000..20000, or steps, such as 1000,2000.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) rates: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) arrivals: Option<Arrivals>,
    /// Most requests per second on each connection.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0)))]
    pub(super) rate_per_connection: Option<f64>,
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) timeout_ns: Option<u64>,
    /// The run ended by then.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) deadline_ns: Option<u64>,
    /// The generator polled for so long before it slept. Polling in vain is not part of its CPU time.
    pub(super) poll_ns: u64,
    pub(super) keepalive: bool,
    /// Each connection was closed after so many answers.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) requests_per_connection: Option<u64>,
    /// https only.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) tls: Option<TlsSettings>,
    /// The time of the DNS lookup. 0 when the URL has an address.
    pub(super) lookup_ns: u64,
}

impl Settings {
    /// Equal, apart from what may differ between machines that share one load.
    pub(super) fn is_same_load(&self, other: &Self) -> bool {
        let bare = |settings: &Self| Self {
            threads: 0,
            lookup_ns: 0,
            ..settings.clone()
        };
        bare(self) == bare(other)
    }
}

/// Each failed request counts in one kind, and each bad response and each failure of TLS in one cause.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Errors {
    pub(super) total: u64,
    pub(crate) kinds: ErrorCounts,
    #[cfg_attr(test, schemars(schema_with = "schema::causes"))]
    pub(super) bad_response_causes: BTreeMap<String, u64>,
    /// Causes without an error are left out.
    #[cfg_attr(test, schemars(schema_with = "schema::tls_causes"))]
    pub(super) tls_causes: BTreeMap<String, u64>,
    /// The message of the system, or of TLS, for the first connection that failed.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) connect_says: Option<String>,
}

/// The load of the open model, and whether the connections could carry it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct OfferedLoad {
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0)))]
    pub(super) requests_per_second: f64,
    /// How long requests were to be sent.
    pub(super) sending_ns: u64,
    /// Requests due in that time, and how many of them were sent in it.
    pub(super) due: u64,
    pub(super) sent: u64,
    /// `sent` over `sending_ns`.
    pub(super) sent_per_second: f64,
    /// The fraction of the time in which a thread had no idle connection.
    pub(super) all_busy: f64,
    /// The number of busy connections, averaged over time.
    pub(super) busy_connections: f64,
    /// Connections opened for the load: with -c auto, as many as were needed at the same time.
    pub(super) connections_used: u64,
    /// Requests due and without an answer at half of `sending_ns`, and at its end.
    pub(super) backlog_at_half: u64,
    pub(super) backlog_at_end: u64,
    /// Requests still waiting for a connection when the last one was due.
    pub(super) left_over: u64,
}

impl OfferedLoad {
    pub(super) fn with_sent_per_second(self) -> Self {
        Self {
            sent_per_second: ratio(self.sent as f64 * 1e9, self.sending_ns as f64),
            ..self
        }
    }

    /// The loads of two machines at the same time add up, those of two runs in turn do not.
    pub(super) fn joined(one: Option<Self>, other: Option<Self>, at_once: bool) -> Option<Self> {
        let (Some(one), Some(other)) = (&one, &other) else {
            return one.or(other);
        };
        let both = |a: f64, b: f64| if at_once { a + b } else { a.max(b) };
        let number = |a: u64, b: u64| {
            if at_once {
                a.saturating_add(b)
            } else {
                a.max(b)
            }
        };
        let time = |a: u64, b: u64| {
            if at_once {
                a.max(b)
            } else {
                a.saturating_add(b)
            }
        };
        let joined = Self {
            requests_per_second: both(one.requests_per_second, other.requests_per_second),
            sending_ns: time(one.sending_ns, other.sending_ns),
            due: one.due.saturating_add(other.due),
            sent: one.sent.saturating_add(other.sent),
            sent_per_second: 0.0,
            all_busy: one.all_busy.max(other.all_busy),
            busy_connections: both(one.busy_connections, other.busy_connections),
            connections_used: number(one.connections_used, other.connections_used),
            backlog_at_half: one.backlog_at_half.saturating_add(other.backlog_at_half),
            backlog_at_end: one.backlog_at_end.saturating_add(other.backlog_at_end),
            left_over: one.left_over.saturating_add(other.left_over),
        };
        Some(joined.with_sent_per_second())
    }
}

/// A part of the run in which the rate was constant or changed evenly.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Phase {
    pub(super) start_ns: u64,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) length_ns: u64,
    /// Requests per second at its start and at its end.
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0)))]
    pub(super) from: f64,
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0)))]
    pub(super) to: f64,
    /// Requests due in it.
    pub(super) due: u64,
    /// Of the answers to them, whenever they came.
    pub(super) latency: Distribution,
}

impl Phase {
    pub(super) fn is_ramp(&self) -> bool {
        self.from.total_cmp(&self.to).is_ne()
    }
}

/// Requests without an answer at the --deadline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Unanswered {
    /// The others were still waiting for a connection.
    pub(super) sent: u64,
    /// How long they had waited.
    pub(super) waited: Distribution,
    /// Of answers and these together: a lower bound, since these might have waited for longer.
    pub(super) percentiles_at_least_ns: Percentiles,
}

/// Answers and errors by interval. The last interval of a run may be shorter.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct OverTime {
    #[cfg_attr(test, schemars(extend("const" = BIN_NANOS)))]
    pub(super) interval_ns: u64,
    pub(crate) responses: Vec<u64>,
    pub(super) errors: Vec<u64>,
}

/// What the load generator itself used.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Generator {
    pub(crate) cpu_ns: u64,
    pub(super) cpu_ns_per_request: f64,
    /// The fraction of the time that the busiest thread ran. 0 in runs below 50 ms: too short to
    /// judge.
    pub(crate) busy: f64,
    /// The fraction of the time that a thread was ready to run and waited for a core: the thread
    /// that waited longest. 0 in runs below 50 ms.
    pub(crate) queued: f64,
    /// Of a joined result: its machines. Empty for one machine.
    pub(super) machines: Vec<Machine>,
}

/// One of several runs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RunSummary {
    pub(super) started_unix_ms: u64,
    pub(super) elapsed_ns: u64,
    pub(super) responses: u64,
    pub(super) errors: u64,
    pub(super) requests_per_second: f64,
    pub(super) mean_ns: f64,
    pub(super) p50_ns: u64,
    pub(super) p90_ns: u64,
    pub(super) p99_ns: u64,
    pub(super) p99_9_ns: u64,
    pub(super) max_ns: u64,
    pub(super) cpu_ns_per_request: f64,
}

impl RunSummary {
    /// When it ended, in Unix milliseconds.
    pub(super) fn ended_unix_ms(&self) -> u64 {
        self.started_unix_ms
            .saturating_add(self.elapsed_ns / 1_000_000)
    }
}

impl Report {
    /// Of answers, and of requests without one at the deadline: how long they have waited at least.
    pub(super) fn response_times(&self) -> Times {
        let mut times = self.latency.times();
        if let Some(unanswered) = &self.unanswered {
            times.add(&unanswered.waited.times());
        }
        times
    }

    /// Requests without an answer at the deadline.
    pub(super) fn unanswered_count(&self) -> u64 {
        let unanswered = self.unanswered.as_ref();
        unanswered.map_or(0, |unanswered| unanswered.waited.count)
    }

    /// Requests of several names may differ in their latency on purpose.
    pub(super) fn is_mixed(&self) -> bool {
        self.templates.len() > 1
    }

    /// Answers that were as expected.
    pub(super) fn succeeded(&self) -> u64 {
        let kinds = &self.errors.kinds;
        self.responses
            .saturating_sub(kinds.status)
            .saturating_sub(kinds.body)
    }

    /// Requests that ended, each counted once: an unexpected answer is an answer and an error.
    pub(super) fn ended(&self) -> u64 {
        self.succeeded().saturating_add(self.errors.total)
    }

    /// The fraction of the requests that ended with an error.
    pub(super) fn error_rate(&self) -> f64 {
        ratio(self.errors.total as f64, self.ended() as f64)
    }

    pub(super) fn json(&self) -> String {
        let text = serde_json::to_string(self);
        text.expect("a report has nothing that JSON cannot hold") + "\n"
    }
}

/// 0 where there is nothing to divide by: JSON has no NaN.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Schemas of what the types alone do not say.
#[cfg(test)]
pub(super) mod schema {
    use schemars::{Schema, SchemaGenerator, json_schema};

    use super::CAUSES;
    use crate::tls::Cause;

    pub(in crate::bench) fn statuses(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": { "pattern": r"^[1-5]\d\d$" },
            "additionalProperties": { "type": "integer", "minimum": 1 },
        })
    }

    pub(super) fn tls_causes(_: &mut SchemaGenerator) -> Schema {
        let causes: Vec<&str> = Cause::ALL.iter().map(|cause| cause.sentence()).collect();
        json_schema!({
            "type": "object",
            "propertyNames": { "enum": causes },
            "additionalProperties": { "type": "integer", "minimum": 1 },
        })
    }

    pub(super) fn causes(_: &mut SchemaGenerator) -> Schema {
        let count = || json_schema!({ "type": "integer", "minimum": 0 });
        let properties: serde_json::Map<String, serde_json::Value> = CAUSES
            .iter()
            .map(|cause| ((*cause).to_owned(), count().to_value()))
            .collect();
        json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
    }
}
