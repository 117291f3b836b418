//! The world: its clock, its network, its peers, and the kernel through which a worker sees them.
//!
//! It keeps to what Linux promises of edge-triggered epoll, and to no more: an event for each
//! arrival, for room that comes after a write found none, and for what is ready when a socket is
//! watched (again); none for what was there before.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read as _};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::io::Errno;

use super::dice::Dice;
use super::oracle;
use super::peers::{Reading, Script};
use super::socket::Socket;
use crate::net::kernel::{Event, Kernel as KernelTrait, Now, Token};

/// The second in which the world begins and, as far as `Date` goes, ends.
pub(super) const UNIX_SECONDS: u64 = 1_795_485_600;

pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) now: u64,
    pub(super) sockets: Vec<Socket>,
    pub(super) workers: Vec<Surroundings>,
    /// Connections that may be open before the descriptors run out.
    pub(super) descriptors: usize,
    /// Connections that the house has room for.
    pub(super) limit: usize,
    /// How many bytes a worker may hold of what is left over.
    pub(super) buffered_bytes: usize,
    /// When there was last no room for another connection.
    pub(super) crowded_at: Option<u64>,
    pub(super) fault: Option<String>,
}

/// What belongs to one worker alone.
#[derive(Default)]
pub(super) struct Surroundings {
    /// Those at its listener.
    pub(super) queue: VecDeque<usize>,
    listener_has_event: bool,
    /// Another worker has woken it.
    pub(super) woken: Arc<AtomicBool>,
    /// The most connections that it ever had at once.
    pub(super) most_open: usize,
    stale: Vec<Token>,
    /// Something was read, written, accepted or closed, or time went by.
    progress: bool,
    idle_turns: usize,
    last_turn_at: u64,
}

/// What a world has too little of; `usize::MAX` is plenty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) connections: usize,
    pub(super) descriptors: usize,
    pub(super) buffered_bytes: usize,
}

impl Bounds {
    pub(super) const NONE: Self = Self {
        connections: usize::MAX,
        descriptors: usize::MAX,
        buffered_bytes: usize::MAX,
    };

    fn any(dice: &mut Dice) -> Self {
        let mut bounds = Self::NONE;
        if dice.one_in(4) {
            bounds.descriptors = 1 + dice.below(4);
        }
        if dice.one_in(3) {
            bounds.connections = 1 + dice.below(6);
        }
        if dice.one_in(4) {
            bounds.buffered_bytes = *dice.pick(&[20_000, 40_000, 100_000]);
        }
        bounds
    }
}

impl World {
    pub(super) fn new(mut dice: Dice) -> Rc<RefCell<Self>> {
        let count = 1 + dice.below(12);
        let scripts = (0..count).map(|_| Script::any(&mut dice)).collect();
        let bounds = Bounds::any(&mut dice);
        let workers = *dice.pick(&[1, 1, 2, 3]);
        Self::with(dice, scripts, bounds, workers)
    }

    pub(super) fn with(
        mut dice: Dice,
        scripts: Vec<Script>,
        bounds: Bounds,
        workers: usize,
    ) -> Rc<RefCell<Self>> {
        let sockets = scripts
            .into_iter()
            .map(|script| Socket::new(script, dice.below(workers)))
            .collect();
        Rc::new(RefCell::new(Self {
            dice,
            now: 0,
            workers: (0..workers).map(|_| Surroundings::default()).collect(),
            descriptors: bounds.descriptors,
            limit: bounds.connections,
            buffered_bytes: bounds.buffered_bytes,
            crowded_at: None,
            fault: None,
            sockets,
        }))
    }

    /// Whose token it is at a worker.
    pub(super) fn socket(&self, worker: usize, token: Token) -> Option<&Socket> {
        let mut own = self.sockets.iter().filter(|socket| socket.worker == worker);
        own.find(|socket| socket.is_open() && socket.watched == Some(token))
    }

    pub(super) fn open(&self) -> usize {
        self.sockets
            .iter()
            .filter(|socket| socket.is_open())
            .count()
    }

    /// How many of them are a worker's.
    pub(super) fn open_at(&self, worker: usize) -> usize {
        let open = |socket: &&Socket| socket.is_open() && socket.worker == worker;
        self.sockets.iter().filter(open).count()
    }

    pub(super) fn accuse(&mut self, fault: &str) {
        self.fault
            .get_or_insert(format!("at {} ms: {fault}", self.now));
    }

    /// When the next peer does or reads something.
    pub(super) fn next_act(&self) -> Option<u64> {
        let acts = self
            .sockets
            .iter()
            .filter(|s| s.closed_at.is_none() && s.has_more_to_do());
        acts.map(|socket| socket.next_act).min()
    }

    /// Lets every peer whose time has come do one thing.
    pub(super) fn act(&mut self) {
        for id in 0..self.sockets.len() {
            let socket = &mut self.sockets[id];
            if socket.next_act > self.now || socket.closed_at.is_some() || !socket.has_more_to_do()
            {
                continue;
            }
            let is_steady = socket.reading == Reading::Steady && socket.acts.is_empty();
            let pause = if is_steady {
                1_000
            } else {
                self.dice.below(3) as u64
            };
            socket.next_act = self.now + pause;
            let worker = &mut self.workers[socket.worker];
            if socket.accepted_at.is_none() && !worker.queue.contains(&id) {
                worker.queue.push_back(id);
                worker.listener_has_event = true;
            }
            let is_heard = socket.read(&mut self.dice) | socket.act(&mut self.dice, self.now);
            let may_read = socket.unread > 0 && socket.reading != Reading::Never;
            if !may_read {
                socket.next_act = socket.next_act.max(socket.paused_until);
            }
            if is_heard && socket.watched.is_some() {
                socket.has_event = true;
            }
        }
    }

    /// What has happened to a worker since the last time, in any order.
    fn collect(&mut self, worker: usize, events: &mut Vec<Event>) {
        let event = |token, read_closed, urgent| Event {
            token,
            read_closed,
            urgent,
        };
        let own = &mut self.workers[worker];
        if std::mem::take(&mut own.listener_has_event) {
            events.push(event(Token::LISTENER, false, false));
        }
        if own.woken.swap(false, Ordering::Relaxed) {
            events.push(event(Token::WAKER, false, false));
        }
        for socket in self.sockets.iter_mut().filter(|s| s.worker == worker) {
            let is_spurious = socket.is_open() && self.dice.one_in(50);
            if (std::mem::take(&mut socket.has_event) || is_spurious)
                && let Some(token) = socket.watched
            {
                events.push(event(token, socket.has_ended(), socket.mark.is_some()));
            }
        }
        if !own.stale.is_empty() && self.dice.one_in(4) {
            let token = *self.dice.pick(&own.stale);
            events.push(event(token, self.dice.one_in(2), self.dice.one_in(2)));
        }
        for last in (1..events.len()).rev() {
            events.swap(last, self.dice.below(last + 1));
        }
    }

    /// Would the kernel wake this worker?
    pub(super) fn has_events(&self, worker: usize) -> bool {
        let own = &self.workers[worker];
        own.listener_has_event
            || own.woken.load(Ordering::Relaxed)
            || self
                .sockets
                .iter()
                .any(|socket| socket.worker == worker && socket.has_event())
    }

    fn wait(&mut self, worker: usize, events: &mut Vec<Event>) {
        events.clear();
        let own = &mut self.workers[worker];
        own.progress |= own.last_turn_at < self.now;
        own.last_turn_at = self.now;
        own.idle_turns = if std::mem::take(&mut own.progress) {
            0
        } else {
            own.idle_turns + 1
        };
        if own.idle_turns > 4 {
            self.accuse("a loop spins: turn after turn without progress");
        }
        for socket in self.sockets.iter_mut().filter(|s| s.worker == worker) {
            socket.written_in_turn.clear();
        }
        self.collect(worker, events);
        self.workers[worker].progress |= !events.is_empty();
    }
}

/// The kernel, as a worker sees it.
pub(super) struct Kernel {
    pub(super) world: Rc<RefCell<World>>,
    pub(super) worker: usize,
}

/// An accepted socket.
pub(super) struct Stream {
    id: usize,
    world: Rc<RefCell<World>>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        // A failed test drops its worker while it may still look at the world.
        let Ok(mut world) = self.world.try_borrow_mut() else {
            return;
        };
        let world = &mut *world;
        oracle::at_close(world, self.id);
        let socket = &mut world.sockets[self.id];
        socket.closed_at = Some(world.now);
        socket.acts.clear();
        let worker = &mut world.workers[socket.worker];
        worker.stale.extend(socket.watched.take());
        worker.progress = true;
    }
}

impl KernelTrait for Kernel {
    type Stream = Stream;

    /// Time goes by between the turns, not in them: see `play_in`.
    fn wait(&mut self, events: &mut Vec<Event>, _timeout: Option<Duration>) -> io::Result<()> {
        self.world.borrow_mut().wait(self.worker, events);
        Ok(())
    }

    fn now(&self) -> Now {
        Now {
            millis: self.world.borrow().now,
            unix_seconds: UNIX_SECONDS,
        }
    }

    fn accept(&mut self) -> io::Result<Stream> {
        let world = &mut *self.world.borrow_mut();
        if world.dice.one_in(20) {
            return Err((*world
                .dice
                .pick(&[Errno::INTR, Errno::CONNABORTED, Errno::PROTO]))
            .into());
        }
        if world.workers[self.worker].queue.is_empty() {
            return Err(Errno::AGAIN.into());
        }
        let open = world.open();
        if open >= world.limit || open >= world.descriptors {
            world.crowded_at = Some(world.now);
        }
        if open >= world.descriptors {
            return Err((*world
                .dice
                .pick(&[Errno::MFILE, Errno::NFILE, Errno::NOBUFS]))
            .into());
        }
        let id = world.workers[self.worker].queue.pop_front();
        let id = id.unwrap_or_default();
        world.sockets[id].accepted_at = Some(world.now);
        let open = world.open_at(self.worker);
        let own = &mut world.workers[self.worker];
        own.progress = true;
        own.most_open = own.most_open.max(open);
        Ok(Stream {
            id,
            world: Rc::clone(&self.world),
        })
    }

    fn watch(&mut self, stream: &mut Stream, token: Token) -> io::Result<()> {
        let socket = &mut self.world.borrow_mut().sockets[stream.id];
        socket.watched = Some(token);
        socket.has_event |= socket.is_readable();
        Ok(())
    }

    fn watch_room(&mut self, stream: &mut Stream, token: Token) -> io::Result<()> {
        let socket = &mut self.world.borrow_mut().sockets[stream.id];
        socket.watched = Some(token);
        socket.is_watched_for_room = true;
        socket.has_event |= socket.is_readable() || socket.has_told_of_room();
        Ok(())
    }

    fn read(&mut self, stream: &mut Stream, block: &mut [u8]) -> io::Result<usize> {
        let world = &mut *self.world.borrow_mut();
        if world.dice.one_in(20) {
            return Err(Errno::INTR.into());
        }
        let socket = &mut world.sockets[stream.id];
        if socket.reset {
            return Err(Errno::CONNRESET.into());
        }
        let read = socket.take(block.len());
        if read == 0 && !socket.finished {
            return Err(Errno::AGAIN.into());
        }
        socket.saw_end = read == 0;
        world.workers[self.worker].progress = true;
        socket.inbox.read_exact(&mut block[..read])?;
        if socket.shut_at.is_some() {
            socket.read_since_shut += read;
        } else {
            socket.taken.extend_from_slice(&block[..read]);
        }
        Ok(read)
    }

    fn write(&mut self, stream: &mut Stream, bytes: &[u8]) -> io::Result<usize> {
        let world = &mut *self.world.borrow_mut();
        if world.dice.one_in(20) {
            return Err(Errno::INTR.into());
        }
        let now = world.now;
        let socket = &mut world.sockets[stream.id];
        if socket.shut_at.is_some() {
            world.accuse("something was written after the closing answer");
            return Err(Errno::PIPE.into());
        }
        if socket.reset {
            return Err(Errno::PIPE.into());
        }
        let written = bytes.len().min(socket.room());
        if written < bytes.len() {
            socket.is_blocked = true;
            socket.owed_since.get_or_insert(now);
        } else {
            socket.owed_since = None;
        }
        if written == 0 {
            return Err(Errno::AGAIN.into());
        }
        socket.unread += written;
        socket.written.extend_from_slice(&bytes[..written]);
        socket.written_in_turn.extend_from_slice(&bytes[..written]);
        socket.last_written_at = now;
        if socket.reading != Reading::Steady {
            socket.next_act = socket.next_act.min(now + world.dice.below(50) as u64);
        }
        world.workers[self.worker].progress = true;
        Ok(written)
    }

    fn shut(&mut self, stream: &mut Stream) -> io::Result<()> {
        let world = &mut *self.world.borrow_mut();
        let socket = &mut world.sockets[stream.id];
        if socket.reset {
            return Err(Errno::NOTCONN.into());
        }
        socket.shut_at = Some(world.now);
        world.workers[self.worker].progress = true;
        Ok(())
    }
}
