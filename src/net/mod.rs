//! The shell: sockets and event loops. It knows a [`Session`](crate::http::Session) and nothing
//! else of HTTP.
//!
//! ```text
//!  worker ── waits, reads the clock once in a turn, serves the ready connections
//!    ├─ waiting      waits for events: polls, and sleeps
//!    ├─ polling      whether it sleeps at once, or polls before
//!    ├─ accept       new connections, within the limit
//!    ├─ listener     whether a connection waits at one, and the handler of its connections
//!    ├─ connection   one peer: its socket, its session, and what is buffered
//!    ├─ sending      what a turn writes, and what the peer does not take
//!    ├─ closing      the end of a connection: last answer, shut, linger
//!    ├─ shed         ends connections when they hold too much memory
//!    ├─ deadlines    when the wait of a connection has lasted too long
//!    ├─ wakeups      ends delays, goes on with what is woken, outlives panics
//!    ├─ timers       when delayed responses are due
//!    ├─ mailbox      wake-ups of conversations by other threads
//!    ├─ slots        the table of connections; a token dies with its connection
//!    ├─ times        how long it is busy and responses take, where that is measured
//!    ├─ moving       gives a connection to another worker
//!    ├─ spread       few connections go to the workers with the fewest
//!    ├─ stats        what the worker counts, and a copy for other threads
//!    ├─ kernel       all that the loop asks of the kernel (system: mio)
//!    ├─ socket       the kinds of socket: TCP, Unix
//!    ├─ lifecycle    run, drain or stop: one value for all workers
//!    ├─ drain        the end of a worker: last responses, last connections, and what is cut
//!    ├─ connection_limit   how many connections all workers have
//!    ├─ event        what happens to connections, for a hook
//!    └─ notice       what an operator should know
//! ```

mod accept;
mod buffered;
mod closing;
mod connection;
mod connection_limit;
mod deadlines;
mod drain;
mod event;
mod expiry;
pub(crate) mod kernel;
mod lifecycle;
pub(crate) mod listener;
mod mailbox;
mod moving;
mod notice;
mod peer;
mod polling;
mod sending;
mod shed;
mod slots;
pub(crate) mod socket;
mod spread;
mod stats;
mod system;
mod timers;
mod times;
mod waiting;
mod wakeups;
mod worker;

pub(crate) use accept::REJECTED_MAX;
pub(crate) use connection_limit::{ConnectionLimit, Hook, OVERCOMMIT_MAX};
#[cfg(any(test, feature = "simulation"))]
pub(crate) use deadlines::Timeout;
pub use deadlines::Timeouts;
pub use event::ConnectionEvent;
pub(crate) use event::EventHook;
#[cfg(any(test, feature = "simulation"))]
pub(crate) use lifecycle::Then;
pub(crate) use lifecycle::{Lifecycle, Phase};
pub(crate) use mailbox::Mailbox;
pub use notice::Notice;
pub use polling::BusyPolling;
pub(crate) use spread::{Inbox, Loads};
pub(crate) use stats::PublishedStats;
pub use stats::{CloseReason, Stats};
pub(crate) use system::System;
pub use times::ServiceTimes;
pub(crate) use times::Times;
pub(crate) use worker::{Setup, Worker};
