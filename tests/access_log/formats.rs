//! What stands in a line.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use crate::server::{Hullo, draining, folder, lines, without_time};

/// Requests of every kind, and their lines in the combined format, without the time.
const EXCHANGES: &[(&[u8], &str)] = &[
    (
        b"GET /a?b HTTP/1.1\r\nHost: h\r\nConnection: close\r\nReferer: http://r/\r\nUser-Agent: x y/1.0\r\n\r\n",
        r#""GET /a?b HTTP/1.1" 200 37 "http://r/" "x y/1.0""#,
    ),
    (
        b"HEAD /a HTTP/1.0\r\n\r\n",
        r#""HEAD /a HTTP/1.0" 200 0 "-" "-""#,
    ),
    (
        b"GET /\\ HTTP/1.1\r\nHost: h\r\nConnection: close\r\nUser-Agent: a\"b\\c\td\xe9\r\n\r\n",
        r#""GET /\\ HTTP/1.1" 400 65 "-" "-""#,
    ),
    (
        b"GET /q HTTP/1.1\r\nHost: h\r\nConnection: close\r\nReferer:\r\nUser-Agent: a\"b\\c\td\xe9\r\n\r\n",
        r#""GET /q HTTP/1.1" 200 37 "-" "a\"b\\c\x09d\xe9""#,
    ),
    (
        b"\x16\x03\x01\x1b[2J\"\\\r\n",
        r#""\x16\x03\x01\x1b[2J\"\\" 400 27 "-" "-""#,
    ),
    (
        b"GET /\n127.0.0.1 - - [forged]\r\n\r\n",
        r#""GET /" 400 47 "-" "-""#,
    ),
    (
        b"GET /a HTTP/1.1\r\n\r\n",
        r#""GET /a HTTP/1.1" 400 27 "-" "-""#,
    ),
    (
        b"PUT /long HTTP/1.1\r\nHost: h\r\nUser-Agent: u\r\nContent-Length: 2000000\r\n\r\n",
        r#""PUT /long HTTP/1.1" 413 40 "-" "u""#,
    ),
    (
        b"BREW /tea HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        r#""BREW /tea HTTP/1.1" 501 59 "-" "-""#,
    ),
    (b"GET /slow HTTP/1.1\r\nHo", r#""GET /slow HTTP/1.1" 408 37 "-" "-""#),
];

#[test]
fn each_request_has_a_line_and_no_peer_forges_one() {
    let (_folder, log) = folder();
    let hullo = Hullo::start(&log, &["--workers", "1", "--head-timeout", "100ms"]);
    for (request, _) in EXCHANGES {
        hullo.exchange(request);
    }
    let logged = lines(&log, EXCHANGES.len());
    for (line, (_, expected)) in logged.iter().zip(EXCHANGES) {
        assert_eq!(without_time(line), format!("127.0.0.1 - - {expected}"));
    }
    assert_eq!(logged.len(), EXCHANGES.len());
    let mode = fs::metadata(&log).unwrap().permissions().mode();
    assert_eq!(
        mode & 0o137,
        0,
        "only its owner writes, and its group reads"
    );
    assert_eq!(hullo.end(), (Some(0), draining()));
}

#[test]
fn the_common_format_ends_after_the_bytes() {
    let (_folder, log) = folder();
    let hullo = Hullo::start(&log, &["--access-log-format", "common"]);
    hullo.answers(2);
    for line in lines(&log, 2) {
        let expected = r#"127.0.0.1 - - "GET /a HTTP/1.1" 200 37"#;
        assert_eq!(without_time(&line), expected);
    }
}

#[test]
fn json_has_a_member_for_what_is_known() {
    let (_folder, log) = folder();
    let flags = [
        "--access-log-format",
        "json",
        "--test-endpoints",
        "--workers",
        "1",
    ];
    let hullo = Hullo::start(&log, &flags);
    hullo.exchange(b"GET /a?delay=30ms HTTP/1.1\r\nHost: h\r\nConnection: close\r\nUser-Agent: \"\xe9\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n");
    hullo.exchange(b"GET /a?abort HTTP/1.1\r\nHost: h\r\n\r\n");
    hullo.exchange(b"\0\"\n");
    let mut gone = hullo.connect();
    gone.write_all(b"GET /a?size=1KiB&trickle=10/10ms HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    gone.read_exact(&mut [0; 100]).unwrap();
    drop(gone);
    let logged: Vec<serde_json::Value> = lines(&log, 4)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let time = logged[0]["time"].as_str().unwrap();
    assert_eq!((time.len(), &time[10..11], &time[19..]), (20, "T", "Z"));
    let peer = logged[0]["peer"].as_str().unwrap();
    assert!(peer.starts_with("127.0.0.1:"), "{peer}");
    let waited = logged[0]["service_us"].as_u64().unwrap();
    assert!((30_000..5_000_000).contains(&waited), "{waited}");
    let rest = |index: usize| {
        let mut line = logged[index].as_object().unwrap().clone();
        line.retain(|key, _| !["time", "peer", "service_us"].contains(&key.as_str()));
        serde_json::Value::Object(line)
    };
    let expected = serde_json::json!({
        "method": "GET", "target": "/a?delay=30ms", "version": "HTTP/1.1", "host": "h", "status": 200,
        "bytes": 37, "complete": true, "user_agent": "\"\u{e9}", "x_forwarded_for": "10.0.0.1",
    });
    assert_eq!(rest(0), expected);
    let aborted = serde_json::json!({
        "method": "GET", "target": "/a?abort", "version": "HTTP/1.1", "host": "h", "bytes": 0,
        "complete": false,
    });
    assert_eq!(rest(1), aborted);
    let refused = serde_json::json!({
        "request_line": "\0\"", "status": 400, "bytes": 27, "complete": true,
        "refused": "The method is not a token.",
    });
    assert_eq!(rest(2), refused);
    let torn = rest(3);
    assert_eq!(
        (&torn["status"], &torn["complete"]),
        (&200.into(), &false.into())
    );
    assert!(torn["bytes"].as_u64().unwrap() < 1024, "{torn}");
}
