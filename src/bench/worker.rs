//! One thread's event loop: it waits, serves whoever has an event, sends what is due, and gives up
//! what is late.
//!
//! The clock is read once after each wait and once after each read that brought answers: the
//! latter is both the end of those requests and the start of the next on their connection.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use mio::{Events, Poll, Token};

use super::connection::{Clock, Connection, Desk, Turn};
use super::cpu::Cost;
use super::error::ErrorKind;
use super::pace::Pace;
use super::plan::Plan;
use super::spread::Slot;
use super::tally::Tally;
use super::timer::Timer;
use super::work_source::WorkSource;
use crate::http::client::{HEAD_BYTES_MAX, Memo};

/// How many events a turn takes from the kernel at once.
const EVENTS_MAX: usize = 1024;

/// What is read into.
const BLOCK_BYTES: usize = 128 * 1024;
const _: () = assert!(BLOCK_BYTES > HEAD_BYTES_MAX);

/// After a connection could not be made, it is tried again so much later.
const RECONNECT_NANOS: u64 = 10_000_000;

/// A wish to stop is seen this late at most.
const WAIT_NANOS_MAX: u64 = 50_000_000;

/// Connections are looked over for late answers when the first could be late, but at most so often:
/// with a time-out below a second, and with a longer one.
const SWEEP_NANOS_MIN: u64 = 1_000_000;
const SWEEP_NANOS_MIN_LONG: u64 = 10_000_000;
const LONG_NANOS: u64 = 1_000_000_000;

const TIMER: Token = Token(usize::MAX - 1);

/// What a thread shares with those who watch it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Progress {
    pub(super) responses: AtomicU64,
    pub(super) errors: AtomicU64,
}

/// What a run of one thread came to.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) elapsed: u64,
    pub(super) tally: Tally,
    /// Of each connection.
    pub(super) slots: Vec<Slot>,
    /// Of the same time.
    pub(super) cost: Cost,
}

/// A loop that shares nothing with the others but the wish to stop.
pub(super) struct Worker<'a> {
    plan: &'a Plan,
    stop: &'a AtomicBool,
    progress: &'a Progress,
    poll: Poll,
    timer: Timer,
    clock: Clock,
    now: u64,
    connections: Vec<Connection>,
    /// Those that have sent something and wait for the answer.
    busy: usize,
    /// Those that have nothing to send.
    resting: VecDeque<usize>,
    /// To be read from again, without an event.
    again: VecDeque<usize>,
    /// To be given something to send.
    restart: VecDeque<usize>,
    /// To be tried again, from this time on.
    paused: VecDeque<(u64, usize)>,
    /// Those that may send again from this time on.
    paced: BinaryHeap<Reverse<(u64, usize)>>,
    source: WorkSource<'a>,
    interval: u64,
    next_sweep: u64,
    /// With `-q`: when the last request that was sent would let the next go.
    paced_until: u64,
    /// When busy connections were last counted.
    occupied_at: u64,
    /// In the open model: when the last request should have been sent.
    offer_end: u64,
    started: Cost,
    block: Box<[u8]>,
    memo: Memo,
    tally: Tally,
    complaint: Option<String>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        thread: usize,
        stop: &'a AtomicBool,
        progress: &'a Progress,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let timer = Timer::new(poll.registry(), TIMER)?;
        let mut connections = Vec::new();
        connections.resize_with(plan.share(thread), Connection::default);
        Ok(Self {
            plan,
            stop,
            progress,
            poll,
            timer,
            clock: Clock::start(),
            now: 0,
            connections,
            busy: 0,
            resting: VecDeque::new(),
            again: VecDeque::new(),
            restart: VecDeque::new(),
            paused: VecDeque::new(),
            paced: BinaryHeap::new(),
            source: WorkSource::Until(0),
            interval: 0,
            next_sweep: 0,
            paced_until: 0,
            occupied_at: 0,
            offer_end: u64::MAX,
            started: Cost::default(),
            block: vec![0; BLOCK_BYTES].into_boxed_slice(),
            memo: Memo::default(),
            tally: Tally::new(),
            complaint: None,
        })
    }

    /// Sends what there is to send and awaits the answers, or is told to stop. What is counted
    /// begins with nothing; connections stay for the next time.
    pub(super) fn run(&mut self, source: WorkSource<'a>) -> io::Result<Counted> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(Counted {
                elapsed: 0,
                tally: Tally::new(),
                slots: Vec::new(),
                cost: Cost::default(),
            });
        }
        self.begin(source);
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.stop.load(Ordering::Relaxed) && !self.is_over() {
            self.wait(&mut events)?;
            self.occupy();
            for event in &events {
                if event.token() != TIMER {
                    let readable = event.is_readable() || event.is_error();
                    self.heed(event.token().0, readable, event.is_read_closed());
                }
            }
            self.see_to_queues();
            self.send_due();
            if self.now >= self.next_sweep {
                self.sweep();
            }
            self.tally.tick(self.now);
            self.publish();
        }
        Ok(self.finish())
    }

    /// What connecting failed of, if it did.
    pub(super) fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }

    fn begin(&mut self, source: WorkSource<'a>) {
        (self.interval, self.offer_end) = match &source {
            WorkSource::Schedule(schedule) => (schedule.interval(), schedule.length()),
            WorkSource::Count { .. } | WorkSource::Until(_) => (0, u64::MAX),
        };
        self.source = source;
        self.paced_until = 0;
        self.occupied_at = 0;
        self.started = Cost::so_far();
        self.clock = Clock::start();
        self.now = 0;
        self.next_sweep = 0;
        self.timer.reset();
        self.resting.clear();
        self.again.clear();
        self.restart.clear();
        self.paused.clear();
        self.paced.clear();
        for index in 0..self.connections.len() {
            self.connections[index].pace = Pace::default();
            self.connections[index].slot = Slot::default();
            self.start_batch(index);
        }
    }

    fn is_over(&self) -> bool {
        self.busy == 0 && self.source.is_over(self.now) && self.now >= self.paced_until
    }

    /// In the open model: counts busy connections over time, once a turn, and what waits for one
    /// when the last request should have been sent.
    fn occupy(&mut self) {
        if self.interval == 0 {
            return;
        }
        let passed = self.now.saturating_sub(self.occupied_at);
        self.occupied_at = self.now;
        self.tally.watched += passed;
        self.tally.busy += passed.saturating_mul(self.busy as u64);
        if self.busy == self.connections.len() {
            self.tally.full += passed;
        }
        if self.now >= self.offer_end
            && let WorkSource::Schedule(schedule) = &self.source
        {
            // With a connection at rest it is the generator that is late, and not the connections.
            if self.resting.is_empty() {
                self.tally.left_over += schedule.waiting(self.offer_end);
            }
            self.offer_end = u64::MAX;
        }
    }

    fn finish(&mut self) -> Counted {
        self.now = self.clock.now();
        let cost = self.started.to_now();
        // Only who was told to stop leaves something behind.
        for connection in &mut self.connections {
            self.tally.unfinished += connection.give_up_if_busy();
        }
        self.busy = 0;
        if let WorkSource::Schedule(schedule) = &self.source {
            self.tally.unfinished += schedule.waiting(self.now);
        }
        self.tally.tick(self.now);
        self.tally.close_bin();
        self.publish();
        Counted {
            elapsed: self.now,
            tally: std::mem::replace(&mut self.tally, Tally::new()),
            slots: self.connections.iter().map(|c| c.slot).collect(),
            cost,
        }
    }

    fn publish(&self) {
        let (responses, errors) = (self.tally.responses, self.tally.errors());
        self.progress.responses.store(responses, Ordering::Relaxed);
        self.progress.errors.store(errors, Ordering::Relaxed);
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = self.timeout()?;
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => self.now = self.clock.now(),
        }
        Ok(())
    }

    fn timeout(&mut self) -> io::Result<Duration> {
        if !self.again.is_empty() || !self.restart.is_empty() {
            return Ok(Duration::ZERO);
        }
        let end = self.source.end(self.now);
        let due = self.source.due().filter(|_| !self.resting.is_empty());
        let paused = self.paused.front().map(|(time, _)| *time);
        let paced = self.paced.peek().map(|Reverse((time, _))| *time);
        let sweep = Some(self.next_sweep);
        let last = Some(self.paced_until).filter(|time| *time > self.now);
        let exact = [end, due, paused, paced, sweep, last]
            .into_iter()
            .flatten()
            .min();
        let most = WAIT_NANOS_MAX.min(self.next_sweep.saturating_sub(self.now));
        let most = Duration::from_nanos(most);
        let Some(exact) = exact.filter(|time| *time < self.now + WAIT_NANOS_MAX) else {
            return Ok(most);
        };
        if exact <= self.now {
            return Ok(Duration::ZERO);
        }
        self.timer.set(exact, self.now)?;
        Ok(Timer::timeout(Duration::from_nanos(exact - self.now), most))
    }

    #[inline]
    fn heed(&mut self, index: usize, readable: bool, end_follows: bool) {
        let was_busy = self.connections[index].in_flight() > 0;
        let turn = self.with_desk(index, |connection, desk| {
            connection.heed(Token(index), readable, end_follows, desk)
        });
        self.settle(index, turn, was_busy);
    }

    #[inline]
    fn with_desk<T>(
        &mut self,
        index: usize,
        turn: impl FnOnce(&mut Connection, &mut Desk<'_>) -> T,
    ) -> T {
        let mut desk = Desk {
            plan: self.plan,
            registry: self.poll.registry(),
            block: &mut self.block,
            memo: &mut self.memo,
            tally: &mut self.tally,
            clock: self.clock,
            now: self.now,
            interval: self.interval,
            complaint: &mut self.complaint,
        };
        let result = turn(&mut self.connections[index], &mut desk);
        self.now = desk.now;
        result
    }

    #[inline]
    fn settle(&mut self, index: usize, turn: Turn, was_busy: bool) {
        match turn {
            Turn::Wait => {}
            Turn::Again => self.again.push_back(index),
            Turn::Free => {
                if was_busy {
                    self.busy -= 1;
                    self.send_batch(index);
                }
            }
            Turn::Failed(fault) => self.fail(index, fault),
        }
    }

    #[cold]
    fn fail(&mut self, index: usize, fault: ErrorKind) {
        let lost = self.connections[index].give_up() as u64;
        self.connections[index].slot.errors += lost;
        self.tally.fault(fault, lost);
        self.busy -= 1;
        if fault.is_connect() {
            // Where nobody was met at all, nobody is spared by waiting long.
            let pause = match self.tally.opened {
                0 => RECONNECT_NANOS / 10,
                _ => RECONNECT_NANOS,
            };
            self.paused.push_back((self.now + pause, index));
        } else {
            self.restart.push_back(index);
        }
    }

    /// Gives a free connection its next requests, if there are any and it may send them.
    #[inline]
    fn send_batch(&mut self, index: usize) {
        let most = self.plan.batch.len();
        if let Some(interval) = self.plan.pace {
            // Asked before anything is taken: what was taken must be sent.
            if self.source.is_over(self.now) {
                return self.resting.push_back(index);
            }
            if let Err(time) = self.connections[index].pace.take(self.now, interval, most) {
                return self.paced.push(Reverse((time, index)));
            }
            if matches!(self.source, WorkSource::Count { .. }) {
                self.paced_until = self.paced_until.max(self.connections[index].pace.next);
            }
        }
        let Some(requests) = self.source.take(self.now, most) else {
            return self.resting.push_back(index);
        };
        self.busy += 1;
        let turn = self.with_desk(index, |connection, desk| {
            connection.send(Token(index), requests, desk)
        });
        self.settle(index, turn, true);
    }

    /// Serves those who wait without an event to come.
    fn see_to_queues(&mut self) {
        for _ in 0..self.again.len() {
            if let Some(index) = self.again.pop_front()
                && self.connections[index].in_flight() > 0
            {
                self.heed(index, true, false);
            }
        }
        for _ in 0..self.restart.len() {
            if let Some(index) = self.restart.pop_front() {
                self.start_batch(index);
            }
        }
        while let Some(&(time, index)) = self.paused.front() {
            if time > self.now {
                break;
            }
            self.paused.pop_front();
            self.start_batch(index);
        }
        while let Some(&Reverse((time, index))) = self.paced.peek() {
            if time > self.now {
                break;
            }
            self.paced.pop();
            self.start_batch(index);
        }
    }

    /// The same, when some time may have passed since the clock was read.
    fn start_batch(&mut self, index: usize) {
        self.now = self.clock.now();
        self.send_batch(index);
    }

    /// In the open model: what has come due goes to whoever is free.
    fn send_due(&mut self) {
        if self.interval == 0 {
            return;
        }
        while let Some(due) = self.source.due().filter(|due| *due <= self.now) {
            let Some(index) = self.resting.pop_front() else {
                return;
            };
            self.tally.lag.record(self.now - due, 1);
            self.send_batch(index);
        }
    }

    /// Gives up what is late.
    #[cold]
    fn sweep(&mut self) {
        let Some(timeout) = self.plan.timeout else {
            self.next_sweep = u64::MAX;
            return;
        };
        // What is sent after this has more time than what is in flight, and in the open model than
        // what waits.
        let mut oldest = self.now;
        for index in 0..self.connections.len() {
            let connection = &self.connections[index];
            if connection.in_flight() == 0 {
                continue;
            }
            let since = connection.oldest(self.interval);
            if since.saturating_add(timeout) <= self.now {
                self.fail(index, ErrorKind::TimeOut);
            } else {
                oldest = oldest.min(since);
            }
        }
        // In the open model the time runs from when a request is due, sent or not.
        if let WorkSource::Schedule(schedule) = &mut self.source
            && let Some(limit) = self.now.checked_sub(timeout)
            && let Some((_, late)) = schedule.take(limit, usize::MAX)
        {
            self.tally.fault(ErrorKind::TimeOut, late as u64);
            self.tally.left_over += late as u64;
        }
        let oldest = self.source.due().map_or(oldest, |due| due.min(oldest));
        let least = match timeout {
            0..LONG_NANOS => SWEEP_NANOS_MIN,
            _ => SWEEP_NANOS_MIN_LONG,
        };
        self.next_sweep = oldest.saturating_add(timeout).max(self.now + least);
    }
}
