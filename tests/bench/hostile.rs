//! Servers that attack the generator: it ends in time, in bounded memory, with the right counts, and prints
//! nothing that a terminal would obey.

use super::errors::BAD_RESPONSES;
use super::*;

/// Memory for code, stacks and buffers, but not for all that a server sends: 1 GB/s on loopback would exceed it at
/// once.
const MEMORY_KIB_MAX: &str = "1500000";

/// Runs it with limited memory. Returns its results, and how long it took.
#[track_caller]
fn limited(arguments: &[&str]) -> (Ran, Value, Duration) {
    let file = TemporaryFile::new();
    let begin = Instant::now();
    let output = std::process::Command::new("bash")
        .args(["-c", "ulimit -v \"$0\" && exec \"$@\"", MEMORY_KIB_MAX])
        .args([env!("CARGO_BIN_EXE_hullo"), "bench", "--threads", "1"])
        .args(["--json", file.path()])
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    let ran = Ran::from(output.unwrap());
    assert!(file.0.exists(), "{arguments:?}: {}", ran.stderr);
    let json: Value = serde_json::from_str(&file.text()).unwrap();
    validate(&json);
    (ran, json, begin.elapsed())
}

/// Sends this without end, until the client closes.
fn flood(peer: &mut Peer, text: &str) {
    use std::io::Write as _;
    let block = text.repeat(65_536 / text.len() + 1);
    while peer.stream.write_all(block.as_bytes()).is_ok() {}
}

#[test]
fn nothing_that_a_server_sends_without_end_is_kept() {
    let ok = "HTTP/1.1 200 OK\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (start, repeated, cause) in [
        ("", "HTTP/1.1 100 Continue\r\n\r\n", "too many 1xx answers"),
        (
            "",
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
            "too many 1xx answers",
        ),
        (ok, "X: yyyyyyyyyyyyyy\r\n", "head too long"),
        (ok, "y", "head too long"),
        ("", "HTTP/1.", "head too long"),
        ("HTTP/1.1 200 ", "a", "head too long"),
        (chunked, "a", "malformed chunk"),
        (chunked, "0", "malformed chunk"),
        (&format!("{chunked}5;"), "a", "malformed chunk"),
        (&format!("{chunked}5;a=\""), "a", "malformed chunk"),
        (&format!("{chunked}0\r\n"), "X: y\r\n", "malformed trailer"),
        (&format!("{chunked}0\r\nX: "), "y", "malformed trailer"),
        ("", HELLO, "bytes that no request asked for"),
    ] {
        let (start, text) = (start.to_owned(), repeated.to_owned());
        let address = serve(move |peer| {
            peer.request();
            peer.send(&start);
            flood(peer, &text);
        });
        let url = format!("http://{address}/");
        let (ran, json, elapsed) = limited(&["-n", "6", "-c", "2", "--cookies", &url]);
        let errors = &json["errors"];
        assert_eq!(
            number(&errors["bad_response_causes"][cause]),
            6,
            "{repeated:?}: {}",
            ran.text
        );
        assert_eq!(
            (ran.code, number(&errors["total"])),
            (1, 6),
            "{}",
            ran.stderr
        );
        assert!(
            elapsed < Duration::from_secs(10),
            "{repeated:?}: {elapsed:?}"
        );
    }
}

/// Content may be endless: then the timeout or the deadline ends it, not the memory.
#[test]
fn endless_content_ends_with_the_timeout_or_the_deadline() {
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    ] {
        let address = serve(move |peer| {
            peer.request();
            peer.send(head);
            flood(peer, "endless ");
        });
        let url = format!("http://{address}/");
        let (ran, json, elapsed) = limited(&["-n", "4", "-c", "2", "-t", "300ms", &url]);
        assert_eq!(
            number(&json["errors"]["kinds"]["timeout"]),
            4,
            "{head}: {}",
            ran.text
        );
        assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
        let (ran, json, elapsed) = limited(&["-n", "4", "-c", "2", "--deadline", "300ms", &url]);
        assert_eq!(
            number(&json["unanswered"]["sent"]),
            2,
            "{head}: {}",
            ran.text
        );
        assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
    }
}

/// A byte now and then keeps no request alive beyond its time.
#[test]
fn a_slow_drip_is_timed_out() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()
        + &"1\r\nx\r\n".repeat(1000);
    let address = serve(move |peer| {
        use std::io::Write as _;
        peer.request();
        for byte in answer.bytes() {
            if peer.stream.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    });
    let url = format!("http://{address}/");
    for flags in [
        &["-t", "300ms"][..],
        &["--deadline", "300ms", "-t", "0"],
        &["-t", "300ms", "--rate", "50"],
    ] {
        let begin = Instant::now();
        let (ran, json) = measured(&[&["-n", "2", "-c", "2"], flags, &[&url]].concat());
        assert!(begin.elapsed() < Duration::from_secs(4), "{flags:?}");
        assert_eq!(number(&json["responses"]), 0, "{}", ran.text);
        let timeouts = number(&json["errors"]["kinds"]["timeout"]);
        let unanswered = json["unanswered"]["sent"].as_u64().unwrap_or(0);
        assert_eq!(timeouts + unanswered, 2, "{flags:?}: {}", ran.text);
    }
}

/// An answer that is there before its request is not the answer to it. While nothing is in flight, that is seen.
#[test]
fn an_answer_before_its_request_is_not_counted() {
    let address = serve(|peer| {
        while peer.request().is_some() {
            peer.send(HELLO);
            // That of the next request.
            thread::sleep(Duration::from_millis(20));
            peer.send(HELLO);
        }
    });
    let url = format!("http://{address}/");
    let (ran, json) = measured(&["-n", "6", "-c", "1", "-q", "10", &url]);
    assert_eq!(
        (number(&json["responses"]), number(&json["errors"]["total"])),
        (6, 0),
        "{}",
        ran.text
    );
    let unasked = number(&json["connections"]["closed_for_unasked_bytes"]);
    assert!((5..=6).contains(&unasked), "{}", ran.text);
    assert_eq!(number(&json["connections"]["opened"]), 6);
}

/// A server that does not read cannot hold up a request with content that the socket does not take.
#[test]
fn a_server_that_does_not_read_is_timed_out() {
    let body = TemporaryFile::new();
    std::fs::write(&body.0, vec![b'x'; 20_000_000]).unwrap();
    let address = serve(|_| thread::sleep(Duration::from_secs(3)));
    let url = format!("http://{address}/");
    let (ran, json, elapsed) = limited(&[
        "-n",
        "2",
        "-c",
        "2",
        "-t",
        "300ms",
        "-m",
        "POST",
        "-D",
        body.path(),
        &url,
    ]);
    assert_eq!(
        number(&json["errors"]["kinds"]["timeout"]),
        2,
        "{}",
        ran.text
    );
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
}

/// Each cause with requests that differ, cookies, and answers in two pieces: it is the same cause,
/// and each failed request counts in one template.
#[test]
fn each_cause_is_found_also_in_a_workload_and_in_pieces() {
    let requests = TemporaryFile::new();
    let lines = "{\"name\": \"a\", \"path\": \"/{seq}\"}\n{\"name\": \"b\", \"path\": \"/\", \"method\": \"POST\"}\n";
    std::fs::write(&requests.0, lines).unwrap();
    for (cause, answer) in BAD_RESPONSES {
        let answer = answer();
        // The second of two answers would be that of the next request.
        let cut = if *cause == "bytes that no request asked for" {
            0
        } else {
            answer.len() / 2
        };
        let pause = Duration::from_millis(if answer.len() > 2000 { 0 } else { 2 });
        let address = serve(move |peer| {
            while peer.request().is_some() {
                let (first, rest) = answer.split_at(cut);
                peer.send(first);
                thread::sleep(pause);
                peer.send(rest);
            }
        });
        let url = format!("http://{address}");
        let flags = [
            "-n",
            "20",
            "-c",
            "2",
            "--cookies",
            "--request-file",
            requests.path(),
        ];
        let (ran, json) = measured(&[&flags[..], &[&url]].concat());
        let errors = &json["errors"];
        let found = number(&errors["bad_response_causes"][*cause]);
        assert_eq!(
            (found, number(&errors["total"])),
            (20, 20),
            "{cause}: {}",
            ran.text
        );
        let of_templates = json["templates"].as_array().unwrap().iter();
        let each = of_templates.map(|template| number(&template["errors"]["bad_response"]));
        assert_eq!(each.sum::<u64>(), found, "{cause}: {}", ran.text);
    }
}

/// Escape sequences in every place of an answer, good or bad: none reaches the terminal or a file.
#[test]
fn no_output_has_an_escape_sequence_of_the_server() {
    let evil = "\x1b[2J\x1b]0;owned\x07\u{9b}31m\u{202e}\x1bPq";
    let harmless = "\u{9b}31m\u{202e}";
    let answers = [
        format!(
            "HTTP/1.1 200 {harmless}\r\nX-{harmless}: {harmless}\r\nContent-Length: 5\r\n\r\nhello"
        ),
        format!(
            "HTTP/1.1 200 OK\r\nX: {harmless}\r\nSet-Cookie: a={harmless}\r\nContent-Length: {}\r\n\r\n{evil}",
            evil.len()
        ),
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{harmless}\r\nx\r\n0\r\nX: {harmless}\r\n\r\n"
        ),
        format!("HTTP/1.1 200 OK\r\nServer: {evil}\r\nContent-Length: 0\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nSet-Cookie: {evil}={evil}\r\nContent-Length: 0\r\n\r\n"),
        evil.to_owned(),
    ];
    for answer in answers {
        let sent = answer.clone();
        let url = format!("http://{}/", serve(move |peer| peer.answer_all(&sent)));
        for format in ["text", "hey", "json", "csv", "markdown"] {
            let files = [
                TemporaryFile::new(),
                TemporaryFile::new(),
                TemporaryFile::new(),
            ];
            let [json, hdr, timeline] = &files;
            let ran = bench(&[
                "-n",
                "6",
                "-c",
                "2",
                "--cookies",
                "--expect-body",
                "hello",
                "-o",
                format,
                "--json",
                json.path(),
                "--hdr",
                hdr.path(),
                "--timeline",
                timeline.path(),
                &url,
            ]);
            let written: Vec<String> = files.iter().map(TemporaryFile::text).collect();
            for text in [&ran.text, &ran.stderr].into_iter().chain(&written) {
                let is_bad = |c: &char| {
                    c.is_control() && !"\n\t".contains(*c) || "\u{9b}\u{202e}".contains(*c)
                };
                let bad: Vec<char> = text.chars().filter(is_bad).collect();
                assert!(bad.is_empty(), "{answer:?}, {format}: {bad:?} in {text}");
                assert!(!text.contains("owned"), "{answer:?}, {format}: {text}");
            }
        }
    }
}

/// Cookies without end do not make the requests grow without end.
#[test]
fn cookies_of_a_hostile_server_are_bounded() {
    let longest = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&longest);
    let address = serve(move |peer| {
        let mut number = 0;
        while let Some(request) = peer.request() {
            seen.fetch_max(request.len(), Ordering::Relaxed);
            let cookie =
                |place: usize| format!("Set-Cookie: n{}={}\r\n", number + place, "v".repeat(500));
            let cookies: String = (0..100).map(cookie).collect();
            number += 100;
            peer.send(&HELLO.replace("Content", &format!("{cookies}Content")));
        }
    });
    let url = format!("http://{address}/");
    let (ran, json, _) = limited(&["-n", "200", "-c", "2", "--cookies", &url]);
    assert_eq!(
        (ran.code, number(&json["responses"])),
        (0, 200),
        "{}",
        ran.text
    );
    let longest = longest.load(Ordering::Relaxed);
    assert!((10_000..20_000).contains(&longest), "{longest}");
}
