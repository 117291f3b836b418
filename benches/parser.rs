//! What it costs to read a head and to judge it, from wrk's 40 bytes to 100 fields: as time and as
//! bytes per second, with bare httparse beside each rung as the control.
//!
//! hullo's side is one `Session::advance` with a handler that says as little as possible. It does
//! more than httparse: it insists on CR LF, on a valid Host and on one framing, and answers.
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
        let head = rung.head.as_bytes();
        group.throughput(Throughput::Bytes(head.len() as u64));
        let id = |side: &str| BenchmarkId::new(side, format!("{}, {} B", rung.name, head.len()));
        group.bench_function(id("hullo"), |bencher| {
            let (mut session, mut out) = (Session::default(), Output::new());
            bencher.iter(|| {
                out.clear();
                let step = session.advance(black_box(head), &UnknownPeer, &shared, &mut out);
                assert!(step.consumed == head.len() && step.wants == Wants::Input);
                assert!(out.bytes().starts_with(b"HTTP/1.1 204"));
            });
        });
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
