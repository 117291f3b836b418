//! User-space instructions of one request: what callgrind counts, which does not drift with the
//! machine's mood.
//!
//! ```text
//! valgrind --tool=callgrind target/release/hullo-instructions wrk greeting 1000    # I1 refs
//! valgrind --tool=callgrind target/release/hullo-instructions wrk greeting 11000   # I2 refs
//! ```
//!
//! `(I2 - I1) / 10000` is the whole of `Session::advance` for wrk's request and its answer.
//! `tests/clients/instructions` does that sum for each rung of the ladder, and holds it below a limit.
//! `greeting` is the handler of the command, and the others say as little as possible: `again` is asked with
//! the same fields each time, as by one client, `session` with others each time. `httparse` is the control of
//! [`heads`].

#[path = "../../heads/mod.rs"]
mod heads;

use std::hint::black_box;

use hullo::Greeting;
use hullo::http::{Handler, Limits, Output, Session, Shared, UnknownPeer, Wants};

use heads::{Mute, control, rungs};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [name, side, count] = &words[..] else {
        panic!("three words: a rung, a side, a number");
    };
    let rung = rungs().into_iter().find(|rung| rung.name == name);
    let rung = rung.expect("the name of a rung");
    let count = count.parse().expect("a number");
    match side.as_str() {
        "greeting" => advance(Greeting, [&rung.head; 2], count),
        "again" => advance(Mute, [&rung.head; 2], count),
        "session" => advance(Mute, [&rung.head, &rung.other], count),
        "httparse" => (0..count).for_each(|_| control(&rung)),
        _ => panic!("no such side: {side}"),
    }
}

/// Reads the heads in turn.
fn advance<H: Handler>(handler: H, heads: [&String; 2], count: u32) {
    let shared = Shared::new(handler, Limits::default(), 1_795_485_600);
    let mut session = Session::default();
    let mut out = Output::new();
    for head in heads.into_iter().cycle().take(count as usize) {
        let head = head.as_bytes();
        out.clear();
        let step = session.advance(black_box(head), &UnknownPeer, &shared, &mut out);
        assert!(step.consumed == head.len() && step.wants == Wants::Input);
        assert!(black_box(out.bytes()).starts_with(b"HTTP/1.1 20"));
    }
}
