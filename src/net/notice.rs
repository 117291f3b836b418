//! What an operator should know about a running server.

use std::fmt::{self, Display, Formatter};
use std::io;

/// Something that an operator should know. A server reports each kind once.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// All connections that the limit allows are busy: new ones are answered `503`.
    ConnectionLimit {
        /// How many there may be at once.
        limit: usize,
    },
    /// The kernel is out of descriptors or memory for connections: new ones have to wait.
    AcceptFailed {
        /// The kernel's answer.
        error: io::Error,
    },
    /// Unfinished requests and unread responses have used up their memory: those that hold the most
    /// and progress the least are ended.
    BufferLimit {
        /// How many bytes a worker may hold for them.
        limit: usize,
    },
    /// The kernel is out of memory for unfinished requests and unread responses: those that hold the
    /// most and progress the least are ended.
    OutOfMemory,
}

impl Notice {
    /// How many kinds there are.
    pub(super) const KINDS: usize = 4;

    pub(super) fn kind(&self) -> usize {
        match self {
            Self::ConnectionLimit { .. } => 0,
            Self::AcceptFailed { .. } => 1,
            Self::BufferLimit { .. } => 2,
            Self::OutOfMemory => 3,
        }
    }
}

impl Display for Notice {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionLimit { limit } => write!(
                out,
                "all {limit} connections are busy: new ones are answered 503; raise --max-connections or the open-file limit (ulimit -n)"
            ),
            Self::AcceptFailed { error } => write!(
                out,
                "new connections have to wait: {error}; lower --max-connections or raise the open-file limit (ulimit -n)"
            ),
            Self::BufferLimit { limit } => write!(
                out,
                "unfinished requests and unread responses hold {} MiB of a worker's memory: the costliest are ended; raise --max-buffered-bytes or lower --max-connections",
                limit >> 20
            ),
            Self::OutOfMemory => write!(
                out,
                "the system has no more memory for unfinished requests and unread responses: the costliest are ended; lower --max-buffered-bytes or --max-connections"
            ),
        }
    }
}
