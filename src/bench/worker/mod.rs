//! One thread's event loop: it waits, handles events, sends what is due, and times out what is late.
//!
//! The clock is read once after each wait and once after each read that returned answers. The latter
//! is both the end of those requests and the start of the next on their connection.

mod late;
mod queues;
mod timer;
mod waiting;

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mio::{Events, Token};

use self::queues::Queues;
use self::waiting::Waiting;
use super::connection::{Connection, Next};
use super::context::{Clock, Context};
use super::cpu::Cost;
use super::error::ErrorKind;
use super::live::{Outlets, Publisher, Samples};
use super::open_model::Load;
use super::pace::Schedule;
use super::per_connection::ConnectionCounts;
use super::plan::Plan;
use super::tally::Tally;
use super::times::Times;
use super::tls::ThreadTls;
use super::work_source::WorkSource;
use super::workload::{Composer, Workload};
use crate::http::client::{HEAD_BYTES_MAX, Memo};

/// The most events per wait.
const EVENTS_MAX: usize = 1024;

/// The size of the input block.
const BLOCK_BYTES: usize = 128 * 1024;
const _: () = assert!(BLOCK_BYTES > HEAD_BYTES_MAX);

/// The pause after a failed connection attempt.
const RECONNECT_NANOS: u64 = 10_000_000;

const TIMER: Token = Token(usize::MAX - 1);

/// The counts that a thread publishes for the progress line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Progress {
    pub(super) responses: AtomicU64,
    pub(super) errors: AtomicU64,
}

/// The result of one thread.
#[derive(Debug, Default)]
pub(super) struct ThreadResult {
    pub(super) elapsed: u64,
    pub(super) tally: Tally,
    pub(super) connections: Vec<ConnectionCounts>,
    /// Of the same time.
    pub(super) cost: Cost,
    /// The message of the first connection that failed.
    pub(super) connect_error: Option<String>,
}

/// An event loop. It shares nothing with the others but the stop flag and the requests left.
pub(super) struct Worker<'a> {
    plan: &'a Plan,
    stop: &'a AtomicBool,
    progress: &'a Progress,
    waiting: Waiting,
    clock: Clock,
    now: u64,
    connections: Vec<Connection>,
    /// How many of them are in use. With `-c auto`, more are taken when a request is due and none is idle.
    used: usize,
    /// The number of connections with requests in flight.
    busy: usize,
    /// Connections with nothing to send.
    idle: VecDeque<usize>,
    queues: Queues,
    source: WorkSource<'a>,
    interval: u64,
    /// No request is sent or awaited from this time on.
    deadline: u64,
    next_sweep: u64,
    /// With `-q`: the end of the interval of the last request.
    paced_until: u64,
    /// In the open model.
    load: Option<Load>,
    /// For those who watch the run, if there are any.
    publisher: Option<Publisher>,
    next_slice: u64,
    samples: Option<Samples>,
    started: Cost,
    block: Box<[u8]>,
    tls: ThreadTls,
    memos: Vec<Memo>,
    composer: Option<Composer>,
    tally: Tally,
    connect_error: Option<String>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        thread: usize,
        stop: &'a AtomicBool,
        progress: &'a Progress,
    ) -> io::Result<Self> {
        let mut connections = Vec::new();
        connections.resize_with(plan.share(thread), Connection::default);
        let workload = plan.workload.as_ref();
        let mut memos = Vec::new();
        memos.resize_with(workload.map_or(1, Workload::names), Memo::default);
        let used = if plan.grows { 1 } else { connections.len() };
        Ok(Self {
            plan,
            stop,
            progress,
            waiting: Waiting::new(plan.poll)?,
            clock: Clock::start(),
            now: 0,
            connections,
            used,
            busy: 0,
            idle: VecDeque::new(),
            queues: Queues::default(),
            source: WorkSource::Until(0),
            interval: 0,
            deadline: u64::MAX,
            next_sweep: 0,
            paced_until: 0,
            load: None,
            publisher: None,
            next_slice: u64::MAX,
            samples: None,
            started: Cost::default(),
            block: vec![0; BLOCK_BYTES].into_boxed_slice(),
            tls: ThreadTls::new(plan.tls.as_ref(), plan.share(thread)),
            memos,
            composer: workload.map(|workload| Composer::new(workload, thread, plan.threads)),
            tally: Tally::new(),
            connect_error: None,
        })
    }

    /// From the next run on, hands over what it counts.
    pub(super) fn publish_to(&mut self, (publisher, samples): Outlets) {
        self.next_slice = publisher.as_ref().map_or(u64::MAX, Publisher::next);
        self.publisher = publisher;
        self.samples = samples;
    }

    /// Sends all requests of the source and awaits the answers, up to the deadline, or stops early. Counts
    /// start at zero; connections stay open for the next call.
    pub(super) fn run(
        &mut self,
        source: WorkSource<'a>,
        deadline: Option<u64>,
    ) -> io::Result<ThreadResult> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(ThreadResult {
                connect_error: self.connect_error.clone(),
                ..ThreadResult::default()
            });
        }
        self.deadline = deadline.unwrap_or(u64::MAX);
        self.begin(source);
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.stop.load(Ordering::Relaxed) && !self.is_over() {
            let time = (self.now, self.wake_at());
            self.now = self
                .waiting
                .wait(&mut events, time, self.clock, self.stop)?;
            self.account_load();
            for event in &events {
                if event.token() != TIMER {
                    let readable = event.is_readable() || event.is_error();
                    self.on_event(event.token().0, readable, event.is_read_closed());
                }
            }
            self.run_queues();
            self.send_due();
            if self.now >= self.next_sweep {
                self.sweep();
            }
            self.tally.tick(self.now);
            self.publish();
            if self.now >= self.next_slice {
                self.cut_slice();
            }
        }
        Ok(self.finish())
    }

    fn begin(&mut self, source: WorkSource<'a>) {
        let schedule = source.schedule();
        self.interval = schedule.map_or(0, Schedule::interval);
        self.load = schedule.map(|schedule| Load::new(schedule.length()));
        let phases = schedule.map_or(0, |schedule| schedule.claimed_in().len());
        self.tally.phases.resize_with(phases, Times::default);
        let workload = self.plan.workload.as_ref();
        self.tally.templates = workload.map_or_else(Vec::new, Workload::counts);
        self.source = source;
        self.paced_until = 0;
        self.tls.handshakes.begin();
        self.started = Cost::so_far();
        self.clock = Clock::start();
        self.now = 0;
        self.next_sweep = 0;
        self.waiting.reset();
        self.idle.clear();
        self.queues.clear();
        for index in 0..self.used {
            self.connections[index].begin();
            self.start_batch(index);
        }
    }

    fn is_over(&self) -> bool {
        let is_done =
            self.busy == 0 && self.source.is_over(self.now) && self.now >= self.paced_until;
        is_done || self.now >= self.deadline
    }

    /// When there is something to do, if no event comes before.
    fn wake_at(&self) -> u64 {
        let can_send = !self.idle.is_empty() || self.used < self.connections.len();
        let due = self.source.due().filter(|_| can_send);
        let last = Some(self.paced_until).filter(|time| *time > self.now);
        let times = [self.queues.due(), due, last, self.source.end(self.now)];
        let always = self.deadline.min(self.next_slice).min(self.next_sweep);
        times.into_iter().flatten().fold(always, u64::min)
    }

    /// In the open model: adds up the time of busy connections, once a turn, and counts what waits at half
    /// of the time and at its end.
    fn account_load(&mut self) {
        let (Some(load), Some(schedule)) = (&mut self.load, self.source.schedule()) else {
            return;
        };
        let is_full = self.busy == self.connections.len();
        load.pass(self.now, self.busy, is_full, &mut self.tally);
        if load.is_at_mark(self.now) {
            let in_flight = self.connections.iter().map(Connection::in_flight).sum();
            // With an idle connection the generator is late, not the connections.
            let is_short = self.idle.is_empty() && self.used == self.connections.len();
            load.mark(schedule, self.now, in_flight, is_short, &mut self.tally);
        }
    }

    fn finish(&mut self) -> ThreadResult {
        self.now = self.clock.now();
        let cost = self.started.to_now().without(self.waiting.polled());
        if let Some(load) = &mut self.load {
            load.end(self.now);
        }
        // Both marks, if it has not passed any.
        self.account_load();
        self.account_load();
        if self.now >= self.deadline {
            self.give_up();
        }
        // Only a stopped run still has requests in flight.
        for connection in &mut self.connections {
            self.tally.unfinished += connection.abandon_if_busy();
        }
        self.busy = 0;
        if let Some(schedule) = self.source.schedule() {
            self.tally.unfinished += schedule.waiting(self.now);
            self.tally.due_in_phase = schedule.claimed_in().to_vec();
        }
        self.tally.connections_used = self.used as u64;
        self.tally.handshakes = self.tls.handshakes.clone();
        self.tally.tick(self.now);
        self.tally.close_bin();
        self.publish();
        if let Some(mut publisher) = self.publisher.take() {
            publisher.end(self.now, &mut self.tally);
        }
        let used = self.connections.iter().take(self.used);
        ThreadResult {
            elapsed: self.now,
            connections: used.map(|connection| connection.counts).collect(),
            tally: std::mem::replace(&mut self.tally, Tally::new()),
            cost,
            connect_error: self.connect_error.clone(),
        }
    }

    #[cold]
    fn cut_slice(&mut self) {
        let in_flight: usize = self.connections.iter().map(Connection::in_flight).sum();
        if let Some(publisher) = &mut self.publisher {
            publisher.cut(self.now, in_flight as u64, &mut self.tally);
            self.next_slice = publisher.next();
        }
    }

    fn publish(&self) {
        let (responses, errors) = (self.tally.responses, self.tally.errors.total());
        self.progress.responses.store(responses, Ordering::Relaxed);
        self.progress.errors.store(errors, Ordering::Relaxed);
    }

    #[inline]
    fn on_event(&mut self, index: usize, readable: bool, end_follows: bool) {
        let was_busy = self.connections[index].in_flight() > 0;
        let next = self.with_context(index, |connection, context| {
            connection.on_event(Token(index), readable, end_follows, context)
        });
        self.apply(index, next, was_busy);
    }

    #[inline]
    fn with_context<T>(
        &mut self,
        index: usize,
        action: impl FnOnce(&mut Connection, &mut Context<'_>) -> T,
    ) -> T {
        let mut context = Context {
            plan: self.plan,
            registry: self.waiting.registry(),
            block: &mut self.block,
            tls: &mut self.tls,
            memos: &mut self.memos,
            composer: self.composer.as_mut(),
            tally: &mut self.tally,
            clock: self.clock,
            now: self.now,
            is_open: self.load.is_some(),
            interval: self.interval,
            connect_error: &mut self.connect_error,
            samples: self.samples.as_mut(),
        };
        let result = action(&mut self.connections[index], &mut context);
        self.now = context.now;
        result
    }

    #[inline]
    fn apply(&mut self, index: usize, next: Next, was_busy: bool) {
        match next {
            Next::Wait => {}
            Next::Again => self.queues.read_again.push_back(index),
            Next::Free => {
                if was_busy {
                    self.busy -= 1;
                    self.send_batch(index);
                }
            }
            Next::Failed(kind) => self.fail(index, kind),
        }
    }

    #[cold]
    fn fail(&mut self, index: usize, kind: ErrorKind) {
        for name in self.connections[index].names(self.plan) {
            self.tally.template_error(name, kind);
        }
        if let Some(samples) = &mut self.samples {
            self.connections[index].sample_lost(kind, (self.now, self.interval), samples);
        }
        let lost = self.connections[index].abandon() as u64;
        self.connections[index].counts.errors += lost;
        self.tally.record_error(kind, lost);
        self.busy -= 1;
        if kind.is_connect() {
            // A server that accepted no connection yet may not be up: find out soon.
            let pause = match self.tally.connections.opened {
                0 => RECONNECT_NANOS / 10,
                _ => RECONNECT_NANOS,
            };
            self.queues
                .reconnecting
                .push_back((self.now + pause, index));
        } else {
            self.queues.ready.push_back(index);
        }
    }

    /// Sends the next requests on an idle connection, if there are any and the pace allows it.
    #[inline]
    fn send_batch(&mut self, index: usize) {
        let most = self.connections[index].room(self.plan);
        if let Some(interval) = self.plan.pace {
            // Checked before requests are claimed: claimed requests must be sent.
            if self.source.is_over(self.now) {
                return self.idle.push_back(index);
            }
            if let Err(time) = self.connections[index]
                .pace
                .acquire(self.now, interval, most)
            {
                return self.queues.paced.push(Reverse((time, index)));
            }
            if matches!(self.source, WorkSource::Count { .. }) {
                self.paced_until = self.paced_until.max(self.connections[index].pace.next);
            }
        }
        let Some(requests) = self.source.claim(self.now, most) else {
            return self.idle.push_back(index);
        };
        self.busy += 1;
        let next = self.with_context(index, |connection, context| {
            connection.send(Token(index), requests, context)
        });
        self.apply(index, next, true);
    }

    /// Handles connections that no event will wake.
    fn run_queues(&mut self) {
        for _ in 0..self.queues.read_again.len() {
            if let Some(index) = self.queues.read_again.pop_front()
                && self.connections[index].in_flight() > 0
            {
                self.on_event(index, true, false);
            }
        }
        for _ in 0..self.queues.ready.len() {
            if let Some(index) = self.queues.ready.pop_front() {
                self.start_batch(index);
            }
        }
        while let Some(index) = self.queues.reconnect(self.now) {
            self.start_batch(index);
        }
        while let Some(index) = self.queues.resume(self.now) {
            self.start_batch(index);
        }
    }

    /// `send_batch` when some time may have passed since the clock was read.
    fn start_batch(&mut self, index: usize) {
        self.now = self.clock.now();
        self.send_batch(index);
    }

    /// In the open model: sends due requests on idle connections.
    fn send_due(&mut self) {
        if self.load.is_none() {
            return;
        }
        while let Some(due) = self.source.due().filter(|due| *due <= self.now) {
            let Some(index) = self.idle.pop_front().or_else(|| self.one_more()) else {
                return;
            };
            self.tally.lag.record(self.now - due, 1);
            self.send_batch(index);
        }
    }

    /// With `-c auto`: a connection that was not in use.
    fn one_more(&mut self) -> Option<usize> {
        let next = self.used;
        (next < self.connections.len()).then(|| {
            self.used += 1;
            self.connections[next].counts = ConnectionCounts::default();
            next
        })
    }
}
