//! What the settings of `hullo serve` set.

use std::net::SocketAddr;
use std::time::Duration;

use super::{access_log, origin};
use crate::server::Options;

/// What the settings set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) options: Options,
    /// Where to serve what operators ask for.
    pub(super) admin: Option<SocketAddr>,
    /// How long the server goes on accepting connections after a signal.
    pub(super) drain_delay: Duration,
    /// How long it may answer after that.
    pub(super) grace: Duration,
    pub(super) access_log: access_log::Settings,
    pub(super) origin: origin::Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            options: Options::default(),
            admin: None,
            drain_delay: Duration::ZERO,
            grace: Duration::from_secs(10),
            access_log: access_log::Settings::default(),
            origin: origin::Settings::default(),
        }
    }
}
