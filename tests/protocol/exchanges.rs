//! Handlers that want the content of a request, answer later, or produce content piece by piece: one
//! conversation with all of them, however it is cut.

use std::sync::mpsc;

use hullo::http::{
    Content, Handler, Limits, Output, Phase, Reason, Request, Responded, Response, ResponseWriter,
    Session, Shared, UnknownPeer, Wants,
};

use super::scripted::{Forward, LONG, Play, pattern, post, post_chunked, request, responses};
use crate::common::NOW;

type Expected = (u16, bool, bool, Vec<u8>);

fn whole(status: u16, content: &str) -> Expected {
    (status, false, false, content.into())
}

fn conversation() -> (Vec<u8>, Vec<Expected>) {
    let requests = [
        (post("/skip", "abc"), whole(200, "/skip ")),
        (post("/collect", "abc"), whole(200, "/collect abc")),
        (
            post_chunked("/collect", &["ab", "c"]),
            whole(200, "/collect abc"),
        ),
        (post("/collect", ""), whole(200, "/collect ")),
        (request("GET /delay", "", ""), whole(200, "delayed")),
        (post("/read", "12345"), whole(200, "5")),
        (post_chunked("/read", &["1", "23"]), whole(200, "3")),
        (request("GET /later", "", ""), whole(200, "later")),
        (
            post("/exchange", "abc"),
            (200, true, false, b"abc".to_vec()),
        ),
        (
            post_chunked("/exchange", &["a", "bc"]),
            (200, true, false, b"abc".to_vec()),
        ),
        (
            post_chunked("/exchange", &[]),
            (200, true, false, Vec::new()),
        ),
        (request("GET /", "", ""), whole(200, "/ ")),
    ];
    let input = requests.iter().flat_map(|(request, _)| request.clone());
    (
        input.collect(),
        requests.iter().map(|(_, it)| it.clone()).collect(),
    )
}

#[test]
fn answers_come_in_order_however_the_requests_are_cut() {
    let (input, expected) = conversation();
    let check = |pieces: &[&[u8]]| {
        let mut play = Play::new();
        for piece in pieces {
            play.offer(piece);
        }
        assert_eq!(responses(&play.sent, &[]), expected);
        assert_eq!((play.end, play.session.phase()), (None, Phase::Between));
        assert!(play.held.is_empty() && play.session.block_bytes() == 0);
    };
    check(&[&input]);
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    check(&bytes);
    for cut in 1..input.len() {
        check(&[&input[..cut], &input[cut..]]);
    }
}

#[test]
fn long_content_is_sent_block_by_block() {
    for (path, is_chunked) in [
        ("/stream", true),
        ("/sized", false),
        ("/long", false),
        ("/parts", false),
    ] {
        let mut play = Play::new();
        play.offer(&request(&format!("GET {path}"), "", "").repeat(2));
        let expected = (200, is_chunked, false, pattern(0, LONG));
        assert_eq!(responses(&play.sent, &[]), [expected.clone(), expected]);

        let mut play = Play::new();
        play.offer(&request(&format!("HEAD {path}"), "", "").repeat(2));
        let expected = (200, is_chunked, false, Vec::new());
        assert_eq!(
            responses(&play.sent, &[true; 2]),
            [expected.clone(), expected]
        );
        assert_eq!(play.end, None);
    }
}

/// RFC 9112 section 6.1: no chunked coding for HTTP/1.0. The end of the content is that of the
/// connection.
#[test]
fn a_peer_of_http_10_gets_a_stream_until_the_connection_ends() {
    let mut play = Play::new();
    play.offer(b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    let sent = String::from_utf8(play.sent).unwrap();
    let (head, content) = sent.split_once("\r\n\r\n").unwrap();
    assert!(head.ends_with("\r\nConnection: close"), "{head}");
    assert!(!head.contains("Transfer-Encoding") && !head.contains("Content-Length"));
    assert_eq!(content.as_bytes(), pattern(0, LONG));
    assert_eq!(play.end, Some(Reason::PeerAsked));

    let mut play = Play::new();
    play.offer(b"GET /fails HTTP/1.0\r\n\r\n");
    assert_eq!(play.end, Some(Reason::Reset), "else it would look whole");
}

#[test]
fn content_that_fails_does_not_end_properly() {
    for (path, content) in [
        ("/fails", "\r\n\r\n5\r\nabcde\r\n"),
        ("/short", "\r\n\r\nabcde"),
    ] {
        let mut play = Play::new();
        play.offer(&request(&format!("GET {path}"), "", "").repeat(2));
        assert!(play.sent.ends_with(content.as_bytes()), "{path}");
        assert_eq!(play.end, Some(Reason::ResponseFailed));
    }
}

#[test]
fn a_handler_can_end_the_connection() {
    for (path, sent, end) in [
        ("/close", "closed", Reason::PeerAsked),
        ("/abort", "", Reason::Aborted),
        ("/reset", "", Reason::Reset),
    ] {
        let mut play = Play::new();
        play.offer(&request(&format!("GET {path}"), "", "").repeat(2));
        assert!(play.sent.ends_with(sent.as_bytes()) && sent.is_empty() == play.sent.is_empty());
        let closes = play
            .sent
            .windows(17)
            .filter(|it| it == b"Connection: close");
        assert_eq!(
            (play.end, closes.count()),
            (Some(end), usize::from(!sent.is_empty()))
        );
    }
}

#[test]
fn content_is_refused_before_and_while_it_comes() {
    let long = "x".repeat(51);
    for (input, status, content) in [
        (post("/refuse", "abc"), 200, "refused"),
        (post_chunked("/refuse", &["abc"]), 200, "refused"),
        (post("/read", "a!b"), 200, "not that"),
        (post_chunked("/read", &["a", "!", "b"]), 200, "not that"),
        (post("/collect", &long), 413, ""),
        (post_chunked("/collect", &[&long[..50], "x"]), 413, ""),
    ] {
        let expects = String::from_utf8(input.clone()).unwrap();
        let expects = expects.replacen("Host: a", "Host: a\r\nExpect: 100-continue", 1);
        for input in [input, expects.into_bytes()] {
            for cut in 1..input.len() {
                let mut play = Play::new();
                play.offer(&input[..cut]);
                play.offer(&input[cut..]);
                let all = responses(&play.sent, &[]);
                let last = all.last().unwrap();
                assert_eq!((last.0, last.2), (status, true));
                assert!(last.3.starts_with(content.as_bytes()));
                assert!(play.end.is_some());
                assert!(all.len() == 1 || all.len() == 2 && all[0].0 == 100);
            }
        }
    }
}

/// RFC 9110 section 10.1.1: `100 Continue` when the content is wanted, the final response when not.
#[test]
fn continue_is_sent_when_content_is_wanted() {
    for (path, statuses) in [
        ("/skip", &[100][..]),
        ("/collect", &[100]),
        ("/read", &[100]),
        ("/exchange", &[100]),
        ("/refuse", &[200]),
    ] {
        let mut play = Play::new();
        let fields = "Content-Length: 3\r\nExpect: 100-continue\r\n";
        play.offer(&request(&format!("POST {path}"), fields, ""));
        let head = String::from_utf8(play.sent.clone()).unwrap();
        let found: Vec<u16> = head
            .match_indices("HTTP/1.1 ")
            .map(|(at, line)| head[at + line.len()..][..3].parse().unwrap())
            .collect();
        // The response of an exchange begins before the content comes.
        let is_exchange = path == "/exchange";
        assert_eq!(
            &found[..found.len() - usize::from(is_exchange)],
            statuses,
            "{path}"
        );
    }
}

#[test]
fn a_peer_that_leaves_cancels_what_it_waits_for() {
    let mut play = Play::new();
    let out = &mut play.out;
    let get = request("GET /later", "", "");
    let step = play.session.advance(&get, &UnknownPeer, &play.shared, out);
    assert_eq!((step.consumed, step.wants), (get.len(), Wants::Wakeup));
    let completion = play.completions.borrow_mut().pop().unwrap();
    assert!(!completion.is_cancelled());
    drop(play.session);
    assert!(completion.is_cancelled());
    completion.respond(Response::text("for nobody"));
}

#[test]
fn a_completion_that_is_dropped_answers_500() {
    let mut play = Play::new();
    let (session, out) = (&mut play.session, &mut play.out);
    let get = request("GET /later", "", "");
    let _ = session.advance(&get, &UnknownPeer, &play.shared, out);
    play.completions.borrow_mut().clear();
    session.wake();
    play.offer(b"");
    assert_eq!(responses(&play.sent, &[])[0].0, 500);
    assert_eq!(play.end, None);
}

/// The response may end before the content of its request has.
#[test]
fn content_behind_a_finished_response_is_discarded() {
    struct Impatient;
    impl Handler for Impatient {
        fn handle(&self, _: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
            response.text(&[b"next"])
        }

        fn content(&self, _: &Request<'_>) -> Content {
            let (reader, _) = mpsc::channel();
            Content::Exchange {
                reader: Box::new(Forward(reader)),
                response: Response::text("at once"),
            }
        }
    }
    let shared = Shared::new(Impatient, Limits::default(), NOW);
    let input = [post_chunked("/", &["abc", "def"]), request("GET /", "", "")].concat();
    let mut held = Vec::new();
    let (mut session, mut out) = (Session::default(), Output::new());
    for byte in input.chunks(1) {
        held.extend_from_slice(byte);
        let step = session.advance(&held, &UnknownPeer, &shared, &mut out);
        held.drain(..step.consumed);
        assert_eq!(step.wants, Wants::Input);
    }
    let all = responses(out.bytes(), &[]);
    assert_eq!(all, [whole(200, "at once"), whole(200, "next")]);
}
