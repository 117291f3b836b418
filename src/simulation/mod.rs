//! A simulated world for the event loop: peers, network and kernel from one seed.
//!
//! Whole [`Worker`]s run here, one or several, from accept to close, as they do over the real kernel,
//! against everything that a kernel may do: segments and windows of every size, interrupted calls,
//! resets, ends of file in every state, urgent data, aborted accepts, descriptors and memory running
//! out, events that are coalesced, spurious or stale. Notices go to a stream that is stuck, or fails.
//! Time is simulated, so that 75 seconds pass at once.
//!
//! The rules that must always hold are in `oracle`:
//!
//! - each request is answered once, in order, byte for byte as the core alone would answer it, and
//!   nothing follows a closing answer;
//! - no peer is left waiting: a worker that falls asleep has nothing to read, write or accept;
//! - nothing spins: a few turns in a row without progress are a fault;
//! - no connection is closed without a reason, or late;
//! - in a drain, a conversation that was answered whole ends with `Connection: close`, no connection that waits at a
//!   listener is lost, and workers return when they have none left; at its end the rest is cut and counted;
//! - a response that is delayed, or comes from another thread, is sent at its time: neither early nor late; no
//!   wake-up is lost, and none is taken for another; what waits for a handler has no time-out; a peer that leaves
//!   cancels what it waits for at once;
//! - a handler that panics ends its connection, and no other;
//! - a turn serves one peer its share and no more, and what is held for a peer is bounded;
//! - a worker's counters add up;
//! - at the end every slot and every descriptor is free.
//!
//! Half of the worlds have peers that ask for greetings only. In the others a path may say what its handler does:
//! see `handler`. Imports run one way: dice, backend, handler, peers, socket, world, replay, oracle, kernel.
//!
//! `HULLO_SIMULATION_SEEDS=100000 cargo test --release simulation` runs as many seeds as wanted;
//! `HULLO_SIMULATION_SEED=17 cargo test simulation` replays the one that a failure has printed.

mod backend;
mod dice;
mod handler;
mod kernel;
mod oracle;
mod peers;
mod replay;
mod sink;
mod socket;
mod world;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::http::Limits;
use crate::net::{
    BusyPolling, ConnectionLimit, Inbox, Lifecycle, Loads, Mailbox, PublishedStats, Setup, Then,
    Timeouts, Times, Worker,
};

use dice::Dice;
use handler::Scripted;
use kernel::Kernel;
use sink::Sink;
use world::World;

/// No world takes as many turns as this.
const TURNS_MAX: usize = 200_000;

/// Plays the world of a seed to its end.
///
/// # Errors
///
/// The first rule that was broken, as a sentence.
pub fn play_seed(seed: u64) -> Result<(), String> {
    play(Dice::seeded(seed))
}

/// Plays a world whose randomness comes from `bytes`, for a fuzzer.
///
/// # Errors
///
/// The first rule that was broken, as a sentence.
pub fn play_bytes(bytes: &[u8]) -> Result<(), String> {
    play(Dice::from_bytes(bytes))
}

fn play(dice: Dice) -> Result<(), String> {
    play_in(&World::new(dice))
}

fn play_in(world: &Rc<RefCell<World>>) -> Result<(), String> {
    let sink = Sink::any(&mut world.borrow_mut().dice);
    let mut workers = workers(world, &sink);
    // When each of them wants to wake up without an event.
    let mut wakes_at = vec![Some(0); workers.len()];
    let lifecycle = Lifecycle::new();
    for _ in 0..TURNS_MAX {
        let Some(next) = next_turn(&mut world.borrow_mut(), &wakes_at, &lifecycle) else {
            sink.check()?;
            return oracle::at_the_end(&world.borrow(), &workers);
        };
        let worker = &mut workers[next];
        worker
            .turn_catching()
            .map_err(|error| format!("the loop failed: {error}"))?;
        oracle::after_turn(&mut world.borrow_mut(), next, worker);
        let phase = lifecycle.phase();
        world.borrow_mut().note_phase(next, phase);
        let then = worker.follow(phase);
        let mut world = world.borrow_mut();
        if then == Then::Return {
            wakes_at[next] = None;
            oracle::after_return(&mut world, next, worker);
        } else {
            wakes_at[next] = worker
                .timeout()
                // A poller counts milliseconds, and sleeps no shorter than it is told to.
                .map(|timeout| world.now + timeout.as_micros().div_ceil(1_000) as u64);
        }
        if let Some(fault) = world.fault.take() {
            return Err(fault);
        }
    }
    Err(format!("it was not over after {TURNS_MAX} turns"))
}

fn workers(world: &Rc<RefCell<World>>, sink: &Sink) -> Vec<Worker<Kernel, Scripted>> {
    let (limit, buffered_bytes, count) = {
        let world = world.borrow();
        (world.limit, world.buffered_bytes, world.workers.len())
    };
    let wake = |worker: usize| {
        let woken = Arc::clone(&world.borrow().workers[worker].woken);
        Box::new(move || woken.store(true, Ordering::Relaxed)) as Box<dyn Fn() + Send + Sync>
    };
    let mailboxes = (0..count).map(|worker| Arc::new(Mailbox::new(wake(worker))));
    let mailboxes = mailboxes.collect();
    let limit = ConnectionLimit::new(limit, (0..count).map(wake), sink.hook());
    let inboxes: Arc<[_]> = (0..count).map(|_| Inbox::new()).collect();
    let setup = Setup {
        limits: Limits::default(),
        timeouts: Timeouts::default(),
        buffered_bytes,
        connection_limit: Arc::new(limit),
        stats: (0..count).map(|_| PublishedStats::new()).collect(),
        times: Some((0..count).map(|_| Times::new()).collect()),
        loads: Arc::new(Loads::new(count)),
        mailboxes,
        busy_polling: BusyPolling::Off,
        event_hook: None,
    };
    let worker = |number| {
        let kernel = Kernel {
            world: Rc::clone(world),
            worker: number,
        };
        let listeners = world.borrow().workers[number].listeners.len();
        let backend = world.borrow().backend.clone();
        let handlers = vec![Scripted { backend }; listeners];
        Worker::new(
            kernel,
            handlers,
            setup.clone(),
            Arc::clone(&inboxes),
            number,
        )
    };
    (0..count).map(worker).collect()
}

/// Whose turn it is. When nothing has happened to any worker, time goes by until something does, or
/// until one of them wants to be woken. `None`: nothing will ever happen again.
fn next_turn(world: &mut World, wakes_at: &[Option<u64>], lifecycle: &Lifecycle) -> Option<usize> {
    loop {
        while let Some(phase) = world.next_phase() {
            lifecycle.advance(phase);
        }
        world.act();
        let is_due = |worker: usize| wakes_at[worker].is_some_and(|wake| wake <= world.now);
        let awake =
            (0..wakes_at.len()).filter(|&worker| is_due(worker) || world.has_events(worker));
        let awake: Vec<usize> = awake.collect();
        if !awake.is_empty() {
            return Some(*world.dice.pick(&awake));
        }
        for (worker, wake) in wakes_at.iter().enumerate() {
            let timeout = wake.map(|wake| Duration::from_millis(wake - world.now));
            oracle::before_sleep(world, worker, timeout);
        }
        let next = wakes_at
            .iter()
            .flatten()
            .copied()
            .chain(world.next_act())
            .chain(world.shutdown.front().map(|(at, _)| *at))
            .min()?;
        world.pass_time(next);
    }
}

#[cfg(test)]
mod handler_tests;
#[cfg(test)]
mod tests;
