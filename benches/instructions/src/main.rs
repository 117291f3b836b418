//! User-space instructions of one request: what callgrind counts, which does not drift with the
//! machine's mood.
//!
//! ```text
//! valgrind --tool=callgrind target/release/hullo-instructions 1000    # I1 refs
//! valgrind --tool=callgrind target/release/hullo-instructions 11000   # I2 refs
//! ```
//!
//! `(I2 - I1) / 10000` is the whole of `Session::advance` for wrk's request and its answer.
//! `tests/clients/instructions` does that sum and holds it below its limit.

use std::hint::black_box;

use hullo::Greeting;
use hullo::http::{Limits, Output, Session, Shared, UnknownPeer, Wants};

/// What wrk sends to `http://127.0.0.1:8080/`.
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

fn main() {
    let count = std::env::args()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .unwrap_or(1_u32);
    let shared = Shared::new(Greeting, Limits::default(), 1_795_485_600);
    let mut session = Session::default();
    let mut out = Output::new();
    for _ in 0..count {
        out.clear();
        let step = session.advance(black_box(REQUEST), &UnknownPeer, &shared, &mut out);
        assert!(step.consumed == REQUEST.len() && step.wants == Wants::Input);
        black_box(out.bytes());
    }
    assert!(
        out.bytes()
            .ends_with(b"\r\n\r\nHello, visitor! You've requested: /\n")
    );
    println!("{count} requests answered");
}
