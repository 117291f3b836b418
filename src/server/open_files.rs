//! How many files this process may have open, and how many of them can be connections.

use std::fs;
use std::io;
use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::options::Options;
use crate::net::{OVERCOMMIT_MAX, REJECTED_MAX};

/// Kept free of the open-file limit: standard streams, signals, and what an embedder may open.
const DESCRIPTORS_RESERVED: usize = 16 + OVERCOMMIT_MAX;
/// Poller and waker.
const DESCRIPTORS_OF_WORKER: usize = 2;
/// Those, and the connections over the limit that are being answered 503.
const DESCRIPTORS_PER_WORKER: usize = DESCRIPTORS_OF_WORKER + REJECTED_MAX;

/// How many files this process may have open at once.
pub(crate) fn open_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Raises the number of files that this process may have open to the most that it is allowed to.
/// Programs that use `select(2)` must not.
pub fn raise_open_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // If it cannot be raised, there is room for fewer connections: that is enough to serve.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    );
}

impl Options {
    /// Whether the open-file limit leaves room for a single connection, when the workers are still to
    /// start and so many sockets are still to be bound.
    pub(super) fn check_open_files(&self, sockets: usize) -> io::Result<()> {
        let workers = self.workers.get();
        // Without /proc: the standard streams. The folder that is read is open as well.
        let open = fs::read_dir("/proc/self/fd").map_or(3, |files| files.count().saturating_sub(1));
        let needed = open + workers.saturating_mul(DESCRIPTORS_OF_WORKER) + sockets + 1;
        let limit = open_file_limit();
        if limit >= needed {
            return Ok(());
        }
        let (plural, fewer) = match workers {
            1 => ("", ""),
            _ => ("s", ", or take fewer workers"),
        };
        Err(io::Error::other(format!(
            "{workers} worker{plural} and a connection need {needed} open files, and the limit is {limit}: raise it (ulimit -n {}){fewer}",
            needed.next_power_of_two().max(64)
        )))
    }

    /// How many connections there may be at once, when the workers listen on so many sockets, and so many files
    /// are for others.
    pub(super) fn connections(&self, sockets: usize, reserved: usize) -> usize {
        self.max_connections.map_or_else(
            || {
                let of_workers = self.workers.get() * DESCRIPTORS_PER_WORKER;
                let taken = DESCRIPTORS_RESERVED + reserved + of_workers + sockets;
                open_file_limit().saturating_sub(taken).max(1)
            },
            NonZeroUsize::get,
        )
    }
}
