//! How a server is set up, and what each value may be.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use super::{memory, processors};
use crate::http::Limits;
use crate::net::{BusyPolling, Timeouts};

/// How a server is set up. [`Options::default`] is what `hullo` does without flags.
///
/// Each field has a method of the same name that sets it:
///
/// ```
/// use std::time::Duration;
/// use hullo::http::Limits;
/// use hullo::server::{Options, Timeouts};
///
/// let options = Options::default()
///     .address(([127, 0, 0, 1], 0).into())
///     .limits(Limits::default().body_bytes(64 << 20))
///     .timeouts(Timeouts::default().idle(Duration::from_secs(20)));
/// ```
///
/// The values are checked by [`Server::bind`](super::Server::bind).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Where to listen. Port 0: the kernel chooses, see [`Server::local_addr`](super::Server::local_addr).
    /// `None`: only on the listeners that are added to the server.
    pub address: Option<SocketAddr>,
    /// How many event loops, each with a thread and listeners of its own. The default is as many as this
    /// process can keep busy, by its CPU affinity and the quotas of its control groups, rounded up.
    pub workers: NonZeroUsize,
    /// Whether each worker stays on one processor: the first one on the first that this process may use,
    /// and so on; if there are more workers than processors, in turn. Only on Linux.
    pub pin: bool,
    /// How much a request may take.
    pub limits: Limits,
    /// How long a peer may take.
    pub timeouts: Timeouts,
    /// How many peers may be connected at once. `None`: as many as the open-file limit allows.
    pub max_connections: Option<NonZeroUsize>,
    /// How many bytes unfinished requests and unread responses may hold in all. Each worker may use
    /// an equal share; past it those that hold the most and progress the least are answered `503`,
    /// or closed. At least [`Options::BUFFERED_BYTES_MIN`] for each worker.
    /// `None`: a quarter of the memory that this process may use.
    pub max_buffered_bytes: Option<NonZeroUsize>,
    /// Whether a worker polls for a while before it sleeps.
    pub busy_polling: BusyPolling,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080)),
            workers: processors::available(),
            pin: false,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            max_connections: None,
            max_buffered_bytes: None,
            busy_polling: BusyPolling::Auto,
        }
    }
}

impl Options {
    /// Sets [`address`](Self::address).
    #[must_use]
    pub fn address(self, address: SocketAddr) -> Self {
        Self {
            address: Some(address),
            ..self
        }
    }

    /// Sets [`address`](Self::address) to `None`.
    #[must_use]
    pub fn without_address(self) -> Self {
        Self {
            address: None,
            ..self
        }
    }

    /// Sets [`workers`](Self::workers).
    #[must_use]
    pub fn workers(self, workers: NonZeroUsize) -> Self {
        Self { workers, ..self }
    }

    /// Sets [`pin`](Self::pin).
    #[must_use]
    pub fn pin(self, pin: bool) -> Self {
        Self { pin, ..self }
    }

    /// Sets [`limits`](Self::limits).
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Sets [`timeouts`](Self::timeouts).
    #[must_use]
    pub fn timeouts(self, timeouts: Timeouts) -> Self {
        Self { timeouts, ..self }
    }

    /// Sets [`max_connections`](Self::max_connections).
    #[must_use]
    pub fn max_connections(self, max_connections: impl Into<Option<NonZeroUsize>>) -> Self {
        Self {
            max_connections: max_connections.into(),
            ..self
        }
    }

    /// Sets [`max_buffered_bytes`](Self::max_buffered_bytes).
    #[must_use]
    pub fn max_buffered_bytes(self, max_buffered_bytes: impl Into<Option<NonZeroUsize>>) -> Self {
        Self {
            max_buffered_bytes: max_buffered_bytes.into(),
            ..self
        }
    }

    /// Sets [`busy_polling`](Self::busy_polling).
    #[must_use]
    pub fn busy_polling(self, busy_polling: BusyPolling) -> Self {
        Self {
            busy_polling,
            ..self
        }
    }
}

impl Options {
    /// How much each worker may hold of what is left over between turns.
    pub(super) fn buffered_bytes_each(&self) -> io::Result<usize> {
        let all = self.max_buffered_bytes.map_or_else(
            || usize::try_from(memory::available() / 4).unwrap_or(usize::MAX),
            NonZeroUsize::get,
        );
        let each = all / self.workers;
        match self.max_buffered_bytes {
            _ if each >= Self::BUFFERED_BYTES_MIN => Ok(each),
            None => Ok(Self::BUFFERED_BYTES_MIN),
            Some(bytes) => Err(Self::too_little_memory(bytes, self.workers)),
        }
    }
}

impl Options {
    /// The most that [`Options::workers`] may be.
    pub const WORKERS_MAX: usize = 1024;
    /// The least that each of [`Options::timeouts`] may be.
    pub const TIMEOUT_MIN: Duration = Duration::from_millis(1);
    /// The most that each of [`Options::timeouts`] may be: a year.
    pub const TIMEOUT_MAX: Duration = Duration::from_secs(365 * 24 * 3600);
    /// The longest that [`Options::busy_polling`] may be.
    pub const BUSY_POLLING_MAX: Duration = Duration::from_secs(1);
    /// The least that [`Options::max_buffered_bytes`] may be for each worker.
    pub const BUFFERED_BYTES_MIN: usize = 1 << 20;

    /// Checks each field that has a range, except the memory, whose range depends on the machine.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] with the name of the field, its value and its range.
    pub(super) fn check(&self) -> io::Result<()> {
        self.limits
            .check()
            .map_err(|error| out_of_range(format!("limits.{error}")))?;
        let (workers, max) = (self.workers, Self::WORKERS_MAX);
        if workers.get() > max {
            return Err(out_of_range(format!(
                "workers is {workers}: out of range, from 1 to {max}"
            )));
        }
        let (polling, max) = (self.busy_polling.time(), Self::BUSY_POLLING_MAX);
        if let Some(time) = polling.filter(|time| *time > max) {
            return Err(out_of_range(format!(
                "busy_polling is {time:?}: out of range, at most {max:?}"
            )));
        }
        let timeouts = [
            ("head", self.timeouts.head),
            ("idle", self.timeouts.idle),
            ("body", self.timeouts.body),
            ("write", self.timeouts.write),
            ("linger", self.timeouts.linger),
        ];
        let (min, max) = (Self::TIMEOUT_MIN, Self::TIMEOUT_MAX);
        match timeouts
            .iter()
            .find(|(_, time)| !(min..=max).contains(time))
        {
            Some((name, time)) => Err(out_of_range(format!(
                "timeouts.{name} is {time:?}: out of range, from {min:?} to {max:?}"
            ))),
            None => Ok(()),
        }
    }

    /// The error of a memory that is too small for the workers.
    pub(super) fn too_little_memory(bytes: NonZeroUsize, workers: NonZeroUsize) -> io::Error {
        let min = Self::BUFFERED_BYTES_MIN.saturating_mul(workers.get());
        let plural = if workers.get() == 1 { "" } else { "s" };
        out_of_range(format!(
            "max_buffered_bytes is {bytes}: too small for {workers} worker{plural}, at least {min} ({}MiB)",
            min >> 20
        ))
    }
}

fn out_of_range(sentence: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, sentence)
}
