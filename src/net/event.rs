//! What happens to connections, for those who want to know.

use std::net::SocketAddr;
use std::sync::Arc;

use super::stats::CloseReason;

/// Something that has happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// It was accepted.
    Opened {
        /// The worker that has it, from 0.
        worker: usize,
        /// The connection: another one of the same worker may have the number later.
        connection: u64,
        /// The peer's address. `None`: a Unix socket, or the peer has left already.
        peer: Option<SocketAddr>,
    },
    /// Another worker has taken it over, after its first response. It has another number from now on.
    Moved {
        /// The worker that had it, and its number there.
        from: (usize, u64),
        /// The worker that has it, and its number there.
        to: (usize, u64),
    },
    /// It was closed.
    Closed {
        /// The worker that had it.
        worker: usize,
        /// The connection, as it was called when it was opened.
        connection: u64,
        /// Why.
        reason: CloseReason,
    },
}

/// Receives each [`ConnectionEvent`]. It runs on an event loop: it must neither block nor panic.
pub(crate) type EventHook = Arc<dyn Fn(&ConnectionEvent) + Send + Sync>;
