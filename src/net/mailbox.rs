//! Wake-ups of conversations, from any thread to the worker that has them.

use std::sync::{Mutex, PoisonError};

use crate::http::Wake;

/// The conversations of a worker that other threads want to go on.
pub(crate) struct Mailbox {
    tokens: Mutex<Vec<u64>>,
    wake_worker: Box<dyn Fn() + Send + Sync>,
}

impl Mailbox {
    pub(crate) fn new(wake_worker: Box<dyn Fn() + Send + Sync>) -> Self {
        Self {
            tokens: Mutex::new(Vec::new()),
            wake_worker,
        }
    }

    /// Takes the tokens out. What arrives from here on wakes the worker again.
    pub(crate) fn take(&self) -> Vec<u64> {
        std::mem::take(&mut *self.tokens.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Wake for Mailbox {
    fn wake(&self, id: u64) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = tokens.is_empty();
        tokens.push(id);
        drop(tokens);
        if is_first {
            (self.wake_worker)();
        }
    }
}
