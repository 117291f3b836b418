//! Accepting connections: how many in a turn, within which limit, and what happens when room,
//! descriptors or memory run out.

use std::io;

use super::connection::{Connection, Standing};
use super::connection_limit::LongestIdle;
use super::deadlines::Timeout;
use super::event::ConnectionEvent;
use super::kernel::{Accepted, Kernel, accepted};
use super::listener::{AcceptState, ListenerId};
use super::notice::Notice;
use super::stats::CloseReason;
use super::worker::Worker;
use crate::http::{Handler, Overload};

/// How many connections each listener's share of a turn is: then the open ones have their turn.
const ACCEPTS_PER_TURN_MAX: usize = 64;

/// How long accepting rests when room, descriptors or memory have run out.
const BACKOFF_MS: u64 = 100;

/// How many connections over the limit are answered 503 at a time; the others wait at the listener.
pub(crate) const REJECTED_MAX: usize = 8;

/// How many idle connections are tried when one is to be evicted: each may just have become busy.
const EVICTIONS_TRIED_MAX: usize = 8;

impl<K: Kernel, H: Handler> Worker<K, H> {
    /// Accepts the connections that wait at each listener, up to a turn's worth.
    pub(super) fn accept(&mut self) {
        let is_last = self.accepts_last();
        for id in 0..self.listeners.len() {
            let Some(listener) = self.listeners.get_mut(id) else {
                return;
            };
            if is_last {
                listener.expect_unreported();
            }
            if !listener.is_due(self.now.millis) {
                continue;
            }
            listener.accepting = AcceptState::Pending;
            let was_notified = listener.was_notified;
            let accepting = self.accept_from(id as ListenerId, was_notified);
            if let Some(listener) = self.listeners.get_mut(id) {
                listener.accepting = accepting;
                listener.was_notified &= accepting != AcceptState::Idle;
            }
            // To close it with connections in its queue would reset them.
            if is_last && accepting == AcceptState::Idle {
                self.close_listener(id as ListenerId);
            }
        }
    }

    fn accept_from(&mut self, listener: ListenerId, was_notified: bool) -> AcceptState {
        // The kernel takes a descriptor before it looks whether a connection waits: a lack of them
        // does not prove that one waits, but an event does.
        let mut may_evict = was_notified;
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            if self.rejected >= REJECTED_MAX && self.limit.is_full() {
                self.publish_idle();
                if !self.limit.has_idle() {
                    return self.backoff();
                }
            }
            if let Err(error) = self.reserve() {
                self.limit.notify_once(&Notice::AcceptFailed { error });
                return self.backoff();
            }
            match accepted(self.kernel.accept(listener)) {
                Accepted::Stream(stream) => self.admit(stream, listener),
                Accepted::Aborted => {}
                Accepted::WouldBlock => return AcceptState::Idle,
                Accepted::Exhausted(error) => {
                    self.limit.notify_once(&Notice::AcceptFailed { error });
                    // An idle connection may make room, but not one that has only just come, and
                    // only one: another process may be what uses up the descriptors.
                    let longest = self.deadlines.longest(Timeout::Idle);
                    let is_older = longest.is_some_and(|(_, since)| since < self.now.millis);
                    if !(may_evict && is_older && self.evict_longest_idle()) {
                        return self.backoff();
                    }
                    may_evict = false;
                }
            }
        }
        AcceptState::Pending
    }

    fn backoff(&self) -> AcceptState {
        AcceptState::Backoff {
            until: self.now.millis + BACKOFF_MS,
        }
    }

    /// Makes room in the tables for one more connection: a later allocation that fails would abort
    /// the process.
    pub(super) fn reserve(&mut self) -> io::Result<()> {
        let reserved = self.connections.try_reserve().and_then(|places| {
            self.deadlines.try_reserve(places)?;
            self.ready
                .try_reserve(places.saturating_sub(self.ready.len()))
        });
        reserved.map_err(|_| io::ErrorKind::OutOfMemory.into())
    }

    fn admit(&mut self, stream: K::Stream, listener: ListenerId) {
        let is_full = self.limit.is_full();
        if is_full {
            self.publish_idle();
        }
        let has_room = !is_full
            || match self.limit.make_room(self.number) {
                LongestIdle::Local => self.evict_longest_idle(),
                LongestIdle::Remote => true,
                LongestIdle::None => false,
            };
        let mut connection = Connection::new(stream, listener);
        if !has_room {
            connection.standing = Standing::Rejected;
        }
        if has_room {
            self.limit.acquire();
        } else {
            self.rejected += 1;
        }
        self.stats.accepted += 1;
        let index = self.connections.insert(connection);
        let token = self.connections.token(index);
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        if let Some(hook) = &self.event_hook {
            hook(&ConnectionEvent::Opened {
                worker: self.number,
                connection: token.0 as u64,
                peer: K::addresses(connection.stream()).0,
            });
        }
        if self.kernel.watch(connection.stream(), token).is_err() {
            // The kernel has no memory to watch it: there would never be an event.
            return self.close(index, CloseReason::Failed);
        }
        self.deadlines.start(index, Timeout::Idle, self.now.millis);
        if !has_room {
            let limit = self.limit.max();
            self.limit.notify_once(&Notice::ConnectionLimit { limit });
            self.overload(index, Overload::Connections);
        }
    }

    /// Closes the connection that has been idle longest. Returns whether there was one.
    pub(super) fn evict_longest_idle(&mut self) -> bool {
        for _ in 0..EVICTIONS_TRIED_MAX {
            let Some((index, _)) = self.deadlines.longest(Timeout::Idle) else {
                return false;
            };
            let token = self.connections.token(index);
            if self.still_waits(index, Timeout::Idle) {
                self.overload(index, Overload::Eviction);
                return true;
            }
            if self.connections.find(token).is_none() {
                return true;
            }
        }
        false
    }
}
