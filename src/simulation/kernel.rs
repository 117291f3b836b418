//! The kernel through which a worker sees the world.
//!
//! It keeps to what Linux promises of edge-triggered epoll, and to no more: an event for each
//! arrival, for room that comes after a write found none, and for what is ready when a socket is
//! watched (again); none for what was there before.

use std::cell::RefCell;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use super::oracle;
use super::peers::Reading;
use super::world::{UNIX_SECONDS, World};
use crate::net::kernel::{Event, Kernel as KernelTrait, Now, Token};
use crate::net::listener::ListenerId;

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
        let is_unfinished = world.backend.conversation(self.id).is_unfinished();
        let socket = &mut world.sockets[self.id];
        socket.was_unfinished = is_unfinished;
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

    fn now(&mut self) -> Now {
        Now {
            millis: self.world.borrow().now,
            micros: self.micros(),
            unix_seconds: UNIX_SECONDS,
        }
    }

    fn micros(&self) -> u64 {
        1000 * self.world.borrow().now
    }

    fn cpu_nanos(&self) -> u64 {
        0
    }

    fn accept(&mut self, listener: ListenerId) -> io::Result<Stream> {
        let world = &mut *self.world.borrow_mut();
        if world.dice.one_in(20) {
            return Err((*world
                .dice
                .pick(&[Errno::INTR, Errno::CONNABORTED, Errno::PROTO]))
            .into());
        }
        let listener = usize::from(listener);
        if world.workers[self.worker].listeners[listener]
            .queue
            .is_empty()
        {
            return Err(Errno::AGAIN.into());
        }
        let open = world.open();
        if open >= world.limit || open >= world.descriptors {
            world.full_at = Some(world.now);
        }
        if open >= world.descriptors {
            return Err((*world
                .dice
                .pick(&[Errno::MFILE, Errno::NFILE, Errno::NOBUFS]))
            .into());
        }
        let id = world.workers[self.worker].listeners[listener]
            .queue
            .pop_front();
        let id = id.unwrap_or_default();
        world.sockets[id].accepted_at = Some(world.now);
        let open = world.open_at(self.worker);
        let own = &mut world.workers[self.worker];
        own.progress = true;
        own.accepted += 1;
        own.most_open = own.most_open.max(open);
        Ok(Stream {
            id,
            world: Rc::clone(&self.world),
        })
    }

    fn close_listener(&mut self, listener: ListenerId) {
        let world = &mut *self.world.borrow_mut();
        world.close_listener(self.worker, usize::from(listener));
    }

    fn watch(&mut self, stream: &mut Stream, token: Token) -> io::Result<()> {
        let world = &mut *self.world.borrow_mut();
        let socket = &mut world.sockets[stream.id];
        socket.worker = self.worker;
        socket.is_moving = false;
        socket.watched = Some(token);
        socket.has_event |= socket.is_readable();
        let open = world.open_at(self.worker);
        let own = &mut world.workers[self.worker];
        own.most_open = own.most_open.max(open);
        own.progress = true;
        Ok(())
    }

    fn unwatch(&mut self, stream: &mut Stream) -> io::Result<()> {
        let world = &mut *self.world.borrow_mut();
        let socket = &mut world.sockets[stream.id];
        socket.is_moving = true;
        socket.has_event = false;
        world.moved += 1;
        world.workers[self.worker]
            .stale
            .extend(socket.watched.take());
        Ok(())
    }

    fn watch_room(&mut self, stream: &mut Stream, token: Token) -> io::Result<()> {
        let socket = &mut self.world.borrow_mut().sockets[stream.id];
        socket.watched = Some(token);
        socket.is_watched_for_room = true;
        socket.has_event |= socket.is_readable() || socket.reports_room();
        Ok(())
    }

    fn read(&mut self, stream: &mut Stream, block: &mut [u8]) -> io::Result<usize> {
        let world = &mut *self.world.borrow_mut();
        world.interleave();
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
        socket.reads_in_turn += 1;
        let own = &mut world.workers[self.worker];
        own.progress = true;
        own.bytes_in += read;
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
        world.interleave();
        if world.dice.one_in(20) {
            return Err(Errno::INTR.into());
        }
        let now = world.now;
        let is_draining = world.workers[self.worker].drain.is_some();
        let socket = &mut world.sockets[stream.id];
        if socket.owed_since.is_none() && memchr::memmem::find(bytes, b"HTTP/1.1 ").is_some() {
            socket.ends_in_drain |= is_draining;
            socket.unread_at_response = socket.inbox.len();
            socket.taken_at_response = socket.taken.len();
        }
        if socket.shut_at.is_some() {
            world.report("something was written after the closing answer");
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
        socket.is_held = false;
        let begun = socket.note_written(&bytes[..written]);
        if begun > 0 {
            world.backend.begin(stream.id, begun);
        }
        socket.last_written_at = now;
        if socket.reading != Reading::Steady {
            socket.next_act = socket.next_act.min(now + world.dice.below(50) as u64);
        }
        let own = &mut world.workers[self.worker];
        own.progress = true;
        own.bytes_out += written;
        Ok(written)
    }

    fn write_last(&mut self, stream: &mut Stream, bytes: &[u8]) -> io::Result<usize> {
        let written = self.write(stream, bytes)?;
        self.world.borrow_mut().sockets[stream.id].is_held = true;
        Ok(written)
    }

    fn abort(&mut self, stream: &mut Stream) -> io::Result<()> {
        let world = &mut *self.world.borrow_mut();
        let socket = &mut world.sockets[stream.id];
        socket.was_aborted = true;
        if socket.is_held {
            world.report("a reset destroys what was written before it");
        }
        Ok(())
    }

    /// The port says to a handler which socket it is.
    fn addresses(stream: &Stream) -> (Option<SocketAddr>, Option<SocketAddr>) {
        let port = u16::try_from(stream.id).expect("there are fewer sockets");
        (Some(SocketAddr::from(([10, 0, 0, 1], port))), None)
    }

    fn shut(&mut self, stream: &mut Stream) -> io::Result<()> {
        let world = &mut *self.world.borrow_mut();
        let socket = &mut world.sockets[stream.id];
        if socket.reset {
            return Err(Errno::NOTCONN.into());
        }
        socket.shut_at = Some(world.now);
        socket.is_held = false;
        world.workers[self.worker].progress = true;
        Ok(())
    }
}
