use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use super::faulty::{Wrong, listen, reset, serve};
use super::*;
use crate::Greeting;
use crate::server::{Options, Server};

/// Of a server without TLS.
pub(super) const IDS: [&str; 17] = [
    "path",
    "connection_close",
    "http_1_0",
    "head",
    "pipelining",
    "two_segments",
    "content",
    "chunked_content",
    "expect_continue",
    "interim_in_1_0",
    "missing_host",
    "length_and_chunked",
    "large_head",
    "half_closed",
    "slow_reader",
    "flood",
    "date",
];

/// The ids of the probes that failed.
pub(super) fn wrong(findings: &[Finding]) -> Vec<(&str, &str)> {
    let wrong = findings.iter().filter(|finding| !finding.right);
    wrong.map(|f| (f.id.as_str(), f.saw.as_str())).collect()
}

fn plain(address: SocketAddr) -> Endpoint {
    Endpoint { address, tls: None }
}

fn asker(address: SocketAddr, patience: Duration) -> Asker<'static> {
    Asker {
        // Until the end of the tests.
        endpoint: Box::leak(Box::new(plain(address))),
        host: "localhost",
        path: "/any/path",
        patience,
    }
}

#[test]
fn hullo_does_all_of_it_right_and_soon() {
    let options = Options {
        address: Some(([127, 0, 0, 1], 0).into()),
        workers: NonZeroUsize::MIN,
        ..Options::default()
    };
    let running = Server::bind(options).unwrap().start(Greeting).unwrap();
    for path in ["/any/path", "/", "/a/", "/prefix/any/path?query=1"] {
        let start = Instant::now();
        let findings = probe(&plain(running.local_addr()), "localhost:80", path);
        let elapsed = start.elapsed();
        let ids: Vec<_> = findings.iter().map(|f| f.id.as_str()).collect();
        assert_eq!(ids, IDS);
        assert_eq!(wrong(&findings), [], "{path}");
        let saw: Vec<_> = findings.iter().map(|f| f.saw.as_str()).collect();
        assert_eq!(
            saw,
            [
                "200, greets",
                "200, closes",
                "200, closes",
                "200, no content",
                "16 in order",
                "200",
                "200, next 200",
                "200, next 200",
                "100, 200, next 200",
                "200",
                "400",
                "400, closes",
                "431, closes",
                "200",
                "600 whole",
                "serves both",
                "on time",
            ]
        );
        assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    }
    running.stop().unwrap();
}

/// The fault of each server, and how it is reported. All else is right.
const FAULTS: &[(Wrong, &[(&str, &str)])] = &[
    (Wrong::Nothing, &[]),
    (
        Wrong::SaysNothingOfThePath,
        &[
            ("path", "200, says something else"),
            ("pipelining", "16, without the path"),
        ],
    ),
    (
        Wrong::GreetsOnePath,
        &[
            ("path", "200, greets a different path"),
            ("pipelining", "16, without the path"),
        ],
    ),
    (Wrong::NotFound, &[("path", "404")]),
    (Wrong::StaysOpen, &[("connection_close", "200, stays open")]),
    (Wrong::StaysOpenInOld, &[("http_1_0", "200, stays open")]),
    (Wrong::ChunksInOld, &[("http_1_0", "200, chunked")]),
    (
        Wrong::Refuses("HTTP/1.0", 426),
        &[("http_1_0", "426, closes")],
    ),
    (
        Wrong::Refuses("HTTP/1.0", 505),
        &[("http_1_0", "505, closes")],
    ),
    (
        Wrong::Refuses("Connection: close", 503),
        &[("connection_close", "503, closes")],
    ),
    (Wrong::HeadContent, &[("head", "200, sends content")]),
    (Wrong::HeadContentLate, &[("head", "200, then not HTTP/1")]),
    (Wrong::InPairs, &[("pipelining", "16, out of order")]),
    (
        Wrong::ReadIsRequest,
        &[("two_segments", "half a request line: 400")],
    ),
    (
        Wrong::LineIsRequest,
        &[("two_segments", "half a field line: 200")],
    ),
    (
        Wrong::DropsHalves,
        &[("two_segments", "half a request line: another answer")],
    ),
    (
        Wrong::ContentIsRequests,
        &[("content", "200, reads content as requests")],
    ),
    (
        Wrong::ResetsInContent,
        &[("content", "resets without an answer")],
    ),
    (Wrong::AnswersAndResets, &[("content", "413, resets")]),
    (Wrong::AnswersAndLeaves, &[("content", "413, resets")]),
    (
        Wrong::AnswersAndCloses,
        &[("content", "200, then closes without an answer")],
    ),
    (Wrong::AnswersAndSaysSo, &[]),
    (Wrong::Refuses("POST", 405), &[]),
    (Wrong::Refuses("POST", 501), &[("content", "501, next 200")]),
    (
        Wrong::ChunksAreRequests,
        &[("chunked_content", "200, reads content as requests")],
    ),
    (Wrong::WantsALength, &[]),
    (
        Wrong::NoContinue,
        &[("expect_continue", "200, waits for the content")],
    ),
    (Wrong::AnswersAtOnce(417), &[]),
    (
        Wrong::AnswersAtOnce(500),
        &[
            ("expect_continue", "500 at once"),
            ("interim_in_1_0", "500"),
        ],
    ),
    (Wrong::ContinuesInOld, &[("interim_in_1_0", "100, 200")]),
    (
        Wrong::LargeHead("HTTP/1.1 500 x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        &[("large_head", "500, closes")],
    ),
    (
        Wrong::LargeHead("HTTP/1.1 431 x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        &[],
    ),
    (
        Wrong::LargeHead(""),
        &[("large_head", "closes without an answer")],
    ),
    (Wrong::ResetsLargeHeads, &[("large_head", "431, resets")]),
    (
        Wrong::OneClientAtATime,
        &[("flood", "second client: no answer in time")],
    ),
    (Wrong::NeedsNoHost, &[("missing_host", "200")]),
    (
        Wrong::ByLength,
        &[("length_and_chunked", "200, answers the hidden request")],
    ),
    (
        Wrong::ByChunksAndOpen,
        &[("length_and_chunked", "200, stays open")],
    ),
    (
        Wrong::RefusesAndOpen,
        &[("length_and_chunked", "400, stays open")],
    ),
    (Wrong::ByChunks, &[]),
    (
        Wrong::LeavesTheHalfClosed,
        &[("half_closed", "closes without an answer")],
    ),
    (Wrong::Dates(""), &[("date", "none")]),
    (
        Wrong::Dates("Date: x\r\ndate: y\r\n"),
        &[("date", "2 of them")],
    ),
    (
        Wrong::Dates("Date: soon\r\n"),
        &[("date", "no IMF-fixdate")],
    ),
    (
        Wrong::Dates("Date: Sun Nov  6 08:49:37 1994\r\n"),
        &[("date", "no IMF-fixdate")],
    ),
];

#[test]
fn each_fault_is_seen_and_nothing_else() {
    thread::scope(|scope| {
        for (fault, expected) in FAULTS {
            scope.spawn(move || {
                let findings = probe(&plain(serve(*fault)), "localhost", "/any/path");
                assert_eq!(wrong(&findings), *expected, "{fault:?}");
            });
        }
    });
}

#[test]
fn a_pipeline_that_is_lost_is_seen() {
    let findings = probe(
        &plain(serve(Wrong::OneOfAPipeline)),
        "localhost",
        "/any/path",
    );
    let wrong = wrong(&findings);
    let [("pipelining", "1 of 16"), ("slow_reader", saw)] = wrong[..] else {
        panic!("{wrong:?}");
    };
    // What it leaves out may end within a request, of which it then refuses the rest.
    let ends = [" of 600, then no answer in time", " whole, then 400"];
    assert!(ends.iter().any(|end| saw.ends_with(end)), "{saw}");
}

/// Where it happens depends on what the kernel takes.
#[test]
fn answers_that_are_cut_are_seen() {
    let findings = probe(
        &plain(serve(Wrong::LosesWhatIsNotTaken)),
        "localhost",
        "/any/path",
    );
    let wrong = wrong(&findings);
    let [("slow_reader", saw)] = wrong[..] else {
        panic!("{wrong:?}");
    };
    assert!(saw.contains(" of 600, then "), "{saw}");
}

#[test]
fn a_head_that_never_ends_is_watched() {
    let limit = Some(Duration::from_millis(300));
    for (wrong, right, expected) in [
        (Wrong::WaitsForHeads(None, 0), false, "open after"),
        (Wrong::WaitsForHeads(limit, 0), true, "closes after"),
        (Wrong::WaitsForHeads(limit, 408), true, "408 after"),
        (Wrong::WaitsForHeads(limit, 200), false, "200 after"),
    ] {
        let asker = asker(serve(wrong), Duration::from_secs(3));
        let verdict = pressure::slow_head(&asker, &AtomicBool::new(false));
        let (is_right, saw) = verdict.unwrap().unwrap();
        assert!(
            is_right == right && saw.starts_with(expected),
            "{wrong:?}: {saw}"
        );
    }
}

#[test]
fn each_probe_has_a_legend_of_its_own() {
    let legends: BTreeSet<_> = IDS.map(|id| legend(id).unwrap()).into();
    assert_eq!(legends.len(), IDS.len());
    assert!(legend("slow_head").is_some() && legend("other").is_none());
}

#[test]
fn a_clock_may_be_a_little_off() {
    let date = |off| {
        let address = serve(Wrong::SecondsOff(off));
        ask::date(&asker(address, PATIENCE)).unwrap()
    };
    for off in [-3, 0, 3] {
        assert_eq!(date(off), (true, "on time".to_owned()));
    }
    for (off, side) in [(-3600, "slow"), (3600, "fast")] {
        let (right, saw) = date(off);
        assert!(!right);
        // A new second may begin in between.
        let mut around = (3599..=3601).map(|seconds| format!("{seconds} s {side}"));
        assert!(around.any(|near| saw == near), "{saw}");
    }
}

/// What every probe reports of something that is not an HTTP server, within its time limit.
#[track_caller]
fn all_wrong(address: SocketAddr, patience: Duration, expected: &str) {
    let start = Instant::now();
    let findings = asker(address, patience).findings();
    let elapsed = start.elapsed();
    assert_eq!(findings.len(), IDS.len());
    for finding in findings {
        assert!(!finding.right, "{finding:?}");
        assert!(finding.saw.ends_with(expected), "{finding:?}");
    }
    // A probe without an answer waits once; the one with much content may also wait to send it.
    let most = patience * 20 + Duration::from_secs(5);
    assert!(elapsed < most, "{elapsed:?}");
}

/// For a server that never answers.
const SHORT: Duration = Duration::from_millis(100);
/// For a server that answers, even on a busy machine, and then stops.
const MIDDLING: Duration = Duration::from_millis(200);

/// Sends this to every client and reads what it sends.
fn says(bytes: &'static [u8], then: fn(&mut TcpStream)) -> SocketAddr {
    listen(move |mut stream| {
        let _ = stream.write_all(bytes);
        then(&mut stream);
    })
}

/// Also when the peer has closed its sending side.
fn listens_on(stream: &mut TcpStream) {
    while matches!(stream.read(&mut [0; 16384]), Ok(1..)) {}
    thread::sleep(Duration::from_secs(2));
}

#[test]
fn a_closed_port() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    all_wrong(address, PATIENCE, "no connection");
}

#[test]
fn a_server_that_says_nothing() {
    all_wrong(says(b"", listens_on), SHORT, "no answer in time");
}

#[test]
fn a_server_that_does_not_even_read() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    all_wrong(listener.local_addr().unwrap(), SHORT, "no answer in time");
}

#[test]
fn a_server_that_leaves() {
    let closing = says(b"", |stream| {
        let _ = stream.shutdown(Shutdown::Write);
        listens_on(stream);
    });
    all_wrong(closing, PATIENCE, "closes without an answer");
    let resetting = says(b"", |stream| {
        let _ = stream.read(&mut [0]);
        reset(stream);
    });
    all_wrong(resetting, PATIENCE, "resets without an answer");
}

#[test]
fn a_server_that_says_something_else() {
    for (bytes, saw) in [
        (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], "not HTTP/1"),
        (b"\0\xFF\x80\r\n\r\n", "not HTTP/1"),
        (b"HTTP/2 200 OK\r\n\r\n", "not HTTP/1"),
        (b"HTTP/1.1 two hundred\r\n\r\n", "malformed head"),
        (b"HTTP/1.1 200 OK\n\n", "bare LF or CR as a line end"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "Content-Length is not a number",
        ),
        (
            b"HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n",
            "101 without having asked for an upgrade",
        ),
    ] {
        all_wrong(says(bytes, listens_on), PATIENCE, saw);
    }
}

#[test]
fn a_head_that_never_comes_to_an_end() {
    let interim = says(b"", |stream| {
        while stream.write_all(b"HTTP/1.1 100 x\r\n\r\n").is_ok() {}
    });
    all_wrong(interim, PATIENCE, "too many 1xx answers");
    let endless = says(b"HTTP/1.1 200 OK\r\n", |stream| {
        while stream.write_all(&[b'a'; 1000]).is_ok() {}
    });
    all_wrong(endless, PATIENCE, "head too long");
}

#[test]
fn a_head_in_drips() {
    let drips = says(b"HTTP/1.1 200 OK\r\n", |stream| {
        while stream.write_all(b"a").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    all_wrong(drips, MIDDLING, "half an answer in time");
}

#[test]
fn content_that_never_comes_to_an_end() {
    for (head, is_endless) in [
        (&b"HTTP/1.1 200 OK\r\n\r\n"[..], true),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n",
            true,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
            true,
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nHello", false),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n",
            false,
        ),
    ] {
        let then: fn(&mut TcpStream) = if is_endless {
            |stream| while stream.write_all(&[b'a'; 16384]).is_ok() {}
        } else {
            listens_on
        };
        let (patience, expected) = if is_endless {
            (PATIENCE, "content over 1 MiB")
        } else {
            (MIDDLING, "half an answer in time")
        };
        let address = says(head, then);
        for ask in [ask::random_path, ask::date, ask::half_closed] {
            let asker = asker(address, patience);
            assert_eq!(ask(&asker).unwrap_err().to_string(), expected);
        }
    }
}

#[test]
fn no_bytes_make_it_panic() {
    const SEEDS: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 5\r\n\r\nHello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nHello\r\n0\r\nA: b\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 x\r\nDate: a\r\nConnection: keep-alive\r\n\r\nHello",
    ];
    let address = listen(|mut stream| {
        // The peer's port decides which bytes are changed, and into what, so that each run differs.
        let mut chance = u64::from(stream.peer_addr().unwrap().port());
        let mut next = || {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (chance >> 33) as usize
        };
        let mut bytes = SEEDS[next() % SEEDS.len()].repeat(1 + next() % 3);
        for _ in 0..next() % 6 {
            let place = next() % bytes.len();
            bytes[place] = b"\r\n:;09aF \t\0\xFF"[next() % 12];
        }
        bytes.truncate(next() % (bytes.len() * 2));
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        listens_on(&mut stream);
    });
    let asker = Asker {
        path: "no path",
        ..asker(address, SHORT)
    };
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| assert_eq!(asker.findings().len(), IDS.len()));
        }
    });
}
