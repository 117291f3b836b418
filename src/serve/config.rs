//! What the settings of `hullo serve` set.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::listen::Listen;
use super::{access_log, origin};
use crate::server::Options;

/// What the settings set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) options: Options,
    /// Where to serve what operators ask for.
    pub(super) admin: Option<SocketAddr>,
    /// Where to listen by `--host` and `--port`.
    pub(super) address: SocketAddr,
    /// Whether one of these was set.
    pub(super) is_address_given: bool,
    /// Where to listen by `--listen`, in place of `address`.
    pub(super) listen: Vec<Listen>,
    /// How long the server goes on accepting connections after a signal.
    pub(super) drain_delay: Duration,
    /// How long it may answer after that.
    pub(super) grace: Duration,
    pub(super) access_log: access_log::Settings,
    /// How long a process that is to take its place may take to be ready.
    pub(super) replace_timeout: Duration,
    pub(super) origin: origin::Settings,
}

impl Default for Config {
    fn default() -> Self {
        let options = Options::default();
        Self {
            admin: None,
            address: options
                .address
                .unwrap_or((Ipv4Addr::LOCALHOST, 8080).into()),
            options: options.without_address(),
            is_address_given: false,
            listen: Vec::new(),
            drain_delay: Duration::ZERO,
            grace: Duration::from_secs(10),
            access_log: access_log::Settings::default(),
            replace_timeout: Duration::from_secs(30),
            origin: origin::Settings::default(),
        }
    }
}
