//! The opening sentences of the table's section "Bodies", and its rows about `100 Continue`.

use hullo::Greeting;
use hullo::http::{Limits, Phase, Reject, Shared};

use super::check::{bad, check, check_waits, greets, names_methods, says, with_chunks};
use crate::common::{Ending, NOW, Peer, play, read_replies};

const BODIES: [(&str, &str); 3] = [
    ("Content-Length: 5", "hello"),
    (
        "Transfer-Encoding: chunked",
        "3\r\nhel\r\n2;a=\"b\"\r\nlo\r\n0\r\nX: y\r\n\r\n",
    ),
    (
        "Content-Length: 38",
        "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r",
    ),
];

fn request(line: &str, field: &str, body: &str) -> String {
    format!("{line}\r\nHost: a\r\n{field}\r\n\r\n{body}")
}

/// | The greeting needs no body; it is read and thrown away […], so that the next request always
/// starts where it should |
#[test]
fn throws_the_body_away() {
    for (field, body) in BODIES {
        for (method, answer) in [
            ("GET", greets("/a")),
            ("HEAD", greets("/a").to_head()),
            ("POST", greets("/a")),
            ("PUT", greets("/a")),
            ("PATCH", greets("/a")),
            ("DELETE", greets("/a")),
            ("OPTIONS", names_methods()),
            ("TRACE", says(405)),
            ("BREW", says(501)),
        ] {
            let one = request(&format!("{method} /a HTTP/1.1"), field, body);
            check(&one, &[answer]);
            check(one.repeat(2), &[answer, answer]);
        }
    }
    let old = request("POST /a HTTP/1.0", "Content-Length: 5", "hello");
    check(old, &[greets("/a").closed()]);
    let kept = "Connection: keep-alive\r\nContent-Length: 5";
    check(
        request("POST /a HTTP/1.0", kept, "hello"),
        &[greets("/a").keep_alive()],
    );
}

/// RFC 9112 section 6.3: without either field there is no body, also for POST.
#[test]
fn waits_for_no_body_that_is_not_announced() {
    for method in ["POST", "PUT", "PATCH", "DELETE", "GET"] {
        let line = format!("{method} /a HTTP/1.1\r\nHost: a\r\n\r\n");
        check(line, &[greets("/a")]);
    }
}

/// | the answer goes out when it has ended |
#[test]
fn answers_when_the_body_has_ended() {
    for (field, body) in BODIES {
        for end in 0..body.len() {
            let unfinished = request("POST /a HTTP/1.1", field, &body[..end]);
            check_waits(unfinished, &[], Phase::Body);
        }
    }
    check_waits("POST /a HTTP/1.1\r\nHost: a\r\n\r", &[], Phase::Head);
}

/// | a fault in the body still gets its 400 |
#[test]
fn refuses_a_fault_in_a_later_chunk() {
    let chunks = "1\r\nx\r\n".repeat(50);
    check(with_chunks(format!("{chunks}y")), &[bad(Reject::ChunkSize)]);
    check(
        with_chunks(format!("{chunks}0\r\n\n")),
        &[bad(Reject::BareLineFeed)],
    );
    let head = "HEAD /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx";
    check(head, &[bad(Reject::ChunkSize).to_head()]);
}

/// | in constant memory |: what a body waits for is never its own bytes. The peer of these tests
/// asserts at each step that no more than a head is asked for again; here it is none.
#[test]
fn takes_every_byte_of_a_body() {
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    for (field, body) in BODIES {
        for end in 0..body.len() {
            let unfinished = request("POST /a HTTP/1.1", field, &body[..end]);
            let outcome = play(&shared, unfinished.as_bytes(), []);
            assert_eq!(outcome.ending, Ending::Open(Phase::Body, 0), "{unfinished}");
        }
    }
}

/// The pieces are offered one after the other; says the statuses of the replies after each.
fn statuses(pieces: &[&str]) -> Vec<Vec<u16>> {
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    let mut peer = Peer::new(&shared);
    let mut seen = 0;
    let mut all = Vec::new();
    for piece in pieces {
        peer.offer(piece.as_bytes());
        let replies = read_replies(&peer.sent()[seen..]);
        all.push(replies.iter().map(|reply| reply.status).collect());
        seen = peer.sent().len();
    }
    all
}

const EXPECTANT: &str = "Expect: 100-continue\r\nContent-Length: 5";

/// | `Expect: 100-continue` in 1.1 with a body still to come | `100 Continue`, then the body is
/// read, then the answer, the connection stays. […] |
#[test]
fn says_continue_when_the_body_is_still_to_come() {
    let next = "GET /n HTTP/1.1\r\nHost: a\r\n\r\n";
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    for version in ["1.1", "1.2"] {
        let head = request(&format!("POST /a HTTP/{version}"), EXPECTANT, "");
        let replies = statuses(&[&head, "he", "llo", next]);
        assert_eq!(replies, [vec![100], vec![], vec![200], vec![200]]);
        let mut peer = Peer::new(&shared);
        peer.offer(head.as_bytes());
        assert_eq!(peer.sent(), b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    let chunked = "Expect: 100-Continue\r\nTransfer-Encoding: chunked";
    let head = request("PUT /a HTTP/1.1", chunked, "");
    assert_eq!(
        statuses(&[&head, "0\r\n", "\r\n"]),
        [vec![100], vec![], vec![200]]
    );
    // In order behind another, once for each request, and once however the head comes.
    assert_eq!(
        statuses(&[&format!("{next}{head}"), "0\r\n\r\n"]),
        [vec![200, 100], vec![200]]
    );
    let twice = format!("{head}0\r\n\r\n{head}");
    assert_eq!(
        statuses(&[&head, &format!("0\r\n\r\n{head}")]),
        [vec![100], vec![200, 100]]
    );
    assert_eq!(statuses(&[&twice]), [vec![200, 100]]);
    let bytes = format!("{head}0\r\n\r\n");
    let outcome = play(&shared, bytes.as_bytes(), 1..bytes.len());
    let all: Vec<u16> = read_replies(&outcome.sent)
        .iter()
        .map(|it| it.status)
        .collect();
    assert_eq!(all, [100, 200]);
}

/// | Body bytes already there, or no body: no 100 |
#[test]
fn says_no_continue_when_it_is_not_waited_for() {
    let head = request("POST /a HTTP/1.1", EXPECTANT, "");
    assert_eq!(
        statuses(&[&format!("{head}h"), "ello"]),
        [vec![], vec![200]]
    );
    assert_eq!(statuses(&[&format!("{head}hello")]), [vec![200]]);
    let (start, end) = head.split_at(20);
    assert_eq!(
        statuses(&[start, &format!("{end}h"), "ello"]),
        [vec![], vec![], vec![200]]
    );
    for field in ["X: y", "Content-Length: 0"] {
        let field = format!("Expect: 100-continue\r\n{field}");
        let head = request("POST /a HTTP/1.1", &field, "");
        assert_eq!(statuses(&[&head]), [vec![200]]);
    }
    let old = request("POST /a HTTP/1.0", EXPECTANT, "");
    assert_eq!(statuses(&[&old, "hello"]), [vec![], vec![200]]);
    // A final answer takes its place.
    for (fields, status) in [
        ("Expect: 100-continue, x\r\nContent-Length: 5", 417),
        ("Expect: 100-continue\r\nContent-Length: 1048577", 413),
        ("Expect: 100-continue\r\nTransfer-Encoding: gzip", 501),
        ("Expect: 100-continue\r\nContent-Length: x", 400),
    ] {
        let head = request("POST /a HTTP/1.1", fields, "");
        assert_eq!(statuses(&[&head, "hello"]), [vec![status], vec![]]);
    }
}
