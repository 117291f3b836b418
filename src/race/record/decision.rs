//! What `--fail-if` asked, and what it decided.

use serde::{Deserialize, Serialize};

use super::Ratio;

/// What `--fail-if` asked, and what came out.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct Gate {
    /// As on the command line: `cpu>+5%`.
    pub(in crate::race) conditions: Vec<String>,
    /// Rounds were added until all was decided, or the interval within this share of the ratio; null if not.
    pub(in crate::race) until: Option<f64>,
    pub(in crate::race) decisions: Vec<Decision>,
}

/// Whether a condition was met by a target in a test.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct Decision {
    pub(in crate::race) condition: String,
    pub(in crate::race) test: String,
    pub(in crate::race) target: String,
    pub(in crate::race) rounds: usize,
    /// With an interval in which all decisions of a race hold, in 99 of 100 races.
    pub(in crate::race) ratio: Option<Ratio>,
    pub(in crate::race) outcome: Outcome,
    /// Why there is no ratio.
    pub(in crate::race) reason: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::race) enum Outcome {
    /// The whole interval is beyond the limit.
    Fails,
    /// The whole interval is on the other side.
    Passes,
    /// It lies on both sides, or there is none.
    Undecided,
}
