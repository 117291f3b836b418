//! Machines, as a race records them.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Machine {
    /// From `/proc/cpuinfo`.
    pub(super) cpu: String,
    /// How many the race was allowed to use.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) cores: usize,
    pub(super) memory_bytes: u64,
    /// From `/etc/os-release`.
    pub(super) system: String,
    pub(super) kernel: String,
}

/// Where servers ran if not on the machine of the race.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ServerHost {
    /// As given to --server-host; `netns` for another network namespace of the same machine.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) name: String,
    pub(super) address: String,
    pub(super) machine: Machine,
    /// To there and back: the median time of a connect.
    pub(super) link_ns: u64,
}
