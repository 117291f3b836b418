//! `hullo serve --test-endpoints` over real sockets: each parameter, and what is wrong with one.
#![allow(missing_docs)]

mod readme;
mod server;

use std::io::{Read as _, Write as _};
use std::time::Duration;

use serde_json::{Value, json};
use server::{Server, command};

const LINE: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-\n";

fn pattern(length: usize) -> Vec<u8> {
    LINE.bytes().cycle().take(length).collect()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn without_a_program_there_is_the_greeting() {
    let server = Server::start(&[]);
    assert!(
        server
            .line
            .ends_with("(1 worker, test endpoints with --seed 1)\n"),
        "{}",
        server.line
    );
    for target in ["/a/b", "/a/b?", "/a/b?_=123", "/a/b?delay=off&status=200"] {
        let reply = server.get(target);
        assert_eq!(
            (reply.status(), reply.text()),
            (200, "Hello, visitor! You've requested: /a/b\n")
        );
        assert_eq!(
            reply.field("Content-Type"),
            Some("text/plain; charset=utf-8")
        );
    }
}

#[test]
fn a_delay_is_kept_and_the_next_request_waits_for_it() {
    let server = Server::start(&[]);
    let reply = server.get("/?delay=100ms");
    assert!(reply.elapsed >= millis(100), "{:?}", reply.elapsed);
    let reply = server.get("/?delay=60ms..70ms");
    assert!(reply.elapsed >= millis(60), "{:?}", reply.elapsed);
    let reply = server.get("/?delay=p0=50ms,p100=60ms");
    assert!(reply.elapsed >= millis(50), "{:?}", reply.elapsed);
    let pipelined = b"GET /?delay=50ms HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let reply = server.exchange(pipelined);
    assert!(
        reply.elapsed >= millis(50) && reply.text().ends_with("/second\n"),
        "{reply:?}"
    );
}

#[test]
fn a_status_comes_always_or_in_its_share() {
    let server = Server::start(&[]);
    assert_eq!(server.get("/?status=503").status(), 503);
    assert_eq!(server.get("/?status=299").status(), 299);
    let reply = server.get("/?status=204&size=5");
    assert_eq!(
        (
            reply.status(),
            reply.content.len(),
            reply.field("Content-Length")
        ),
        (204, 0, None)
    );
    let statuses: Vec<u16> = (0..100)
        .map(|_| server.get("/?status=503:30,429:20%25").status())
        .collect();
    let count = |code| statuses.iter().filter(|status| **status == code).count();
    assert!(
        (15..45).contains(&count(503)) && (8..35).contains(&count(429)),
        "{statuses:?}"
    );
    assert_eq!(count(200) + count(503) + count(429), 100);
}

#[test]
fn content_has_the_size_and_repeats_a_line() {
    let server = Server::start(&[]);
    for (size, length) in [
        ("0", 0),
        ("1", 1),
        ("1KiB", 1024),
        ("16385", 16385),
        ("3MiB", 3 << 20),
    ] {
        let reply = server.get(&format!("/?size={size}"));
        assert_eq!(
            reply.field("Content-Length"),
            Some(length.to_string().as_str())
        );
        assert!(reply.content == pattern(length), "{size}");
    }
    let length = server.get("/?size=10..20").content.len();
    assert!((10..=20).contains(&length), "{length}");
    let head =
        server.exchange(b"HEAD /?size=99999 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(
        (head.field("Content-Length"), head.content.len()),
        (Some("99999"), 0)
    );
}

#[test]
fn chunked_content_has_no_length() {
    let server = Server::start(&[]);
    let reply = server.get("/?size=200KiB&chunked");
    assert_eq!(
        (
            reply.field("Content-Length"),
            reply.field("Transfer-Encoding")
        ),
        (None, Some("chunked"))
    );
    let (lengths, content) = reply.chunks();
    assert!(
        lengths.ends_with(&[0]) && content == pattern(200 << 10),
        "{lengths:?}"
    );
    let reply = server.exchange(b"GET /?size=2000&chunked HTTP/1.0\r\n\r\n");
    assert!(reply.field("Transfer-Encoding").is_none() && reply.content == pattern(2000));
}

#[test]
fn a_connection_ends_in_five_ways() {
    let server = Server::start(&[]);
    let exchange = |query: &str| {
        server.exchange(format!("GET /?{query} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes())
    };
    let reply = exchange("close");
    assert_eq!(
        (reply.field("Connection"), reply.content.len()),
        (Some("close"), 36)
    );
    for (query, length, is_reset) in [
        ("close=early", 18, false),
        ("close=early&size=1", 0, false),
        ("close=early&size=1001", 500, false),
        ("reset=early&size=1001", 500, true),
        ("close=early&size=1MiB", 512 << 10, false),
    ] {
        let reply = exchange(query);
        let announced: usize = reply.field("Content-Length").unwrap().parse().unwrap();
        assert_eq!(
            (reply.content.len(), reply.is_reset),
            (length, is_reset),
            "{query}"
        );
        assert_eq!(
            (announced / 2, reply.field("Connection")),
            (length, None),
            "{query}"
        );
    }
    let (lengths, content) = exchange("close=early&chunked&size=100").chunks();
    assert_eq!((lengths, content), (vec![50], pattern(50)));
    for (query, is_reset) in [
        ("abort", false),
        ("reset", true),
        ("reset=early&size=0", true),
        ("abort&delay=50ms", false),
        ("reset&delay=50ms", true),
    ] {
        let reply = exchange(query);
        assert_eq!(
            (reply.head.as_str(), reply.is_reset),
            ("", is_reset),
            "{query}"
        );
        assert_eq!(
            reply.elapsed >= millis(50),
            query.contains("delay"),
            "{query}"
        );
    }
    let head = server.exchange(b"HEAD /?close=early HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(
        (head.field("Connection"), head.field("Content-Length")),
        (Some("close"), Some("36"))
    );
    // The content is read before the connection ends.
    let reply = server.post("/?abort&echo=stream", "", &vec![b'x'; 100_000]);
    assert_eq!(reply.head, "");
}

#[test]
fn a_trickle_comes_piece_by_piece() {
    let server = Server::start(&[]);
    let reply = server.get("/?size=100&trickle=40/50ms");
    assert!(reply.content == pattern(100));
    assert!(reply.elapsed >= millis(100), "{:?}", reply.elapsed);
    // The first is there at once, the third after twice the time.
    assert!(reply.reads[0].0 < millis(50), "{:?}", reply.reads);
    let reply = server.get("/?size=100&trickle=40/20ms&chunked");
    assert_eq!(reply.chunks().0, [40, 40, 20, 0]);
    let reply = server.get("/?size=300KiB&trickle=100KiB/20ms");
    assert!(reply.content == pattern(300 << 10) && reply.elapsed >= millis(40));
    let reply = server.get("/?size=100&trickle=30/20ms&close=early");
    assert_eq!(
        (reply.content.len(), reply.elapsed >= millis(20)),
        (50, true)
    );
}

#[test]
fn a_request_is_echoed_as_json() {
    let server = Server::start(&[]);
    let reply = server.post("/a%20b?echo&_=%C3%A9", "X: 1\r\nX: \u{e9}\r\n", b"hi\n");
    assert_eq!(reply.field("Content-Type"), Some("application/json"));
    let echo: Value = serde_json::from_slice(&reply.content).unwrap();
    assert_eq!(echo["method"], "POST");
    assert_eq!(echo["target"], "/a%20b?echo&_=%C3%A9");
    assert_eq!(echo["path"], "/a%20b");
    assert_eq!(echo["query"], "echo&_=%C3%A9");
    assert_eq!(echo["version"], "HTTP/1.1");
    let fields = json!([
        ["Host", "a"],
        ["Connection", "close"],
        ["X", "1"],
        ["X", "\u{e9}"],
        ["Content-Length", "3"]
    ]);
    assert_eq!(echo["fields"], fields);
    assert_eq!(echo["content"], json!({"length": 3, "text": "hi\n"}));
    assert!(echo["peer"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(server.line.contains(echo["local"].as_str().unwrap()));
    let reply = server.post("/?echo", "", &[0xFF, 0xFE]);
    let other: Value = serde_json::from_slice(&reply.content).unwrap();
    assert_eq!(other["content"], json!({"length": 2, "base64": "//4="}));
    let reply = server.exchange(b"GET /?echo&hostname HTTP/1.0\r\nX: \xE9\r\n\r\n");
    let old: Value = serde_json::from_slice(&reply.content).unwrap();
    assert_eq!(
        (&old["version"], &old["fields"]),
        (&json!("HTTP/1.0"), &json!([["X", {"base64": "6Q=="}]]))
    );
    assert_eq!(reply.field("X-Hostname"), old["hostname"].as_str());
}

#[test]
fn content_is_sent_back_when_it_has_come() {
    let server = Server::start(&["--max-body-bytes", "200KiB"]);
    let content = pattern(150_000);
    let reply = server.post("/?echo=content", "Content-Type: a/b\r\n", &content);
    assert!(reply.content == content);
    assert_eq!(
        (reply.field("Content-Type"), reply.field("Content-Length")),
        (Some("a/b"), Some("150000"))
    );
    let reply = server.post(
        "/?echo=content&status=503&header=content-type:c/d",
        "Content-Type: a/b\r\n",
        b"x",
    );
    assert_eq!(
        (reply.status(), reply.text(), reply.field("content-type")),
        (503, "x", Some("c/d"))
    );
    assert_eq!(reply.field("Content-Type"), None);
    let reply = server.get("/?echo=content");
    assert_eq!(
        (reply.content.len(), reply.field("Content-Type")),
        (0, None)
    );
    assert_eq!(
        server
            .post("/?echo=content", "", &vec![b'x'; 300_000])
            .status(),
        413
    );
}

#[test]
fn content_is_sent_back_while_it_comes() {
    let server = Server::start(&["--max-body-bytes", "1GiB"]);
    let mut stream = server.connect();
    let head = "POST /?echo=stream&hostname HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut sent = String::new();
    let mut block = [0; 4096];
    for word in ["first", "second", "third"] {
        stream
            .write_all(format!("{:x}\r\n{word}\r\n", word.len()).as_bytes())
            .unwrap();
        while !sent.ends_with(&format!("{word}\r\n")) {
            let read = stream.read(&mut block).unwrap();
            assert!(read > 0, "{sent}");
            sent += std::str::from_utf8(&block[..read]).unwrap();
        }
    }
    assert!(
        sent.contains("\r\nContent-Type: a/b\r\nX-Hostname: "),
        "{sent}"
    );
    stream
        .write_all(b"0\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(
        rest.starts_with("0\r\n\r\nHTTP/1.1 200 OK\r\n") && rest.ends_with("/next\n"),
        "{rest}"
    );
    let reply = server.post("/?echo=stream", "", b"short");
    assert_eq!(reply.chunks(), (vec![5, 0], b"short".to_vec()));
    assert_eq!(server.get("/?echo=stream").content, b"");
}

#[test]
fn fields_are_added() {
    let server = Server::start(&[]);
    let reply = server.get("/?header=X-A:1&header=X-A:+two%20words+&header=Content-Type:text/html");
    let fields: Vec<&str> = reply
        .head
        .lines()
        .filter(|line| line.starts_with("X-A"))
        .collect();
    assert_eq!(fields, ["X-A: 1", "X-A: two words"]);
    assert_eq!(reply.head.matches("Content-Type").count(), 1);
    assert_eq!(reply.field("Content-Type"), Some("text/html"));
    for field in [
        "Content-Length:1",
        "Transfer-Encoding:chunked",
        "A:b%0D%0AC:d",
        ":a",
        "A",
    ] {
        let reply = server.get(&format!("/?header={field}"));
        assert_eq!(reply.status(), 400, "{field}");
        assert!(
            reply.text().ends_with("Example: header=Retry-After:1\n"),
            "{}",
            reply.text()
        );
    }
}

#[test]
fn what_is_wrong_is_answered_and_the_connection_goes_on() {
    let server = Server::start(&["--max-delay", "2s", "--max-size", "1KiB"]);
    for (query, start) in [
        (
            "dealy=50ms",
            "dealy: not a parameter: there are delay, status, ",
        ),
        (
            "delay=3s",
            "delay=3s: at most 2s (--max-delay). Example: delay=50ms\n",
        ),
        (
            "size=1025",
            "size=1025: at most 1KiB (--max-size). Example: size=10KiB\n",
        ),
        (
            "status=700",
            "status=700: a status is a code from 200 to 599. Example: status=503\n",
        ),
    ] {
        let request = format!(
            "POST /?{query} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        );
        let reply = server.exchange(request.as_bytes());
        assert_eq!(reply.status(), 400);
        assert!(reply.text().starts_with(start), "{}", reply.text());
        assert!(
            reply.text().ends_with("You've requested: /next\n"),
            "{}",
            reply.text()
        );
    }
}

#[test]
fn defaults_are_for_all_requests_and_a_query_changes_them() {
    let defaults = "status=503&size=100&header=A:1";
    let server = Server::start(&["--test-defaults", defaults]);
    let reply = server.get("/");
    assert_eq!(
        (reply.status(), reply.content.len(), reply.field("A")),
        (503, 100, Some("1"))
    );
    let reply = server.get("/?size=50&status=off");
    assert_eq!(
        (reply.status(), reply.content.len(), reply.field("A")),
        (200, 50, Some("1"))
    );
    let options = b"OPTIONS / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(server.exchange(options).status(), 204);
    for (flags, line) in [
        (
            &["--test-endpoints", "--test-defaults", "delay=x"][..],
            "hullo: --test-defaults: delay=x: not a time",
        ),
        (
            &["--test-defaults", "delay=1s"],
            "hullo: --test-defaults is for --test-endpoints: give both",
        ),
    ] {
        let output = command(flags).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr.starts_with(line), "{stderr}");
    }
}

#[test]
fn a_seed_repeats_a_run() {
    let run = |flags: &[&str]| {
        let server = Server::start(flags);
        let query = "/?size=0..1000000000&status=503:50";
        let get = || {
            let head = format!("HEAD {query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let reply = server.exchange(head.as_bytes());
            (
                reply.status(),
                reply.field("Content-Length").unwrap().to_owned(),
            )
        };
        let drawn: Vec<_> = (0..8).map(|_| get()).collect();
        (
            drawn,
            server
                .line
                .split("--seed ")
                .nth(1)
                .unwrap()
                .replace(")\n", ""),
        )
    };
    let (first, seed) = run(&["--seed", "auto"]);
    assert_eq!(run(&["--seed", &seed]), (first.clone(), seed));
    assert_ne!(run(&["--seed", "7"]).0, first);
}

#[test]
fn without_the_flag_a_query_is_ignored() {
    let server = Server::start(&["--test-endpoints=off"]);
    assert!(server.line.ends_with("(1 worker)\n"), "{}", server.line);
    let reply = server.get("/a?status=503&nonsense");
    assert_eq!(
        (reply.status(), reply.text()),
        (200, "Hello, visitor! You've requested: /a\n")
    );
}
