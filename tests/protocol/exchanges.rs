//! Handlers that want the content of a request, answer later, or produce content piece by piece: one
//! conversation with all of them, however it is cut.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use hullo::http::{
    Completion, Content, ContentReader, Handler, Limits, Output, Phase, Piece, Produced, Reason,
    Request, Responded, Response, ResponseWriter, Session, Shared, Status, UnknownPeer, Wants,
};

use crate::common::{NOW, find};

/// A content longer than a turn's share.
const LONG: usize = 200_000;

/// Does what the path says.
#[derive(Default)]
struct Scripted {
    completions: Rc<RefCell<Vec<Completion>>>,
}

fn pattern(from: usize, bytes: usize) -> Vec<u8> {
    (from..from + bytes)
        .map(|at| b'a' + (at % 26) as u8)
        .collect()
}

/// So many bytes of the pattern, in pieces of an odd size.
fn source(bytes: usize, mut last: Produced) -> impl FnMut(&mut Piece<'_>) -> Produced + Send {
    let mut sent = 0;
    let mut waits = false;
    move |piece: &mut Piece<'_>| {
        waits = !waits;
        if waits {
            return Produced::WaitFor(Duration::from_millis(5));
        }
        sent += piece.push(&pattern(sent, (bytes - sent).min(3_333)));
        if sent < bytes {
            Produced::More
        } else {
            std::mem::replace(&mut last, Produced::Failed)
        }
    }
}

impl Handler for Scripted {
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        match request.path() {
            b"/stream" => {
                response.respond(Response::new(Status::OK).stream(source(LONG, Produced::End)))
            }
            b"/sized" => {
                let source = source(LONG, Produced::End);
                response.respond(Response::new(Status::OK).stream_sized(LONG as u64, source))
            }
            b"/long" => response.respond(Response::new(Status::OK).content(pattern(0, LONG))),
            b"/fails" => {
                response.respond(Response::new(Status::OK).stream(source(5, Produced::Failed)))
            }
            b"/short" => {
                let source = source(5, Produced::End);
                response.respond(Response::new(Status::OK).stream_sized(6, source))
            }
            b"/delay" => {
                let delay = Duration::from_millis(50);
                response.respond_after(delay, Response::text("delayed"))
            }
            b"/later" => {
                let (completion, responded) = response.later();
                self.completions.borrow_mut().push(completion);
                responded
            }
            b"/close" => response.close().text(&[b"closed"]),
            b"/abort" => response.abort(),
            b"/reset" => response.reset(),
            _ => response.text(&[request.path(), b" ", request.content()]),
        }
    }

    fn content(&self, request: &Request<'_>) -> Content {
        match request.path() {
            b"/collect" => Content::Collect { max: 50 },
            b"/read" => Content::read(Reader::default()),
            b"/exchange" => {
                let (reader, pieces) = mpsc::channel();
                Content::Exchange {
                    reader: Box::new(Forward(reader)),
                    response: Response::new(Status::OK).stream(echo(pieces)),
                }
            }
            b"/refuse" => {
                let response = Response::text("refused");
                Content::Refuse(response)
            }
            _ => Content::Skip,
        }
    }
}

/// Counts the content, and refuses any that has a `!`.
#[derive(Default)]
struct Reader(usize);

impl ContentReader for Reader {
    fn read(&mut self, piece: &[u8]) -> Result<(), Response> {
        self.0 += piece.len();
        if piece.contains(&b'!') {
            return Err(Response::text("not that"));
        }
        Ok(())
    }

    fn end(self: Box<Self>, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        assert_eq!(request.path(), b"/read");
        response.text(&[self.0.to_string().as_bytes()])
    }
}

struct Forward(mpsc::Sender<Vec<u8>>);

impl ContentReader for Forward {
    fn read(&mut self, piece: &[u8]) -> Result<(), Response> {
        // The response is gone when the peer is.
        let _ = self.0.send(piece.to_vec());
        Ok(())
    }

    fn end(self: Box<Self>, _: &Request<'_>, _: ResponseWriter<'_>) -> Responded {
        unreachable!("its response has begun")
    }
}

/// Sends back what has been forwarded, and ends when there is nothing more to come.
fn echo(pieces: mpsc::Receiver<Vec<u8>>) -> impl FnMut(&mut Piece<'_>) -> Produced + Send {
    let mut left = Vec::new();
    move |piece: &mut Piece<'_>| {
        loop {
            let taken = piece.push(&left);
            left.drain(..taken);
            if !left.is_empty() {
                return Produced::More;
            }
            match pieces.try_recv() {
                Ok(next) => left = next,
                Err(mpsc::TryRecvError::Empty) => return Produced::Wait,
                Err(mpsc::TryRecvError::Disconnected) => return Produced::End,
            }
        }
    }
}

/// A shell whose timers end at once.
struct Play {
    shared: Shared<Scripted>,
    completions: Rc<RefCell<Vec<Completion>>>,
    session: Session,
    out: Output,
    held: Vec<u8>,
    sent: Vec<u8>,
    end: Option<Reason>,
    timers: u64,
}

impl Play {
    fn new() -> Self {
        let handler = Scripted::default();
        Self {
            completions: Rc::clone(&handler.completions),
            shared: Shared::new(handler, Limits::default(), NOW),
            session: Session::default(),
            out: Output::new(),
            held: Vec::new(),
            sent: Vec::new(),
            end: None,
            timers: 0,
        }
    }

    fn offer(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        while self.end.is_none() {
            let (session, out) = (&mut self.session, &mut self.out);
            let step = session.advance(&self.held, &UnknownPeer, &self.shared, out);
            self.held.drain(..step.consumed);
            assert!(out.bytes().len() <= 64 * 1024, "a turn has its share");
            self.sent.extend_from_slice(out.bytes());
            let was_silent = out.bytes().is_empty();
            out.clear();
            match step.wants {
                Wants::Input => {
                    assert!(self.session.phase() != Phase::Response);
                    return;
                }
                Wants::Room => assert!(!was_silent, "it waits for the room that it has"),
                Wants::Close(reason) => self.end = Some(reason),
                Wants::Wakeup => self.wake(),
                Wants::InputOrWakeup => {
                    if self.session.take_delay().is_some() {
                        panic!("nothing here delays an exchange");
                    }
                    return;
                }
            }
        }
    }

    /// What a wait ends with: a timer, or an answer from elsewhere.
    fn wake(&mut self) {
        assert_eq!(self.session.phase(), Phase::Response);
        let (session, out) = (&mut self.session, &mut self.out);
        if session.take_delay().is_some() {
            self.timers += 1;
            session.set_timer(self.timers);
            // Neither another timer nor a look without a reason ends the wait.
            assert!(!session.fire(self.timers + 1) && session.has_timer(self.timers));
            let step = session.advance(&self.held, &UnknownPeer, &self.shared, out);
            assert_eq!((step.consumed, step.wants), (0, Wants::Wakeup));
            assert!(out.bytes().is_empty() && session.take_delay().is_none());
            assert!(session.fire(self.timers) && !session.fire(self.timers));
            return;
        }
        let completion = self.completions.borrow_mut().pop();
        let completion = completion.expect("it waits for nothing");
        assert!(!completion.is_cancelled());
        completion.respond(Response::text("later"));
        session.wake();
    }
}

fn request(line: &str, fields: &str, content: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: a\r\n{fields}\r\n{content}").into_bytes()
}

fn post(path: &str, content: &str) -> Vec<u8> {
    let length = format!("Content-Length: {}\r\n", content.len());
    request(&format!("POST {path}"), &length, content)
}

fn post_chunked(path: &str, chunks: &[&str]) -> Vec<u8> {
    let mut body: String = chunks
        .iter()
        .map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len()))
        .collect();
    body += "0\r\n\r\n";
    let fields = "Transfer-Encoding: chunked\r\n";
    request(&format!("POST {path}"), fields, &body)
}

/// Status, whether it was chunked, whether it announced the end of the connection, and the content,
/// for each response.
fn responses(mut sent: &[u8], heads: &[bool]) -> Vec<(u16, bool, bool, Vec<u8>)> {
    let mut all = Vec::new();
    while !sent.is_empty() {
        let end = find(sent, b"\r\n\r\n").expect("a head ends") + 4;
        let head = std::str::from_utf8(&sent[..end]).unwrap();
        sent = &sent[end..];
        let status = head[9..12].parse().unwrap();
        let is_chunked = head.contains("\r\nTransfer-Encoding: chunked\r\n");
        let length = head.split("Content-Length: ").nth(1);
        let length = length.map(|rest| rest[..rest.find('\r').unwrap()].parse().unwrap());
        let content = if heads.get(all.len()).copied().unwrap_or_default() || status == 100 {
            Vec::new()
        } else if is_chunked {
            dechunked(&mut sent)
        } else {
            let (content, rest) = sent.split_at(length.expect("a length"));
            sent = rest;
            content.to_vec()
        };
        all.push((
            status,
            is_chunked,
            head.contains("Connection: close"),
            content,
        ));
    }
    all
}

fn dechunked(sent: &mut &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    loop {
        let end = find(sent, b"\r\n").expect("a size ends");
        let size = std::str::from_utf8(&sent[..end]).unwrap();
        assert!(size == "0" || !size.starts_with('0'), "{size}");
        let size = usize::from_str_radix(size, 16).unwrap();
        content.extend_from_slice(&sent[end + 2..end + 2 + size]);
        assert_eq!(&sent[end + 2 + size..][..2], b"\r\n");
        *sent = &sent[end + 2 + size + 2..];
        if size == 0 {
            return content;
        }
    }
}

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
        pieces.iter().for_each(|piece| play.offer(piece));
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
    for (path, is_chunked) in [("/stream", true), ("/sized", false), ("/long", false)] {
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
