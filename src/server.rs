//! Workers and their listeners, from the first connection to the last.

mod handle;
mod memory;
mod observe;
mod open_files;
mod options;
mod shutdown;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::http::Handler;
use crate::net::listener::LISTENERS_MAX;
use crate::net::socket::unix::SocketFile;
use crate::net::socket::{Listener, tcp, unix};
use crate::net::{
    ConnectionLimit, EventHook, Hook, Lifecycle, Mailbox, PublishedStats, Setup, System, Times,
    Worker,
};

use open_files::DESCRIPTORS_OF_WORKER;
use shutdown::StopOnDrop;

pub use crate::net::{
    BusyPolling, CloseReason, ConnectionEvent, Notice, ServiceTimes, Stats, Timeouts,
};
pub use handle::ServerHandle;
pub use observe::{HealthCheck, HealthHandle, StatsHandle};
#[cfg(feature = "cli")]
pub(crate) use open_files::open_file_limit;
pub use open_files::raise_open_file_limit;
pub use options::Options;
pub use shutdown::ShutdownHandle;

/// Which listener of which worker a handler is for: see [`Server::start_with`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The worker, from 0.
    pub worker: usize,
    /// The listener, from 0: that of [`Options::address`], then those that were added, in their order.
    pub listener: usize,
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
    event_hook: Option<EventHook>,
    measures_times: bool,
    thread_name: &'static str,
    reserved_files: usize,
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
            event_hook: None,
            measures_times: false,
            thread_name: "hullo",
            reserved_files: 0,
        })
    }

    /// Listens on another address as well.
    ///
    /// # Errors
    ///
    /// Those of bind(2), as for [`bind`](Self::bind); [`io::ErrorKind::InvalidInput`] when there are too
    /// many listeners.
    pub fn listen(self, address: SocketAddr) -> io::Result<Self> {
        let listeners = tcp::bind(address, self.listeners.len())?;
        self.add(listeners)
    }

    /// Accepts from a listener that is there already, an inherited one for instance. The workers share
    /// it, so an idle worker is not preferred to a busy one. Its options (`TCP_NODELAY`) stay as they
    /// are.
    ///
    /// # Errors
    ///
    /// Those of fcntl(2) and dup(2); [`io::ErrorKind::InvalidInput`] when there are too many listeners.
    pub fn listener(self, listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let clones = (1..self.listeners.len()).map(|_| listener.try_clone());
        let mut listeners = clones.collect::<io::Result<Vec<_>>>()?;
        listeners.push(listener);
        self.add(listeners)
    }

    /// As [`listener`](Self::listener), with a Unix socket. Its file is not removed at the end.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn unix_listener(self, listener: UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let clones = (1..self.listeners.len()).map(|_| listener.try_clone());
        let mut listeners = clones.collect::<io::Result<Vec<_>>>()?;
        listeners.push(listener);
        self.add(listeners)
    }

    /// Gives each worker one of the listeners.
    fn add(mut self, listeners: Vec<impl Into<Listener>>) -> io::Result<Self> {
        if self.listeners.iter().any(|own| own.len() >= LISTENERS_MAX) {
            let error = format!("a server has at most {LISTENERS_MAX} listeners");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        for (own, listener) in self.listeners.iter_mut().zip(listeners) {
            own.push(listener.into());
        }
        Ok(self)
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
        let (listeners, file) = unix::bind(path.as_ref(), self.listeners.len())?;
        self = self.add(listeners)?;
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

    /// Calls `hook` with each connection that is opened or closed. Without a hook this costs nothing.
    ///
    /// It is called on an event loop: it must return at once, and neither block nor panic.
    #[must_use]
    pub fn on_connection(self, hook: impl Fn(&ConnectionEvent) + Send + Sync + 'static) -> Self {
        Self {
            event_hook: Some(Arc::new(hook)),
            ..self
        }
    }

    /// Measures how long the workers are busy ([`Stats::busy_micros`]) and the responses take
    /// ([`StatsHandle::service_times`]). It takes two readings of the clock per wake-up, or a few more; without
    /// this, it costs nothing.
    #[must_use]
    pub fn measure_times(self) -> Self {
        Self {
            measures_times: true,
            ..self
        }
    }

    /// What the threads of the workers are called, before their number.
    #[cfg(feature = "cli")]
    pub(crate) fn thread_name(self, thread_name: &'static str) -> Self {
        Self {
            thread_name,
            ..self
        }
    }

    /// Leaves so many of the open files that the process may have to others, unless
    /// [`Options::max_connections`] says how many connections there may be.
    #[cfg(feature = "cli")]
    pub(crate) fn reserve_files(self, reserved_files: usize) -> Self {
        Self {
            reserved_files,
            ..self
        }
    }

    /// Where it listens because of [`Options::address`], with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where each listener listens, with the real port, in the order of [`Place::listener`]. `None`: a
    /// Unix socket.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<Option<SocketAddr>> {
        let listeners = self.listeners.first().into_iter().flatten();
        listeners.map(Listener::local_addr).collect()
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

    /// Starts the workers, with a handler for each listener of each worker: `handler_of` is called once
    /// for each of these. So a handler may have state of its own worker (in a `Cell`), which needs no
    /// lock.
    ///
    /// The handlers have one type, so that no request pays for a dynamic call; an `enum` of several
    /// handlers is one type.
    ///
    /// # Errors
    ///
    /// When the kernel has no thread or poller to give.
    pub fn start_with<H>(mut self, handler_of: impl Fn(Place) -> H) -> io::Result<ServerHandle>
    where
        H: Handler + Send + 'static,
    {
        // Listeners were added, perhaps: poller and waker are still to come.
        self.options.check_open_files(DESCRIPTORS_OF_WORKER - 1)?;
        let start = Instant::now();
        let local_addrs = self.local_addrs();
        let listeners = local_addrs.len();
        let systems = std::mem::take(&mut self.listeners)
            .into_iter()
            .map(|listeners| System::new(listeners, start));
        let systems = systems.collect::<io::Result<Vec<_>>>()?;
        let wakers = systems
            .iter()
            .map(System::waker)
            .collect::<io::Result<Arc<[mio::Waker]>>>()?;
        let socket_files = std::mem::take(&mut self.socket_files);
        let (local_addr, thread_name) = (self.local_addr, self.thread_name);
        let setup = self.setup(listeners, &wakers);
        let mut server = ServerHandle {
            local_addr,
            local_addrs,
            shutdown_handle: ShutdownHandle {
                lifecycle: Arc::new(Lifecycle::new()),
                wakers,
                start,
            },
            stats: StatsHandle {
                stats: Arc::clone(&setup.stats),
                times: setup.times.clone(),
            },
            _socket_files: socket_files,
            threads: Vec::with_capacity(systems.len()),
        };
        for (worker, system) in systems.into_iter().enumerate() {
            let places = (0..listeners).map(|listener| Place { worker, listener });
            let handlers: Vec<H> = places.map(&handler_of).collect();
            let setup = setup.clone();
            let shutdown_handle = server.shutdown_handle();
            let thread = thread::Builder::new().name(format!("{thread_name}-{worker}"));
            server.threads.push(thread.spawn(move || {
                let mut guard = StopOnDrop::armed(shutdown_handle);
                let mut worker = Worker::new(system, handlers, setup, worker);
                let ended = worker.run(&guard.handle.lifecycle);
                // In a drain, others may have connections left.
                guard.is_armed = ended.is_err();
                ended
            })?);
        }
        Ok(server)
    }

    /// What the workers are made with.
    fn setup(self, listeners: usize, wakers: &Arc<[mio::Waker]>) -> Setup {
        let wake = |worker: usize| {
            let wakers = Arc::clone(wakers);
            // A worker that cannot be woken has ended.
            Box::new(move || drop(wakers[worker].wake())) as Box<dyn Fn() + Send + Sync>
        };
        let workers = 0..wakers.len();
        let connections = self.options.connections(listeners, self.reserved_files);
        let limit = ConnectionLimit::new(connections, workers.clone().map(wake), self.hook);
        let mailboxes = workers
            .clone()
            .map(|worker| Arc::new(Mailbox::new(wake(worker))));
        Setup {
            limits: self.options.limits,
            timeouts: self.options.timeouts,
            buffered_bytes: self.buffered_bytes,
            connection_limit: Arc::new(limit),
            mailboxes: mailboxes.collect(),
            stats: workers.clone().map(|_| PublishedStats::new()).collect(),
            times: self
                .measures_times
                .then(|| workers.map(|_| Times::new()).collect()),
            busy_polling: self.options.busy_polling,
            event_hook: self.event_hook,
        }
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
