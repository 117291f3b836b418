//! The other thread that handlers answer from, and what each conversation waits for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::http::{Completion, Exchange, Response, Waker};

/// What a conversation waits for before its present response goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Waits {
    /// There is no such response.
    #[default]
    Nothing,
    /// This millisecond.
    Until(u64),
    /// The other thread, or more content of the request.
    Elsewhere,
    /// It can go on at once.
    Ready,
}

/// A conversation, as its handler sees it.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, not a state"
)]
pub(super) struct Conversation {
    /// How many requests a handler has answered, or promised to, other than by the greeting.
    pub(super) calls: usize,
    /// How many of those responses were begun.
    pub(super) begun: usize,
    pub(super) waits: Waits,
    /// The content of the last of them comes from a source of the simulation.
    is_stream: bool,
    /// Content of the last request is passed on while it is answered.
    pub(super) is_exchanging: bool,
    /// A waker was used that it had no use for: a source may be asked early.
    had_stale_wake: bool,
    /// The last of them was an exchange, which began at this time.
    pub(super) exchanged_at: Option<u64>,
    pub(super) has_panicked: bool,
    /// A source was dropped before its end.
    pub(super) has_broken_off: bool,
}

impl Conversation {
    /// Is there a response that a handler has not finished, or could not finish?
    pub(super) fn is_unfinished(&self) -> bool {
        self.is_awaiting() || self.has_broken_off
    }

    /// Is there a response that a handler has not finished?
    pub(super) fn is_awaiting(&self) -> bool {
        self.waits != Waits::Nothing
    }
}

/// Something that another thread does at its time.
pub(super) enum Task {
    Respond(Completion, Response),
    /// Drops it without an answer.
    Drop(Completion),
    Wake(Waker),
}

struct Job {
    /// Whose response it is, unless this is a replay: the socket, and the number of the call.
    call: Option<Call>,
    due: u64,
    task: Task,
}

/// A call of a handler: its socket, and its number there.
pub(super) type Call = (usize, usize);

#[derive(Default)]
struct State {
    now: u64,
    jobs: Vec<Job>,
    conversations: Vec<Conversation>,
    /// How many responses an observer was told of, whole or not.
    told: u64,
    fault: Option<String>,
}

impl State {
    fn conversation(&mut self, socket: usize) -> &mut Conversation {
        if self.conversations.len() <= socket {
            self.conversations.resize_with(socket + 1, Default::default);
        }
        &mut self.conversations[socket]
    }

    /// The conversation of a call, if that is its last one.
    fn current(&mut self, call: Option<Call>) -> Option<&mut Conversation> {
        let (socket, number) = call?;
        let conversation = self.conversation(socket);
        (conversation.calls == number).then_some(conversation)
    }
}

/// What the handlers of all workers share. Without a socket nothing is checked: a replay.
#[derive(Clone, Default)]
pub(super) struct Backend(Arc<Mutex<State>>);

impl Backend {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_now(&self, now: u64) {
        self.state().now = now;
    }

    pub(super) fn now(&self) -> u64 {
        self.state().now
    }

    /// An observer is told of a request.
    pub(super) fn note_exchange_end(&self, exchange: &Exchange<'_>) {
        self.state().told += u64::from(exchange.status.is_some());
        let is_odd = exchange.status.is_none()
            && (exchange.is_complete || exchange.content_bytes > 0)
            || exchange.reject.is_some() && !exchange.is_complete
            || exchange.request.is_some() && exchange.request_line.is_empty();
        if is_odd {
            self.report(format!("an observer is told {exchange:?}"));
        }
    }

    pub(super) fn told(&self) -> u64 {
        self.state().told
    }

    pub(super) fn report(&self, fault: impl Into<String>) {
        self.state().fault.get_or_insert(fault.into());
    }

    pub(super) fn take_fault(&self) -> Option<String> {
        self.state().fault.take()
    }

    pub(super) fn conversation(&self, socket: usize) -> Conversation {
        self.state().conversation(socket).clone()
    }

    /// A handler is called: the response before has to be finished.
    pub(super) fn call(&self, socket: Option<usize>, waits: Waits) -> Option<Call> {
        let socket = socket?;
        let mut state = self.state();
        let conversation = state.conversation(socket);
        let before = conversation.waits;
        conversation.calls += 1;
        conversation.waits = waits;
        conversation.is_stream = false;
        conversation.exchanged_at = None;
        let call = (socket, conversation.calls);
        drop(state);
        if before != Waits::Nothing {
            self.report(format!(
                "peer {socket} waits for {before:?}, and its next request is handled"
            ));
        }
        Some(call)
    }

    pub(super) fn note_stream(&self, call: Option<Call>) {
        if let Some(conversation) = self.state().current(call) {
            conversation.is_stream = true;
        }
    }

    pub(super) fn note_exchange(&self, call: Option<Call>) {
        let mut state = self.state();
        let now = state.now;
        if let Some(conversation) = state.current(call) {
            conversation.is_exchanging = true;
            conversation.exchanged_at = Some(now);
        }
    }

    pub(super) fn note_panic(&self, socket: Option<usize>) {
        if let Some(socket) = socket {
            self.state().conversation(socket).has_panicked = true;
        }
    }

    pub(super) fn set_waits(&self, call: Option<Call>, waits: Waits) {
        if let Some(conversation) = self.state().current(call) {
            conversation.waits = waits;
        }
    }

    pub(super) fn waits(&self, call: Option<Call>) -> Option<Waits> {
        Some(self.state().current(call)?.waits)
    }

    /// A source is asked for the first time: what its response waited for has to be over.
    pub(super) fn begin_stream(&self, call: Option<Call>) {
        let mut state = self.state();
        let now = state.now;
        let waits = state.current(call).map(|it| it.waits);
        if let Some(waits) = waits
            && !is_over(waits, now)
        {
            let fault = format!("{call:?} waits for {waits:?}, and its source is asked at {now}");
            state.fault.get_or_insert(fault);
        }
    }

    /// A source is asked before its time.
    pub(super) fn asked_early(&self, call: Option<Call>) {
        let mut state = self.state();
        let has_reason = state.current(call).is_none_or(|it| it.had_stale_wake);
        if !has_reason {
            let fault = format!("the source of {call:?} is asked early");
            state.fault.get_or_insert(fault);
        }
    }

    /// A source was dropped. `is_finished`: `None` if it was never asked; that of a response to HEAD is
    /// dropped before its head is sent.
    pub(super) fn end_stream(&self, call: Option<Call>, is_finished: Option<bool>) {
        if let Some(conversation) = self.state().current(call) {
            conversation.waits = Waits::Nothing;
            let is_begun = conversation.begun >= conversation.calls;
            conversation.has_broken_off |= !is_finished.unwrap_or(!is_begun);
        }
    }

    /// Content was passed on to a source, or has ended.
    pub(super) fn pass_on(&self, call: Option<Call>, has_ended: bool) {
        if let Some(conversation) = self.state().current(call) {
            conversation.is_exchanging &= !has_ended;
            if conversation.waits == Waits::Elsewhere {
                conversation.waits = Waits::Ready;
            }
        }
    }

    /// So many more responses of the handlers were begun, as their peer sees it.
    pub(super) fn begin(&self, socket: usize, count: usize) {
        let mut state = self.state();
        let now = state.now;
        let conversation = state.conversation(socket);
        conversation.begun += count;
        if conversation.begun < conversation.calls || conversation.is_stream {
            return;
        }
        let waits = std::mem::take(&mut conversation.waits);
        if !is_over(waits, now) {
            let fault = format!("peer {socket} waits for {waits:?}, and is answered at {now}");
            state.fault.get_or_insert(fault);
        }
    }

    /// Has another thread do this in `millis` milliseconds.
    pub(super) fn schedule(&self, call: Option<Call>, millis: u64, task: Task) {
        let mut state = self.state();
        let due = state.now + millis;
        state.jobs.push(Job { call, due, task });
    }

    pub(super) fn next_due(&self) -> Option<u64> {
        self.state().jobs.iter().map(|job| job.due).min()
    }

    /// Does one thing that is due. `false`: there is none.
    pub(super) fn run_due(&self) -> bool {
        let mut state = self.state();
        let now = state.now;
        let Some(place) = state.jobs.iter().position(|job| job.due <= now) else {
            return false;
        };
        let job = state.jobs.remove(place);
        drop(state);
        self.run(job);
        true
    }

    /// Does all there is to do, whenever it is due. `false`: there is nothing.
    pub(super) fn run_all(&self) -> bool {
        let mut jobs = std::mem::take(&mut self.state().jobs);
        jobs.sort_by_key(|job| job.due);
        let is_any = !jobs.is_empty();
        for job in jobs {
            self.run(job);
        }
        is_any
    }

    fn run(&self, job: Job) {
        let Job { call, task, .. } = job;
        if let Some((socket, _)) = call {
            let mut state = self.state();
            let conversation = state.current(call);
            match conversation {
                Some(conversation) if conversation.waits == Waits::Elsewhere => {
                    conversation.waits = Waits::Ready;
                }
                _ => state.conversation(socket).had_stale_wake = true,
            }
        }
        match task {
            Task::Respond(completion, response) => completion.respond(response),
            Task::Drop(completion) => drop(completion),
            Task::Wake(waker) => waker.wake(),
        }
    }

    /// The sockets of the responses that the other thread has not given yet, and whether their
    /// completions are cancelled.
    pub(super) fn completions(&self) -> Vec<(usize, bool)> {
        let state = self.state();
        let jobs = state.jobs.iter().filter_map(|job| match &job.task {
            Task::Respond(completion, _) | Task::Drop(completion) => {
                Some((job.call?.0, completion.is_cancelled()))
            }
            Task::Wake(_) => None,
        });
        jobs.collect()
    }
}

fn is_over(waits: Waits, now: u64) -> bool {
    match waits {
        Waits::Nothing | Waits::Ready => true,
        Waits::Until(time) => now >= time,
        Waits::Elsewhere => false,
    }
}
