//! What it costs to read a head and to judge it, from wrk's 40 bytes to 100 fields: as time and as
//! bytes per second, with bare httparse beside each rung as the control.
//!
//! hullo's side is one `Session::advance` with a handler that says as little as possible. It does
//! more than httparse: it insists on CR LF, on a valid Host and on one framing, and answers.
//! Compare the two sides of a rung in one run, never figures of two runs.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hullo::http::{
    Handler, Limits, Output, Request, Responded, ResponseWriter, Session, Shared, Status,
    UnknownPeer, Wants,
};

struct Mute;

impl Handler for Mute {
    fn handle(&self, _: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
        reply.send(Status::NO_CONTENT, &[], &[])
    }
}

const WRK: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

const CURL: &str = "GET /any/path?q=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\
    User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";

const BROWSER: &str = "GET /any/path HTTP/1.1\r\n\
    Host: 127.0.0.1:8080\r\n\
    Connection: keep-alive\r\n\
    Cache-Control: max-age=0\r\n\
    sec-ch-ua: \"Chromium\";v=\"156\", \"Not?A_Brand\";v=\"24\"\r\n\
    sec-ch-ua-mobile: ?0\r\n\
    sec-ch-ua-platform: \"Linux\"\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/156.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,\
    image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7\r\n\
    Sec-Fetch-Site: none\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-User: ?1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\r\n";

fn with_fields(count: usize, value_bytes: usize) -> String {
    let value = "v".repeat(value_bytes);
    let fields: Vec<String> = (1..count)
        .map(|n| format!("X-Field-{n}: {value}\r\n"))
        .collect();
    format!(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n{}\r\n",
        fields.concat()
    )
}

/// httparse alone, with a table that is not longer than it has to be.
fn control<const TABLE: usize>(head: &str, fields: usize) {
    let mut table = [httparse::EMPTY_HEADER; TABLE];
    let mut request = httparse::Request::new(&mut table);
    let read = request.parse(head.as_bytes());
    assert!(read == Ok(httparse::Status::Complete(head.len())));
    assert!(request.headers.len() == fields);
}

fn ladder(criterion: &mut Criterion) {
    let shared = Shared::new(Mute, Limits::default(), 0);
    let rungs = [
        ("wrk", WRK.to_owned(), 1),
        ("curl", CURL.to_owned(), 3),
        ("browser", BROWSER.to_owned(), 15),
        ("4KiB", with_fields(12, 350), 12),
        ("100 fields", with_fields(100, 20), 100),
    ];
    let mut group = criterion.benchmark_group("head");
    for (name, head, fields) in rungs {
        group.throughput(Throughput::Bytes(head.len() as u64));
        let id = |side: &str| BenchmarkId::new(side, format!("{name}, {} B", head.len()));
        group.bench_function(id("hullo"), |bencher| {
            let (mut session, mut out) = (Session::default(), Output::new());
            bencher.iter(|| {
                out.clear();
                let step =
                    session.advance(black_box(head.as_bytes()), &UnknownPeer, &shared, &mut out);
                assert!(step.consumed == head.len() && step.wants == Wants::Input);
                assert!(out.bytes().starts_with(b"HTTP/1.1 204"));
            });
        });
        group.bench_function(id("httparse"), |bencher| {
            if fields <= 16 {
                bencher.iter(|| control::<16>(black_box(&head), fields));
            } else {
                bencher.iter(|| control::<100>(black_box(&head), fields));
            }
        });
    }
    group.finish();
}

criterion_group!(
    name = benches;
    config = Criterion::default().sample_size(50).without_plots();
    targets = ladder
);
criterion_main!(benches);
