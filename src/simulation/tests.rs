//! Seeds, and worlds made for one rule.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write as _;
use std::rc::Rc;
use std::thread;

use super::dice::Dice;
use super::oracle::{self, End};
use super::peers::{Act, Reading, Script};
use super::socket::Socket;
use super::world::{Bounds, World};
use super::{play_in, play_seed};
use crate::net::Phase;

const SEEDS: u64 = 3_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

#[track_caller]
fn check(seed: u64) {
    if let Err(fault) = play_seed(seed) {
        panic!(
            "seed {seed}: {fault}\nagain: HULLO_SIMULATION_SEED={seed} cargo test --lib simulation"
        );
    }
}

#[test]
fn seeds() {
    if let Some(seed) = number("HULLO_SIMULATION_SEED") {
        return check(seed);
    }
    let count = number("HULLO_SIMULATION_SEEDS").unwrap_or(SEEDS);
    // Each world is a thread's own.
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for first in 0..cores as u64 {
            scope.spawn(move || (first..count).step_by(cores).for_each(check));
        }
    });
    let _ = writeln!(std::io::stdout(), "{count} seeds played");
}

/// Worlds without events prove nothing: each way for a conversation to end has to come up.
#[test]
fn worlds_are_eventful() {
    let mut ends: HashMap<End, usize> = HashMap::new();
    for seed in 0..500 {
        let world = World::new(Dice::seeded(seed));
        play_in(&world).unwrap();
        let world = world.borrow();
        for id in 0..world.sockets.len() {
            *ends
                .entry(oracle::answers(id, &world).unwrap())
                .or_default() += 1;
        }
    }
    for end in [
        End::Answered,
        End::Drained,
        End::Late,
        End::Rejected,
        End::Shed,
        End::CutShort,
    ] {
        assert!(ends.get(&end).is_some_and(|count| *count >= 10), "{ends:?}");
    }
}

/// A world for one rule: each worker has one listener.
fn world(scripts: Vec<Script>, bounds: Bounds, workers: usize) -> Rc<RefCell<World>> {
    World::with(Dice::seeded(1), scripts, bounds, workers, 1)
}

/// One peer in a world without limits. When it was closed, and what it was sent.
#[track_caller]
fn alone(script: Script) -> (u64, String) {
    let world = world(vec![script], Bounds::NONE, 1);
    play_in(&world).unwrap();
    let world = world.borrow();
    let socket = &world.sockets[0];
    let closed = socket.closed_at.unwrap() - socket.accepted_at.unwrap();
    (closed, String::from_utf8(socket.written.clone()).unwrap())
}

#[track_caller]
fn assert_about(millis: u64, expected: u64) {
    assert!(
        expected.abs_diff(millis) <= 200,
        "{millis} ms instead of {expected}"
    );
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Bytes that come one by one.
fn trickled(bytes: &[u8], pause: u64) -> Vec<Act> {
    bytes
        .iter()
        .flat_map(|byte| [Act::Send(vec![*byte]), Act::Pause(pause)])
        .collect()
}

#[test]
fn silence_is_closed_without_an_answer() {
    let (closed, sent) = alone(Script::of(vec![]));
    assert_about(closed, 75_000);
    assert_eq!(sent, "");
}

#[test]
fn empty_lines_do_not_extend_silence() {
    let (closed, sent) = alone(Script::of(trickled(b"\r\n\r\n\r\n\r", 12_000)));
    assert_about(closed, 75_000);
    assert_eq!(sent, "");
}

#[test]
fn silence_counts_from_the_last_answer() {
    let pause = || Act::Pause(60_000);
    let get = || Act::Send(GET.to_vec());
    let mut script = Script::of(vec![get(), pause(), get(), pause(), get()]);
    script.reading = Reading::Never;
    let (closed, sent) = alone(script);
    assert_about(closed, 120_000 + 75_000);
    assert_eq!(sent.matches("200 OK").count(), 3);
}

#[test]
fn a_head_is_late_ten_seconds_after_its_first_byte() {
    let mut acts = vec![Act::Pause(5_000)];
    acts.extend(trickled(GET, 900));
    let mut script = Script::of(acts);
    script.acts.push(Act::Pause(100_000));
    let (closed, sent) = alone(script);
    assert!(
        sent.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{sent}"
    );
    assert_about(closed, 5_000 + 10_000 + 2_000);
}

#[test]
fn a_body_that_trickles_is_late() {
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n".to_vec();
    let mut acts = vec![Act::Send(head)];
    acts.extend(trickled(&[b'x'; 40], 2_000));
    acts.push(Act::Pause(100_000));
    let (closed, sent) = alone(Script::of(acts));
    assert!(
        sent.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{sent}"
    );
    assert_about(closed, 30_000 + 2_000);
}

#[test]
fn a_body_that_comes_on_is_waited_for() {
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n".to_vec();
    let mut acts = vec![Act::Send(head)];
    acts.extend((0..10).flat_map(|_| [Act::Send(vec![b'x'; 5_000]), Act::Pause(20_000)]));
    acts.push(Act::Finish);
    let (_, sent) = alone(Script::of(acts));
    assert!(sent.starts_with("HTTP/1.1 200 OK\r\n"), "{sent}");
}

#[test]
fn a_peer_that_takes_no_response_is_closed() {
    let mut script = Script::of(vec![Act::Send(GET.repeat(1000))]);
    (script.reading, script.window) = (Reading::Never, 10);
    let (closed, sent) = alone(script);
    assert_about(closed, 30_000);
    assert_eq!(sent.len(), 10);
}

#[test]
fn a_peer_that_takes_its_responses_slowly_is_not_closed() {
    let mut script = Script::of(vec![Act::Send(GET.repeat(10_000)), Act::Finish]);
    (script.reading, script.window) = (Reading::Steady, 600_000);
    let (closed, sent) = alone(script);
    assert_eq!(sent.matches("200 OK").count(), 10_000);
    // A third of the window, of which the kernel tells, is more than it takes in a write time-out.
    assert!(closed > 10 * 30_000, "{closed} ms");
}

#[test]
fn an_error_is_lingered_for_two_seconds() {
    let script = Script::of(vec![Act::Send(b"\x16".to_vec()), Act::Pause(100_000)]);
    let (closed, sent) = alone(script);
    assert!(sent.starts_with("HTTP/1.1 400 "), "{sent}");
    assert_about(closed, 2_000);
}

#[test]
fn descriptors_that_come_back_are_used() {
    let peer = || Script::of(vec![Act::Send(GET[..9].to_vec())]);
    let bounds = Bounds {
        descriptors: 2,
        ..Bounds::NONE
    };
    let world = world(vec![peer(); 9], bounds, 1);
    play_in(&world).unwrap();
    assert!(is_answered_for_all(&world, "408"));
}

#[test]
fn the_longest_idle_makes_room_for_the_next() {
    let peers = (0..20).map(|n| Script {
        connects_at: 1_000 * n,
        ..Script::of(vec![Act::Send(GET.to_vec()), Act::Pause(3_600_000)])
    });
    let bounds = Bounds {
        connections: 3,
        ..Bounds::NONE
    };
    let world = world(peers.collect(), bounds, 2);
    play_in(&world).unwrap();
    assert!(is_answered_for_all(&world, "200"));
}

/// Half a head that holds 16 KiB is ended for one that holds a few bytes, whichever came first.
#[test]
fn those_that_hold_most_make_room_for_the_others() {
    let greedy = |connects_at| Script {
        connects_at,
        ..Script::of(vec![
            Act::Send([&GET[..GET.len() - 2], &b"X: ".repeat(3_000)].concat()),
            Act::Pause(3_600_000),
        ])
    };
    let slow = Script::of([trickled(GET, 100), vec![Act::Finish]].concat());
    let scripts = vec![greedy(1_000), slow, greedy(2_000), greedy(2_000)];
    let bounds = Bounds {
        buffered_bytes: 40_000,
        ..Bounds::NONE
    };
    let world = world(scripts, bounds, 1);
    play_in(&world).unwrap();
    let statuses: Vec<String> = world
        .borrow()
        .sockets
        .iter()
        .map(|socket| String::from_utf8_lossy(&socket.written[9..12]).into_owned())
        .collect();
    assert_eq!(statuses[1], "200");
    assert_eq!(statuses.iter().filter(|status| *status == "503").count(), 2);
    assert_eq!(statuses.iter().filter(|status| *status == "408").count(), 1);
}

/// More connections hold memory than one batch ends.
#[test]
fn many_holders_are_ended_a_batch_at_a_time() {
    let half = || Script::of(vec![Act::Send(GET[..9].to_vec()), Act::Pause(3_600_000)]);
    let bounds = Bounds {
        buffered_bytes: 20_000,
        ..Bounds::NONE
    };
    let world = world(vec![half(); 300], bounds, 1);
    play_in(&world).unwrap();
    let world = world.borrow();
    let is = |status: &str| {
        let start = format!("HTTP/1.1 {status} ");
        let sent = |socket: &&Socket| socket.written.starts_with(start.as_bytes());
        world.sockets.iter().filter(sent).count()
    };
    assert_eq!(is("408") + is("503"), 300);
    assert!(is("408") >= 32 && is("503") >= 200, "{}", is("503"));
}

/// More are late at the same time than one turn ends.
#[test]
fn thousands_that_are_late_are_ended_a_batch_at_a_time() {
    let half = Script::of(vec![Act::Send(GET[..9].to_vec()), Act::Pause(3_600_000)]);
    let world = world(vec![half; 2_500], Bounds::NONE, 1);
    play_in(&world).unwrap();
    assert!(is_answered_for_all(&world, "408"));
}

/// Each listener is accepted from, and retried after a back-off, whatever the others do.
#[test]
fn connections_of_all_listeners_are_served() {
    let bounds = Bounds {
        descriptors: 3,
        ..Bounds::NONE
    };
    let get = || Script::of(vec![Act::Send(GET.to_vec()), Act::Finish]);
    let world = World::with(Dice::seeded(1), vec![get(); 200], bounds, 2, 3);
    play_in(&world).unwrap();
    let at = |listener| {
        let world = world.borrow();
        world
            .sockets
            .iter()
            .filter(|s| s.listener == listener)
            .count()
    };
    assert!((0..3).all(|listener| at(listener) > 20));
    assert!(is_answered_for_all(&world, "200"));
}

/// A read stops before urgent data: what is behind it has to be read all the same.
#[test]
fn urgent_data_is_answered_at_once() {
    let script = Script::of(vec![
        Act::SendUrgent(GET.to_vec()),
        Act::Send(GET.to_vec()),
        Act::Pause(100_000),
    ]);
    let (closed, sent) = alone(script);
    assert_eq!(sent.matches("200 OK").count(), 2, "{sent}");
    assert_about(closed, 75_000);
}

/// Plays one peer's world with many seeds, which cut what it sends in many ways, and with the server ending.
fn ends_with(script: &Script, shutdown: impl Fn(u64) -> (u64, Phase), check: impl Fn(&World)) {
    for seed in 0..300 {
        let dice = Dice::seeded(seed);
        let world = World::with(dice, vec![script.clone()], Bounds::NONE, 1, 1);
        world.borrow_mut().shutdown.push_back(shutdown(seed));
        play_in(&world).unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        check(&world.borrow());
    }
}

const DRAIN: Phase = Phase::Drain {
    accept_until: 0,
    until: 60_000,
};

/// Whatever the input block cuts off: also a whole number of requests.
#[test]
fn a_drain_closes_with_the_last_of_a_batch() {
    let mut request = b"GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".to_vec();
    request.splice(28..28, vec![b'x'; 512 - request.len()]);
    for count in [1, 16, 32, 64, 100] {
        let script = Script::of(vec![Act::Send(request.repeat(count)), Act::Pause(9_000)]);
        ends_with(
            &script,
            |_| (0, DRAIN),
            |world| {
                let sent = String::from_utf8_lossy(&world.sockets[0].written);
                // Between two segments the batch may well be taken to have ended.
                assert_eq!(sent.matches("Connection: close").count(), 1, "{sent}");
                assert!(sent.starts_with("HTTP/1.1 200 OK"), "{sent}");
                let last = sent.rfind("HTTP/1.1 ").unwrap();
                assert!(sent[last..].contains("Connection: close"), "{sent}");
            },
        );
    }
}

/// A worker that has returned takes over no connection of one that does not know of the drain yet.
#[test]
fn connections_are_spread_until_a_drain() {
    let mut moved = 0;
    for seed in 0..2_000 {
        let request = [Act::Pause(100), Act::Send(GET.to_vec()), Act::Pause(9_000)];
        let scripts = vec![Script::of(request.to_vec()); 8];
        let world = World::with(Dice::seeded(seed), scripts, Bounds::NONE, 2, 1);
        let drain_at = 100 + seed % 6;
        // The other worker has nothing to do, and returns early.
        world
            .borrow_mut()
            .sockets
            .iter_mut()
            .for_each(|socket| socket.worker = 0);
        world.borrow_mut().shutdown.push_back((drain_at, DRAIN));
        play_in(&world).unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        let world = world.borrow();
        assert!(
            world
                .sockets
                .iter()
                .all(|socket| !socket.written.is_empty())
        );
        moved += world.moved;
    }
    assert!(moved > 20, "{moved} connections were moved");
}

#[test]
fn half_a_request_is_awaited_in_a_drain() {
    let script = Script::of(vec![
        Act::Send([GET, &GET[..9]].concat()),
        Act::Pause(8_000),
        Act::Send(GET[9..].to_vec()),
        Act::Pause(9_000),
    ]);
    let drain = Phase::Drain {
        accept_until: 100,
        until: 60_000,
    };
    ends_with(
        &script,
        |_| (100, drain),
        |world| {
            let sent = String::from_utf8_lossy(&world.sockets[0].written);
            assert_eq!(sent.matches("200 OK").count(), 2, "{sent}");
            assert_eq!(sent.matches("Connection: close").count(), 1, "{sent}");
        },
    );
}

#[test]
fn what_waits_in_memory_is_counted_when_it_is_cut() {
    let script = Script::of(vec![Act::Send(GET.repeat(1_000)), Act::Pause(9_000)]);
    let cut = std::cell::Cell::new(0);
    ends_with(
        &script,
        |seed| (seed % 10, Phase::Stop),
        |world| {
            cut.set(cut.get() + world.workers[0].cut);
        },
    );
    assert!(cut.get() > 50, "{}", cut.get());
}

fn is_answered_for_all(world: &Rc<RefCell<World>>, status: &str) -> bool {
    let start = format!("HTTP/1.1 {status} ");
    world
        .borrow()
        .sockets
        .iter()
        .all(|socket| socket.written.starts_with(start.as_bytes()))
}
