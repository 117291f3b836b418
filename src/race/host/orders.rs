//! What a race and its agent say to each other: an order a line, and for each a line with its answer.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::race::cost::Sample;
use crate::race::record::Machine;
use crate::race::server_spec::Program;

/// The first argument of an agent.
pub(in crate::race) const WORD: &str = "race-agent";
/// Its second one, if it is to make a network namespace for itself.
pub(in crate::race) const NETNS: &str = "netns";

/// An empty line is a heartbeat.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(in crate::race) enum Order {
    Ping,
    About,
    /// Of a network device that was moved to the agent's namespace, with its address.
    SetUp {
        device: String,
        address: Ipv4Addr,
    },
    RaiseFileLimit,
    Start(Program),
    Sample {
        id: u32,
        cores: Vec<usize>,
    },
    Memory(u32),
    Ending(u32),
    Stop(u32),
}

#[derive(Debug, Deserialize, Serialize)]
pub(in crate::race) enum Answer {
    Done,
    About(About),
    Started {
        id: u32,
        port: u16,
    },
    /// Null if the race did not start it.
    Sample(Option<Sample>),
    Memory(Option<u64>),
    Ending(Option<String>),
    Stopped {
        left: Vec<u32>,
    },
}

/// What the agent knows of its machine.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(in crate::race) struct About {
    pub(in crate::race) machine: Machine,
    /// On which it may run servers.
    pub(in crate::race) cores: Vec<usize>,
    /// On which it listens, to be connected to.
    pub(in crate::race) echo_port: u16,
}
