//! The world: its clock, its network and its peers.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::backend::Backend;
use super::dice::Dice;
use super::peers::{Reading, Script};
use super::socket::Socket;
use crate::net::Phase;
use crate::net::kernel::{Event, Token};

/// The second in which the world begins and, as far as `Date` goes, ends.
pub(super) const UNIX_SECONDS: u64 = 1_795_485_600;

pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) now: u64,
    /// What its handlers share.
    pub(super) backend: Backend,
    pub(super) sockets: Vec<Socket>,
    pub(super) workers: Vec<WorkerWorld>,
    /// Connections that may be open before the descriptors run out.
    pub(super) descriptors: usize,
    /// The connection limit.
    pub(super) limit: usize,
    /// How many bytes a worker may hold between turns.
    pub(super) buffered_bytes: usize,
    /// When the limit or the descriptors last had no room for another connection.
    pub(super) full_at: Option<u64>,
    /// What the lifecycle is still to be moved on to, and when.
    pub(super) shutdown: VecDeque<(u64, Phase)>,
    /// How many connections were given to another worker.
    pub(super) moved: usize,
    pub(super) fault: Option<String>,
}

/// What belongs to one worker alone.
#[derive(Default)]
pub(super) struct WorkerWorld {
    pub(super) listeners: Vec<ListenerWorld>,
    /// Another worker has woken it.
    pub(super) woken: Arc<AtomicBool>,
    /// How many connections it has accepted, and what it has read and written.
    pub(super) accepted: usize,
    pub(super) bytes_in: usize,
    pub(super) bytes_out: usize,
    /// The most connections that it ever had at once.
    pub(super) most_open: usize,
    pub(super) stale: Vec<Token>,
    /// Something was read, written, accepted or closed, or time went by.
    pub(super) progress: bool,
    /// It drains, by these times.
    pub(super) drain: Option<DrainTimes>,
    /// The server has ended: it closes its connections as they stand.
    pub(super) is_cutting: bool,
    /// How many of them were in the middle of a request or a response.
    pub(super) cut: usize,
    /// It takes no more turns.
    pub(super) has_returned: bool,
    idle_turns: usize,
    last_turn_at: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct DrainTimes {
    pub(super) accept_until: u64,
    pub(super) until: u64,
}

/// A listener of one worker.
#[derive(Clone, Default)]
pub(super) struct ListenerWorld {
    /// The sockets that wait to be accepted.
    pub(super) queue: VecDeque<usize>,
    pub(super) is_closed: bool,
    has_event: bool,
}

/// No end, a drain, a stop, or one after the other.
fn any_shutdown(dice: &mut Dice) -> VecDeque<(u64, Phase)> {
    let at = dice.below(8_000) as u64;
    let accept_until = at + *dice.pick(&[0, 0, 0, 500, 3_000]);
    let until = accept_until + *dice.pick(&[0, 300, 2_000, 10_000, 60_000]);
    let drain = (
        at,
        Phase::Drain {
            accept_until,
            until,
        },
    );
    let stop = |dice: &mut Dice| (at + dice.below(5_000) as u64, Phase::Stop);
    match dice.below(12) {
        0..=3 => VecDeque::from([drain]),
        4 => VecDeque::from([drain, stop(dice)]),
        5 => VecDeque::from([stop(dice)]),
        _ => VecDeque::new(),
    }
}

/// What a world has little of; `usize::MAX` is plenty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) connections: usize,
    pub(super) descriptors: usize,
    pub(super) buffered_bytes: usize,
}

impl Bounds {
    pub(super) const NONE: Self = Self {
        connections: usize::MAX,
        descriptors: usize::MAX,
        buffered_bytes: usize::MAX,
    };

    fn any(dice: &mut Dice) -> Self {
        let mut bounds = Self::NONE;
        if dice.one_in(4) {
            bounds.descriptors = 1 + dice.below(4);
        }
        if dice.one_in(3) {
            bounds.connections = 1 + dice.below(6);
        }
        if dice.one_in(4) {
            bounds.buffered_bytes = *dice.pick(&[20_000, 40_000, 100_000]);
        }
        bounds
    }
}

impl WorkerWorld {
    fn new(listeners: usize) -> Self {
        Self {
            listeners: vec![ListenerWorld::default(); listeners],
            ..Self::default()
        }
    }

    /// Does a connection wait at one of its listeners?
    pub(super) fn has_queue(&self) -> bool {
        self.listeners.iter().any(|own| !own.queue.is_empty())
    }
}

impl World {
    pub(super) fn new(mut dice: Dice) -> Rc<RefCell<Self>> {
        let count = 1 + dice.below(12);
        let is_scripted = dice.one_in(2);
        let any = |_| Script::any(&mut dice, is_scripted);
        let scripts = (0..count).map(any).collect();
        let bounds = Bounds::any(&mut dice);
        let workers = *dice.pick(&[1, 1, 2, 3]);
        let listeners = *dice.pick(&[1, 1, 2]);
        let shutdown = any_shutdown(&mut dice);
        let world = Self::with(dice, scripts, bounds, workers, listeners);
        world.borrow_mut().shutdown = shutdown;
        world
    }

    pub(super) fn with(
        mut dice: Dice,
        scripts: Vec<Script>,
        bounds: Bounds,
        workers: usize,
        listeners: usize,
    ) -> Rc<RefCell<Self>> {
        let sockets = scripts
            .into_iter()
            .map(|script| Socket::new(script, dice.below(workers), dice.below(listeners)))
            .collect();
        Rc::new(RefCell::new(Self {
            dice,
            now: 0,
            backend: Backend::default(),
            workers: (0..workers).map(|_| WorkerWorld::new(listeners)).collect(),
            descriptors: bounds.descriptors,
            limit: bounds.connections,
            buffered_bytes: bounds.buffered_bytes,
            full_at: None,
            shutdown: VecDeque::new(),
            moved: 0,
            fault: None,
            sockets,
        }))
    }

    /// The socket that a token of a worker names.
    pub(super) fn socket(&self, worker: usize, token: Token) -> Option<&Socket> {
        let mut own = self.sockets.iter().filter(|socket| socket.worker == worker);
        own.find(|socket| socket.is_open() && socket.watched == Some(token))
    }

    pub(super) fn open(&self) -> usize {
        self.sockets
            .iter()
            .filter(|socket| socket.is_open())
            .count()
    }

    /// How many of them are a worker's.
    pub(super) fn open_at(&self, worker: usize) -> usize {
        let open =
            |socket: &&Socket| socket.is_open() && socket.worker == worker && !socket.is_moving;
        self.sockets.iter().filter(open).count()
    }

    pub(super) fn report(&mut self, fault: &str) {
        self.fault
            .get_or_insert(format!("at {} ms: {fault}", self.now));
    }

    pub(super) fn pass_time(&mut self, until: u64) {
        self.now = self.now.max(until);
        self.backend.set_now(self.now);
    }

    /// In the middle of a turn, another thread may answer.
    pub(super) fn interleave(&mut self) {
        if self.backend.next_due().is_some_and(|due| due <= self.now) && self.dice.one_in(2) {
            self.backend.run_due();
        }
    }

    /// When the next peer, or the other thread, does something.
    pub(super) fn next_act(&self) -> Option<u64> {
        let acts = self
            .sockets
            .iter()
            .filter(|s| s.closed_at.is_none() && s.has_more_to_do());
        acts.map(|socket| socket.next_act)
            .chain(self.backend.next_due())
            .min()
    }

    /// Lets every peer whose time has come do one thing, and the other thread a few.
    pub(super) fn act(&mut self) {
        while self.backend.next_due().is_some_and(|due| due <= self.now) && !self.dice.one_in(3) {
            self.backend.run_due();
        }
        for id in 0..self.sockets.len() {
            let socket = &mut self.sockets[id];
            if socket.next_act > self.now || socket.closed_at.is_some() || !socket.has_more_to_do()
            {
                continue;
            }
            let is_steady = socket.reading == Reading::Steady && socket.acts.is_empty();
            let pause = if is_steady {
                1_000
            } else {
                self.dice.below(3) as u64
            };
            socket.next_act = self.now + pause;
            if socket.accepted_at.is_none() {
                self.find_listener(id);
            }
            let socket = &mut self.sockets[id];
            if socket.closed_at.is_some() {
                continue;
            }
            let listener = &mut self.workers[socket.worker].listeners[socket.listener];
            if socket.accepted_at.is_none() && !listener.queue.contains(&id) {
                listener.queue.push_back(id);
                listener.has_event = true;
            }
            let is_event = socket.read(&mut self.dice) | socket.act(&mut self.dice, self.now);
            let may_read = socket.unread > 0 && socket.reading != Reading::Never;
            if !may_read {
                socket.next_act = socket.next_act.max(socket.paused_until);
            }
            if is_event && socket.watched.is_some() {
                socket.has_event = true;
            }
        }
    }

    /// Where the listener of a worker is closed, the kernel gives a new connection to that of another
    /// one. Without any, it is refused.
    fn find_listener(&mut self, id: usize) {
        let socket = &mut self.sockets[id];
        let is_open = |own: &WorkerWorld| !own.listeners[socket.listener].is_closed;
        if is_open(&self.workers[socket.worker]) {
            return;
        }
        if let Some(worker) = self.workers.iter().position(is_open) {
            socket.worker = worker;
        } else {
            socket.closed_at = Some(self.now);
            socket.acts.clear();
        }
    }

    /// A worker closes a listener: connections that wait there are reset.
    pub(super) fn close_listener(&mut self, worker: usize, listener: usize) {
        let own = &mut self.workers[worker];
        own.progress = true;
        let is_cutting = own.is_cutting;
        let listener = &mut own.listeners[listener];
        listener.is_closed = true;
        let queue = std::mem::take(&mut listener.queue);
        if !queue.is_empty() && !is_cutting {
            self.report("a listener was closed while a connection waited there");
        }
        for id in queue {
            let socket = &mut self.sockets[id];
            socket.closed_at = Some(self.now);
            socket.acts.clear();
        }
    }

    /// A worker reads the lifecycle, and is about to follow it.
    pub(super) fn note_phase(&mut self, worker: usize, phase: Phase) {
        let own = &mut self.workers[worker];
        match phase {
            Phase::Run => {}
            Phase::Drain {
                accept_until,
                until,
            } => {
                own.drain = Some(DrainTimes {
                    accept_until,
                    until,
                });
                own.is_cutting = self.now >= until;
            }
            Phase::Stop => own.is_cutting = true,
        }
    }

    /// What the lifecycle is to be moved on to by now. All workers are woken for it.
    pub(super) fn next_phase(&mut self) -> Option<Phase> {
        let (_, phase) = *self.shutdown.front().filter(|(at, _)| *at <= self.now)?;
        self.shutdown.pop_front();
        for worker in &self.workers {
            worker.woken.store(true, Ordering::Relaxed);
        }
        Some(phase)
    }

    /// Moves what has happened to a worker into `events`, in any order.
    fn collect(&mut self, worker: usize, events: &mut Vec<Event>) {
        let event = |token, read_closed, urgent, hung_up| Event {
            token,
            read_closed,
            urgent,
            hung_up,
        };
        let own = &mut self.workers[worker];
        for (listener, state) in (0..).zip(&mut own.listeners) {
            if std::mem::take(&mut state.has_event) {
                events.push(event(Token::of_listener(listener), false, false, false));
            }
        }
        if own.woken.swap(false, Ordering::Relaxed) {
            events.push(event(Token::WAKER, false, false, false));
        }
        for socket in self.sockets.iter_mut().filter(|s| s.worker == worker) {
            let is_spurious = socket.is_open() && self.dice.one_in(50);
            if (std::mem::take(&mut socket.has_event) || is_spurious)
                && let Some(token) = socket.watched
            {
                let urgent = socket.mark.is_some();
                events.push(event(token, socket.has_ended(), urgent, socket.reset));
            }
        }
        if !own.stale.is_empty() && self.dice.one_in(4) {
            let token = *self.dice.pick(&own.stale);
            let mut any = || self.dice.one_in(2);
            events.push(event(token, any(), any(), any()));
        }
        for last in (1..events.len()).rev() {
            events.swap(last, self.dice.below(last + 1));
        }
    }

    /// Would the kernel wake this worker?
    pub(super) fn has_events(&self, worker: usize) -> bool {
        let own = &self.workers[worker];
        if own.has_returned {
            return false;
        }
        own.listeners.iter().any(|listener| listener.has_event)
            || own.woken.load(Ordering::Relaxed)
            || self
                .sockets
                .iter()
                .any(|socket| socket.worker == worker && socket.has_event())
    }

    /// Begins a turn of a worker: `events` are what has happened to it since the last one.
    pub(super) fn wait(&mut self, worker: usize, events: &mut Vec<Event>) {
        events.clear();
        self.interleave();
        let own = &mut self.workers[worker];
        own.progress |= own.last_turn_at < self.now;
        own.last_turn_at = self.now;
        own.idle_turns = if std::mem::take(&mut own.progress) {
            0
        } else {
            own.idle_turns + 1
        };
        if own.idle_turns > 4 {
            self.report("a loop spins: turn after turn without progress");
        }
        let mut own_sockets = self.sockets.iter().filter(|s| s.worker == worker);
        if own_sockets.any(|socket| {
            socket.is_held && socket.owed_since.is_none() && socket.closed_at.is_none()
        }) {
            self.report("the last response is held back");
        }
        for socket in self.sockets.iter_mut().filter(|s| s.worker == worker) {
            socket.written_in_turn.clear();
            socket.reads_in_turn = 0;
        }
        self.collect(worker, events);
        self.interleave();
        self.workers[worker].progress |= !events.is_empty();
    }
}
