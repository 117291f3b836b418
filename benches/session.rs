//! A conversation without sockets, input to output bytes: one request, sixteen of them pipelined,
//! a body, and the worst case, in which every byte comes alone.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hullo::Greeting;
use hullo::http::{Limits, Output, Session, Shared, UnknownPeer, Wants};

const REQUEST: &[u8] = b"GET /abcdef HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const GREETING: &[u8] = b"\r\n\r\nHello, visitor! You've requested: /abcdef\n";
const UPLOAD: &[u8] = b"POST /abcdef HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
    5;name=value\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: x\r\n\r\n";

/// Gives `input` to a session in pieces of `piece` bytes; the last of them brings the answer.
fn play(input: &[u8], piece: usize, session: &mut Session, out: &mut Output) {
    thread_local! {
        static SERVICE: Shared<Greeting> = Shared::new(Greeting, Limits::default(), 0);
    }
    SERVICE.with(|shared| {
        let (mut start, mut end) = (0, 0);
        while end < input.len() {
            end = input.len().min(end + piece);
            let step = session.advance(&input[start..end], &UnknownPeer, shared, out);
            assert!(step.wants == Wants::Input);
            start += step.consumed;
        }
        assert!(start == input.len() && out.bytes().ends_with(GREETING));
    });
}

fn conversations(criterion: &mut Criterion) {
    let pipelined = REQUEST.repeat(16);
    let cases = [
        ("one request", REQUEST, usize::MAX, 1),
        ("16 pipelined", &pipelined, usize::MAX, 16),
        ("a chunked body", UPLOAD, usize::MAX, 1),
        ("byte by byte", REQUEST, 1, 1),
        ("16 pipelined, byte by byte", &pipelined, 1, 16),
    ];
    let mut group = criterion.benchmark_group("session");
    for (name, input, piece, requests) in cases {
        group.throughput(Throughput::Elements(requests));
        group.bench_function(name, |bencher| {
            let (mut session, mut out) = (Session::default(), Output::new());
            bencher.iter(|| {
                out.clear();
                play(
                    black_box(input),
                    piece.min(input.len()),
                    &mut session,
                    &mut out,
                );
            });
        });
    }
    group.finish();
}

criterion_group!(
    name = benches;
    config = Criterion::default().sample_size(50).without_plots();
    targets = conversations
);
criterion_main!(benches);
