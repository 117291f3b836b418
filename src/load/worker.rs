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

use super::alarm::Alarm;
use super::connection::{Clock, Connection, Desk, Turn};
use super::fault::Fault;
use super::head::{HEAD_BYTES_MAX, Memo};
use super::pace::Pace;
use super::plan::Plan;
use super::supply::Supply;
use super::tally::Tally;

/// How many events a turn takes from the kernel at once.
const EVENTS_MAX: usize = 1024;

/// What is read into.
const BLOCK_BYTES: usize = 128 * 1024;
const _: () = assert!(BLOCK_BYTES > HEAD_BYTES_MAX);

/// After a connection could not be made, it is tried again so much later.
const RECONNECT_NANOS: u64 = 10_000_000;

/// A wish to stop is seen this late at most.
const WAIT_NANOS_MAX: u64 = 50_000_000;

/// Connections are looked over for late answers at most so often, and at least so often.
const SWEEP_NANOS_MIN: u64 = 1_000_000;
const SWEEP_NANOS_MAX: u64 = 100_000_000;

const ALARM: Token = Token(usize::MAX - 1);

/// What a thread shares with those who watch it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Progress {
    pub(super) responses: AtomicU64,
    pub(super) errors: AtomicU64,
}

/// A loop that shares nothing with the others but the wish to stop.
pub(super) struct Worker<'a> {
    plan: &'a Plan,
    stop: &'a AtomicBool,
    progress: &'a Progress,
    poll: Poll,
    alarm: Alarm,
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
    supply: Supply<'a>,
    interval: u64,
    next_sweep: u64,
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
        let alarm = Alarm::new(poll.registry(), ALARM)?;
        let mut connections = Vec::new();
        connections.resize_with(plan.share(thread), Connection::default);
        Ok(Self {
            plan,
            stop,
            progress,
            poll,
            alarm,
            clock: Clock::start(),
            now: 0,
            connections,
            busy: 0,
            resting: VecDeque::new(),
            again: VecDeque::new(),
            restart: VecDeque::new(),
            paused: VecDeque::new(),
            paced: BinaryHeap::new(),
            supply: Supply::Until(0),
            interval: 0,
            next_sweep: 0,
            block: vec![0; BLOCK_BYTES].into_boxed_slice(),
            memo: Memo::default(),
            tally: Tally::new(),
            complaint: None,
        })
    }

    /// Sends what there is to send and awaits the answers, or is told to stop. Returns how long it
    /// took and what was counted, from nothing; connections stay for the next time.
    pub(super) fn run(&mut self, supply: Supply<'a>) -> io::Result<(u64, Tally)> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok((0, Tally::new()));
        }
        self.begin(supply);
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.stop.load(Ordering::Relaxed) && !self.is_over() {
            self.wait(&mut events)?;
            for event in &events {
                if event.token() != ALARM {
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

    fn begin(&mut self, supply: Supply<'a>) {
        self.interval = match &supply {
            Supply::Schedule(schedule) => schedule.interval(),
            Supply::Count { .. } | Supply::Until(_) => 0,
        };
        self.supply = supply;
        self.clock = Clock::start();
        self.now = 0;
        self.next_sweep = 0;
        self.alarm.reset();
        self.resting.clear();
        self.again.clear();
        self.restart.clear();
        self.paused.clear();
        self.paced.clear();
        for index in 0..self.connections.len() {
            self.connections[index].pace = Pace::default();
            self.start_batch(index);
        }
    }

    fn is_over(&self) -> bool {
        self.busy == 0 && self.supply.is_over(self.now)
    }

    fn finish(&mut self) -> (u64, Tally) {
        self.now = self.clock.now();
        // Only who was told to stop leaves something behind.
        for connection in &mut self.connections {
            self.tally.unfinished += connection.give_up_if_busy();
        }
        self.busy = 0;
        if let Supply::Schedule(schedule) = &self.supply {
            self.tally.unfinished += schedule.waiting(self.now);
        }
        self.tally.tick(self.now);
        self.tally.close_bin();
        self.publish();
        (self.now, std::mem::replace(&mut self.tally, Tally::new()))
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
        let end = self.supply.end(self.now);
        let due = self.supply.due().filter(|_| !self.resting.is_empty());
        let paused = self.paused.front().map(|(time, _)| *time);
        let paced = self.paced.peek().map(|Reverse((time, _))| *time);
        let exact = [end, due, paused, paced].into_iter().flatten().min();
        let most = WAIT_NANOS_MAX.min(self.next_sweep.saturating_sub(self.now));
        let most = Duration::from_nanos(most);
        let Some(exact) = exact.filter(|time| *time < self.now + WAIT_NANOS_MAX) else {
            return Ok(most);
        };
        if exact <= self.now {
            return Ok(Duration::ZERO);
        }
        self.alarm.set(exact, self.now)?;
        Ok(Alarm::timeout(Duration::from_nanos(exact - self.now), most))
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
    fn fail(&mut self, index: usize, fault: Fault) {
        let lost = self.connections[index].give_up();
        self.tally.fault(fault, lost as u64);
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
            if self.supply.is_over(self.now) {
                return self.resting.push_back(index);
            }
            if let Err(time) = self.connections[index].pace.take(self.now, interval, most) {
                return self.paced.push(Reverse((time, index)));
            }
        }
        let Some(requests) = self.supply.take(self.now, most) else {
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
        while let Some(due) = self.supply.due().filter(|due| *due <= self.now) {
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
        self.next_sweep = self.now + (timeout / 20).clamp(SWEEP_NANOS_MIN, SWEEP_NANOS_MAX);
        for index in 0..self.connections.len() {
            let connection = &self.connections[index];
            let is_late = connection.oldest(self.interval).saturating_add(timeout) <= self.now;
            if is_late && connection.in_flight() > 0 {
                self.fail(index, Fault::TimeOut);
            }
        }
        // In the open model the time runs from when a request is due, sent or not.
        if let Supply::Schedule(schedule) = &mut self.supply
            && let Some(limit) = self.now.checked_sub(timeout)
            && let Some((_, late)) = schedule.take(limit, usize::MAX)
        {
            self.tally.fault(Fault::TimeOut, late as u64);
        }
    }
}
