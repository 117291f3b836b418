//! One event loop: it waits, reads the clock once, serves whoever is ready, accepts, and closes
//! whoever is late.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::connection::{Connection, Desk, Fate, INPUT_BYTES};
use super::deadlines::{Deadlines, Kind, Lengths};
use super::house::{House, Longest};
use super::kernel::{Accepted, Event, Kernel, Now, Token, accepted};
use super::slots::{Index, Slots};
use crate::http::{Blocks, Limits, Output, Reject, Respond, Service};

/// So many peers are let in before those who are in have their turn.
const ACCEPTS_PER_TURN_MAX: usize = 64;

/// How long accepting rests when there is no room, descriptor or memory for another peer.
const PAUSE_MS: u64 = 100;

/// A poller counts milliseconds in 32 bits: no deadline is slept for longer at a time.
const SLEEP_MAX: Duration = Duration::from_secs(60 * 60);

/// So many peers can be told at once that there is no room; the others wait at the listener.
pub(crate) const TURNED_AWAY_MAX: usize = 8;

/// So many idle connections are looked at for one to part with: each may just have come to life.
const PARTINGS_TRIED_MAX: usize = 8;

/// So many of the longest-waiting connections of each kind are looked at for the one to end when
/// memory is short.
const SHED_CANDIDATES: usize = 256;

/// When memory is short, a connection that waits for no time yet counts as one that waits this long:
/// what it holds matters, too.
const SHED_AGE_MS: u64 = 1_000;

/// Whether somebody may wait at the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// Nobody: there will be an event.
    Quiet,
    /// Perhaps somebody, of whom no event will tell.
    Knocked,
    /// Nobody can be let in before this time, or before somebody leaves.
    ShutUntil(u64),
}

/// A loop that shares nothing with the others but the number of connections.
pub(crate) struct Worker<K: Kernel, R> {
    kernel: K,
    service: Service<R>,
    connections: Slots<Connection<K::Stream>>,
    deadlines: Deadlines,
    /// Whom to serve again without an event.
    ready: VecDeque<Token>,
    events: Vec<Event>,
    door: Door,
    /// Somebody has come since nobody waited.
    has_knocked: bool,
    house: Arc<House>,
    /// Its place in the house.
    number: usize,
    turned_away: usize,
    /// So much of what is left over may be held.
    buffered_bytes: usize,
    input: Box<[u8]>,
    out: Output,
    now: Now,
}

impl<K: Kernel, R: Respond> Worker<K, R> {
    pub(crate) fn new(
        kernel: K,
        responder: R,
        limits: Limits,
        lengths: Lengths,
        buffered_bytes: usize,
        (house, number): (Arc<House>, usize),
    ) -> Self {
        let now = kernel.now();
        let service = Service::new(responder, limits, now.unix_seconds)
            .with_blocks(Blocks::new(buffered_bytes));
        Self {
            kernel,
            service,
            connections: Slots::new(),
            deadlines: Deadlines::new(lengths),
            ready: VecDeque::new(),
            events: Vec::new(),
            // Whoever came before the listener was watched is let in without an event.
            door: Door::Knocked,
            has_knocked: false,
            house,
            number,
            turned_away: 0,
            buffered_bytes,
            input: vec![0; INPUT_BYTES].into_boxed_slice(),
            out: Output::new(),
            now,
        }
    }

    /// Turns until it is told to stop. An error is the loop's own, never a connection's.
    pub(crate) fn run(&mut self, stop: &AtomicBool) -> io::Result<()> {
        while !stop.load(Ordering::Acquire) {
            self.turn()?;
        }
        Ok(())
    }

    /// One turn of the loop.
    pub(crate) fn turn(&mut self) -> io::Result<()> {
        let timeout = self.timeout();
        self.kernel.wait(&mut self.events, timeout)?;
        self.now = self.kernel.now();
        self.service.tick(self.now.unix_seconds);

        // Those who come to stand in the list now have had their turn.
        let waiting = self.ready.len();
        let events = std::mem::take(&mut self.events);
        for event in &events {
            self.heed(*event);
        }
        self.events = events;
        for _ in 0..waiting {
            self.serve_next_ready();
        }
        self.expire();
        for _ in 0..self.house.told_to_part_with(self.number) {
            self.part_with_longest_idle();
        }
        self.accept();
        self.publish();
        Ok(())
    }

    fn publish(&self) {
        let idle_since = self.deadlines.longest(Kind::Idle).map(|(_, since)| since);
        let idle = self.deadlines.count(Kind::Idle);
        self.house.publish(self.number, idle, idle_since);
    }

    /// Nobody is connected, and nothing is left to be done for anybody.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn is_empty(&self) -> bool {
        let is_calm = self.ready.is_empty() && self.deadlines.next().is_none();
        is_calm && self.connections.iter().next().is_none() && self.turned_away == 0
    }

    /// How many bytes of memory are held for what is left over.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn block_bytes(&self) -> usize {
        self.service.blocks().used()
    }

    /// The table of connections, to be looked at.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn connections(&self) -> &Slots<Connection<K::Stream>> {
        &self.connections
    }

    /// How long the kernel may let us sleep.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        if !self.ready.is_empty() || self.door == Door::Knocked {
            return Some(Duration::ZERO);
        }
        let reopening = match self.door {
            Door::ShutUntil(time) => Some(time),
            Door::Quiet | Door::Knocked => None,
        };
        let next = [self.deadlines.next(), reopening]
            .into_iter()
            .flatten()
            .min()?;
        Some(Duration::from_millis(next.saturating_sub(self.now.millis)).min(SLEEP_MAX))
    }

    #[inline]
    fn heed(&mut self, event: Event) {
        match event.token {
            Token::WAKER => {}
            Token::LISTENER => {
                self.has_knocked = true;
                if self.door == Door::Quiet {
                    self.door = Door::Knocked;
                }
            }
            token => {
                // A stale event means somebody who has left.
                let Some(index) = self.connections.find(token) else {
                    return;
                };
                let Some(connection) = self.connections.get_mut(index) else {
                    return;
                };
                connection.note_event(event);
                // Whoever stands in the list has its turn there, and not two of them.
                if !connection.queued {
                    self.serve(index, token);
                }
            }
        }
    }

    fn serve_next_ready(&mut self) {
        let Some(token) = self.ready.pop_front() else {
            return;
        };
        let Some(index) = self.connections.find(token) else {
            return;
        };
        if let Some(connection) = self.connections.get_mut(index) {
            connection.queued = false;
        }
        self.serve(index, token);
    }

    #[inline]
    fn serve(&mut self, index: Index, token: Token) {
        self.with_desk(index, |connection, desk| connection.serve(token, desk));
        if self.service.blocks().excess() > 0 {
            self.shed();
        }
    }

    /// Ends conversations until what they leave over is within its limit.
    #[cold]
    fn shed(&mut self) {
        self.house.complain_of_buffers(self.buffered_bytes);
        while self.service.blocks().excess() > 0 {
            match self.costliest() {
                Some((index, Kind::Head | Kind::Body | Kind::Idle)) => {
                    self.refuse(index, Reject::BufferLimit);
                }
                Some((index, Kind::Write | Kind::Linger)) => self.close(index),
                None => return,
            }
        }
    }

    /// Among those that have waited longest, the connection that has held the most memory for the
    /// longest time; if none of them holds any, one that is to be served again.
    fn costliest(&mut self) -> Option<(Index, Kind)> {
        let kinds = [Kind::Head, Kind::Body, Kind::Write].into_iter();
        let waiting = kinds.flat_map(|kind| {
            let longest = self.deadlines.waiting(kind).take(SHED_CANDIDATES);
            longest.map(move |(index, since)| (index, kind, since))
        });
        let costs = |connections: &mut Slots<Connection<K::Stream>>, index| {
            let connection = connections.get_mut(index);
            connection.map_or(0, |connection| connection.block_bytes() as u64)
        };
        let now = self.now.millis;
        let (cost, index, kind) = waiting
            .map(|(index, kind, since)| {
                let bytes = costs(&mut self.connections, index);
                (
                    bytes.saturating_mul(now.saturating_sub(since) + SHED_AGE_MS),
                    index,
                    kind,
                )
            })
            .max_by_key(|(cost, ..)| *cost)
            .unwrap_or((0, 0, Kind::Idle));
        if cost > 0 {
            return Some((index, kind));
        }
        let ready = self
            .ready
            .iter()
            .filter_map(|token| self.connections.find(*token));
        let ready: Vec<Index> = ready.take(SHED_CANDIDATES).collect();
        let holds = |index: &Index| costs(&mut self.connections, *index) > 0;
        ready
            .into_iter()
            .find(holds)
            .map(|index| (index, Kind::Idle))
    }

    /// Lends the worker's blocks to a connection and sees to its fate.
    #[inline]
    fn with_desk(
        &mut self,
        index: Index,
        turn: impl FnOnce(&mut Connection<K::Stream>, &mut Desk<'_, K, R>) -> Fate,
    ) {
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        let mut desk = Desk {
            kernel: &mut self.kernel,
            service: &self.service,
            input: &mut self.input,
            out: &mut self.out,
        };
        let fate = turn(connection, &mut desk);
        if fate == Fate::Drop {
            return self.close(index);
        }
        let must_queue = fate == Fate::Again && !connection.queued;
        connection.queued |= must_queue;
        match connection.waits_for() {
            (kind, true) => self.deadlines.restart(index, kind, self.now.millis),
            (kind, false) => self.deadlines.enter(index, kind, self.now.millis),
        }
        if must_queue {
            self.ready.push_back(self.connections.token(index));
        }
    }

    fn close(&mut self, index: Index) {
        self.deadlines.leave(index);
        let Some(connection) = self.connections.remove(index) else {
            return;
        };
        if connection.turned_away {
            self.turned_away -= 1;
        } else {
            self.house.leave();
        }
        if let Door::ShutUntil(_) = self.door {
            self.door = Door::Knocked;
        }
    }

    /// Sees to all whose time is over.
    fn expire(&mut self) {
        while let Some((index, kind)) = self.deadlines.overdue(self.now.millis) {
            match kind {
                Kind::Linger => self.close(index),
                // A last look: after a stall the rest of a request may be there, and of room Linux
                // tells only when a third of the buffer is free.
                _ => {
                    self.part_with(index, kind);
                }
            }
        }
    }

    fn refuse(&mut self, index: Index, reject: Reject) {
        let token = self.connections.token(index);
        self.with_desk(index, |connection, desk| {
            connection.refuse(reject, token, desk)
        });
    }

    /// Closes a connection that has been waited for in this way, or tells it that it is late, unless a
    /// last look at it shows that it has come on.
    fn part_with(&mut self, index: Index, kind: Kind) -> bool {
        let token = self.connections.token(index);
        if self
            .connections
            .get_mut(index)
            .is_some_and(|connection| connection.queued)
        {
            // It has input to be answered: it waits for its turn, and for nothing else.
            self.deadlines.leave(index);
            return false;
        }
        self.serve(index, token);
        let Some(index) = self.connections.find(token) else {
            return true;
        };
        let Some(connection) = self.connections.get_mut(index) else {
            return true;
        };
        let is_waited_for = connection.waits_for() == (kind, false);
        match kind {
            _ if !is_waited_for => {}
            Kind::Head | Kind::Body => self.refuse(index, Reject::Late),
            Kind::Idle | Kind::Write | Kind::Linger => self.close(index),
        }
        is_waited_for
    }

    fn part_with_longest_idle(&mut self) -> bool {
        for _ in 0..PARTINGS_TRIED_MAX {
            let Some((index, _)) = self.deadlines.longest(Kind::Idle) else {
                return false;
            };
            if self.part_with(index, Kind::Idle) {
                return true;
            }
        }
        false
    }

    /// Lets in those who wait, up to a turn's worth.
    fn accept(&mut self) {
        match self.door {
            Door::Quiet => return,
            Door::ShutUntil(time) if self.now.millis < time => return,
            Door::ShutUntil(_) | Door::Knocked => self.door = Door::Knocked,
        }
        // The kernel wants a descriptor before it looks whether anybody waits: that there is none is
        // no proof of a waiting peer, but a knock is.
        let mut may_part = self.has_knocked;
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            if self.turned_away >= TURNED_AWAY_MAX && self.house.is_full() {
                self.publish();
                if !self.house.has_idle() {
                    return self.shut_door();
                }
            }
            if let Err(error) = self.reserve() {
                self.house.complain_of_exhaustion(error);
                return self.shut_door();
            }
            match accepted(self.kernel.accept()) {
                Accepted::Peer(stream) => self.admit(stream),
                Accepted::Gone => {}
                Accepted::Nobody => {
                    self.door = Door::Quiet;
                    self.has_knocked = false;
                    return;
                }
                Accepted::Exhausted(error) => {
                    self.house.complain_of_exhaustion(error);
                    // One that is idle may make room, but nobody who has only just come, and not
                    // one after the other: it may not be ours that are too many.
                    let longest = self.deadlines.longest(Kind::Idle);
                    let is_older = longest.is_some_and(|(_, since)| since < self.now.millis);
                    if !(may_part && is_older && self.part_with_longest_idle()) {
                        return self.shut_door();
                    }
                    may_part = false;
                }
            }
        }
    }

    /// Makes room in the tables for one more connection: an allocation that fails later would end
    /// the process.
    fn reserve(&mut self) -> io::Result<()> {
        let reserved = self.connections.try_reserve().and_then(|places| {
            self.deadlines.try_reserve(places)?;
            self.ready
                .try_reserve(places.saturating_sub(self.ready.len()))
        });
        reserved.map_err(|_| io::ErrorKind::OutOfMemory.into())
    }

    fn shut_door(&mut self) {
        self.door = Door::ShutUntil(self.now.millis + PAUSE_MS);
    }

    fn admit(&mut self, stream: K::Stream) {
        let is_full = self.house.is_full();
        if is_full {
            self.publish();
        }
        let has_room = !is_full
            || match self.house.make_room(self.number) {
                Longest::Oneself => self.part_with_longest_idle(),
                Longest::Another => true,
                Longest::Nobody => false,
            };
        let mut connection = Connection::new(stream);
        connection.turned_away = !has_room;
        if has_room {
            self.house.enter();
        } else {
            self.turned_away += 1;
        }
        let index = self.connections.insert(connection);
        let token = self.connections.token(index);
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        if self.kernel.watch(connection.stream(), token).is_err() {
            // The kernel has no memory for it: nobody would ever hear from this peer.
            return self.close(index);
        }
        self.deadlines.enter(index, Kind::Idle, self.now.millis);
        if !has_room {
            self.house.complain_of_full();
            self.refuse(index, Reject::FullHouse);
        }
    }
}
