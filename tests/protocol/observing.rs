//! What an observer is told: each request once, with what became of it.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::time::Duration;

use hullo::http::{
    Exchange, Handler, Limits, Output, Overload, Piece, Produced, Reason, Request, Responded,
    Response, ResponseWriter, Session, Shared, Status, UnknownPeer, Wants, observed, source_fn,
};

use crate::common::{NOW, play};

/// Answers by the path: at once, later, in pieces, or not at all.
struct Site;

impl Handler for Site {
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        match request.path() {
            b"/later" => response.respond_after(Duration::from_secs(1), Response::text("later")),
            b"/stream" => {
                let mut pieces = 3;
                let source = source_fn(move |piece: &mut Piece<'_>| {
                    piece.push(b"four");
                    pieces -= 1;
                    match pieces {
                        0 => Produced::End,
                        1 => Produced::WaitFor(Duration::from_secs(1)),
                        _ => Produced::More,
                    }
                });
                response.respond(Response::text("").stream(source))
            }
            b"/abort" => response.abort(),
            path => response.text(&[path]),
        }
    }
}

/// What is told, without what depends on how the input was cut.
fn told(exchange: &Exchange<'_>) -> String {
    let request = exchange.request.as_ref();
    let bytes = match exchange.reject {
        Some(reject) if exchange.content_bytes == reject.sentence().len() as u64 => {
            "sentence".to_owned()
        }
        _ => exchange.content_bytes.to_string(),
    };
    format!(
        "{} {} {} {} host={} in {:?}",
        request.map_or(String::from("?"), |it| it
            .target()
            .escape_ascii()
            .to_string()),
        exchange.status.map_or(0, Status::code),
        bytes,
        match (exchange.is_complete, exchange.reject) {
            (true, None) => String::from("whole"),
            (true, Some(reject)) => format!("{reject:?}"),
            (false, _) => String::from("torn"),
        },
        request
            .and_then(|it| it.field("Host"))
            .map_or(String::from("?"), |host| host.escape_ascii().to_string()),
        exchange.duration,
    )
}

#[test]
fn each_request_is_told_once_in_order_however_it_is_cut() {
    let input = b"GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n\
        HEAD /head HTTP/1.1\r\nHost: h\r\n\r\n\
        \r\nPOST /five HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello\
        PUT http://i/chunked HTTP/1.1\r\nHost: i\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
        OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n\
        GET /expects HTTP/1.1\r\nHost: h\r\nExpect: more\r\n\r\n\
        POST /long HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n";
    let expected = [
        "/a?b 200 2 whole host=h in 0ns",
        "/head 200 0 whole host=h in 0ns",
        "/five 200 5 whole host=h in 0ns",
        "http://i/chunked 200 8 whole host=i in 0ns",
        "* 204 0 whole host=h in 0ns",
        "/expects 417 sentence Expectation host=h in 0ns",
        "/long 413 sentence BodyLength host=h in 0ns",
    ];
    for cut in 0..input.len() {
        let log = RefCell::new(Vec::new());
        let site = observed(Site, |exchange: &Exchange<'_>| {
            log.borrow_mut().push(told(exchange));
        });
        let shared = Shared::new(site, Limits::default(), NOW);
        play(&shared, input, cut..=cut);
        assert_eq!(*log.borrow(), expected, "cut at {cut}");
    }
}

/// A site that notes the request lines as well.
#[derive(Clone, Default)]
struct Noting(Rc<RefCell<Vec<(String, String)>>>);

impl Handler for Noting {
    const OBSERVES: bool = true;

    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        Site.handle(request, response)
    }

    fn observe(&self, exchange: &Exchange<'_>) {
        let line = exchange.request_line.escape_ascii().to_string();
        self.0.borrow_mut().push((line, told(exchange)));
    }
}

/// A conversation, and what its observer was told.
struct Conversation {
    session: Session,
    shared: Shared<Noting>,
    site: Noting,
    out: Output,
    held: Vec<u8>,
}

impl Conversation {
    fn new() -> Self {
        let site = Noting::default();
        Self {
            session: Session::default(),
            shared: Shared::new(site.clone(), Limits::default(), NOW),
            site,
            out: Output::new(),
            held: Vec::new(),
        }
    }

    fn after(input: &[u8]) -> Self {
        let mut conversation = Self::new();
        conversation.feed(input);
        conversation
    }

    fn feed(&mut self, input: &[u8]) -> Wants {
        self.held.extend_from_slice(input);
        loop {
            self.out.clear();
            let (shared, out) = (&self.shared, &mut self.out);
            let step = self.session.advance(&self.held, &UnknownPeer, shared, out);
            self.held.drain(..step.consumed);
            if step.wants != Wants::Room {
                return step.wants;
            }
        }
    }

    /// Goes on after its wait, so much later.
    fn wait(&mut self, micros: u64) -> Wants {
        assert!(self.session.take_delay().is_some(), "it waits for a time");
        self.session.set_timer(1);
        assert!(self.session.fire(1));
        self.shared.set_micros(micros);
        self.feed(b"")
    }

    #[track_caller]
    fn has_told(&self, expected: &[(&str, &str)]) {
        let log = self.site.0.borrow();
        let log: Vec<_> = log.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(log, expected);
    }
}

#[test]
fn a_response_that_takes_longer_is_told_when_it_ends() {
    let later = "GET /later HTTP/1.1";
    let input = b"GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut conversation = Conversation::after(input);
    conversation.has_told(&[]);
    assert_eq!(conversation.wait(1_500), Wants::Input);
    conversation.has_told(&[
        (later, "/later 200 5 whole host=h in 1.5ms"),
        ("GET /next HTTP/1.1", "/next 200 5 whole host=h in 0ns"),
    ]);

    let stream = b"GET /stream HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut conversation = Conversation::after(stream);
    conversation.has_told(&[]);
    conversation.wait(2);
    let whole = (
        "GET /stream HTTP/1.1",
        "/stream 200 12 whole host=h in 2\u{b5}s",
    );
    conversation.has_told(&[whole]);
}

/// A response that waits behind content: the head is held from before.
#[test]
fn the_time_begins_when_the_head_has_come() {
    let mut conversation = Conversation::new();
    conversation.shared.set_micros(10);
    conversation.feed(b"POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na");
    conversation.shared.set_micros(20);
    conversation.feed(b"b");
    conversation.wait(40);
    let line = "POST /later HTTP/1.1";
    conversation.has_told(&[(line, "/later 200 5 whole host=h in 30\u{b5}s")]);
}

#[test]
fn a_request_whose_peer_leaves_is_told_as_torn() {
    for (input, told) in [
        (
            &b"GET /later HTTP/1.1\r\nHost: h\r\n\r\n"[..],
            "/later 0 0 torn host=h in 0ns",
        ),
        (
            b"GET /stream HTTP/1.1\r\nHost: h\r\n\r\n",
            "/stream 200 8 torn host=h in 0ns",
        ),
        (
            b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx",
            "/a 0 0 torn host=h in 0ns",
        ),
    ] {
        let mut conversation = Conversation::after(input);
        conversation
            .session
            .abandon(&UnknownPeer, &conversation.shared);
        conversation.session.end();
        conversation
            .session
            .abandon(&UnknownPeer, &conversation.shared);
        let line = input.split(|&byte| byte == b'\r').next().unwrap();
        let line = std::str::from_utf8(line).unwrap();
        conversation.has_told(&[(line, told)]);
    }
    for input in [
        "",
        "\r\n",
        "GET /a HTTP/1.1\r\nHo",
        "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        let conversation = Conversation::after(input.as_bytes());
        let before = conversation.site.0.borrow().len();
        conversation
            .session
            .abandon(&UnknownPeer, &conversation.shared);
        assert_eq!(conversation.site.0.borrow().len(), before, "{input:?}");
    }
    let aborted = Conversation::after(b"GET /abort HTTP/1.1\r\nHost: h\r\n\r\n");
    aborted.has_told(&[("GET /abort HTTP/1.1", "/abort 0 0 torn host=h in 0ns")]);
}

#[test]
fn a_refused_request_is_told_with_what_is_known_of_it() {
    for (input, line, told) in [
        (
            &b"\x16\x03\x01\0\n"[..],
            r"\x16\x03\x01\x00",
            "? 400 sentence MethodSyntax host=? in 0ns",
        ),
        (
            b"GET /\x1b[31m HTTP/1.1\r\n",
            r"GET /\x1b[31m HTTP/1.1",
            "? 400 sentence TargetSyntax host=? in 0ns",
        ),
        (
            b"GET /a HTTP/2.0\r\n",
            "GET /a HTTP/2.0",
            "? 505 sentence VersionUnsupported host=? in 0ns",
        ),
        (
            b"GET /a HTTP/1.1\r\n\r\n",
            "GET /a HTTP/1.1",
            "/a 400 sentence HostMissing host=? in 0ns",
        ),
        (
            b"GET /a HTTP/1.1\r\nHost: h\r\nA b\r\n\r\n",
            "GET /a HTTP/1.1",
            "/a 400 sentence FieldName host=h in 0ns",
        ),
        (
            b"HEAD /a HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
            "HEAD /a HTTP/1.1",
            "/a 400 0 LengthSyntax host=h in 0ns",
        ),
        (
            b"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n",
            "CONNECT h:1 HTTP/1.1",
            "h:1 405 sentence Connect host=h:1 in 0ns",
        ),
        (
            b"PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx",
            "PUT /a HTTP/1.1",
            "/a 400 sentence ChunkSize host=h in 0ns",
        ),
    ] {
        Conversation::after(input).has_told(&[(line, told)]);
    }
}

#[test]
fn a_timeout_and_an_overload_are_told() {
    let head = "GET /slow HTTP/1.1";
    let mut slow = Conversation::after(b"GET /slow HTTP/1.1\r\nHost: h\r\nX");
    let (shared, out) = (&slow.shared, &mut slow.out);
    let _ = slow
        .session
        .handle_timeout(&slow.held, &UnknownPeer, shared, out);
    slow.has_told(&[(head, "/slow 408 sentence RequestTimeout host=h in 0ns")]);

    let mut body =
        Conversation::after(b"PUT /body HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx");
    body.shared.set_micros(7);
    let (shared, out) = (&body.shared, &mut body.out);
    let _ = body.session.handle_timeout(&[], &UnknownPeer, shared, out);
    let told = "/body 408 sentence RequestTimeout host=h in 7\u{b5}s";
    body.has_told(&[("PUT /body HTTP/1.1", told)]);

    let mut later = Conversation::after(b"GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    let (shared, out) = (&later.shared, &mut later.out);
    let buffers = Overload::Buffers;
    let _ = later
        .session
        .handle_overload(buffers, &[], &UnknownPeer, shared, out);
    let told = "/later 503 sentence BufferLimit host=h in 0ns";
    later.has_told(&[("GET /later HTTP/1.1", told)]);

    let mut full = Conversation::new();
    let (shared, out) = (&full.shared, &mut full.out);
    let connections = Overload::Connections;
    let _ = full
        .session
        .handle_overload(connections, &[], &UnknownPeer, shared, out);
    full.has_told(&[("", "? 503 sentence Overloaded host=? in 0ns")]);

    let mut idle = Conversation::new();
    let (shared, out) = (&idle.shared, &mut idle.out);
    let _ = idle.session.handle_timeout(&[], &UnknownPeer, shared, out);
    idle.has_told(&[]);
}

/// The response has been written by then: a second one would answer the peer's next request.
#[test]
fn a_panic_of_the_observer_adds_no_response() {
    let site = observed(Site, |_: &Exchange<'_>| {
        panic::resume_unwind(Box::new("an observer panics"))
    });
    let shared = Shared::new(site, Limits::default(), NOW);
    let (mut session, mut out) = (Session::default(), Output::new());
    let input = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
    let advance = || session.advance(input, &UnknownPeer, &shared, &mut out);
    panic::catch_unwind(AssertUnwindSafe(advance)).unwrap_err();
    let step = session.handle_panic(&UnknownPeer, &shared, &mut out);
    assert_eq!(step.wants, Wants::Close(Reason::Panicked));
    let sent = String::from_utf8_lossy(out.bytes());
    assert_eq!(sent.matches("HTTP/1.1 ").count(), 1, "{sent}");
}
