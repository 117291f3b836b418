//! What it costs to read a head and to judge it, from wrk's 40 bytes to 100 fields: as time and as
//! bytes per second, with bare httparse beside each rung as the control.
//!
//! hullo's side is one `Session::advance` with a handler that says as little as possible, once with other fields
//! each time, and once with the same ones, which it knows then. It does more than httparse: it insists on CR LF,
//! on a valid Host and on one framing, and answers.
//! Compare the two sides of a rung in one run, never figures of two runs; `tests/clients/instructions` holds
//! the ratio of their instructions below a limit.

mod heads;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hullo::http::{Limits, Output, Session, Shared, UnknownPeer, Wants};

use heads::{Mute, control, rungs};

fn ladder(criterion: &mut Criterion) {
    let shared = Shared::new(Mute, Limits::default(), 0);
    let mut group = criterion.benchmark_group("head");
    for rung in rungs() {
        let bytes = rung.head.len();
        group.throughput(Throughput::Bytes(bytes as u64));
        let id = |side: &str| BenchmarkId::new(side, format!("{}, {bytes} B", rung.name));
        for (side, heads) in [
            ("hullo", [&rung.head, &rung.other]),
            ("hullo, the same fields", [&rung.head; 2]),
        ] {
            let mut heads = heads.into_iter().cycle();
            group.bench_function(id(side), |bencher| {
                let (mut session, mut out) = (Session::default(), Output::new());
                bencher.iter(|| {
                    out.clear();
                    let head = heads.next().map_or(&[][..], |head| head.as_bytes());
                    let step = session.advance(black_box(head), &UnknownPeer, &shared, &mut out);
                    assert!(step.consumed == bytes && step.wants == Wants::Input);
                    assert!(out.bytes().starts_with(b"HTTP/1.1 204"));
                });
            });
        }
        group.bench_function(id("httparse"), |bencher| bencher.iter(|| control(&rung)));
    }
    group.finish();
}

criterion_group!(
    name = benches;
    config = Criterion::default().sample_size(50).without_plots();
    targets = ladder
);
criterion_main!(benches);
