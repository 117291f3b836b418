//! Workers and their listeners, from the first connection to the last.

mod memory;
mod ranges;

use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::{Handler, Limits};
use crate::net::listener::LISTENERS_MAX;
use crate::net::socket::unix::SocketFile;
use crate::net::socket::{Listener, tcp, unix};
use crate::net::{
    ConnectionLimit, Hook, Lifecycle, Mailbox, OVERCOMMIT_MAX, Phase, PublishedStats, REJECTED_MAX,
    Setup, System, Worker,
};

pub use crate::net::{Notice, Stats, Timeouts};

/// How a server is set up. [`Options::default`] is what `hullo` does without flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where to listen. Port 0: the kernel chooses, see [`Server::local_addr`].
    pub address: SocketAddr,
    /// How many event loops, each with a thread and listeners of its own.
    pub workers: NonZeroUsize,
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
}

impl Options {
    /// How much each worker may hold of what is left over between turns.
    fn buffered_bytes_each(&self) -> io::Result<usize> {
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

    /// Whether the open-file limit leaves room for a single connection, when each worker is still to
    /// open so many files.
    fn check_open_files(&self, files_of_worker: usize) -> io::Result<()> {
        let workers = self.workers.get();
        // Without /proc: the standard streams. The folder that is read is open as well.
        let open = fs::read_dir("/proc/self/fd").map_or(3, |files| files.count().saturating_sub(1));
        let needed = open + workers.saturating_mul(files_of_worker) + 1;
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

    /// How many connections there may be at once, when each worker has so many listeners.
    fn connections(&self, listeners: usize) -> usize {
        self.max_connections.map_or_else(
            || {
                let of_worker = DESCRIPTORS_PER_WORKER + listeners.saturating_sub(1);
                let taken = DESCRIPTORS_RESERVED + self.workers.get() * of_worker;
                open_file_limit().saturating_sub(taken).max(1)
            },
            NonZeroUsize::get,
        )
    }
}

/// Kept free of the open-file limit: standard streams, signals, and what an embedder may open.
const DESCRIPTORS_RESERVED: usize = 16 + OVERCOMMIT_MAX;
/// Poller, waker and listener.
const DESCRIPTORS_OF_WORKER: usize = 3;
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

/// A server that listens, but does not answer yet.
pub struct Server {
    /// Of each worker: for `Options::address`, and those that were added.
    listeners: Vec<Vec<Listener>>,
    socket_files: Vec<SocketFile>,
    local_addr: SocketAddr,
    options: Options,
    buffered_bytes: usize,
    hook: Hook,
}

impl Server {
    /// Binds the listeners that the options describe.
    ///
    /// # Errors
    ///
    /// Those of bind(2): [`io::ErrorKind::AddrInUse`] when the port is taken (also by another
    /// `hullo`), [`io::ErrorKind::AddrNotAvailable`] when the address is not this machine's,
    /// [`io::ErrorKind::PermissionDenied`] when the port needs a privilege. And
    /// [`io::ErrorKind::InvalidInput`] when an option is out of its range (the message names the field
    /// and the range), [`io::ErrorKind::Other`] when the open-file limit is too low to serve a single
    /// connection.
    pub fn bind(options: Options) -> io::Result<Self> {
        options.check()?;
        let buffered_bytes = options.buffered_bytes_each()?;
        options.check_open_files(DESCRIPTORS_OF_WORKER)?;
        let listeners = tcp::bind(options.address, options.workers.get())?;
        let local_addr = listeners
            .first()
            .map_or(Ok(options.address), TcpListener::local_addr)?;
        Ok(Self {
            listeners: listeners
                .into_iter()
                .map(|listener| vec![listener.into()])
                .collect(),
            socket_files: Vec::new(),
            local_addr,
            options,
            buffered_bytes,
            hook: Box::new(|_| {}),
        })
    }

    /// Listens on a Unix socket at `path` as well. The file of a server that has ended is replaced;
    /// the file of this one is removed when it ends. Two servers that replace the same file at the same
    /// moment are not told apart.
    ///
    /// The file's mode follows the umask. To let other users connect, give them write permission on it
    /// before [`start`](Self::start).
    ///
    /// # Errors
    ///
    /// Those of unix(7) and bind(2): [`io::ErrorKind::AddrInUse`] when a server listens there or the
    /// path is another kind of file, [`io::ErrorKind::NotFound`] when its folder is missing,
    /// [`io::ErrorKind::PermissionDenied`] when that is not writable, [`io::ErrorKind::InvalidInput`]
    /// when the path is empty, abstract or too long, or there are too many listeners.
    pub fn listen_unix(mut self, path: impl AsRef<Path>) -> io::Result<Self> {
        if self.listeners.iter().any(|own| own.len() >= LISTENERS_MAX) {
            let error = format!("a server has at most {LISTENERS_MAX} listeners");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        let (listeners, file) = unix::bind(path.as_ref(), self.listeners.len())?;
        for (own, listener) in self.listeners.iter_mut().zip(listeners) {
            own.push(listener.into());
        }
        self.socket_files.push(file);
        Ok(self)
    }

    /// Calls `hook` with what an operator should know. Without a hook, notices are dropped.
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
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Starts the workers. Each has its own copy of the handler, for all listeners.
    ///
    /// # Errors
    ///
    /// When the kernel has no thread or poller to give.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "by value, the last worker can have it without a clone"
    )]
    pub fn start<H>(self, handler: H) -> io::Result<ServerHandle>
    where
        H: Handler + Clone + Send + 'static,
    {
        self.start_with(|_| handler.clone())
    }

    /// Starts the workers, with a handler for each listener: `handler_of` is called once for each of
    /// them in each worker, with 0 for [`Options::address`], 1 for the first that was added, and so
    /// on. The handlers have one type, so that no request pays for a dynamic call; an `enum` of
    /// several handlers is one type.
    ///
    /// # Errors
    ///
    /// When the kernel has no thread or poller to give.
    pub fn start_with<H>(self, handler_of: impl Fn(usize) -> H) -> io::Result<ServerHandle>
    where
        H: Handler + Send + 'static,
    {
        // Listeners were added, perhaps: poller and waker are still to come.
        self.options.check_open_files(DESCRIPTORS_OF_WORKER - 1)?;
        let start = Instant::now();
        let listeners = self.listeners.first().map_or(0, Vec::len);
        let systems = self
            .listeners
            .into_iter()
            .map(|listeners| System::new(listeners, start));
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
        let mailboxes = (0..wakers.len()).map(|number| Arc::new(Mailbox::new(wake(number))));
        let mailboxes = mailboxes.collect();
        let limit = ConnectionLimit::new(self.options.connections(listeners), ways, self.hook);
        let stats: Arc<[_]> = systems.iter().map(|_| PublishedStats::new()).collect();
        let setup = Setup {
            limits: self.options.limits,
            timeouts: self.options.timeouts,
            buffered_bytes: self.buffered_bytes,
            connection_limit: Arc::new(limit),
            stats: Arc::clone(&stats),
            mailboxes,
        };
        let mut server = ServerHandle {
            local_addr: self.local_addr,
            shutdown_handle: ShutdownHandle {
                lifecycle: Arc::new(Lifecycle::new()),
                wakers,
                start,
            },
            stats: StatsHandle(stats),
            _socket_files: self.socket_files,
            threads: Vec::with_capacity(systems.len()),
        };
        for (number, system) in systems.into_iter().enumerate() {
            let handlers: Vec<H> = (0..listeners).map(&handler_of).collect();
            let setup = setup.clone();
            let shutdown_handle = server.shutdown_handle();
            let thread = thread::Builder::new().name(format!("hullo-{number}"));
            server.threads.push(thread.spawn(move || {
                // When a worker fails or panics, the others do not go on without it.
                let mut guard = StopOnDrop::armed(shutdown_handle);
                let mut worker = Worker::new(system, handlers, setup, number);
                let ended = worker.run(&guard.handle.lifecycle);
                // In a drain, others may have connections left.
                guard.is_armed = ended.is_err();
                ended
            })?);
        }
        Ok(server)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Server")
            .field("local_addr", &self.local_addr)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// A server that answers.
///
/// It is stopped when it is dropped: connections are closed as they stand.
#[derive(Debug)]
#[must_use = "a server stops when this is dropped"]
pub struct ServerHandle {
    local_addr: SocketAddr,
    shutdown_handle: ShutdownHandle,
    stats: StatsHandle,
    _socket_files: Vec<SocketFile>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

impl ServerHandle {
    /// Where it listens, with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// A handle by which another thread can stop it.
    #[must_use]
    pub fn shutdown_handle(&self) -> ShutdownHandle {
        self.shutdown_handle.clone()
    }

    /// What each worker has done so far: see [`StatsHandle::read`].
    #[must_use]
    pub fn stats(&self) -> Vec<Stats> {
        self.stats.read()
    }

    /// A handle by which another thread can read the numbers, also after the server has stopped.
    #[must_use]
    pub fn stats_handle(&self) -> StatsHandle {
        self.stats.clone()
    }

    /// Waits until the server has been stopped, or has drained.
    ///
    /// # Errors
    ///
    /// When an event loop failed; the others are stopped then.
    pub fn wait(mut self) -> io::Result<()> {
        self.join()
    }

    /// Drains the server and waits until it has ended: see [`ShutdownHandle::drain`]. Returns how many
    /// connections were cut, in the middle of a request or of its response. 0: all were answered.
    ///
    /// # Errors
    ///
    /// When an event loop failed.
    pub fn drain(self, delay: Duration, grace: Duration) -> io::Result<u64> {
        let stats = self.stats_handle();
        self.shutdown_handle.drain(delay, grace);
        self.wait()?;
        Ok(stats.read().iter().map(|worker| worker.closed_cut).sum())
    }

    /// Stops the server and waits until it has.
    ///
    /// # Errors
    ///
    /// When an event loop failed.
    pub fn stop(self) -> io::Result<()> {
        self.shutdown_handle.stop();
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

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.shutdown_handle.stop();
        // `wait` and `stop` report how it ended; a drop cannot.
        let _ = self.join();
    }
}

/// Reads what a server has done from another thread.
#[derive(Clone, Debug)]
pub struct StatsHandle(Arc<[PublishedStats]>);

impl StatsHandle {
    /// What each worker has done, as of the end of its last turn. `Stats` can be summed:
    /// `handle.read().into_iter().sum::<Stats>()`.
    #[must_use]
    pub fn read(&self) -> Vec<Stats> {
        self.0.iter().map(PublishedStats::read).collect()
    }
}

/// Stops or drains a server from another thread.
#[derive(Clone, Debug)]
pub struct ShutdownHandle {
    lifecycle: Arc<Lifecycle>,
    wakers: Arc<[mio::Waker]>,
    /// When the clock of the workers began.
    start: Instant,
}

impl ShutdownHandle {
    /// Makes every worker end its turn and return: connections are closed as they stand. It does not
    /// wait for them. [`Stats::closed_cut`] counts the requests that were begun and not answered.
    pub fn stop(&self) {
        self.advance(Phase::Stop);
    }

    /// Makes the server end when it has answered what it was asked. It does not wait for that:
    /// see [`ServerHandle::wait`].
    ///
    /// - From now on, the response to the last request that a peer has sent says `Connection: close`. A
    ///   pipelined batch is answered whole; a request that has begun to arrive is awaited, under the
    ///   usual time-outs.
    /// - New connections are accepted for `delay`: until then a load balancer may not know. Then those
    ///   that wait are accepted, and the listeners are closed.
    /// - A connection that is idle one second after that is closed.
    /// - What is left `grace` after `delay` is cut, and counted in [`Stats::closed_cut`].
    ///
    /// A further call can shorten a drain, and [`stop`](Self::stop) ends it; nothing extends it.
    pub fn drain(&self, delay: Duration, grace: Duration) {
        let after = |time: Duration| {
            let time = self.start.elapsed().saturating_add(time);
            u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
        };
        self.advance(Phase::Drain {
            accept_until: after(delay),
            until: after(delay.saturating_add(grace)),
        });
    }

    fn advance(&self, phase: Phase) {
        self.lifecycle.advance(phase);
        for waker in &*self.wakers {
            // A worker that cannot be woken has ended already.
            let _ = waker.wake();
        }
    }
}

struct StopOnDrop {
    handle: ShutdownHandle,
    is_armed: bool,
}

impl StopOnDrop {
    fn armed(handle: ShutdownHandle) -> Self {
        Self {
            handle,
            is_armed: true,
        }
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if self.is_armed {
            self.handle.stop();
        }
    }
}
