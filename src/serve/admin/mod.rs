//! The admin listener (`--admin`): health, metrics and a status page, for operators and not for strangers.
//!
//! It is another [`Server`] of the library, with one worker and a handler of its own, so a peer of the main server
//! cannot get in its way, nor it in theirs. Its handler formats nothing: it hands what takes long to the thread of
//! `keeper`, which also samples the numbers once a second.
//!
//! ```text
//!  handler ── paths, methods; answers what is fixed, and asks the keeper for the rest
//!    └─ keeper      a thread: samples once a second, checks the health, renders
//!        ├─ samples     the numbers of the last minute
//!        ├─ snapshot    what is known at one time: the record behind /status.json and the page
//!        ├─ metrics     the same for Prometheus
//!        ├─ page        the same as HTML
//!        └─ process     what the kernel knows of this process
//!
//!  query    what the handler asks of the keeper
//! ```

mod handler;
mod keeper;
mod metrics;
mod page;
mod process;
mod query;
mod samples;
mod snapshot;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::sync::mpsc::channel;

use self::handler::AdminHandler;
use self::keeper::Keeper;
use crate::server::{Options, Server, ServerHandle};

pub(super) use self::query::Subject;

/// How many clients it has at once. The library keeps a few files more for its event loop.
const CONNECTIONS_MAX: NonZeroUsize = NonZeroUsize::new(64).unwrap();
/// How many open files it may need, which the main server must leave free.
pub(super) const FILES_MAX: usize = CONNECTIONS_MAX.get() + 32;
/// For unread pages.
const BUFFERED_BYTES_MAX: NonZeroUsize = NonZeroUsize::new(8 << 20).unwrap();

/// Binds the admin listener, or takes it over, and nothing else: the one place where that is done.
pub(super) fn bind(address: SocketAddr, sockets: Option<Vec<OwnedFd>>) -> io::Result<Server> {
    let options = Options::default()
        .without_address()
        .workers(NonZeroUsize::MIN)
        .max_connections(CONNECTIONS_MAX)
        .max_buffered_bytes(BUFFERED_BYTES_MAX);
    let server = Server::bind(options)?.thread_name("hullo-admin");
    match sockets {
        Some(sockets) => server.take_over(sockets),
        None => server.listen(address),
    }
}

/// Answers on a listener of [`bind`], until the handle is dropped. That is to be done after the main server has
/// ended: it answers during a drain, too. Only if another process goes on with the same listener, it has to be
/// dropped before the drain: clients would still find this one, which is not ready any more.
///
/// # Errors
///
/// When the kernel has no thread or poller to give.
pub(super) fn start(server: Server, subject: Subject) -> io::Result<ServerHandle> {
    let (queries, received) = channel();
    let health = subject.health.clone();
    Keeper::start(subject, received)?;
    server.start(AdminHandler::new(health, queries))
}
