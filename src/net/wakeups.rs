//! What a worker does for its handlers: it ends their delays, goes on with what other threads have
//! woken, and outlives their panics.

use std::any::Any;
use std::io;
use std::panic::{self, AssertUnwindSafe};

use super::connection::Connection;
use super::kernel::{Kernel, Token};
use super::peer::PeerOf;
use super::slots::Index;
use super::worker::Worker;
use crate::http::{Handler, Session};

impl<K: Kernel, H: Handler> Worker<K, H> {
    /// As [`turn`](Self::turn); a handler that panics ends its connection, and the turn is taken again.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn turn_catching(&mut self) -> io::Result<()> {
        self.catch_panics(Self::turn)
    }

    /// Does `turns`, and again after each panic of a handler.
    pub(super) fn catch_panics(
        &mut self,
        turns: impl Fn(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        loop {
            // What a panic can leave half done is the connection that was served, which is closed.
            let attempt = AssertUnwindSafe(|| {
                self.serve_events();
                turns(self)
            });
            match panic::catch_unwind(attempt) {
                Ok(result) => return result,
                Err(cause) => self.handle_panic(cause),
            }
        }
    }

    /// Ends the connection whose handler has panicked. A panic of the loop's own goes on.
    #[cold]
    fn handle_panic(&mut self, cause: Box<dyn Any + Send>) {
        let Some(index) = self.serving.take() else {
            panic::resume_unwind(cause);
        };
        let token = self.connections.token(index);
        self.with_context(index, |connection, context| {
            connection.handle_panic(token, context)
        });
    }

    /// Goes on with the responses whose delay has ended.
    #[inline]
    pub(super) fn end_delays(&mut self) {
        while let Some((due, token)) = self.timers.pop_due(self.now.micros) {
            self.go_on(token, |session| session.fire(due));
        }
        if self.timers.is_crowded() {
            let connections = &mut self.connections;
            self.timers.clear_out(|due, token| {
                let index = connections.find(token);
                let connection = index.and_then(|index| connections.get_mut(index));
                connection.is_some_and(|connection| connection.session.has_timer(due))
            });
        }
    }

    /// Goes on with the conversations that other threads have woken.
    pub(super) fn read_mailbox(&mut self) {
        self.take_over();
        let mut ids = self.mailbox.take();
        // However often one was woken, it has one turn.
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            self.go_on(Token(id as usize), |session| {
                session.wake();
                true
            });
        }
    }

    /// Serves a connection without an event, if `wake` says so.
    #[cold]
    fn go_on(&mut self, token: Token, wake: impl FnOnce(&mut Session) -> bool) {
        let Some(index) = self.connections.find(token) else {
            return;
        };
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        if wake(&mut connection.session) && !connection.queued {
            self.serve_catching(index, token);
        }
    }

    /// As [`serve`](Self::serve), in the middle of something that a panic must not end: the wake-ups of
    /// other connections, or the stream of one that was just accepted, would be lost.
    pub(super) fn serve_catching(&mut self, index: Index, token: Token) {
        let turn = AssertUnwindSafe(|| self.serve(index, token));
        if let Err(cause) = panic::catch_unwind(turn) {
            self.handle_panic(cause);
        }
    }

    /// Tells the handler of a request whose response ends with its connection. It may panic.
    #[cold]
    pub(super) fn abandon(&self, connection: &Connection<K::Stream>, token: Token) {
        let Some(listener) = self.listeners.get(usize::from(connection.listener)) else {
            return;
        };
        let peer = PeerOf::<K> {
            stream: &connection.stream,
            token,
            mailbox: &self.mailbox,
        };
        let tell = AssertUnwindSafe(|| connection.session.abandon(&peer, &listener.shared));
        // There is nothing left to end.
        let _ = panic::catch_unwind(tell);
    }

    /// Drops a connection. What a handler has left there may panic.
    pub(super) fn drop_catching(connection: Connection<K::Stream>) {
        let end = AssertUnwindSafe(|| drop(connection));
        // There is nothing left to end.
        let _ = panic::catch_unwind(end);
    }
}
