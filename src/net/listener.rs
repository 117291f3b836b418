//! What a worker knows of one of its listeners: whether a connection may wait there, and what the
//! conversations of its connections share.

use crate::http::Shared;

/// Which of its worker's listeners a connection came from: its index.
pub(crate) type ListenerId = u8;

/// How many listeners a worker can have.
pub(crate) const LISTENERS_MAX: usize = ListenerId::MAX as usize + 1;

/// Whether a connection may wait at a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AcceptState {
    /// None waits: there will be an event.
    Idle,
    /// One may wait, without an event to come for it.
    Pending,
    /// None can be accepted before this time, or before a connection is closed.
    Backoff { until: u64 },
    /// It was closed: the server drains.
    Closed,
}

/// A listener of a worker, without its socket.
pub(super) struct ListenerState<H> {
    /// Its own handler, and the worker's blocks.
    pub(super) shared: Shared<H>,
    pub(super) accepting: AcceptState,
    /// There was an event since no connection waited.
    pub(super) was_notified: bool,
}

impl<H> ListenerState<H> {
    pub(super) fn new(shared: Shared<H>) -> Self {
        Self {
            shared,
            // A connection that came before the listener was watched brings no event.
            accepting: AcceptState::Pending,
            was_notified: false,
        }
    }

    pub(super) fn on_event(&mut self) {
        self.was_notified = true;
        self.expect_unreported();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.accepting == AcceptState::Closed
    }

    /// A connection may wait of which no event has told yet.
    pub(super) fn expect_unreported(&mut self) {
        if self.accepting == AcceptState::Idle {
            self.accepting = AcceptState::Pending;
        }
    }

    /// A connection was closed: there may be room for another one.
    pub(super) fn on_close(&mut self) {
        if let AcceptState::Backoff { .. } = self.accepting {
            self.accepting = AcceptState::Pending;
        }
    }

    /// Whether it is time to accept.
    pub(super) fn is_due(&self, now: u64) -> bool {
        match self.accepting {
            AcceptState::Idle | AcceptState::Closed => false,
            AcceptState::Backoff { until } => now >= until,
            AcceptState::Pending => true,
        }
    }

    /// When to accept without an event. `None`: not before there is one.
    pub(super) fn retry_at(&self) -> Option<u64> {
        match self.accepting {
            AcceptState::Idle | AcceptState::Closed => None,
            AcceptState::Backoff { until } => Some(until),
            AcceptState::Pending => Some(0),
        }
    }
}
