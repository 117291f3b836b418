//! Answers from other threads: a waker for a conversation, and a response that is handed over.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::response_value::Response;
use super::status::Status;

/// Where a shell learns which of its conversations to go on with.
pub trait Wake: Send + Sync {
    /// Called from any thread. `id` is what the shell made the [`Waker`] with.
    fn wake(&self, id: u64);
}

/// Makes the event loop go on with a conversation. It can be cloned and sent to other threads; once
/// the conversation has ended it does nothing.
#[derive(Clone)]
pub struct Waker {
    id: u64,
    wake: Option<Arc<dyn Wake>>,
}

impl Waker {
    /// A waker that calls `wake` with `id`, which must not name another conversation later.
    #[must_use]
    pub fn new(id: u64, wake: Arc<dyn Wake>) -> Self {
        Self {
            id,
            wake: Some(wake),
        }
    }

    /// A waker that does nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self { id: 0, wake: None }
    }

    /// Asks the [`Source`](super::Source) of the conversation's response for more.
    pub fn wake(&self) {
        if let Some(wake) = &self.wake {
            wake.wake(self.id);
        }
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Waker")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Slot {
    Empty,
    Ready(Response),
    /// One of the two sides is gone.
    Closed,
}

/// The right to answer a request later, from any thread.
///
/// Dropped without an answer, it answers `500`: a peer is never left waiting.
#[derive(Debug)]
pub struct Completion {
    slot: Arc<Mutex<Slot>>,
    waker: Waker,
}

/// The conversation's side of a [`Completion`].
#[derive(Debug)]
pub(super) struct Awaited(Arc<Mutex<Slot>>);

/// A slot is whole whenever it is unlocked, so a panic elsewhere does not spoil it.
fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Completion {
    pub(super) fn new(waker: Waker) -> (Self, Awaited) {
        let slot = Arc::new(Mutex::new(Slot::Empty));
        let awaited = Awaited(Arc::clone(&slot));
        (Self { slot, waker }, awaited)
    }

    /// Answers the request. If the peer has left, the response is dropped.
    pub fn respond(self, response: Response) {
        self.put(response);
    }

    /// Has the peer left? Then nobody waits for the answer.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(*lock(&self.slot), Slot::Closed)
    }

    fn put(&self, response: Response) {
        let mut slot = lock(&self.slot);
        if let Slot::Empty = *slot {
            *slot = Slot::Ready(response);
            drop(slot);
            self.waker.wake();
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        if !matches!(*lock(&self.slot), Slot::Empty) {
            return;
        }
        let response = Response::text("The server has dropped this request.\n");
        self.put(response.with_status(Status::INTERNAL_SERVER_ERROR));
    }
}

impl Awaited {
    /// The response, if it is there.
    pub(super) fn take(&self) -> Option<Response> {
        let mut slot = lock(&self.0);
        match std::mem::replace(&mut *slot, Slot::Closed) {
            Slot::Ready(response) => Some(response),
            other => {
                *slot = other;
                None
            }
        }
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        *lock(&self.0) = Slot::Closed;
    }
}
