//! The results of a run as JSON: everything that `--merge` needs to join them with others, and
//! everything that a reader would otherwise have to compute.
//!
//! `report.schema.json` is derived from these types and their comments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[cfg(test)]
use super::error::CAUSES;
use super::error::ErrorCounts;
use super::per_connection::PerConnection;
#[cfg(test)]
use super::tally::BIN_NANOS;
use super::tally::Connections;
#[cfg(test)]
use super::times::DIGITS;
use super::times::Times;

/// The format of the JSON. It changes when a reader of the old one would misread the new one.
pub(super) const FORMAT: &str = "hullo-bench/1";

/// What hullo bench writes with --json and -o json, and joins with --merge. Times are in nanoseconds
/// unless their name says otherwise.
// Serde takes a missing Option for None: `deserialize_with` makes it an error, and None is null.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "hullo bench, results"))]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
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
    pub(super) elapsed_ns: u64,
    /// Complete answers, including those that --expect-status or --expect-body did not expect.
    pub(super) responses: u64,
    /// Responses over `elapsed_ns`.
    pub(super) requests_per_second: f64,
    pub(super) body_bytes: u64,
    pub(super) received_bytes: u64,
    /// Answers by status code. Codes without an answer are left out.
    #[cfg_attr(test, schemars(schema_with = "schema::statuses"))]
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) errors: Errors,
    pub(super) connections: Connections,
    pub(super) per_connection: PerConnection<Figures>,
    /// Requests sent or due when the run was interrupted, with neither answer nor error.
    pub(super) unfinished: u64,
    /// Of complete answers.
    pub(super) latency: Distribution,
    /// Of new connections: from connecting to the first byte written.
    pub(super) connect: Distribution,
    /// Open model: how late requests were sent although a connection was free.
    pub(super) lag: Distribution,
    /// Open model only.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) offer: Option<OfferedLoad>,
    pub(super) over_time: OverTime,
    pub(super) generator: Generator,
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) runs: Vec<RunSummary>,
    pub(super) warnings: Vec<String>,
}

/// What the user asked for.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    #[cfg_attr(test, schemars(regex(pattern = "^[Hh][Tt][Tt][Pp]://")))]
    pub(super) url: String,
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) method: String,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) connections: u64,
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
    /// Requests per second of the open model.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0)))]
    pub(super) rate: Option<f64>,
    /// Most requests per second on each connection.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0)))]
    pub(super) rate_per_connection: Option<f64>,
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) timeout_ns: Option<u64>,
    pub(super) keepalive: bool,
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

/// Each failed request counts in one kind, and each bad response in one cause.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Errors {
    pub(super) total: u64,
    pub(super) kinds: ErrorCounts,
    #[cfg_attr(test, schemars(schema_with = "schema::causes"))]
    pub(super) bad_response_causes: BTreeMap<String, u64>,
    /// The system's message for the first connection that failed.
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
    /// The fraction of the time in which a thread had no idle connection.
    pub(super) all_busy: f64,
    /// The number of busy connections, averaged over time.
    pub(super) busy_connections: f64,
    /// Requests still waiting for a connection when the last one was due.
    pub(super) left_over: u64,
}

impl OfferedLoad {
    /// The loads of two machines at the same time add up, those of two runs in turn do not.
    pub(super) fn joined(one: Option<Self>, other: Option<Self>, at_once: bool) -> Option<Self> {
        let (Some(one), Some(other)) = (&one, &other) else {
            return one.or(other);
        };
        let both = |a: f64, b: f64| if at_once { a + b } else { a.max(b) };
        Some(Self {
            requests_per_second: both(one.requests_per_second, other.requests_per_second),
            all_busy: one.all_busy.max(other.all_busy),
            busy_connections: both(one.busy_connections, other.busy_connections),
            left_over: one.left_over.saturating_add(other.left_over),
        })
    }
}

/// A distribution of times, in nanoseconds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Distribution {
    pub(super) count: u64,
    pub(super) sum_ns: u64,
    pub(super) min_ns: u64,
    pub(super) max_ns: u64,
    pub(super) mean_ns: f64,
    pub(super) stdev_ns: f64,
    pub(super) percentiles_ns: Percentiles,
    pub(super) histogram: Buckets,
}

impl Distribution {
    pub(super) fn of(times: &Times) -> Self {
        Self {
            count: times.count(),
            sum_ns: times.sum(),
            min_ns: times.min(),
            max_ns: times.max(),
            mean_ns: times.mean(),
            stdev_ns: times.histogram().stdev(),
            percentiles_ns: Percentiles::of(times),
            histogram: Buckets::of(times),
        }
    }

    pub(super) fn times(&self) -> Times {
        let counts = &self.histogram.counts;
        Times::from_parts(counts, self.sum_ns, self.min_ns, self.max_ns)
    }
}

/// The one list of reported percentiles: field, name, quantile.
macro_rules! percentiles {
    ($($field:ident, $name:literal, $quantile:literal;)+) => {
        #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub(super) struct Percentiles {
            $(#[serde(rename = $name)] pub(super) $field: u64,)+
        }

        impl Percentiles {
            fn of(times: &Times) -> Self {
                Self { $($field: times.quantile($quantile),)+ }
            }

            /// Name and value, in increasing order.
            pub(super) fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$(($name, self.$field),)+].into_iter()
            }
        }
    };
}

percentiles! {
    p10, "p10", 0.1;
    p25, "p25", 0.25;
    p50, "p50", 0.5;
    p75, "p75", 0.75;
    p90, "p90", 0.9;
    p95, "p95", 0.95;
    p99, "p99", 0.99;
    p99_9, "p99.9", 0.999;
    p99_99, "p99.99", 0.9999;
}

/// One number for each connection.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Figures {
    pub(super) count: u64,
    pub(super) sum: u64,
    pub(super) min: u64,
    pub(super) max: u64,
    pub(super) p50: u64,
    pub(super) p90: u64,
    pub(super) histogram: Buckets,
}

impl Figures {
    pub(super) fn of(times: &Times) -> Self {
        Self {
            count: times.count(),
            sum: times.sum(),
            min: times.min(),
            max: times.max(),
            p50: times.quantile(0.5),
            p90: times.quantile(0.9),
            histogram: Buckets::of(times),
        }
    }

    pub(super) fn times(&self) -> Times {
        Times::from_parts(&self.histogram.counts, self.sum, self.min, self.max)
    }
}

/// An HDR histogram.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Buckets {
    #[cfg_attr(test, schemars(extend("const" = DIGITS)))]
    pub(super) significant_digits: u8,
    /// For each bucket that is not empty: its highest value, and its count.
    #[cfg_attr(test, schemars(schema_with = "schema::buckets"))]
    pub(super) counts: Vec<(u64, u64)>,
}

impl Buckets {
    fn of(times: &Times) -> Self {
        let histogram = times.histogram();
        let recorded = histogram.iter_recorded();
        Self {
            significant_digits: histogram.sigfig(),
            counts: recorded
                .map(|step| (step.value_iterated_to(), step.count_at_value()))
                .collect(),
        }
    }
}

/// Answers and errors by interval. The last interval of a run may be shorter.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct OverTime {
    #[cfg_attr(test, schemars(extend("const" = BIN_NANOS)))]
    pub(super) interval_ns: u64,
    pub(super) responses: Vec<u64>,
    pub(super) errors: Vec<u64>,
}

/// What the load generator itself used.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Generator {
    pub(super) cpu_ns: u64,
    pub(super) cpu_ns_per_request: f64,
    /// The fraction of the time that the busiest thread ran. 0 in runs below 50 ms: too short to
    /// judge.
    pub(super) busy: f64,
    /// The fraction of the time that a thread was ready to run and waited for a core: the thread
    /// that waited longest. 0 in runs below 50 ms.
    pub(super) queued: f64,
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
mod schema {
    use schemars::{Schema, SchemaGenerator, json_schema};

    use super::CAUSES;

    pub(super) fn statuses(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": { "pattern": r"^[1-5]\d\d$" },
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

    pub(super) fn buckets(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "items": {
                "type": "array",
                "prefixItems": [
                    { "type": "integer", "minimum": 0 },
                    { "type": "integer", "minimum": 1 },
                ],
                "minItems": 2,
                "maxItems": 2,
            },
        })
    }
}
