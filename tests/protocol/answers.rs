//! The table's section "Answers", as far as it is the core's: what stands in an answer, in which
//! order answers come, and how a conversation ends.

use hullo::Greeting;
use hullo::http::{
    Limits, Output, Overload, Phase, Reason, Reject, Session, Shared, Step, UnknownPeer, Wants,
};

use super::check::{bad, check, greets, names_methods, says, with_line};
use crate::common::{DATE, NOW, play, read_replies, turn_is_bounded};

/// All that is sent for `input`.
fn sent(input: impl AsRef<[u8]>) -> String {
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    String::from_utf8(play(&shared, input.as_ref(), []).sent).unwrap()
}

/// | `HTTP/1.1 200 OK`, `Content-Type: text/plain; charset=utf-8` […], `Date`, `Content-Length` with
/// exactly that spelling; […]. No `Server` field |
#[test]
fn greets_in_exactly_these_bytes() {
    let fields = format!("Content-Type: text/plain; charset=utf-8\r\nDate: {DATE}\r\n");
    let greeting = |connection: &str| {
        format!(
            "HTTP/1.1 200 OK\r\n{fields}Content-Length: 39\r\n{connection}\r\n\
             Hello, visitor! You've requested: /a/b\n"
        )
    };
    assert_eq!(sent(with_line("GET /a/b?q HTTP/1.1")), greeting(""));
    let close = "Connection: close\r\n";
    assert_eq!(sent(with_line("POST /a/b HTTP/1.0")), greeting(close));
    let keep = "GET /a/b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    assert_eq!(sent(keep), greeting("Connection: keep-alive\r\n"));
    let whole = greeting("");
    let head = &whole[..whole.find("Hello").unwrap()];
    assert_eq!(sent(with_line("HEAD /a/b HTTP/1.1")), head);
}

#[test]
fn says_other_things_in_exactly_these_bytes() {
    let allow = "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n";
    let date = format!("Date: {DATE}\r\n");
    let no_content = format!("HTTP/1.1 204 No Content\r\n{allow}{date}\r\n");
    assert_eq!(sent(with_line("OPTIONS * HTTP/1.1")), no_content);
    let kind = "Content-Type: text/plain; charset=utf-8\r\n";
    let sentence = |status: &str, fields: &str, connection: &str, line: &str| {
        let length = line.len();
        format!(
            "HTTP/1.1 {status}\r\n{fields}{kind}{date}Content-Length: {length}\r\n{connection}\r\n{line}"
        )
    };
    let trace = sent(with_line("TRACE /a HTTP/1.1"));
    let (_, line) = trace.split_once("\r\n\r\n").unwrap();
    assert_eq!(trace, sentence("405 Method Not Allowed", allow, "", line));
    let line = Reject::HostMissing.sentence();
    let close = "Connection: close\r\n";
    let refusal = sentence("400 Bad Request", "", close, line);
    assert_eq!(sent("GET /a HTTP/1.1\r\n\r\n"), refusal);
    let to_head = refusal.strip_suffix(line).unwrap();
    assert_eq!(sent("HEAD /a HTTP/1.1\r\n\r\n"), to_head);
}

/// | Every answer in the order of its request, pipelined or not |
#[test]
fn answers_in_the_order_of_the_requests() {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let chunked =
        "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    let head = "HEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n";
    let options = "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n";
    let brew = "BREW /5 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    let input = format!(
        "{}{chunked}{head}\r\n{options}{brew}{}",
        get("/1"),
        get("/6")
    );
    let answers = [
        greets("/1"),
        greets("/2"),
        greets("/3").to_head(),
        names_methods(),
        says(501),
        greets("/6"),
    ];
    check(input, &answers);
}

/// | nothing is answered after a closing answer |
#[test]
fn answers_nothing_after_a_closing_answer() {
    let next = "GET /b HTTP/1.1\r\nHost: a\r\n\r\n";
    let close = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    check(format!("{close}{next}{close}"), &[greets("/a").closed()]);
    let old = "GET /a HTTP/1.0\r\n\r\n";
    check(format!("{old}{next}"), &[greets("/a").closed()]);
    check(
        format!("{next}\t{next}\n\n"),
        &[greets("/b"), bad(Reject::MethodSyntax)],
    );
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    let (mut session, mut out) = (Session::default(), Output::new());
    let step = session.advance(close.as_bytes(), &UnknownPeer, &shared, &mut out);
    let wants = Wants::Close(Reason::PeerAsked);
    let consumed = close.len();
    assert_eq!(step, Step { consumed, wants });
    let length = out.bytes().len();
    let step = session.advance(next.as_bytes(), &UnknownPeer, &shared, &mut out);
    assert_eq!(step, Step { consumed: 0, wants });
    assert_eq!(out.bytes().len(), length);
    assert_eq!(session.end(), Reason::PeerAsked);
}

/// | in its body the path stands verbatim |
#[test]
fn content_is_the_sentence_and_the_path() {
    let longest = format!("/{}", "~".repeat(8189));
    for path in ["/", "/%0d%0aSet-Cookie:x", "/Hello,%20visitor", &longest] {
        let answer = sent(with_line(format!("GET {path}?q HTTP/1.1")));
        let (_, content) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            content,
            format!("Hello, visitor! You've requested: {path}\n")
        );
    }
}

#[test]
fn date_is_the_last_tick() {
    let mut shared = Shared::new(Greeting, Limits::default(), 0);
    let mut session = Session::default();
    for (second, date) in [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (NOW, DATE),
        (NOW + 1, "Sun, 06 Nov 1994 08:49:38 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
    ] {
        shared.tick(second);
        for request in ["GET /a", "OPTIONS *", "TRACE /a"] {
            let mut out = Output::new();
            let request = with_line(format!("{request} HTTP/1.1"));
            let _ = session.advance(&request, &UnknownPeer, &shared, &mut out);
            let answer = String::from_utf8_lossy(out.bytes()).into_owned();
            assert!(
                answer.contains(&format!("\r\nDate: {date}\r\n")),
                "{answer}"
            );
        }
    }
}

/// | head 10 s from its first byte → 408, closed; […] body without progress 30 s → 408, closed |: the
/// shell has the clock, the core decides.
#[test]
fn a_request_that_times_out_gets_408() {
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    let body = "/a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel";
    for (start, has_content) in [
        ("G", true),
        ("GET /a HTTP/1.1\r\nHost", true),
        (&format!("PUT {body}"), true),
        ("HEAD /a HTTP/1.1\r\nHost", false),
        (&format!("HEAD {body}"), false),
    ] {
        let (mut session, mut out) = (Session::default(), Output::new());
        let _ = session.advance(start.as_bytes(), &UnknownPeer, &shared, &mut out);
        let step = session.handle_timeout(&[], &UnknownPeer, &shared, &mut out);
        let wants = Wants::Close(Reason::Refused(Reject::RequestTimeout));
        assert_eq!(step, Step { consumed: 0, wants });
        let [reply] = &read_replies(out.bytes())[..] else {
            panic!("one reply")
        };
        assert_eq!((reply.status, reply.connection), (408, Some("close")));
        let sentence = Reject::RequestTimeout.sentence();
        assert_eq!(reply.length, Some(sentence.len()));
        let content = has_content.then_some(sentence.as_bytes());
        assert_eq!(reply.content.as_deref(), content, "{start}");
        assert_eq!(
            session.advance(b"x", &UnknownPeer, &shared, &mut out).wants,
            wants
        );
    }
}

/// | idle 75 s → closed without an answer |, and so is an idle connection that makes room.
#[test]
fn an_idle_conversation_is_closed_without_an_answer() {
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    for start in ["", "\r\n", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"] {
        for reason in [Reason::Idle, Reason::Evicted] {
            let (mut session, mut out) = (Session::default(), Output::new());
            let _ = session.advance(start.as_bytes(), &UnknownPeer, &shared, &mut out);
            assert_eq!((session.phase(), session.reason()), (Phase::Between, None));
            out.clear();
            let step = match reason {
                Reason::Idle => session.handle_timeout(&[], &UnknownPeer, &shared, &mut out),
                _ => session.handle_overload(
                    Overload::Eviction,
                    &[],
                    &UnknownPeer,
                    &shared,
                    &mut out,
                ),
            };
            let wants = Wants::Close(reason);
            assert_eq!(step, Step { consumed: 0, wants });
            assert_eq!(out.bytes(), b"");
            assert_eq!(session.reason(), Some(reason));
        }
    }
}

/// | the last request before the server ends | `Connection: close` |
#[test]
fn a_drain_closes_with_the_request_with_which_the_input_ends() {
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    let get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    let old = "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let post = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxx";
    let chunked =
        "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    for last in [get, old, post, chunked] {
        for cut in 0..last.len() {
            // The half of it that has come is awaited, and what came before it is not the last request.
            let (mut session, mut out) = (Session::default(), Output::new());
            session.set_draining(true);
            let input = [get, get, &last[..cut]].concat();
            let step = session.advance(input.as_bytes(), &UnknownPeer, &shared, &mut out);
            let closes = |out: &Output| -> Vec<bool> {
                let replies = read_replies(out.bytes());
                let closes = replies
                    .iter()
                    .map(|reply| reply.connection == Some("close"));
                closes.collect()
            };
            assert_eq!(closes(&out), [false, cut == 0], "{last:?} cut at {cut}");
            if cut == 0 {
                assert_eq!(step.wants, Wants::Close(Reason::Shutdown));
                continue;
            }
            assert_eq!(step.wants, Wants::Input);
            let rest = [&input[step.consumed..], &last[cut..]].concat();
            let step = session.advance(rest.as_bytes(), &UnknownPeer, &shared, &mut out);
            assert_eq!(closes(&out), [false, false, true], "{last:?} cut at {cut}");
            let consumed = rest.len();
            let wants = Wants::Close(Reason::Shutdown);
            assert_eq!(step, Step { consumed, wants });
        }
    }
}

/// | idle | closed without an answer |, for another reason.
#[test]
fn a_drain_ends_an_idle_conversation() {
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    let (mut session, mut out) = (Session::default(), Output::new());
    session.set_draining(true);
    let step = session.handle_timeout(&[], &UnknownPeer, &shared, &mut out);
    assert_eq!(step.wants, Wants::Close(Reason::Shutdown));
    assert_eq!(out.bytes(), b"");
}

/// | `--max-connections`, `--max-buffered-bytes` | 503 with `Retry-After: 1` |
#[test]
fn overload_is_503_with_retry_after() {
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    for (overload, reject) in [
        (Overload::Connections, Reject::Overloaded),
        (Overload::Buffers, Reject::BufferLimit),
    ] {
        let (mut session, mut out) = (Session::default(), Output::new());
        let step = session.handle_overload(overload, &[], &UnknownPeer, &shared, &mut out);
        assert_eq!(step.wants, Wants::Close(Reason::Refused(reject)));
        let answer = String::from_utf8(out.bytes().to_vec()).unwrap();
        let start = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n";
        assert!(answer.starts_with(start), "{answer}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
        assert!(answer.ends_with(reject.sentence()), "{answer}");
    }
}

/// A body's time-out starts again with each 4 KiB, and not with less.
#[test]
fn only_four_kib_of_a_body_are_progress() {
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    let (mut session, mut out) = (Session::default(), Output::new());
    let mut send = |session: &mut Session, bytes: &[u8]| {
        let step = session.advance(bytes, &UnknownPeer, &shared, &mut out);
        assert_eq!(step.consumed, bytes.len());
        session.take_progress()
    };
    let head = b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    assert!(!send(&mut session, head));
    assert!(!send(&mut session, &[b'x'; 4095]));
    assert!(send(&mut session, b"x"));
    assert!(!send(&mut session, b"x"), "the count starts anew");
    assert!(send(&mut session, &[b'x'; 4095]));
    assert!(send(&mut session, &vec![b'x'; 50_000]));
}

/// | **Half-close**: a peer that shuts its write side after a whole request still gets the answer.
/// EOF in the middle of a head or body: closed, no answer. |
#[test]
fn tells_an_end_between_requests_from_one_within() {
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    let whole = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    for (input, answers, reason) in [
        ("", 0, Reason::PeerLeft),
        ("\r\n", 0, Reason::PeerLeft),
        (whole, 1, Reason::PeerLeft),
        ("G", 0, Reason::PeerLeftEarly),
        ("\r\n\r\nGET /a", 0, Reason::PeerLeftEarly),
        (&whole[..whole.len() - 1], 0, Reason::PeerLeftEarly),
        (&format!("{whole}GET"), 1, Reason::PeerLeftEarly),
        (
            "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nh",
            0,
            Reason::PeerLeftEarly,
        ),
        ("GET /a HTTP/1.0\r\n\r\n", 1, Reason::PeerAsked),
        ("x\n", 1, Reason::Refused(Reject::BareLineFeed)),
    ] {
        let (mut session, mut out) = (Session::default(), Output::new());
        let _ = session.advance(input.as_bytes(), &UnknownPeer, &shared, &mut out);
        assert_eq!(session.end(), reason, "{input}");
        assert_eq!(read_replies(out.bytes()).len(), answers, "{input}");
        let step = session.advance(whole.as_bytes(), &UnknownPeer, &shared, &mut out);
        assert_eq!(step.wants, Wants::Close(reason), "{input}");
        assert_eq!(read_replies(out.bytes()).len(), answers, "{input}");
    }
}

/// | A turn serves a connection at most 64 KiB of replies or 64 requests, whichever comes first |
#[test]
fn a_turn_is_64_requests_or_64_kib() {
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    for (path_bytes, count) in [(1, 63), (1, 64), (1, 65), (1, 200), (1000, 80), (8192, 30)] {
        let request = with_line(format!("GET {} HTTP/1.1", "/".repeat(path_bytes)));
        let input = request.repeat(count);
        turn_is_bounded(&shared, &input);
        let (mut session, mut out) = (Session::default(), Output::new());
        let step = session.advance(&input, &UnknownPeer, &shared, &mut out);
        let answered = read_replies(out.bytes()).len();
        assert_eq!(step.consumed, answered * request.len());
        let wants = if answered == count {
            Wants::Input
        } else {
            Wants::Room
        };
        assert_eq!(step.wants, wants, "{path_bytes} {count}");
        let is_filled = answered == count.min(64) || out.bytes().len() > 55 * 1024;
        assert!(is_filled, "{answered} of {count}");
        if out.bytes().len() > 60 * 1024 {
            // Nothing is done without room.
            let step = session.advance(&input[step.consumed..], &UnknownPeer, &shared, &mut out);
            assert!(step.consumed <= request.len());
            assert_eq!(step.wants, Wants::Room);
        }
        // The peer of these tests goes on with an empty output.
        let all = read_replies(&play(&shared, &input, []).sent);
        assert_eq!(all.len(), count);
    }
}
