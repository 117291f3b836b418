//! The probes over TLS: they ask the same and find the same, but for what has no meaning there.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::thread;

use super::faulty::{Wrong, listen, serve};
use super::front::{End, secure};
use super::tests::{IDS, wrong};
use super::*;
use crate::race::readiness::any_certificate;

/// Both ends are slow in tests, with cryptography that is not optimised.
const PATIENCE: Duration = Duration::from_secs(4);

fn over_tls(address: SocketAddr) -> Endpoint {
    Endpoint {
        address,
        tls: Some(any_certificate("localhost").unwrap()),
    }
}

fn asker(endpoint: &Endpoint) -> Asker<'_> {
    Asker {
        endpoint,
        host: "localhost",
        path: "/any/path",
        patience: PATIENCE,
    }
}

#[test]
fn what_has_no_meaning_is_not_asked() {
    let endpoint = over_tls(secure(serve(Wrong::Nothing), End::CloseNotify));
    let findings = asker(&endpoint).findings();
    let ids: Vec<&str> = findings.iter().map(|finding| finding.id.as_str()).collect();
    let mut expected: Vec<&str> = IDS.to_vec();
    expected.retain(|id| *id != "half_closed");
    expected.push("close_notify");
    assert_eq!(ids, expected);
    assert_eq!(wrong(&findings), []);
    assert!(plain_only().contains("half-closed"));
}

/// Faults, each with the probe that sees it as it does without TLS.
const FAULTS: &[(Wrong, End, &str, &str)] = &[
    (
        Wrong::GreetsOnePath,
        End::CloseNotify,
        "path",
        "200, greets a different path",
    ),
    (
        Wrong::StaysOpen,
        End::CloseNotify,
        "connection_close",
        "200, stays open",
    ),
    (
        Wrong::StaysOpen,
        End::CloseNotify,
        "close_notify",
        "200, stays open",
    ),
    (
        Wrong::Nothing,
        End::Nothing,
        "close_notify",
        "200, closes without it",
    ),
    (
        Wrong::HeadContentLate,
        End::CloseNotify,
        "head",
        "200, then not HTTP/1",
    ),
    (
        Wrong::InPairs,
        End::CloseNotify,
        "pipelining",
        "16, out of order",
    ),
    (
        Wrong::ReadIsRequest,
        End::CloseNotify,
        "two_segments",
        "half a request line: 400",
    ),
    (
        Wrong::AnswersAndResets,
        End::CloseNotify,
        "content",
        "413, resets",
    ),
    (
        Wrong::ChunksAreRequests,
        End::CloseNotify,
        "chunked_content",
        "200, reads content as requests",
    ),
    (
        Wrong::NoContinue,
        End::CloseNotify,
        "expect_continue",
        "200, waits for the content",
    ),
    (
        Wrong::ByLength,
        End::CloseNotify,
        "length_and_chunked",
        "200, answers the hidden request",
    ),
    (
        Wrong::LargeHead(""),
        End::Nothing,
        "large_head",
        "closes without an answer",
    ),
    (Wrong::Dates(""), End::CloseNotify, "date", "none"),
];

/// What has ended without `close_notify` is right in all other respects.
const RIGHT: &[(Wrong, &str, &str)] = &[
    (Wrong::Nothing, "connection_close", "200, closes"),
    (Wrong::AnswersAndSaysSo, "content", "413, closes"),
    (
        Wrong::LargeHead("HTTP/1.1 431 x\r\nConnection: close\r\n\r\n"),
        "large_head",
        "431, closes",
    ),
];

#[track_caller]
fn check(server: Wrong, end: End, id: &str, expected: (bool, &str)) {
    let endpoint = over_tls(secure(serve(server), end));
    let probe = PROBES.iter().find(|probe| probe.about.id == id).unwrap();
    let finding = asker(&endpoint).finding(probe);
    let found = (finding.right, finding.saw.as_str());
    assert_eq!(found, expected, "{server:?}: {id}");
}

#[test]
fn each_fault_is_seen_as_without_tls() {
    thread::scope(|scope| {
        for (server, end, id, saw) in FAULTS {
            scope.spawn(|| check(*server, *end, id, (false, saw)));
        }
        for (server, id, saw) in RIGHT {
            scope.spawn(|| check(*server, End::Nothing, id, (true, saw)));
        }
    });
}

#[test]
fn a_server_without_tls_says_so_to_each_probe() {
    let address = listen(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        while matches!(stream.read(&mut [0; 1024]), Ok(1..)) {}
    });
    for finding in asker(&over_tls(address)).findings() {
        let says_so = finding.saw.contains("does not speak TLS");
        assert!(!finding.right && says_so, "{finding:?}");
    }
}
