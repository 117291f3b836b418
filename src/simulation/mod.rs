//! A world of our own making for the event loop: peers, network and kernel from one seed.
//!
//! The whole [`Worker`] runs here, from accept to close, as it does over the real kernel, against
//! everything that a kernel may do: segments and windows of every size, interrupted calls, resets,
//! ends of file in every state, aborted accepts, descriptors running out, events that are
//! coalesced, spurious or stale. Time is the world's own, so that 75 seconds pass in no time.
//!
//! What must hold whatever happens is in `oracle`:
//!
//! - each request is answered once, in order, byte for byte as the core alone would answer it, and
//!   nothing is said after a closing answer;
//! - nobody is left waiting: a worker that falls asleep has nothing to read, write or accept;
//! - nothing spins: a few turns in a row without progress are a fault;
//! - no connection is closed without a reason, or late;
//! - a turn serves one peer its share and no more, and what is held for a peer is bounded;
//! - at the end every slot and every descriptor is back.
//!
//! `HULLO_SIMULATION_SEEDS=100000 cargo test --release simulation` runs as many seeds as wanted;
//! `HULLO_SIMULATION_SEED=17 cargo test simulation` replays the one that a failure has printed.

mod dice;
mod oracle;
mod peers;
mod socket;
mod world;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::Greeting;
use crate::http::Limits;
use crate::net::{House, Lengths, Worker};

use dice::Dice;
use world::{Kernel, World};

/// As the server's defaults, in the order of the kinds: idle, head, body, write, linger.
const LENGTHS_MS: [u64; 5] = [75_000, 10_000, 30_000, 30_000, 2_000];

/// No world takes as many turns as this.
const TURNS_MAX: usize = 200_000;

/// Plays the world of a seed to its end.
///
/// # Errors
///
/// The first rule that was broken, in words.
pub fn play_seed(seed: u64) -> Result<(), String> {
    play(Dice::seeded(seed))
}

/// Plays a world in which chance is told by `bytes`, for a fuzzer.
///
/// # Errors
///
/// The first rule that was broken, in words.
pub fn play_bytes(bytes: &[u8]) -> Result<(), String> {
    play(Dice::told(bytes))
}

fn play(dice: Dice) -> Result<(), String> {
    play_in(&World::new(dice))
}

fn play_in(world: &Rc<RefCell<World>>) -> Result<(), String> {
    let limit = world.borrow().limit;
    let house = House::new(limit, [Box::new(|| {}) as Box<dyn Fn() + Send + Sync>]);
    let kernel = Kernel(Rc::clone(world));
    let place = (Arc::new(house), 0);
    let mut worker = Worker::new(
        kernel,
        Greeting,
        Limits::default(),
        Lengths(LENGTHS_MS),
        place,
    );
    for _ in 0..TURNS_MAX {
        worker
            .turn()
            .map_err(|error| format!("the loop failed: {error}"))?;
        let mut world = world.borrow_mut();
        oracle::after_turn(&mut world, &worker);
        if let Some(fault) = world.fault.take() {
            return Err(fault);
        }
        if world.is_over {
            return oracle::at_the_end(&world, &worker);
        }
    }
    Err(format!("it was not over after {TURNS_MAX} turns"))
}

#[cfg(test)]
mod tests;
