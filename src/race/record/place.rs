//! Machines, as a race records them.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct Machine {
    /// From `/proc/cpuinfo`.
    pub(in crate::race) cpu: String,
    /// How many the race was allowed to use.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(in crate::race) cores: usize,
    pub(in crate::race) memory_bytes: u64,
    /// From `/etc/os-release`.
    pub(in crate::race) system: String,
    pub(in crate::race) kernel: String,
}

/// Where servers ran if not on the machine of the race.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::race) struct ServerHost {
    /// As given to --server-host; `netns` for another network namespace of the same machine.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(in crate::race) name: String,
    pub(in crate::race) address: String,
    pub(in crate::race) machine: Machine,
    /// The round trip: the median time of a connect.
    pub(in crate::race) link_ns: u64,
}
