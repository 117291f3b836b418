//! The world: its clock, its network, its peers, and the kernel through which a worker sees them.
//!
//! It keeps to what Linux promises of edge-triggered epoll, and to no more: an event for each
//! arrival, for room that comes after a write found none, and for what is ready when a socket is
//! watched (again); none for what was there before.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read as _};
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use super::dice::Dice;
use super::oracle;
use super::peers::{Reading, Script};
use super::socket::Socket;
use crate::net::kernel::{Event, Kernel as Door, Now, Token};

/// The second in which the world begins and, as far as `Date` goes, ends.
pub(super) const UNIX_SECONDS: u64 = 1_795_485_600;

pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) now: u64,
    pub(super) sockets: Vec<Socket>,
    pub(super) queue: VecDeque<usize>,
    listener_has_event: bool,
    /// Connections that may be open before the descriptors run out.
    pub(super) descriptors: usize,
    /// Connections that the house has room for.
    pub(super) limit: usize,
    /// The most connections that were ever open at once.
    pub(super) most_open: usize,
    stale: Vec<Token>,
    pub(super) fault: Option<String>,
    pub(super) is_over: bool,
    /// Something was read, written, accepted or closed, or time went by.
    progress: bool,
    idle_turns: usize,
}

impl World {
    pub(super) fn new(mut dice: Dice) -> Rc<RefCell<Self>> {
        let count = 1 + dice.below(12);
        let scripts = (0..count).map(|_| Script::any(&mut dice)).collect();
        let descriptors = if dice.one_in(4) {
            1 + dice.below(4)
        } else {
            usize::MAX
        };
        let limit = if dice.one_in(3) {
            1 + dice.below(6)
        } else {
            usize::MAX
        };
        Self::with(dice, scripts, limit, descriptors)
    }

    pub(super) fn with(
        dice: Dice,
        scripts: Vec<Script>,
        limit: usize,
        descriptors: usize,
    ) -> Rc<RefCell<Self>> {
        let sockets = scripts.into_iter().map(Socket::new).collect();
        Rc::new(RefCell::new(Self {
            dice,
            now: 0,
            queue: VecDeque::new(),
            listener_has_event: false,
            descriptors,
            limit,
            most_open: 0,
            stale: Vec::new(),
            fault: None,
            is_over: false,
            progress: true,
            idle_turns: 0,
            sockets,
        }))
    }

    /// Whose token it is.
    pub(super) fn socket(&self, token: Token) -> Option<&Socket> {
        self.sockets
            .iter()
            .find(|socket| socket.is_open() && socket.watched == Some(token))
    }

    pub(super) fn open(&self) -> usize {
        self.sockets
            .iter()
            .filter(|socket| socket.is_open())
            .count()
    }

    pub(super) fn accuse(&mut self, fault: &str) {
        self.fault
            .get_or_insert(format!("at {} ms: {fault}", self.now));
    }

    /// When the next peer does or reads something.
    fn next_act(&self) -> Option<u64> {
        let acts = self
            .sockets
            .iter()
            .filter(|s| s.closed_at.is_none() && s.has_more_to_do());
        acts.map(|socket| socket.next_act).min()
    }

    /// Lets every peer whose time has come do one thing.
    fn act(&mut self) {
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
            if socket.accepted_at.is_none() && !self.queue.contains(&id) {
                self.queue.push_back(id);
                self.listener_has_event = true;
            }
            let is_heard = socket.read(&mut self.dice) | socket.act(&mut self.dice, self.now);
            if is_heard && socket.watched.is_some() {
                socket.has_event = true;
            }
        }
    }

    /// What has happened since the last time, in any order.
    fn collect(&mut self, events: &mut Vec<Event>) {
        if std::mem::take(&mut self.listener_has_event) {
            events.push(Event {
                token: Token::LISTENER,
                read_closed: false,
            });
        }
        for socket in &mut self.sockets {
            let is_spurious = socket.is_open() && self.dice.one_in(50);
            if (std::mem::take(&mut socket.has_event) || is_spurious)
                && let Some(token) = socket.watched
            {
                let read_closed = socket.has_ended();
                events.push(Event { token, read_closed });
            }
        }
        if !self.stale.is_empty() && self.dice.one_in(4) {
            let token = *self.dice.pick(&self.stale);
            events.push(Event {
                token,
                read_closed: self.dice.one_in(2),
            });
        }
        for last in (1..events.len()).rev() {
            events.swap(last, self.dice.below(last + 1));
        }
    }

    fn has_events(&self) -> bool {
        self.listener_has_event || self.sockets.iter().any(Socket::has_event)
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) {
        events.clear();
        self.idle_turns = if std::mem::take(&mut self.progress) {
            0
        } else {
            self.idle_turns + 1
        };
        if self.idle_turns > 4 {
            self.accuse("the loop spins: turn after turn without progress");
        }
        for socket in &mut self.sockets {
            socket.written_in_turn.clear();
        }
        self.act();
        if timeout != Some(Duration::ZERO) && !self.has_events() {
            oracle::before_sleep(self, timeout);
            self.sleep(timeout.map(|timeout| self.now + timeout.as_millis() as u64));
        }
        self.collect(events);
        self.progress |= !events.is_empty();
    }

    /// Lets time go by until something happens, or until the worker wants to be woken.
    fn sleep(&mut self, wake_at: Option<u64>) {
        while !self.has_events() {
            let next = match (self.next_act(), wake_at) {
                (Some(act), Some(wake)) => act.min(wake),
                (Some(time), None) | (None, Some(time)) => time,
                (None, None) => {
                    self.is_over = true;
                    return;
                }
            };
            self.progress = true;
            self.now = self.now.max(next);
            if wake_at.is_some_and(|wake| self.now >= wake) {
                return;
            }
            self.act();
        }
    }
}

/// The kernel, as the worker sees it.
pub(super) struct Kernel(pub(super) Rc<RefCell<World>>);

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
        world.stale.extend(socket.watched.take());
        world.progress = true;
    }
}

impl Door for Kernel {
    type Stream = Stream;

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        self.0.borrow_mut().wait(events, timeout);
        Ok(())
    }

    fn now(&self) -> Now {
        Now {
            millis: self.0.borrow().now,
            unix_seconds: UNIX_SECONDS,
        }
    }

    fn accept(&mut self) -> io::Result<Stream> {
        let mut world = self.0.borrow_mut();
        if world.dice.one_in(20) {
            return Err((*world
                .dice
                .pick(&[Errno::INTR, Errno::CONNABORTED, Errno::PROTO]))
            .into());
        }
        if world.queue.is_empty() {
            return Err(Errno::AGAIN.into());
        }
        if world.open() >= world.descriptors {
            return Err((*world
                .dice
                .pick(&[Errno::MFILE, Errno::NFILE, Errno::NOBUFS]))
            .into());
        }
        let id = world.queue.pop_front().unwrap_or_default();
        world.progress = true;
        world.sockets[id].accepted_at = Some(world.now);
        world.most_open = world.most_open.max(world.open());
        Ok(Stream {
            id,
            world: Rc::clone(&self.0),
        })
    }

    fn watch(&mut self, stream: &mut Stream, token: Token) -> io::Result<()> {
        let socket = &mut self.0.borrow_mut().sockets[stream.id];
        socket.watched = Some(token);
        socket.has_event |= socket.is_readable();
        Ok(())
    }

    fn watch_room(&mut self, stream: &mut Stream, token: Token) -> io::Result<()> {
        let socket = &mut self.0.borrow_mut().sockets[stream.id];
        socket.watched = Some(token);
        socket.is_watched_for_room = true;
        socket.has_event |= socket.is_readable() || socket.has_told_of_room();
        Ok(())
    }

    fn read(&mut self, stream: &mut Stream, block: &mut [u8]) -> io::Result<usize> {
        let world = &mut *self.0.borrow_mut();
        if world.dice.one_in(20) {
            return Err(Errno::INTR.into());
        }
        let socket = &mut world.sockets[stream.id];
        if socket.reset {
            return Err(Errno::CONNRESET.into());
        }
        let read = block.len().min(socket.inbox.len());
        if read == 0 && !socket.finished {
            return Err(Errno::AGAIN.into());
        }
        socket.saw_end = read == 0;
        world.progress = true;
        socket.inbox.read_exact(&mut block[..read])?;
        if socket.shut_at.is_some() {
            socket.read_since_shut += read;
        } else {
            socket.taken.extend_from_slice(&block[..read]);
        }
        Ok(read)
    }

    fn write(&mut self, stream: &mut Stream, bytes: &[u8]) -> io::Result<usize> {
        let world = &mut *self.0.borrow_mut();
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
        world.progress = true;
        Ok(written)
    }

    fn shut(&mut self, stream: &mut Stream) -> io::Result<()> {
        let world = &mut *self.0.borrow_mut();
        let socket = &mut world.sockets[stream.id];
        if socket.reset {
            return Err(Errno::NOTCONN.into());
        }
        socket.shut_at = Some(world.now);
        world.progress = true;
        Ok(())
    }
}
