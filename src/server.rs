//! Workers on one address, from the first connection to the last.

mod memory;

use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::{Limits, Respond};
use crate::net::{Hook, House, Lengths, PROMISED_MAX, System, TURNED_AWAY_MAX, Worker, listener};

pub use crate::net::Notice;

/// How a server is set up. [`Options::default`] is what `hullo` does without flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where to listen. Port 0: the kernel chooses, see [`Server::address`].
    pub address: SocketAddr,
    /// How many event loops, each with a thread and a listener of its own.
    pub workers: NonZeroUsize,
    /// How much a request may take.
    pub limits: Limits,
    /// How long a peer may take.
    pub timeouts: Timeouts,
    /// How many peers may be connected at once. `None`: as many as the open-file limit allows.
    pub max_connections: Option<NonZeroUsize>,
    /// How many bytes unfinished requests, and replies that peers do not take, may hold in all.
    /// Each worker may use an equal share; past it those that hold the most and progress the least
    /// are answered `503`, or closed. At least [`Options::BUFFERED_BYTES_MIN`] for each worker.
    /// `None`: a quarter of the memory that this process may use.
    pub max_buffered_bytes: Option<NonZeroUsize>,
}

impl Options {
    /// The least that [`Options::max_buffered_bytes`] may be for each worker.
    pub const BUFFERED_BYTES_MIN: usize = 1 << 20;

    /// How much each worker may hold of what is left over between turns.
    fn buffered_bytes_each(&self) -> io::Result<usize> {
        let all = self.max_buffered_bytes.map_or_else(
            || usize::try_from(memory::available() / 4).unwrap_or(usize::MAX),
            NonZeroUsize::get,
        );
        let each = all / self.workers;
        if each >= Self::BUFFERED_BYTES_MIN {
            Ok(each)
        } else if self.max_buffered_bytes.is_none() {
            Ok(Self::BUFFERED_BYTES_MIN)
        } else {
            let min = Self::BUFFERED_BYTES_MIN.saturating_mul(self.workers.get());
            let error = format!(
                "{all} bytes are too few for what is left over between turns: {} workers need at least {min}",
                self.workers
            );
            Err(io::Error::new(io::ErrorKind::InvalidInput, error))
        }
    }

    /// Whether the open-file limit leaves room for a single connection.
    fn check_open_files(&self) -> io::Result<()> {
        let workers = self.workers.get();
        // Without /proc: the standard streams. The folder that is read is open as well.
        let open = fs::read_dir("/proc/self/fd").map_or(3, |files| files.count().saturating_sub(1));
        let needed = open + workers.saturating_mul(DESCRIPTORS_OF_WORKER) + 1;
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

    /// How many connections there may be at once.
    fn connections(&self) -> usize {
        self.max_connections.map_or_else(
            || {
                let taken = DESCRIPTORS_RESERVED + self.workers.get() * DESCRIPTORS_PER_WORKER;
                open_file_limit().saturating_sub(taken).max(1)
            },
            NonZeroUsize::get,
        )
    }
}

/// Kept free of the open-file limit: standard streams, signals, and what an embedder may open.
const DESCRIPTORS_RESERVED: usize = 16 + PROMISED_MAX;
/// Poller, waker and listener.
const DESCRIPTORS_OF_WORKER: usize = 3;
/// And those peers who are told that there is no room.
const DESCRIPTORS_PER_WORKER: usize = DESCRIPTORS_OF_WORKER + TURNED_AWAY_MAX;

/// How many files this process may have open at once.
pub(crate) fn open_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Raises the number of files that this process may have open to the most that it is allowed to.
/// Programs that use `select(2)` must not.
pub fn raise_open_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Without the privilege to raise it, there are fewer connections: no reason not to serve.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    );
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            workers: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            max_connections: None,
            max_buffered_bytes: None,
        }
    }
}

/// How long a peer may take. Each is exact to a tenth of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first byte of a head to its last (`408`). Trickling does not extend it.
    pub head: Duration,
    /// Silence before the first byte, or between two requests (closed without a word). Empty lines
    /// do not extend it.
    pub idle: Duration,
    /// A body that does not come on, by 4 KiB at least (`408`).
    pub body: Duration,
    /// A block of replies, 64 KiB at most, that the peer does not take (closed).
    pub write: Duration,
    /// The peer's end of the connection, after a closing answer (closed).
    pub linger: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            body: Duration::from_secs(30),
            write: Duration::from_secs(30),
            linger: Duration::from_secs(2),
        }
    }
}

impl Timeouts {
    fn lengths(&self) -> Lengths {
        let in_order = [self.idle, self.head, self.body, self.write, self.linger];
        Lengths(in_order.map(|length| u64::try_from(length.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// A server that listens, but does not answer yet.
pub struct Server {
    listeners: Vec<TcpListener>,
    address: SocketAddr,
    options: Options,
    buffered_bytes: usize,
    hook: Hook,
}

impl Server {
    /// Listens as the options say.
    ///
    /// # Errors
    ///
    /// Those of bind(2): [`io::ErrorKind::AddrInUse`] when the port is taken (also by another
    /// `hullo`), [`io::ErrorKind::AddrNotAvailable`] when the address is not this machine's,
    /// [`io::ErrorKind::PermissionDenied`] when the port needs a privilege. And
    /// [`io::ErrorKind::InvalidInput`] when the options are at fault, [`io::ErrorKind::Other`] when
    /// the open-file limit is too low to serve a single connection.
    pub fn bind(options: Options) -> io::Result<Self> {
        let buffered_bytes = options.buffered_bytes_each()?;
        options.check_open_files()?;
        let listeners = listener::bind(options.address, options.workers.get())?;
        let address = listeners
            .first()
            .map_or(Ok(options.address), TcpListener::local_addr)?;
        Ok(Self {
            listeners,
            address,
            options,
            buffered_bytes,
            hook: Box::new(|_| {}),
        })
    }

    /// Has `hook` called with what an operator should know. Without one, it is dropped.
    ///
    /// It is called on an event loop: it must return at once, and neither block nor panic.
    #[must_use]
    pub fn on_notice(self, hook: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        Self {
            hook: Box::new(hook),
            ..self
        }
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts the workers. Each has its own copy of the responder.
    ///
    /// # Errors
    ///
    /// When the kernel has no thread or poller to give.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the last worker could have it, for nothing"
    )]
    pub fn start<R>(self, responder: R) -> io::Result<Running>
    where
        R: Respond + Clone + Send + 'static,
    {
        let start = Instant::now();
        let systems = self
            .listeners
            .into_iter()
            .map(|listener| System::new(listener, start));
        let systems = systems.collect::<io::Result<Vec<_>>>()?;
        let wakers = systems
            .iter()
            .map(System::waker)
            .collect::<io::Result<Arc<[mio::Waker]>>>()?;
        let wake = |number: usize| {
            let wakers = Arc::clone(&wakers);
            // A worker that cannot be woken has ended.
            Box::new(move || drop(wakers[number].wake())) as Box<dyn Fn() + Send + Sync>
        };
        let ways = (0..wakers.len()).map(wake);
        let house = House::new(self.options.connections(), ways, self.hook);
        let house = Arc::new(house);
        let stopper = Stopper {
            stop: Arc::new(AtomicBool::new(false)),
            wakers,
        };
        let threads = Vec::with_capacity(systems.len());
        let mut running = Running {
            address: self.address,
            stopper,
            threads,
        };
        for (number, system) in systems.into_iter().enumerate() {
            let responder = responder.clone();
            let (limits, lengths) = (self.options.limits, self.options.timeouts.lengths());
            let buffered_bytes = self.buffered_bytes;
            let stopper = running.stopper();
            let place = (Arc::clone(&house), number);
            let thread = thread::Builder::new().name(format!("hullo-{number}"));
            running.threads.push(thread.spawn(move || {
                // However a worker ends, the others do not go on without it.
                let stopper = StopOnDrop(stopper);
                Worker::new(system, responder, limits, lengths, buffered_bytes, place)
                    .run(&stopper.0.stop)
            })?);
        }
        Ok(running)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Server")
            .field("address", &self.address)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// A server that answers.
///
/// It is stopped when it is dropped: connections are closed as they stand.
#[derive(Debug)]
#[must_use = "a server stops when this is dropped"]
pub struct Running {
    address: SocketAddr,
    stopper: Stopper,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

impl Running {
    /// Where it listens, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle by which another thread can stop it.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits until the server has been stopped.
    ///
    /// # Errors
    ///
    /// When an event loop failed; the others are stopped then.
    pub fn wait(mut self) -> io::Result<()> {
        self.join()
    }

    /// Stops the server and waits until it has.
    ///
    /// # Errors
    ///
    /// When an event loop failed.
    pub fn stop(self) -> io::Result<()> {
        self.stopper.stop();
        self.wait()
    }

    fn join(&mut self) -> io::Result<()> {
        let mut result = Ok(());
        for thread in self.threads.drain(..) {
            let end = thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a worker panicked")));
            result = result.and(end);
        }
        result
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop();
        // Whoever wants to know how it ended calls `wait` or `stop`.
        let _ = self.join();
    }
}

/// Stops a server from another thread.
#[derive(Clone, Debug)]
pub struct Stopper {
    stop: Arc<AtomicBool>,
    wakers: Arc<[mio::Waker]>,
}

impl Stopper {
    /// Makes every worker end its turn and return. It does not wait for them.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        for waker in &*self.wakers {
            // A worker that cannot be woken has ended already.
            let _ = waker.wake();
        }
    }
}

struct StopOnDrop(Stopper);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}
