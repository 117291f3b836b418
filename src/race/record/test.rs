//! A test: the work that each server is given.

use serde::{Deserialize, Serialize};

use super::{Axis, Suite};

/// One kind of work that every target is given.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct Test {
    /// Unique in a race: `article-2`.
    #[cfg_attr(test, schemars(regex(pattern = r"^[a-z]+(-[a-z0-9.]+)*$")))]
    pub(in crate::race) id: String,
    pub(in crate::race) suite: Suite,
    /// For a reader: `5 s, 100 connections`.
    pub(in crate::race) title: String,
    /// Connections that send requests.
    pub(in crate::race) connections: u64,
    /// Connections that are open beside them and idle.
    pub(in crate::race) idle_connections: u64,
    /// How many requests end the test; null if a duration does.
    pub(in crate::race) requests: Option<u64>,
    /// How long the test lasts; null if a number of requests ends it.
    pub(in crate::race) duration_ns: Option<u64>,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(in crate::race) pipeline: u64,
    pub(in crate::race) keepalive: bool,
    /// Open model: the share of its own capacity that each target is asked for.
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0, "maximum" = 1)))]
    pub(in crate::race) load: Option<f64>,
    /// Open model: the requests/s that all targets are asked for.
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0)))]
    pub(in crate::race) offered_rate: Option<f64>,
    /// Null if it is not a part of a sweep.
    pub(in crate::race) sweep: Option<Point>,
}

impl Test {
    /// Whether requests are due at a rate, however fast the server answers.
    pub(in crate::race) fn is_open_model(&self) -> bool {
        self.load.is_some() || self.offered_rate.is_some()
    }

    /// Whether connections are open for a time and nothing is sent.
    pub(in crate::race) fn is_rest(&self) -> bool {
        self.connections == 0 && self.duration_ns.is_some()
    }
}

/// The place of a test in a sweep.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct Point {
    pub(in crate::race) axis: Axis,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(in crate::race) value: u64,
}
