//! Workers and their listeners, from the first connection to the last.

mod control_groups;
mod handle;
mod listeners;
mod memory;
mod observe;
mod open_files;
mod options;
mod permissions;
mod processors;
mod shutdown;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::http::Handler;
use crate::net::{
    ConnectionLimit, EventHook, Hook, Inbox, Lifecycle, Loads, Mailbox, PublishedStats, Setup,
    System, Times, Worker,
};

use listeners::{SocketFiles, Sockets};
use shutdown::StopOnDrop;

pub use crate::net::{
    BusyPolling, CloseReason, ConnectionEvent, Notice, ServiceTimes, Stats, Timeouts,
};
pub use handle::ServerHandle;
pub use listeners::ListenersHandle;
pub use observe::{HealthCheck, HealthHandle, StatsHandle};
#[cfg(feature = "cli")]
pub(crate) use open_files::open_file_limit;
pub use open_files::raise_open_file_limit;
pub use options::Options;
pub use permissions::SocketPermissions;
pub use shutdown::ShutdownHandle;

/// Which listener of which worker a handler is for: see [`Server::start_with`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The worker, from 0.
    pub worker: usize,
    /// The listener, from 0: that of [`Options::address`] if there is one, then those that were added, in
    /// their order.
    pub listener: usize,
}

/// A server that listens, but does not answer yet.
pub struct Server {
    listeners: Vec<Sockets>,
    socket_files: SocketFiles,
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
        let listeners = options.address.map_or(0, |_| options.workers.get());
        options.check_open_files(listeners)?;
        let address = options.address;
        let server = Self {
            listeners: Vec::new(),
            socket_files: SocketFiles::default(),
            options,
            buffered_bytes,
            hook: Box::new(|_| {}),
            event_hook: None,
            measures_times: false,
            thread_name: "hullo",
            reserved_files: 0,
        };
        match address {
            Some(address) => server.listen(address),
            None => Ok(server),
        }
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

    /// The first address that it listens on, with the real port: that of [`Options::address`], if there is
    /// one. `0.0.0.0:0` if it listens on Unix sockets alone.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        first_of(&self.local_addrs())
    }

    /// Where each listener listens, with the real port, in the order of [`Place::listener`]. `None`: a
    /// Unix socket.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<Option<SocketAddr>> {
        self.listeners.iter().map(Sockets::local_addr).collect()
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
        self.options.check_open_files(0)?;
        let start = Instant::now();
        let local_addrs = self.local_addrs();
        let systems = self.systems(start)?;
        let wakers = systems
            .iter()
            .map(System::waker)
            .collect::<io::Result<Arc<[mio::Waker]>>>()?;
        let listeners = std::mem::take(&mut self.listeners);
        let (socket_files, thread_name) = (self.socket_files.clone(), self.thread_name);
        let places = 0..listeners.len();
        let pins = processors::of_workers(self.options.workers.get(), self.options.pin);
        let inboxes: Arc<[_]> = wakers.iter().map(|_| Inbox::new()).collect();
        let setup = self.setup(listeners.iter().map(Sockets::len).sum(), &wakers);
        let mut server = ServerHandle {
            local_addr: first_of(&local_addrs),
            local_addrs,
            listeners: ListenersHandle::new(&listeners, socket_files.clone()),
            shutdown_handle: ShutdownHandle {
                lifecycle: Arc::new(Lifecycle::new()),
                wakers,
                start,
            },
            stats: StatsHandle {
                stats: Arc::clone(&setup.stats),
                times: setup.times.clone(),
            },
            socket_files,
            threads: Vec::with_capacity(systems.len()),
        };
        // The workers hold the sockets from here on, so that a socket is closed when they have closed it.
        drop(listeners);
        for (worker, system) in systems.into_iter().enumerate() {
            let place = |listener| Place { worker, listener };
            let handlers: Vec<H> = places.clone().map(place).map(&handler_of).collect();
            let setup = setup.clone();
            let inboxes = Arc::clone(&inboxes);
            let shutdown_handle = server.shutdown_handle();
            let pin = pins.get(worker).copied();
            let thread = thread::Builder::new().name(format!("{thread_name}-{worker}"));
            server.threads.push(thread.spawn(move || {
                let mut guard = StopOnDrop::armed(shutdown_handle);
                pin.map_or(Ok(()), processors::pin)?;
                let mut worker = Worker::new(system, handlers, setup, inboxes, worker);
                let ended = worker.run(&guard.handle.lifecycle);
                // In a drain, others may have connections left.
                guard.is_armed = ended.is_err();
                ended
            })?);
        }
        Ok(server)
    }

    /// A poller for each worker, with what it accepts from.
    fn systems(&self, start: Instant) -> io::Result<Vec<System>> {
        let workers = self.options.workers.get();
        let mut of_workers = vec![Vec::with_capacity(self.listeners.len()); workers];
        for sockets in &self.listeners {
            for (worker, share) in of_workers.iter_mut().zip(sockets.of_workers(workers)) {
                worker.push(share);
            }
        }
        let systems = of_workers.into_iter();
        systems.map(|sockets| System::new(sockets, start)).collect()
    }

    /// What the workers are made with.
    fn setup(self, sockets: usize, wakers: &Arc<[mio::Waker]>) -> Setup {
        let wake = |worker: usize| {
            let wakers = Arc::clone(wakers);
            // A worker that cannot be woken has ended.
            Box::new(move || drop(wakers[worker].wake())) as Box<dyn Fn() + Send + Sync>
        };
        let workers = 0..wakers.len();
        let connections = self.options.connections(sockets, self.reserved_files);
        let limit = ConnectionLimit::new(connections, workers.clone().map(wake), self.hook);
        let mailboxes = workers
            .clone()
            .map(|worker| Arc::new(Mailbox::new(wake(worker))));
        Setup {
            limits: self.options.limits,
            timeouts: self.options.timeouts,
            buffered_bytes: self.buffered_bytes,
            connection_limit: Arc::new(limit),
            loads: Arc::new(Loads::new(wakers.len())),
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

/// The first address, or that of no network interface and no port.
fn first_of(local_addrs: &[Option<SocketAddr>]) -> SocketAddr {
    let none = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    local_addrs.iter().flatten().next().copied().unwrap_or(none)
}

impl fmt::Debug for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Server")
            .field("local_addrs", &self.local_addrs())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
