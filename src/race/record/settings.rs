//! What a race was asked for.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::ServerHost;
use crate::bench::TlsSettings;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct Settings {
    #[cfg_attr(test, schemars(length(min = 1), extend("uniqueItems" = true)))]
    pub(in crate::race) suites: Vec<Suite>,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(in crate::race) rounds: usize,
    #[cfg_attr(test, schemars(length(min = 1), extend("uniqueItems" = true)))]
    pub(in crate::race) server_cpus: Vec<usize>,
    #[cfg_attr(test, schemars(length(min = 1), extend("uniqueItems" = true)))]
    pub(in crate::race) load_cpus: Vec<usize>,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(in crate::race) workers: usize,
    /// The path that was requested, unless a target's URL has another.
    #[cfg_attr(test, schemars(regex(pattern = "^/")))]
    pub(in crate::race) path: String,
    pub(in crate::race) generator: Generator,
    pub(in crate::race) generator_version: String,
    /// How long each server was warmed up; if until it was steady, at most.
    pub(in crate::race) warm_up_ns: u64,
    /// Null for false.
    pub(in crate::race) warm_up_until_steady: Option<bool>,
    /// Of the order of the servers within each round, and of the intervals of latencies. Null if the servers
    /// took turns in the order of the command line.
    pub(in crate::race) seed: Option<u64>,
    /// How many processes of each server are measured in a round; null for one.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(in crate::race) processes_per_round: Option<usize>,
    /// How long each round waited for a quiet machine, at most; null if it did not.
    pub(in crate::race) quiet_wait_ns: Option<u64>,
    /// What was requested, if it was not a plain GET.
    pub(in crate::race) request: Option<Request>,
    /// How servers were asked over https; null if none was.
    pub(in crate::race) tls: Option<TlsSettings>,
    /// Null if they ran on the machine of the race, without another network.
    pub(in crate::race) server_host: Option<ServerHost>,
}

impl Settings {
    /// Measurements of a target in a test.
    pub(in crate::race) fn turns(&self) -> usize {
        self.rounds
            .saturating_mul(self.processes_per_round.unwrap_or(1))
    }

    /// Without what may differ from one run of the same race to the next.
    pub(in crate::race) fn unchanging(&self) -> Self {
        // The link is measured each time.
        let host = |host: ServerHost| ServerHost { link_ns: 0, ..host };
        Self {
            rounds: 0,
            // That is of the machine at the time.
            quiet_wait_ns: None,
            server_host: self.server_host.clone().map(host),
            ..self.clone()
        }
    }
}

/// The requests of a race, besides their path and `Host`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct Request {
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(in crate::race) method: String,
    /// Each as `Name: value`.
    pub(in crate::race) fields: Vec<String>,
    pub(in crate::race) content_bytes: u64,
    /// Null if it is not text. With a file of requests, all of them.
    pub(in crate::race) content: Option<String>,
    /// The file of the requests; null where all are the same.
    pub(in crate::race) file: Option<String>,
}

/// A question that one or more tests ask.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::race) enum Suite {
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
pub(in crate::race) enum Axis {
    Connections,
    Pipeline,
}

/// What sends the requests.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::race) enum Generator {
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
