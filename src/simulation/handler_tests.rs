//! Worlds for handlers that answer later, in pieces, or not at all.

use std::collections::HashMap;

use super::dice::Dice;
use super::peers::{Act, Script};
use super::play_in;
use super::world::{Bounds, World};
use crate::net::Phase;

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

/// Plays worlds of these peers, with their ways to be cut.
#[track_caller]
fn play(scripts: &[Script], bounds: Bounds, drain: Option<(u64, Phase)>, check: impl Fn(&World)) {
    for seed in 0..100 {
        let world = World::with(Dice::seeded(seed), scripts.to_vec(), bounds, 1, 1);
        world.borrow_mut().shutdown.extend(drain);
        play_in(&world).unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        check(&world.borrow());
    }
}

fn sent(world: &World, peer: usize) -> String {
    String::from_utf8_lossy(&world.sockets[peer].written).into_owned()
}

/// Worlds prove nothing about what does not come up in them.
#[test]
fn handlers_do_all_they_can() {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for seed in 0..300 {
        let world = World::new(Dice::seeded(seed));
        play_in(&world).unwrap();
        let world = world.borrow();
        for (id, socket) in world.sockets.iter().enumerate() {
            let conversation = world.backend.conversation(id);
            let said = |text: &[u8]| memchr::memmem::find(&socket.written, text).is_some();
            for (what, is_so) in [
                ("answered", conversation.begun > 0),
                ("waited in vain", conversation.is_unfinished()),
                ("panicked", conversation.has_panicked),
                ("exchanged", conversation.exchanged_at.is_some()),
                ("was reset", socket.was_aborted),
                ("deferred", said(b"deferred")),
                ("dropped", said(b"dropped this request")),
                ("refused", said(b"refused") || said(b"not that")),
                ("chunked", said(b"Transfer-Encoding: chunked")),
                ("long", socket.written.len() > 100_000),
            ] {
                *counts.entry(what).or_default() += usize::from(is_so);
            }
        }
    }
    assert_eq!(counts.len(), 10);
    assert!(counts.values().all(|count| *count >= 5), "{counts:?}");
}

#[test]
fn a_response_is_waited_for_beyond_every_time_out() {
    for path in ["/~delay/90000", "/~later/90000", "/~stream/5/90000/2/1"] {
        let script = Script::of(vec![Act::Send(get(path).repeat(2)), Act::Finish]);
        play(&[script], Bounds::NONE, None, |world| {
            assert_eq!(sent(world, 0).matches("HTTP/1.1 200 OK").count(), 2);
            assert!(world.now >= 180_000 && world.now <= 180_010);
        });
    }
}

/// A peer that resets is noticed at once, also when its reset comes before what it has sent is answered.
#[test]
fn a_reset_ends_a_wait_at_once() {
    let later = get("/~later/50000");
    // A turn answers 64 requests: the reset may come while the last one has yet to be looked at.
    let batch = [get("/").repeat(64), later.clone()].concat();
    for acts in [
        vec![Act::Send(later), Act::Pause(1_000), Act::Reset],
        vec![Act::Send(batch), Act::Reset],
    ] {
        play(&[Script::of(acts)], Bounds::NONE, None, |world| {
            let closed_at = world.sockets[0].closed_at.unwrap();
            assert!(closed_at <= 1_200, "{closed_at}");
        });
    }
}

/// Delays of peers that have left are forgotten, long before they are over.
#[test]
fn timers_of_peers_that_have_left_are_cleared_out() {
    let peer = |at| Script {
        connects_at: at,
        ..Script::of(vec![
            Act::Send(get("/~delay/3600000")),
            Act::Pause(2),
            Act::Reset,
        ])
    };
    let scripts: Vec<Script> = (0..600).map(peer).collect();
    let world = World::with(Dice::seeded(1), scripts, Bounds::NONE, 1, 1);
    play_in(&world).unwrap();
    let last = world.borrow().sockets.iter().map(|it| it.closed_at).max();
    assert!(last.flatten().unwrap() < 2_000);
}

/// A request that comes while the one before is delayed is not lost in a drain.
#[test]
fn a_drain_answers_what_comes_behind_a_delayed_request() {
    let script = Script::of(vec![
        Act::Pause(100),
        Act::Send(get("/~delay/3000")),
        Act::Pause(500),
        Act::Send(get("/~later/3000")),
        Act::Pause(60_000),
    ]);
    let drain = Phase::Drain {
        accept_until: 50,
        until: 60_000,
    };
    play(&[script], Bounds::NONE, Some((50, drain)), |world| {
        let sent = sent(world, 0);
        assert_eq!(sent.matches("HTTP/1.1 200 OK").count(), 2, "{sent}");
        assert_eq!(sent.matches("Connection: close").count(), 1, "{sent}");
        assert_eq!(world.workers[0].cut, 0);
    });
}

#[test]
fn a_drain_waits_for_a_handler_until_its_end() {
    let script = Script::of(vec![Act::Send(get("/~later/90000"))]);
    let drain = Phase::Drain {
        accept_until: 50,
        until: 60_000,
    };
    play(&[script], Bounds::NONE, Some((50, drain)), |world| {
        assert_eq!(world.sockets[0].closed_at, Some(60_000));
        assert_eq!(world.workers[0].cut, 1);
    });
}

/// A handler panics in the last look before its connection is evicted for one that has just come, or
/// while other wake-ups are being read: neither of the others is lost.
#[test]
fn a_panic_ends_no_other_connection() {
    let panics = || Script::of(vec![Act::Send(get("/~panic"))]);
    let woken = |path| Script::of(vec![Act::Send(get(path)), Act::Finish]);
    let mut scripts = vec![woken("/~later/100"); 4];
    scripts.extend(vec![woken("/~stream/0/100/2/5"); 4]);
    play(&scripts, Bounds::NONE, None, |world| {
        assert!((0..4).all(|peer| sent(world, peer).starts_with("HTTP/1.1 200 OK")));
    });
    let bounds = Bounds {
        connections: 1,
        ..Bounds::NONE
    };
    let scripts = [vec![panics(); 3], vec![woken("/"); 3]].concat();
    play(&scripts, bounds, None, |_| {});
}

/// RFC 9110 section 9.3.2: whoever asks, what a panic is answered has no content.
#[test]
fn a_head_whose_handler_panics_is_sent_no_content() {
    for method in ["GET", "HEAD"] {
        let request = format!("{method} /~panic HTTP/1.1\r\nHost: a\r\n\r\n");
        let script = Script::of(vec![Act::Send(request.into_bytes())]);
        play(&[script], Bounds::NONE, None, |world| {
            let sent = sent(world, 0);
            assert!(sent.starts_with("HTTP/1.1 500 "), "{sent}");
            assert!(sent.ends_with("\r\n\r\n"), "{sent}");
        });
    }
}
