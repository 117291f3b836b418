//! Connections that no event will wake.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// By index.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// To be read again without an event.
    pub(super) read_again: VecDeque<usize>,
    /// To be given requests.
    pub(super) ready: VecDeque<usize>,
    /// To connect again, from this time on: all wait equally long.
    pub(super) reconnecting: VecDeque<(u64, usize)>,
    /// With `-q`: may send again from this time on.
    pub(super) paced: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Queues {
    pub(super) fn clear(&mut self) {
        self.read_again.clear();
        self.ready.clear();
        self.reconnecting.clear();
        self.paced.clear();
    }

    /// When the first of them is to be handled, if there is any. 0 means at once.
    pub(super) fn due(&self) -> Option<u64> {
        if !self.read_again.is_empty() || !self.ready.is_empty() {
            return Some(0);
        }
        let reconnect = self.reconnecting.front().map(|(time, _)| *time);
        let paced = self.paced.peek().map(|Reverse((time, _))| *time);
        [reconnect, paced].into_iter().flatten().min()
    }

    /// Takes one whose time to connect again has come.
    pub(super) fn reconnect(&mut self, now: u64) -> Option<usize> {
        let (time, index) = *self.reconnecting.front()?;
        (time <= now).then(|| {
            self.reconnecting.pop_front();
            index
        })
    }

    /// Takes one that may send again.
    pub(super) fn resume(&mut self, now: u64) -> Option<usize> {
        let Reverse((time, index)) = *self.paced.peek()?;
        (time <= now).then(|| {
            self.paced.pop();
            index
        })
    }
}
