//! One event loop: it waits, reads the clock once, serves the ready connections, closes the late
//! ones, and accepts.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::buffered::INPUT_BYTES;
use super::connection::{Connection, Context, Next, Standing};
use super::connection_limit::ConnectionLimit;
use super::deadlines::{Deadlines, Timeout, Timeouts};
use super::event::{ConnectionEvent, EventHook};
use super::kernel::{Event, Kernel, Now, Token};
use super::lifecycle::{Lifecycle, Phase, Then};
use super::listener::ListenerState;
use super::mailbox::Mailbox;
use super::polling::{BusyPolling, Poller};
use super::slots::{Index, Slots};
use super::spread::{Inbox, Loads};
use super::stats::{CloseReason, PublishedStats, Stats};
use super::timers::Timers;
use super::times::{Meter, Times};
use crate::http::{Blocks, Handler, Limits, Output, Overload, Shared};

/// A poller counts milliseconds in 32 bits: the longest sleep is shorter.
const SLEEP_MAX: Duration = Duration::from_secs(60 * 60);

/// A loop that shares little with the others: the connection limit, the lifecycle, a Unix socket.
pub(crate) struct Worker<K: Kernel, H> {
    pub(super) kernel: K,
    /// In the order of their ids.
    pub(super) listeners: Box<[ListenerState<H>]>,
    pub(super) connections: Slots<Connection<K::Stream>>,
    pub(super) deadlines: Deadlines,
    /// The connections to be served again without an event.
    pub(super) ready: VecDeque<Token>,
    pub(super) events: Vec<Event>,
    pub(super) limit: Arc<ConnectionLimit>,
    /// Its place among the workers.
    pub(super) number: usize,
    /// How many connections over the limit are being answered 503.
    pub(super) rejected: usize,
    /// What outlives a turn, of all connections.
    pub(super) blocks: Blocks,
    input: Box<[u8]>,
    pub(super) out: Output,
    pub(super) stats: Stats,
    published: Arc<[PublishedStats]>,
    /// `None`: times are not measured.
    pub(super) meter: Option<Box<Meter>>,
    pub(super) timers: Timers,
    pub(super) mailbox: Arc<Mailbox>,
    /// Those of all workers.
    pub(super) mailboxes: Arc<[Arc<Mailbox>]>,
    pub(super) inboxes: Arc<[Inbox<K::Stream>]>,
    pub(super) loads: Arc<Loads>,
    pub(super) poller: Poller,
    pub(super) event_hook: Option<EventHook>,
    /// How many of the events have been looked at.
    looked_at: usize,
    /// The connection that is being served.
    pub(super) serving: Option<Index>,
    pub(super) now: Now,
    /// The phase that it follows: to run or to drain.
    pub(super) phase: Phase,
}

/// What a worker is made with.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    /// How much memory the connections of one worker may hold between turns.
    pub(crate) buffered_bytes: usize,
    pub(crate) connection_limit: Arc<ConnectionLimit>,
    /// Where each worker publishes its numbers.
    pub(crate) stats: Arc<[PublishedStats]>,
    /// Where each worker adds its times, if they are measured.
    pub(crate) times: Option<Arc<[Times]>>,
    /// How many connections each worker has.
    pub(crate) loads: Arc<Loads>,
    /// Where each worker is told which conversations to go on with.
    pub(crate) mailboxes: Arc<[Arc<Mailbox>]>,
    pub(crate) busy_polling: BusyPolling,
    /// Whom to tell of each connection.
    pub(crate) event_hook: Option<EventHook>,
}

impl<K: Kernel, H: Handler> Worker<K, H> {
    /// Worker `number`, which counts from 0, with a handler for each listener of `kernel`. Connections on their
    /// way to each worker are in `inboxes`.
    pub(crate) fn new(
        mut kernel: K,
        handlers: impl IntoIterator<Item = H>,
        setup: Setup,
        inboxes: Arc<[Inbox<K::Stream>]>,
        number: usize,
    ) -> Self {
        let now = kernel.now();
        let blocks = Blocks::new(setup.buffered_bytes);
        let listeners = handlers.into_iter().map(|handler| {
            let shared = Shared::new(handler, setup.limits, now.unix_seconds);
            ListenerState::new(shared.with_blocks(blocks.clone()))
        });
        Self {
            kernel,
            listeners: listeners.collect(),
            connections: Slots::new(),
            deadlines: Deadlines::new(&setup.timeouts),
            ready: VecDeque::new(),
            events: Vec::new(),
            limit: setup.connection_limit,
            number,
            rejected: 0,
            blocks,
            input: vec![0; INPUT_BYTES].into_boxed_slice(),
            out: Output::new(),
            stats: Stats::default(),
            published: setup.stats,
            meter: setup.times.map(|times| Box::new(Meter::new(times, number))),
            timers: Timers::new(),
            mailbox: Arc::clone(&setup.mailboxes[number]),
            mailboxes: setup.mailboxes,
            inboxes,
            loads: setup.loads,
            poller: Poller::new(setup.busy_polling),
            event_hook: setup.event_hook,
            looked_at: 0,
            serving: None,
            now,
            phase: Phase::Run,
        }
    }

    /// Takes turns until the lifecycle says stop, or a drain is over. An error is the loop's own, never
    /// a connection's.
    ///
    /// A handler that panics ends its connection, where panics unwind.
    pub(crate) fn run(&mut self, lifecycle: &Lifecycle) -> io::Result<()> {
        self.catch_panics(|worker| {
            while worker.follow(lifecycle.phase()) == Then::Turn {
                worker.turn()?;
            }
            Ok(())
        })
    }

    /// One turn of the loop.
    pub(crate) fn turn(&mut self) -> io::Result<()> {
        let timeout = self.timeout();
        self.looked_at = 0;
        self.wait(timeout)?;
        self.stats.wake_ups += 1;
        let before = self.now.micros;
        self.now = self.kernel.now();
        if self
            .poller
            .on_turn(self.now.micros, self.now.micros - before)
        {
            self.end_polling_span();
        }
        for listener in &mut self.listeners {
            listener.shared.tick(self.now.unix_seconds);
            if H::OBSERVES {
                listener.shared.set_micros(self.now.micros);
            }
        }

        // Connections that join the list from here on have had their turn.
        let waiting = self.ready.len();
        self.serve_events();
        for _ in 0..waiting {
            self.serve_next_ready();
        }
        self.end_delays();
        self.expire();
        for _ in 0..self.limit.take_evictions(self.number) {
            self.evict_longest_idle();
        }
        self.accept();
        // Refusals that their peers do not take are held as well.
        self.shed_excess();
        self.publish_idle();
        if let Some(meter) = &mut self.meter {
            let responses = self.out.answers().total();
            self.stats.busy_micros += meter.end_turn(responses, self.now.micros, &self.kernel);
        }
        self.publish_stats();
        Ok(())
    }

    /// Looks at the events that were not looked at before: after a panic, at the rest of them.
    #[inline]
    pub(super) fn serve_events(&mut self) {
        while let Some(&event) = self.events.get(self.looked_at) {
            self.looked_at += 1;
            self.on_event(event);
        }
    }

    pub(super) fn publish_stats(&mut self) {
        self.stats.open = self.connections.len() as u64;
        if let Some(published) = self.published.get(self.number) {
            self.stats.publish(self.out.answers_mut(), published);
        }
    }

    /// Lets other threads know that it takes no more turns.
    pub(super) fn publish_end(&self) {
        if let Some(published) = self.published.get(self.number) {
            published.end();
        }
    }

    /// Lets the other workers know how many of its connections are idle.
    pub(super) fn publish_idle(&self) {
        let idle_since = self
            .deadlines
            .longest(Timeout::Idle)
            .map(|(_, since)| since);
        let idle = self.deadlines.count(Timeout::Idle);
        self.limit.publish(self.number, idle, idle_since);
    }

    /// It has no connection, and nothing left to do.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn is_empty(&self) -> bool {
        let is_calm = self.ready.is_empty() && self.deadlines.next().is_none();
        is_calm && self.connections.iter().next().is_none() && self.rejected == 0
    }

    /// How many connections other workers have asked it to evict, and it has not looked at.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn pending_evictions(&self) -> usize {
        self.limit.pending_evictions(self.number)
    }

    /// How many bytes of memory the connections hold between turns.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn block_bytes(&self) -> usize {
        self.blocks.used()
    }

    /// What it has counted, as published at the end of its last turn.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn stats(&self) -> Stats {
        self.published
            .get(self.number)
            .map_or_else(Stats::default, PublishedStats::read)
    }

    /// How many responses it has measured.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn measured(&self) -> u64 {
        self.meter.as_ref().map_or(0, |meter| meter.measured())
    }

    /// How many timers there are, those of connections that are gone included.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn timers(&self) -> usize {
        self.timers.len()
    }

    /// The table of connections, for tests.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn connections(&self) -> &Slots<Connection<K::Stream>> {
        &self.connections
    }

    /// How long the kernel may let the worker sleep. `None`: until there is an event.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        if !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let retries = self.listeners.iter().filter_map(ListenerState::retry_at);
        let next = retries
            .chain(self.deadlines.next())
            .chain(self.drain_due())
            .min();
        let next = next.map(|next| Duration::from_millis(next.saturating_sub(self.now.millis)));
        let due = self.timers.next();
        let due = due.map(|due| Duration::from_micros(due.saturating_sub(self.now.micros)));
        let sleep = next.into_iter().chain(due).min()?;
        Some(sleep.min(SLEEP_MAX))
    }

    #[inline]
    fn on_event(&mut self, event: Event) {
        let token = event.token;
        if token.is_reserved() {
            return self.on_listener_event(token);
        }
        // A stale event is of a connection that was closed.
        let Some(index) = self.connections.find(token) else {
            return;
        };
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        connection.on_event(event);
        // A connection in the list has its turn there, and no second one here.
        if !connection.queued {
            self.serve(index, token);
        }
    }

    /// An event of a listener, or of the waker.
    #[cold]
    fn on_listener_event(&mut self, token: Token) {
        if token == Token::WAKER {
            return self.read_mailbox();
        }
        let listener = token.listener().map(usize::from);
        if let Some(listener) = listener.and_then(|id| self.listeners.get_mut(id)) {
            listener.on_event();
        }
    }

    fn serve_next_ready(&mut self) {
        let Some(token) = self.ready.pop_front() else {
            return;
        };
        if self.ready.is_empty() {
            // It begins in front again, so that it does not wander through all of its memory.
            self.ready.clear();
        }
        let Some(index) = self.connections.find(token) else {
            return;
        };
        if let Some(connection) = self.connections.get_mut(index) {
            connection.queued = false;
        }
        self.serve(index, token);
    }

    #[inline]
    pub(super) fn serve(&mut self, index: Index, token: Token) {
        self.with_context(index, |connection, context| {
            connection.serve(token, context)
        });
        self.shed_excess();
    }

    #[inline]
    fn shed_excess(&mut self) {
        if self.blocks.excess() > 0 {
            self.shed();
        }
    }

    /// Lends the worker's blocks to a connection, and does with it what follows from its turn.
    #[inline]
    pub(super) fn with_context(
        &mut self,
        index: Index,
        turn: impl FnOnce(&mut Connection<K::Stream>, &mut Context<'_, K, H>) -> Next,
    ) {
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        let Some(listener) = self.listeners.get(usize::from(connection.listener)) else {
            return;
        };
        self.serving = Some(index);
        let mut context = Context {
            kernel: &mut self.kernel,
            shared: &listener.shared,
            input: &mut self.input,
            out: &mut self.out,
            stats: &mut self.stats,
            timers: &mut self.timers,
            mailbox: &self.mailbox,
            draining: self.phase.is_drain(),
        };
        let next = turn(connection, &mut context);
        self.serving = None;
        if let Some(meter) = &mut self.meter {
            let (responses, owes) = (
                self.out.answers().total(),
                connection.session.owes_response(),
            );
            meter.served(index, responses, owes, self.now.micros, &self.kernel);
        }
        match next {
            Next::Close => {
                let reason = connection.close_reason();
                return self.close(index, reason);
            }
            Next::OutOfMemory => return self.overload(index, Overload::Buffers),
            Next::Wait | Next::Again => {}
        }
        let must_queue = next == Next::Again && !connection.queued;
        connection.queued |= must_queue;
        match connection.waits_for() {
            (Some(timeout), true) => self.deadlines.restart(index, timeout, self.now.millis),
            (Some(timeout), false) => self.deadlines.start(index, timeout, self.now.millis),
            (None, _) => self.deadlines.cancel(index),
        }
        let may_settle =
            connection.standing == Standing::New && next == Next::Wait && !self.phase.is_drain();
        if must_queue {
            self.ready.push_back(self.connections.token(index));
        } else if may_settle && connection.has_settled() {
            self.settle(index);
        }
    }

    pub(super) fn close(&mut self, index: Index, reason: CloseReason) {
        self.deadlines.cancel(index);
        let token = self.connections.token(index);
        let Some(connection) = self.connections.remove(index) else {
            return;
        };
        if let Some(hook) = &self.event_hook {
            hook(&ConnectionEvent::Closed {
                worker: self.number,
                connection: token.0 as u64,
                reason,
            });
        }
        if let Some(meter) = &mut self.meter {
            meter.closed(index);
        }
        self.stats.count_close(reason);
        match connection.standing {
            Standing::Rejected => self.rejected -= 1,
            Standing::New => self.limit.release(),
            Standing::Settled => {
                self.limit.release();
                self.loads.release(self.number);
            }
        }
        self.listeners.iter_mut().for_each(ListenerState::on_close);
        if H::OBSERVES {
            self.abandon(&connection, token);
        }
        Self::drop_catching(connection);
    }

    /// Ends a conversation for want of something.
    pub(super) fn overload(&mut self, index: Index, overload: Overload) {
        let token = self.connections.token(index);
        self.with_context(index, |connection, context| {
            connection.handle_overload(overload, token, context)
        });
    }
}
