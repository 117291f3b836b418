//! `hullo bench` against small servers that are right in unusual ways, or wrong in every way.

#[path = "load/bench.rs"]
mod bench;
#[path = "load/faulty.rs"]
mod faulty;

use std::io::Read as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bench::{Ran, TemporaryFile, bench, command, measured, number, validate};
use faulty::{Peer, nobody, serve};
use serde_json::Value;

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Sends 20 requests on 2 connections to such a server, and expects all of them to fail in this way
/// and the text to say so.
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

/// Sends 20 requests on 2 connections to such a server, and expects an answer to each.
#[track_caller]
fn succeeds(flags: &[&str], handle: impl Fn(&mut Peer) + Send + Sync + 'static) -> Value {
    let url = format!("http://{}/{{n}}", serve(handle));
    let (ran, json) = measured(&[&["-n", "20", "-c", "2"], flags, &[&url]].concat());
    assert_eq!((ran.code, ran.complaint.as_str()), (0, ""), "{}", ran.text);
    assert_eq!(number(&json["responses"]), 20, "{}", ran.text);
    assert_eq!(number(&json["errors"]["total"]), 0, "{}", ran.text);
    json
}

#[test]
fn a_refused_connection() {
    let url = format!("http://{}/", nobody());
    let ran = all_fail("refused", "connection refused", &[], &url);
    assert_eq!(
        (ran.code, ran.complaint.as_str()),
        (1, "hullo bench: nothing was answered\n")
    );
}

#[test]
fn a_connection_that_cannot_be_made() {
    let url = "http://localhost/";
    let socket = ["--unix-socket", "/nowhere/at.all"];
    let line = "no connection: No such file or directory (os error 2)";
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
fn a_time_out() {
    for part in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
    ] {
        let start = Instant::now();
        fails("timeout", "time-out", &["-t", "50ms"], move |peer| {
            peer.request();
            peer.send(part);
            while peer.request().is_some() {}
        });
        // Ten after another on each connection.
        assert!(start.elapsed() >= Duration::from_millis(500));
    }
}

#[test]
fn a_bad_response() {
    let ok = "HTTP/1.1 200 OK\r\n";
    for (answer, cause) in [
        ("SSH-2.0-OpenSSH_9.6\r\n".to_owned(), "not HTTP/1"),
        ("HTTP/1.1 abc\r\n\r\n".to_owned(), "malformed head"),
        (
            format!("{ok}Content-Length: 5\nX: y\r\n\r\nhello"),
            "bare LF or CR as a line end",
        ),
        (
            format!("{ok}X: {}\r\n\r\n", "y".repeat(70_000)),
            "head too long",
        ),
        (
            format!("{ok}{}\r\n", "A: b\r\n".repeat(200)),
            "too many fields",
        ),
        (
            format!("{ok}Content-Length: five\r\n\r\n"),
            "Content-Length is no number",
        ),
        (
            format!("{ok}Content-Length: 0\r\nContent-Length: 0\r\n\r\n"),
            "Content-Length given twice",
        ),
        (
            format!("{ok}Transfer-Encoding: gzip\r\n\r\n"),
            "Transfer-Encoding has no, or more than one, final chunked",
        ),
        (
            format!("{ok}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
            "both Transfer-Encoding and Content-Length",
        ),
        (
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            "Transfer-Encoding in HTTP/1.0",
        ),
        (
            format!("{ok}Transfer-Encoding: chunked\r\n\r\nx\r\n"),
            "malformed chunk",
        ),
        (
            format!("{ok}Transfer-Encoding: chunked\r\n\r\n0\r\nno\r\n\r\n"),
            "malformed trailer",
        ),
        (
            "HTTP/1.1 100 Go on\r\n\r\n".repeat(40) + HELLO,
            "too many 1xx answers",
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned(),
            "101 without having asked for an upgrade",
        ),
        (format!("{HELLO}!"), "bytes that no request asked for"),
        (HELLO.repeat(2), "bytes that no request asked for"),
    ] {
        let line = format!("bad response: {cause}");
        fails("bad_response", &line, &[], move |peer| {
            peer.answer_all(&answer);
        });
    }
}

#[test]
fn an_answer_that_was_not_expected() {
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
    // Whoever does not say what to expect is told the statuses all the same.
    let json = succeeds(&[], move |peer| peer.answer_all(wrong));
    assert_eq!(number(&json["statuses"]["503"]), 20);
}

#[test]
fn answers_in_every_framing() {
    for (answer, bytes) in [
        (HELLO, 100),
        ("HTTP/1.1 204 No Content\r\n\r\n", 0),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 0),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
            20,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n",
            100,
        ),
        (
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
            20,
        ),
    ] {
        let json = succeeds(&[], move |peer| peer.answer_all(answer));
        assert_eq!(number(&json["body_bytes"]), bytes, "{answer}");
        assert_eq!(number(&json["connections"]["opened"]), 2, "{answer}");
        assert_eq!(
            number(&json["connections"]["closed_by_server"]),
            0,
            "{answer}"
        );
    }
}

#[test]
fn answers_that_come_in_pieces() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    succeeds(&["--expect-body", "hello"], move |peer| {
        while peer.request().is_some() {
            for byte in answer.chars() {
                peer.send(&byte.to_string());
                thread::sleep(Duration::from_micros(50));
            }
        }
    });
    // Longer than any block.
    let long = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n{}",
        "x".repeat(3_000_000)
    );
    let json = succeeds(&[], move |peer| peer.answer_all(&long));
    assert_eq!(number(&json["body_bytes"]), 60_000_000);
}

#[test]
fn answers_to_head() {
    for fields in ["Content-Length: 500", "Transfer-Encoding: chunked", "X: y"] {
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
        let json = succeeds(&["-m", "head"], move |peer| {
            while let Some(request) = peer.request() {
                assert!(request.starts_with("HEAD /0 HTTP/1.1\r\n"), "{request}");
                peer.send(&answer);
            }
        });
        assert_eq!(number(&json["connections"]["opened"]), 2);
    }
}

#[test]
fn a_close_after_each_answer_is_followed_by_a_new_connection() {
    for answer in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\n\r\nhello",
    ] {
        let json = succeeds(&["--expect-body", "hello"], move |peer| {
            peer.request();
            peer.send(answer);
            peer.close();
        });
        let connections = &json["connections"];
        assert_eq!(number(&connections["opened"]), 20, "{answer}");
        assert_eq!(number(&connections["closed_by_server"]), 20, "{answer}");
        assert_eq!(number(&json["connect"]["count"]), 20, "{answer}");
    }
}

/// A close without a word loses the request that crosses it, and only that one.
#[test]
fn a_close_without_a_word_is_counted() {
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
    // Between two requests, nothing is lost.
    let json = succeeds(&["-q", "50"], |peer| {
        peer.request();
        peer.send(HELLO);
        peer.close();
    });
    // The last closes come after the last answers, and are not waited for.
    let closed = number(&json["connections"]["closed_by_server"]);
    assert!((18..=20).contains(&closed), "{closed}");
    assert_eq!(number(&json["connections"]["opened"]), 20);
}

#[test]
fn a_connection_for_each_request() {
    let json = succeeds(&["-disable-keepalive"], |peer| {
        let request = peer.request().unwrap_or_default();
        assert!(request.contains("\r\nConnection: close\r\n"), "{request}");
        peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        peer.close();
    });
    assert_eq!(number(&json["connections"]["opened"]), 20);
    assert_eq!(
        number(&json["connections"]["closed_by_server"]),
        0,
        "it was asked to"
    );
}

/// Answers each request with its path, after `order` has seen the batch.
fn echo(
    batch: usize,
    order: impl Fn(&mut Vec<String>) + Send + Sync + 'static,
) -> impl Fn(&mut Peer) + Send + Sync + 'static {
    move |peer| {
        loop {
            let mut bodies = Vec::new();
            while bodies.len() < batch {
                let Some(request) = peer.request() else {
                    return;
                };
                bodies.push(request.split(' ').nth(1).unwrap().to_owned());
            }
            order(&mut bodies);
            let answer = |body: &String| {
                let length = body.len();
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
            };
            let answers: Vec<String> = bodies.iter().map(answer).collect();
            peer.send(&answers.concat());
        }
    }
}

#[test]
fn pipelined_answers_come_in_the_order_of_their_requests() {
    let flags = ["-p", "5", "--expect-body", "/{n}"];
    succeeds(&flags, echo(5, |_| {}));
    let url = format!(
        "http://{}/{{n}}",
        serve(echo(5, |bodies| bodies.swap(1, 3)))
    );
    let (_, json) = measured(&[&["-n", "20", "-c", "2"], &flags[..], &[&url]].concat());
    assert_eq!(number(&json["errors"]["kinds"]["body"]), 8, "two of five");
    assert_eq!(number(&json["responses"]), 20);
}

#[test]
fn requests_behind_a_closing_answer_are_sent_again() {
    let json = succeeds(&["-p", "5", "--expect-body", "/{n}"], |peer| {
        let request = peer.request().unwrap_or_default();
        let path = request.split(' ').nth(1).unwrap_or_default();
        peer.send(&format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{path}",
            path.len()
        ));
        peer.close();
    });
    assert_eq!(number(&json["connections"]["opened"]), 20);
    // Of each batch of five, four, three, two and one.
    assert_eq!(
        number(&json["connections"]["requests_sent_again"]),
        4 * (4 + 3 + 2 + 1)
    );
}

#[test]
fn whatever_is_in_flight_fails_together() {
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

#[test]
fn the_request_is_what_the_flags_say() {
    let seen = Arc::new(Mutex::new(String::new()));
    let url = format!(
        "http://{}/a?b=c",
        serve({
            let seen = Arc::clone(&seen);
            move |peer| {
                while let Some(request) = peer.request() {
                    *seen.lock().unwrap() = request;
                    peer.send(HELLO);
                }
            }
        })
    );
    let ran = bench(&[
        "-n",
        "1",
        "-c",
        "1",
        "-m",
        "patch",
        "-H",
        "X: y",
        "-H",
        "X: z",
        "-A",
        "text/*",
        "-a",
        "u:p",
        "-T",
        "text/plain",
        "-d",
        "a=1",
        "-host",
        "name",
        &url,
    ]);
    assert_eq!(ran.code, 0);
    let agent = concat!("hullo/", env!("CARGO_PKG_VERSION"));
    let expected = format!(
        "PATCH /a?b=c HTTP/1.1\r\nHost: name\r\nUser-Agent: {agent}\r\nX: y\r\nX: z\r\nAccept: text/*\r\nAuthorization: Basic dTpw\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\na=1"
    );
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn a_body_that_is_taken_slowly_is_sent_whole() {
    let body = TemporaryFile::new();
    std::fs::write(&body.0, "x".repeat(8_000_000)).unwrap();
    let lengths = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lengths);
    let json = succeeds(&["-m", "POST", "-D", body.path()], move |peer| {
        thread::sleep(Duration::from_millis(30));
        while let Some(request) = peer.request() {
            seen.lock()
                .unwrap()
                .push(request.split("\r\n\r\n").nth(1).unwrap().len());
            peer.send(HELLO);
        }
    });
    assert_eq!(*lengths.lock().unwrap(), [8_000_000; 20]);
    assert_eq!(number(&json["connections"]["opened"]), 2);
}

/// RFC 9112 section 9.6: whoever refuses a body may answer before its end, and close.
#[test]
fn an_answer_before_the_end_of_the_request_counts() {
    let body = TemporaryFile::new();
    std::fs::write(&body.0, "x".repeat(20_000_000)).unwrap();
    let json = succeeds(&["-m", "POST", "-D", body.path()], |peer| {
        let _ = peer.stream.read(&mut [0; 1000]);
        peer.send("HTTP/1.1 413 Too much\r\nContent-Length: 0\r\n\r\n");
        peer.close();
    });
    assert_eq!(number(&json["statuses"]["413"]), 20);
    assert_eq!(number(&json["connections"]["opened"]), 20);
}

#[test]
fn a_unix_socket() {
    use std::io::Write as _;
    let socket = TemporaryFile::new();
    let listener = std::os::unix::net::UnixListener::bind(&socket.0).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                while matches!(stream.read(&mut [0; 1000]), Ok(1..)) {
                    stream.write_all(HELLO.as_bytes()).unwrap();
                }
            });
        }
    });
    let (ran, json) = measured(&[
        "-n",
        "50",
        "-c",
        "3",
        "--unix-socket",
        socket.path(),
        "http://some.name/",
    ]);
    assert_eq!((ran.code, number(&json["responses"])), (0, 50));
}

#[test]
fn a_rate_is_kept() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    for flags in [["-q", "40", "-c", "2"], ["--rate", "80", "-c", "7"]] {
        let (ran, json) = measured(&[&["-z", "1s"], &flags[..], &[&url]].concat());
        let responses = number(&json["responses"]);
        assert!((76..=82).contains(&responses), "{flags:?}: {}", ran.text);
    }
    // By number: the last of 41 is due after half a second.
    let (_, json) = measured(&[
        "-n",
        "41",
        "--rate",
        "80",
        "-c",
        "7",
        "--threads",
        "2",
        &url,
    ]);
    let elapsed = number(&json["elapsed_ns"]);
    assert_eq!(number(&json["responses"]), 41);
    assert!((500_000_000..900_000_000).contains(&elapsed), "{elapsed}");
    assert!(number(&json["lag"]["count"]) > 0);
}

/// A server that stands still for 300 ms once: in the open model every request that was due
/// meanwhile saw it, in the closed model one for each connection.
#[test]
fn a_stall_cannot_hide_from_the_open_model() {
    let stalled = |flags: &[&str]| {
        let count = AtomicUsize::new(0);
        let url = format!(
            "http://{}/",
            serve(move |peer| {
                while peer.request().is_some() {
                    if count.fetch_add(1, Ordering::Relaxed) == 100 {
                        thread::sleep(Duration::from_millis(300));
                    }
                    peer.send(HELLO);
                }
            })
        );
        measured(&[&["-n", "400", "-c", "1"], flags, &[&url]].concat()).1
    };
    let slower_than = |json: &Value, nanos: u64| {
        let counts = json["latency"]["histogram"]["counts"].as_array().unwrap();
        counts
            .iter()
            .filter(|pair| number(&pair[0]) > nanos)
            .map(|pair| number(&pair[1]))
            .sum::<u64>()
    };
    let closed = stalled(&[]);
    assert!(number(&closed["latency"]["max_ns"]) >= 300_000_000);
    assert!(
        slower_than(&closed, 100_000_000) <= 3,
        "{}",
        closed["latency"]
    );
    // 500 a second: 150 are due in the stall, and two thirds of them more than 100 ms before its end.
    let open = stalled(&["--rate", "500"]);
    assert!(number(&open["latency"]["max_ns"]) >= 300_000_000);
    let late = slower_than(&open, 100_000_000);
    assert!((90..=140).contains(&late), "{late}");
}

/// What is due and cannot be sent for want of a free connection is late all the same.
#[test]
fn in_the_open_model_the_time_out_runs_from_the_due_time() {
    let url = format!(
        "http://{}/",
        serve(|peer| while peer.request().is_some() {})
    );
    let (ran, json) = measured(&["-n", "50", "-c", "1", "--rate", "500", "-t", "150ms", &url]);
    assert_eq!(ran.code, 1);
    assert_eq!(number(&json["errors"]["kinds"]["timeout"]), 50);
    assert!(number(&json["elapsed_ns"]) < 600_000_000, "{}", ran.text);
}

#[test]
fn warming_up_is_not_counted() {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let json = succeeds(&["--warmup", "200ms", "--threads", "2"], move |peer| {
        while peer.request().is_some() {
            seen.fetch_add(1, Ordering::Relaxed);
            peer.send(HELLO);
        }
    });
    assert!(count.load(Ordering::Relaxed) > 100);
    assert_eq!(number(&json["connections"]["opened"]), 0, "they were open");
    assert!(number(&json["elapsed_ns"]) < 200_000_000);
}

#[test]
fn runs_are_repeated_and_reported_each_and_all() {
    let json = succeeds_thrice();
    assert_eq!(number(&json["responses"]), 60);
    assert_eq!(json["runs"].as_array().unwrap().len(), 3);
    assert_eq!(number(&json["connections"]["opened"]), 6);
    assert_eq!(number(&json["machines"]), 1);
}

fn succeeds_thrice() -> Value {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let flags = ["-n", "20", "-c", "2", "--repeat", "3"];
    let (ran, json) = measured(&[&flags[..], &[&url]].concat());
    assert_eq!(ran.code, 0);
    assert!(
        ran.text
            .contains("\nRuns (requests/sec, 50%, 99%, errors):\n  1:\t"),
        "{}",
        ran.text
    );
    assert!(ran.text.contains("\n  median "), "{}", ran.text);
    let csv = bench(&[&flags[..], &["-o", "csv", &url]].concat()).text;
    let first = |line: &str| line.split(',').next().unwrap().to_owned();
    let column: Vec<String> = csv.lines().map(first).collect();
    assert_eq!(column, ["run", "1", "2", "3", "all"]);
    let markdown = bench(&[&flags[..], &["-o", "markdown", &url]].concat()).text;
    assert!(markdown.contains("\n| all | 60 | 0 | "), "{markdown}");
    json
}

#[test]
fn exit_codes_tell_apart() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let nowhere = format!("http://{}/", nobody());
    for (code, flags, said) in [
        (
            0,
            vec!["--fail-if", "errors>0", "--fail-if", "p99>10s", &url],
            "",
        ),
        (
            3,
            vec!["--fail-if", "p50>1ns", &url],
            "failed, p50>1ns: it is ",
        ),
        (
            3,
            vec![
                "--fail-if",
                "responses!=50",
                "--fail-if",
                "responses==50",
                &url,
            ],
            "failed, responses==50: it is 50",
        ),
        (
            3,
            vec!["--expect-status", "404", "--fail-if", "errors>0", &url],
            "failed, errors>0: it is 50",
        ),
        (
            1,
            vec!["--fail-if", "errors>0", &nowhere],
            "nothing was answered",
        ),
        (2, vec!["https://localhost/"], "there is no TLS in it"),
        (
            2,
            vec!["-x", "localhost:3128", &url],
            "what is measured is the proxy",
        ),
        (2, vec!["-c", "51", &url], "-n 50 is less than -c 51"),
        (
            2,
            vec!["-m", "HEAD", "--expect-body", "x", &url],
            "could not fail",
        ),
        (
            2,
            vec!["-D", "/nowhere/at.all", &url],
            "cannot read /nowhere/at.all",
        ),
        (2, vec!["-m", "CONNECT", &url], "tunnel"),
        (2, vec!["-z", "1s", "-c", "100000000", &url], "ulimit -n"),
        (2, vec!["--merge", "/nowhere/at.all"], "cannot be joined"),
        (2, vec!["--fail-if", "p99>5", &url], "needs a unit"),
    ] {
        let ran = bench(&[&["-n", "50"], &flags[..]].concat());
        assert_eq!(ran.code, code, "{flags:?}: {}", ran.complaint);
        assert!(ran.complaint.contains(said), "{flags:?}: {}", ran.complaint);
    }
}

#[test]
fn an_interrupt_ends_the_run_and_prints_what_there_is() {
    let url = format!(
        "http://{}/",
        serve(|peer| {
            // The second connection is never answered, so that something is in flight.
            if peer.number == 0 {
                peer.answer_all(HELLO);
            }
            while peer.request().is_some() {}
        })
    );
    let start = Instant::now();
    let child = command(&["-z", "60s", "-c", "2", "-o", "json", &url])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(400));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(
        (ran.code, ran.complaint.as_str()),
        (0, ""),
        "no progress line in a pipe either"
    );
    let json: Value = serde_json::from_str(&ran.text).unwrap();
    validate(&json);
    assert!(number(&json["responses"]) > 100);
    assert!(
        (1..=2).contains(&number(&json["unfinished"])),
        "{}",
        json["unfinished"]
    );
    let warnings = json["warnings"].to_string();
    assert!(warnings.contains("broken off"), "{warnings}");
}

/// The counts of two results, joined by hand.
fn histogram_of_both(a: &Value, b: &Value) -> Vec<(u64, u64)> {
    let mut all = std::collections::BTreeMap::new();
    for json in [a, b] {
        for pair in json["latency"]["histogram"]["counts"].as_array().unwrap() {
            *all.entry(number(&pair[0])).or_insert(0) += number(&pair[1]);
        }
    }
    all.into_iter().collect()
}

#[test]
fn results_of_two_machines_join_exactly() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let (a, b, all, hdr) = (
        TemporaryFile::new(),
        TemporaryFile::new(),
        TemporaryFile::new(),
        TemporaryFile::new(),
    );
    for (file, requests) in [(&a, "300"), (&b, "500")] {
        let ran = bench(&["-n", requests, "-c", "2", "--json", file.path(), &url]);
        assert_eq!(ran.code, 0);
    }
    let ran = bench(&[
        "--merge",
        a.path(),
        b.path(),
        "--json",
        all.path(),
        "--hdr",
        hdr.path(),
        "--fail-if",
        "responses==800",
    ]);
    assert_eq!(ran.code, 3, "{}", ran.complaint);
    let read = |file: &TemporaryFile| serde_json::from_str::<Value>(&file.text()).unwrap();
    let (a, b, all) = (read(&a), read(&b), read(&all));
    validate(&all);
    let sum = |path: &str| number(a.pointer(path).unwrap()) + number(b.pointer(path).unwrap());
    for path in [
        "/responses",
        "/statuses/200",
        "/body_bytes",
        "/connections/opened",
        "/latency/sum_ns",
        "/generator/cpu_ns",
        "/machines",
    ] {
        assert_eq!(number(all.pointer(path).unwrap()), sum(path), "{path}");
    }
    let histogram = histogram_of_both(&a, &b);
    let counts: Vec<(u64, u64)> =
        serde_json::from_value(all["latency"]["histogram"]["counts"].clone()).unwrap();
    assert_eq!(counts, histogram);
    // The percentile of all, counted by hand: no mean of two percentiles.
    let rank = |percent: u64| {
        let mut left = percent * 800 / 100;
        let found = histogram.iter().find(|(_, count)| {
            left = left.saturating_sub(*count);
            left == 0
        });
        found.unwrap().0.min(number(&all["latency"]["max_ns"]))
    };
    let percentiles = &all["latency"]["percentiles_ns"];
    assert_eq!(number(&percentiles["p50"]), rank(50));
    assert_eq!(number(&percentiles["p99"]), rank(99));
    assert!(
        hdr.text().contains("Total count    =          800]"),
        "{}",
        hdr.text()
    );
    assert!(ran.text.contains("machines:\t2"), "{}", ran.text);
}

#[test]
fn the_schema_refuses_what_is_not_a_result() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let (_, good) = measured(&["-n", "10", "-c", "2", &url]);
    let schema = serde_json::from_str(include_str!("../src/load/report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&good));
    for path in [
        "/format",
        "/latency/histogram/counts/0/0",
        "/errors/kinds/refused",
        "/settings/url",
        "/runs/0/responses",
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap() = Value::Bool(true);
        assert!(!validator.is_valid(&bad), "{path}");
    }
    let mut more = good.clone();
    more.as_object_mut()
        .unwrap()
        .insert("more".into(), Value::Null);
    assert!(!validator.is_valid(&more));
}
