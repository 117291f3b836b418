//! A connection, seen from outside: what its peer does, what is under way, and what was seen of it.

use std::collections::VecDeque;

use memchr::memmem;

use super::dice::Dice;
use super::handler::MARK;
use super::peers::{Act, Reading, Script};
use crate::net::kernel::Token;

/// Both ends of a connection, seen from outside.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, not a state"
)]
pub(super) struct Socket {
    /// The worker that it connects to, and at which of its listeners.
    pub(super) worker: usize,
    pub(super) listener: usize,
    pub(super) acts: VecDeque<Act>,
    /// Of the bytes of the first act.
    pub(super) sent: usize,
    pub(super) next_act: u64,
    /// It may read before that, but does nothing else.
    pub(super) paused_until: u64,
    pub(super) reading: Reading,
    pub(super) window: usize,
    /// In the window, not yet read by the peer.
    pub(super) unread: usize,

    pub(super) inbox: VecDeque<u8>,
    /// So many bytes of the inbox come before urgent data.
    pub(super) mark: Option<usize>,
    pub(super) finished: bool,
    pub(super) reset: bool,
    /// It is on its way to another worker.
    pub(super) is_moving: bool,
    pub(super) watched: Option<Token>,
    pub(super) is_watched_for_room: bool,
    pub(super) has_event: bool,
    /// The last write found no room for all it had, and there was none since.
    pub(super) is_blocked: bool,
    /// Since when the server has had bytes that the peer did not take.
    pub(super) owed_since: Option<u64>,

    /// All that the server has read, and written.
    pub(super) taken: Vec<u8>,
    pub(super) written: Vec<u8>,
    pub(super) written_in_turn: Vec<u8>,
    pub(super) reads_in_turn: usize,
    pub(super) saw_end: bool,
    /// Its worker has read from it, or begun a response, since it drains.
    pub(super) ends_in_drain: bool,
    /// How much the server had read when the last response was begun.
    pub(super) taken_at_response: usize,
    /// Up to here responses of the handlers were counted.
    pub(super) counted: usize,
    /// It was closed with a reset.
    pub(super) was_aborted: bool,
    /// It was closed while a handler had not finished its response.
    pub(super) was_unfinished: bool,
    /// What it had sent, and was not read, when its last response was begun.
    pub(super) unread_at_response: usize,
    /// It was closed as it stood.
    pub(super) was_cut: bool,
    /// The last write was said to be the last one: the peer may not see it before the end of the stream.
    pub(super) is_held: bool,
    pub(super) shut_at: Option<u64>,
    pub(super) read_since_shut: usize,
    pub(super) last_written_at: u64,
    pub(super) accepted_at: Option<u64>,
    pub(super) closed_at: Option<u64>,
}

impl Socket {
    pub(super) fn new(script: Script, worker: usize, listener: usize) -> Self {
        Self {
            worker,
            listener,
            acts: script.acts.into(),
            sent: 0,
            next_act: script.connects_at,
            paused_until: 0,
            reading: script.reading,
            window: script.window,
            unread: 0,
            inbox: VecDeque::new(),
            mark: None,
            finished: false,
            reset: false,
            is_moving: false,
            watched: None,
            is_watched_for_room: false,
            has_event: false,
            is_blocked: false,
            owed_since: None,
            taken: Vec::new(),
            written: Vec::new(),
            written_in_turn: Vec::new(),
            reads_in_turn: 0,
            saw_end: false,
            ends_in_drain: false,
            taken_at_response: 0,
            counted: 0,
            was_aborted: false,
            was_unfinished: false,
            unread_at_response: 0,
            was_cut: false,
            is_held: false,
            shut_at: None,
            read_since_shut: 0,
            last_written_at: 0,
            accepted_at: None,
            closed_at: None,
        }
    }

    /// Notes what the server wrote, and returns how many responses of the handlers begin in it.
    pub(super) fn note_written(&mut self, bytes: &[u8]) -> usize {
        self.unread += bytes.len();
        self.written.extend_from_slice(bytes);
        self.written_in_turn.extend_from_slice(bytes);
        let mut count = 0;
        // A completion that was dropped answers 500.
        for mark in [MARK, "HTTP/1.1 500 "] {
            let start = self.counted.saturating_sub(mark.len() - 1);
            count += memmem::find_iter(&self.written[start..], mark).count();
        }
        self.counted = self.written.len();
        count
    }

    pub(super) fn is_open(&self) -> bool {
        self.accepted_at.is_some() && self.closed_at.is_none()
    }

    /// Since when it is idle, if it is.
    pub(super) fn idle_since(&self) -> u64 {
        let accepted_at = self.accepted_at.unwrap_or_default();
        self.last_written_at.max(accepted_at)
    }

    pub(super) fn has_unread_bytes(&self) -> bool {
        !self.inbox.is_empty()
    }

    pub(super) fn is_readable(&self) -> bool {
        !self.inbox.is_empty() || self.reset || (self.finished && !self.saw_end)
    }

    /// How much a read of `room` bytes brings: one that begins before urgent data ends there.
    pub(super) fn take(&mut self, room: usize) -> usize {
        let until = match self.mark {
            Some(mark) if mark > 0 => mark,
            _ => usize::MAX,
        };
        let read = room.min(self.inbox.len()).min(until);
        if read > 0 {
            self.mark = self.mark.and_then(|mark| mark.checked_sub(read));
        }
        read
    }

    pub(super) fn room(&self) -> usize {
        self.window - self.unread
    }

    pub(super) fn has_ended(&self) -> bool {
        self.finished || self.reset
    }

    pub(super) fn has_event(&self) -> bool {
        self.has_event
    }

    pub(super) fn has_more_to_do(&self) -> bool {
        !self.acts.is_empty()
            || (self.unread > 0 && self.reading != Reading::Never && !self.reset)
            || (self.accepted_at.is_none() && self.closed_at.is_none() && !self.finished)
    }

    /// The peer reads. `true`: the server gets an event.
    pub(super) fn read(&mut self, dice: &mut Dice) -> bool {
        let read = match self.reading {
            Reading::Fast => self.unread,
            Reading::Slow => self.unread.min(dice.below(2_000)),
            Reading::Steady => self.unread.min(3_000),
            Reading::Never => 0,
        };
        self.unread -= read;
        let reports = read > 0 && self.is_blocked && self.reports_room();
        self.is_blocked &= !reports;
        reports && self.is_watched_for_room
    }

    /// Linux reports room when a third of the buffer is free.
    pub(super) fn reports_room(&self) -> bool {
        self.room() * 3 >= self.window
    }

    /// The peer does the next thing. `true`: the server gets an event.
    pub(super) fn act(&mut self, dice: &mut Dice, now: u64) -> bool {
        let Some(act) = self.acts.front_mut() else {
            return false;
        };
        if now < self.paused_until {
            return false;
        }
        let is_urgent = matches!(act, Act::SendUrgent(_));
        match act {
            Act::Send(bytes) | Act::SendUrgent(bytes) => {
                let segment = *dice.pick(&[1, 3, 40, 1_500, 20_000, 300_000]);
                let taken = (bytes.len() - self.sent).min(segment);
                self.inbox.extend(&bytes[self.sent..self.sent + taken]);
                self.sent += taken;
                if self.sent == bytes.len() {
                    if is_urgent && taken > 0 {
                        self.mark = Some(self.inbox.len() - 1);
                    }
                    self.sent = 0;
                    self.acts.pop_front();
                }
                taken > 0
            }
            Act::Pause(time) => {
                self.paused_until = now + *time;
                self.acts.pop_front();
                false
            }
            Act::Finish => {
                self.acts.clear();
                self.finished = true;
                true
            }
            Act::Reset => {
                self.acts.clear();
                self.inbox.clear();
                self.reset = true;
                true
            }
        }
    }
}
