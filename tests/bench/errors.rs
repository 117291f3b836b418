//! Every kind of error, provoked by a server that causes only that kind.

use super::*;

/// Sends 20 requests on 2 connections to a server, and expects all of them to fail with this kind, and
/// this line in the report.
#[track_caller]
fn fails(
    kind: &str,
    line: &str,
    flags: &[&str],
    handle: impl Fn(&mut Peer) + Send + Sync + 'static,
) {
    let url = format!("http://{}/", serve(handle));
    all_fail(kind, line, flags, &url);
}

#[track_caller]
fn all_fail(kind: &str, line: &str, flags: &[&str], url: &str) -> Ran {
    let (ran, json) = measured(&[&["-n", "20", "-c", "2"], flags, &[url]].concat());
    let errors = &json["errors"];
    assert_eq!(number(&errors["kinds"][kind]), 20, "{}", ran.text);
    assert_eq!(number(&errors["total"]), 20, "{}", ran.text);
    let section = ran
        .text
        .split("\nError distribution:\n")
        .nth(1)
        .expect("a section");
    assert_eq!(
        section.lines().next(),
        Some(format!("  [20]\t{line}").as_str())
    );
    ran
}

#[test]
fn a_refused_connection() {
    let url = format!("http://{}/", closed_port());
    let ran = all_fail("refused", "connection refused", &[], &url);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (1, "hullo bench: no request was answered\n")
    );
}

#[test]
fn a_connection_that_cannot_be_made() {
    let url = "http://localhost/";
    let socket = ["--unix-socket", "/nowhere/at.all"];
    let line = "cannot connect: No such file or directory (os error 2)";
    assert_eq!(all_fail("connect", line, &socket, url).code, 1);
}

#[test]
fn a_reset() {
    fails("reset", "connection reset", &[], |peer| {
        peer.request();
        peer.reset();
    });
    fails("reset", "connection reset", &[], |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
        thread::sleep(Duration::from_millis(5));
        peer.reset();
    });
}

#[test]
fn a_close_before_the_answer() {
    let line = "connection closed before the answer";
    fails("closed", line, &[], |peer| {
        peer.request();
        peer.close();
    });
    fails("closed", line, &[], |peer| {
        peer.request();
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        peer.close();
    });
}

#[test]
fn a_close_in_the_middle() {
    let line = "short body: connection closed in the middle of the answer";
    for half in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1",
    ] {
        fails("short", line, &[], move |peer| {
            peer.request();
            peer.send(half);
            peer.close();
        });
    }
}

#[test]
fn a_timeout() {
    for part in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
    ] {
        let start = Instant::now();
        fails("timeout", "timeout", &["-t", "50ms"], move |peer| {
            peer.request();
            peer.send(part);
            while peer.request().is_some() {}
        });
        // Ten after another on each connection.
        assert!(start.elapsed() >= Duration::from_millis(500));
    }
}

/// A cause, and an answer with it.
type BadResponse = (&'static str, fn() -> String);

pub(super) const BAD_RESPONSES: &[BadResponse] = &[
    ("not HTTP/1", || "SSH-2.0-OpenSSH_9.6\r\n".to_owned()),
    ("malformed head", || "HTTP/1.1 abc\r\n\r\n".to_owned()),
    ("bare LF or CR as a line end", || {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\nX: y\r\n\r\nhello".to_owned()
    }),
    ("head too long", || {
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(70_000))
    }),
    ("too many fields", || {
        format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(200))
    }),
    ("Content-Length is not a number", || {
        "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n".to_owned()
    }),
    ("Content-Length given twice", || {
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n".to_owned()
    }),
    (
        "Transfer-Encoding has no, or more than one, final chunked",
        || "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(),
    ),
    ("both Transfer-Encoding and Content-Length", || {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n".to_owned()
    }),
    ("Transfer-Encoding in HTTP/1.0", || {
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()
    }),
    ("malformed chunk", || {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n".to_owned()
    }),
    ("malformed trailer", || {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno\r\n\r\n".to_owned()
    }),
    ("too many 1xx answers", || {
        "HTTP/1.1 100 Go on\r\n\r\n".repeat(40) + HELLO
    }),
    ("101 without having asked for an upgrade", || {
        "HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned()
    }),
    ("status below 100 or above 599", || {
        HELLO.replace("200", "999")
    }),
    ("bytes that no request asked for", || format!("{HELLO}!")),
    ("bytes that no request asked for", || HELLO.repeat(2)),
];

#[test]
fn a_bad_response() {
    for (cause, answer) in BAD_RESPONSES {
        let line = format!("bad response: {cause}");
        let answer = answer();
        fails("bad_response", &line, &[], move |peer| {
            peer.answer_all(&answer);
        });
    }
}

#[test]
fn an_unexpected_answer() {
    let wrong = "HTTP/1.1 503 Full\r\nContent-Length: 5\r\n\r\nsorry";
    let flags = ["--expect-status", "2xx,304", "--fail-if", "errors>0"];
    fails("status", "unexpected status", &flags, move |peer| {
        peer.answer_all(wrong);
    });
    for body in ["hell", "hello!", "Hello", ""] {
        fails(
            "body",
            "unexpected body",
            &["--expect-body", body],
            |peer| peer.answer_all(HELLO),
        );
    }
    succeeds(
        &["--expect-status", "200", "--expect-body", "hello"],
        |peer| peer.answer_all(HELLO),
    );
    // Without expectations the statuses are still counted.
    let json = succeeds(&[], move |peer| peer.answer_all(wrong));
    assert_eq!(number(&json["statuses"]["503"]), 20);
}

/// An unannounced close fails the request that crosses it, and only that one.
#[test]
fn an_unannounced_close_is_counted() {
    let url = format!(
        "http://{}/",
        serve(|peer| {
            peer.request();
            peer.send(HELLO);
            peer.request();
            peer.close();
        })
    );
    let (ran, json) = measured(&["-n", "20", "-c", "1", &url]);
    assert_eq!(ran.code, 0);
    assert_eq!(number(&json["responses"]), 10);
    assert_eq!(number(&json["errors"]["kinds"]["closed"]), 10);
    assert_eq!(number(&json["connections"]["opened"]), 10);
    assert_eq!(number(&json["connections"]["closed_by_server"]), 10);
    // Between two requests, which are 100 ms apart, nothing is lost.
    let json = succeeds(&["-q", "20"], |peer| {
        peer.request();
        peer.send(HELLO);
        peer.close();
    });
    // The last closes come after the last answers and are not awaited.
    let closed = number(&json["connections"]["closed_by_server"]);
    assert!((18..=20).contains(&closed), "{closed}");
    assert_eq!(number(&json["connections"]["opened"]), 20);
}

#[test]
fn all_requests_in_flight_fail_together() {
    let url = format!(
        "http://{}/",
        serve(|peer| {
            peer.request();
            peer.send(HELLO);
            peer.send("nonsense");
            while peer.request().is_some() {}
        })
    );
    let (_, json) = measured(&["-n", "20", "-c", "2", "-p", "5", &url]);
    assert_eq!(number(&json["responses"]), 4);
    assert_eq!(number(&json["errors"]["kinds"]["bad_response"]), 16);
}

/// Bytes between two requests are not the error of a request: answers and errors add up to requests.
#[test]
fn bytes_without_a_request_are_counted_apart() {
    let url = format!(
        "http://{}/",
        serve(|peer| {
            while peer.request().is_some() {
                peer.send(HELLO);
                thread::sleep(Duration::from_millis(20));
                peer.send("nonsense");
            }
        })
    );
    let (ran, json) = measured(&[
        "-n",
        "5",
        "-c",
        "1",
        "-q",
        "10",
        "--fail-if",
        "unasked>0",
        &url,
    ]);
    assert_eq!(ran.code, 3, "{}", ran.text);
    assert_eq!(number(&json["responses"]), 5);
    assert_eq!(number(&json["errors"]["total"]), 0);
    let unasked = number(&json["connections"]["closed_for_unasked_bytes"]);
    assert!((4..=5).contains(&unasked), "{unasked}");
    assert_eq!(number(&json["connections"]["opened"]), 5);
    assert!(
        ran.text.contains("  closed for unasked bytes:\t"),
        "{}",
        ran.text
    );
}
