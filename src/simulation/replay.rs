//! What the core alone answers: without a kernel, and with handlers that never wait.

use std::panic::{self, AssertUnwindSafe};

use memchr::memmem;

use super::backend::Backend;
use super::handler::Scripted;
use super::world::UNIX_SECONDS;
use crate::http::{Limits, Output, Overload, Session, Shared, UnknownPeer, Wants};

/// A conversation of the core alone.
pub(super) struct Replay {
    shared: Shared<Scripted>,
    backend: Backend,
    pub(super) session: Session,
    /// All that it has answered, without the framing of chunks.
    pub(super) said: Vec<u8>,
}

impl Replay {
    fn new() -> Self {
        let handler = Scripted::default();
        Self {
            backend: handler.backend.clone(),
            shared: Shared::new(handler, Limits::default(), UNIX_SECONDS),
            session: Session::default(),
            said: Vec::new(),
        }
    }

    /// Answers what a server has `taken` from a peer.
    pub(super) fn of(taken: &[u8], draining: bool) -> Self {
        Self::of_two(taken, taken.len(), draining)
    }

    /// The same; what is behind the first `known` bytes comes later.
    pub(super) fn of_two(taken: &[u8], mut known: usize, draining: bool) -> Self {
        let mut replay = Self::new();
        replay.session.set_draining(draining);
        let mut said = Vec::new();
        let mut out = Output::new();
        let mut consumed = 0;
        loop {
            out.clear();
            let (session, shared) = (&mut replay.session, &replay.shared);
            let advance =
                || session.advance(&taken[consumed..known], &UnknownPeer, shared, &mut out);
            let step = panic::catch_unwind(AssertUnwindSafe(advance));
            let step = step
                .unwrap_or_else(|_| replay.session.handle_panic(&UnknownPeer, shared, &mut out));
            said.extend_from_slice(out.bytes());
            consumed += step.consumed;
            let goes_on = match step.wants {
                Wants::Room => true,
                Wants::Wakeup | Wants::InputOrWakeup => replay.wake(),
                Wants::Input | Wants::Close(_) => false,
            };
            if !goes_on && (known == taken.len() || replay.session.reason().is_some()) {
                replay.said = without_chunks(&said);
                return replay;
            }
            if !goes_on {
                known = taken.len();
            }
        }
    }

    /// Ends a wait at once. `false`: only more input does.
    fn wake(&mut self) -> bool {
        if self.session.take_delay().is_some() {
            self.session.set_timer(1);
            return self.session.fire(1);
        }
        let is_any = self.backend.run_all();
        self.session.wake();
        is_any
    }

    /// The last answer, if the present wait is too long.
    pub(super) fn timeout(&mut self) -> Vec<u8> {
        let mut out = Output::new();
        let _ = self
            .session
            .handle_timeout(&[], &UnknownPeer, &self.shared, &mut out);
        out.bytes().to_vec()
    }

    /// The last answer, if there is too little of something.
    pub(super) fn overload(&mut self, overload: Overload) -> Vec<u8> {
        let mut out = Output::new();
        let _ = self
            .session
            .handle_overload(overload, &[], &UnknownPeer, &self.shared, &mut out);
        out.bytes().to_vec()
    }

    /// The same, of a conversation that has not begun.
    pub(super) fn overload_at_once(overload: Overload) -> Vec<u8> {
        Self::new().overload(overload)
    }
}

/// Responses without the framing of the chunked coding, which depends on how much room there was. The
/// end of the content stays, as far as it is there.
pub(super) fn without_chunks(mut sent: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(sent.len());
    // No content of the simulation has such a field in it.
    while let Some(field) = memmem::find(sent, b"\r\nTransfer-Encoding: chunked\r\n")
        && let Some(end) = memmem::find(&sent[field..], b"\r\n\r\n")
    {
        let (head, rest) = sent.split_at(field + end + 4);
        kept.extend_from_slice(head);
        sent = rest;
        // Behind a response to HEAD the next one begins.
        while sent.first().is_some_and(u8::is_ascii_hexdigit) {
            let Some(line) = memmem::find(sent, b"\r\n") else {
                return kept;
            };
            let size = str::from_utf8(&sent[..line]).ok();
            let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
            let Some(size) = size else {
                break;
            };
            let data = &sent[line + 2..];
            if size == 0 {
                kept.extend_from_slice(b"0\r\n");
                sent = data;
                break;
            }
            kept.extend_from_slice(&data[..size.min(data.len())]);
            sent = data.get(size + 2..).unwrap_or_default();
        }
    }
    kept.extend_from_slice(sent);
    kept
}
