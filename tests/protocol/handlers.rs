//! What a handler is given, and what it decides: methods, statuses and fields.

use std::cell::RefCell;

use hullo::http::{
    Field, Handler, Limits, Method, Request, Responded, ResponseWriter, Shared, Status,
};

use super::check::with_line;
use crate::common::{DATE, NOW, Peer, play};

/// Writes down what it is asked, and says no.
#[derive(Default)]
struct Recorder(RefCell<Vec<String>>);

impl Handler for &Recorder {
    fn handle(&self, request: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let path = text(request.path());
        let query = request.query().map_or("-".into(), text);
        let [tag, host] =
            ["x-tag", "Host"].map(|name| request.field(name).map_or("-".into(), text));
        let line = format!("{:?} {path} {query} [{tag}] {host}", request.method());
        self.0.borrow_mut().push(line);
        if request.method() == Method::Delete {
            return reply.send(Status::NO_CONTENT, &[], &[b"never sent"]);
        }
        let tag = request.field("x-echo").unwrap_or_default();
        let fields = [
            Field::from_static("Content-Type", "text/html"),
            Field::from_bytes("X-Echo", tag).unwrap(),
        ];
        reply.send(Status::NOT_FOUND, &fields, &[b"<p>", b"No.\n"])
    }
}

#[test]
fn a_handler_gets_all_of_each_request_that_is_its_own() {
    let input = b"GET /a?b=c?d HTTP/1.1\r\nHost: h\r\nX-TAG: \t1 \xff2\t \r\nX-Tag: 3\r\n\r\n\
        PUT /p? HTTP/1.1\r\nHost: h:1\r\nX-Tag:\r\nContent-Length: 2\r\n\r\nhi\
        POST http://other?q HTTP/1.1\r\nHost: h\r\n\r\n\
        OPTIONS /o HTTP/1.1\r\nHost: h\r\n\r\n\
        TRACE /t HTTP/1.1\r\nHost: h\r\n\r\n\
        BREW /b HTTP/1.1\r\nHost: h\r\n\r\n\
        GET /e HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n\
        POST /f HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx\
        POST /g HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx";
    let expected = [
        r"Get /a b=c?d [1 \xff2] h",
        "Put /p  [] h:1",
        "Post / q [-] h",
        "Post /f - [-] -",
    ];
    for last_cut in [0, input.len() - 1] {
        let recorder = Recorder::default();
        let shared = Shared::new(&recorder, Limits::default(), NOW);
        play(&shared, input, 1..=last_cut);
        assert_eq!(*recorder.0.borrow(), expected);
    }
}

/// Answers with the status that the path names, and with content.
struct Statuses;

impl Handler for Statuses {
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        let code = std::str::from_utf8(&request.path()[1..]).unwrap();
        let status = Status::try_from(code.parse::<u16>().unwrap()).unwrap();
        response.send(status, &[], &[b"content"])
    }
}

#[test]
fn a_status_decides_whether_there_is_content() {
    let shared = Shared::new(Statuses, Limits::default(), NOW);
    for (path, line, length, content) in [
        ("200", "200 OK", "Content-Length: 7\r\n", "content"),
        ("204", "204 No Content", "", ""),
        ("205", "205 Reset Content", "Content-Length: 0\r\n", ""),
        ("304", "304 Not Modified", "", ""),
        ("299", "299 ", "Content-Length: 7\r\n", "content"),
        ("599", "599 ", "Content-Length: 7\r\n", "content"),
    ] {
        let mut peer = Peer::new(&shared);
        peer.offer(&with_line(format!("GET /{path} HTTP/1.1")));
        let expected = format!("HTTP/1.1 {line}\r\nDate: {DATE}\r\n{length}\r\n{content}");
        assert_eq!(peer.sent(), expected.as_bytes());
    }
}

/// Serves GET alone, answers CORS preflights and a method of its own.
struct Policy;

impl Handler for Policy {
    const ALLOW: &'static str = "GET";

    fn handle(&self, _: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        response.text(&[b"got\n"])
    }

    fn handle_other(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        let origin = Field::from_static("Access-Control-Allow-Origin", "*");
        match (request.method(), request.method_token()) {
            (Method::Options, _) => response.send(Status::NO_CONTENT, &[origin], &[]),
            (Method::Unknown, "PROPFIND") => response.text(&[b"found\n"]),
            (method, token) => {
                let text = format!("{method:?} {token}\n");
                response.send(Status::METHOD_NOT_ALLOWED, &[], &[text.as_bytes()])
            }
        }
    }
}

#[test]
fn a_handler_decides_about_options_trace_and_unknown_methods() {
    let shared = Shared::new(Policy, Limits::default(), NOW);
    for (method, status, end) in [
        ("GET", "200 OK", "\r\n\r\ngot\n"),
        ("OPTIONS", "204 No Content", "GMT\r\n\r\n"),
        ("PROPFIND", "200 OK", "\r\n\r\nfound\n"),
        ("TRACE", "405 Method Not Allowed", "\r\n\r\nTrace TRACE\n"),
        ("get", "405 Method Not Allowed", "\r\n\r\nUnknown get\n"),
    ] {
        let input = with_line(format!("{method} /a HTTP/1.1"));
        for last_cut in [0, input.len() - 1] {
            let outcome = play(&shared, &input, 1..=last_cut);
            let answer = String::from_utf8(outcome.sent).unwrap();
            let start = format!("HTTP/1.1 {status}\r\n");
            assert!(answer.starts_with(&start), "{answer}");
            assert!(answer.ends_with(end), "{answer}");
            assert_eq!(
                answer.contains("Access-Control-Allow-Origin: *\r\n"),
                method == "OPTIONS"
            );
        }
    }
    // CONNECT is the engine's: only its Allow is the handler's.
    let connect = play(&shared, b"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", []);
    let answer = String::from_utf8(connect.sent).unwrap();
    let start = "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\n";
    assert!(answer.starts_with(start), "{answer}");
}

#[test]
fn a_handler_gives_its_own_status_and_fields() {
    let recorder = Recorder::default();
    let shared = Shared::new(&recorder, Limits::default(), NOW);
    let start = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nX-Echo: \r\n";
    let head = format!("{start}Date: {DATE}\r\nContent-Length: 7\r\n\r\n");
    for (method, expected) in [
        ("GET", format!("{head}<p>No.\n")),
        ("HEAD", head),
        (
            "DELETE",
            format!("HTTP/1.1 204 No Content\r\nDate: {DATE}\r\n\r\n"),
        ),
    ] {
        let mut peer = Peer::new(&shared);
        peer.offer(&with_line(format!("{method} /a HTTP/1.1")));
        assert_eq!(peer.sent(), expected.as_bytes());
    }
}
