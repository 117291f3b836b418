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

    /// Wakes the worker for something else than a token.
    pub(super) fn wake_worker(&self) {
        (self.wake_worker)();
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, OnceLock, mpsc};

    use super::*;

    /// A worker that runs as soon as it is woken finds what it was woken for.
    #[test]
    fn a_worker_is_woken_after_its_token_is_there() {
        let place: Arc<OnceLock<Arc<Mailbox>>> = Arc::default();
        let (sender, taken) = mpsc::channel();
        let worker = {
            let place = Arc::clone(&place);
            move || sender.send(place.get().unwrap().take()).unwrap()
        };
        let mailbox = Arc::new(Mailbox::new(Box::new(worker)));
        place.set(Arc::clone(&mailbox)).ok().unwrap();
        for id in 1..4 {
            mailbox.wake(id);
            assert_eq!(taken.try_recv(), Ok(vec![id]));
        }
    }

    #[test]
    fn each_token_arrives_and_the_first_one_wakes() {
        let (sender, woken) = mpsc::channel();
        let mailbox = Mailbox::new(Box::new(move || sender.send(()).unwrap()));
        (1..4).for_each(|id| mailbox.wake(id));
        assert_eq!(
            (mailbox.take(), woken.try_iter().count()),
            (vec![1, 2, 3], 1)
        );
        mailbox.wake(4);
        assert_eq!((mailbox.take(), woken.try_iter().count()), (vec![4], 1));
        assert!(mailbox.take().is_empty());
    }
}
