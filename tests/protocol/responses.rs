//! Responses that were built as values.

use hullo::http::{Handler, Limits, Request, Responded, Response, ResponseWriter, Shared, Status};

use super::check::with_line;
use crate::common::{DATE, NOW, play};

/// Answers each request with the response that this makes.
struct Prepared(fn() -> Response);

impl Handler for Prepared {
    fn handle(&self, _: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        response.respond((self.0)())
    }
}

#[test]
fn a_response_is_written_as_it_was_built() {
    let cookies = || {
        let response = Response::new(Status::FORBIDDEN).field("Set-Cookie", "a=1");
        let response = response.and_then(|response| response.field("Set-Cookie", "b=2"));
        response.unwrap().content(b"no".to_vec())
    };
    let responses: [(fn() -> Response, _, _, _, _); 5] = [
        (
            || Response::text("hello"),
            "200 OK",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Content-Length: 5\r\n",
            "hello",
        ),
        (
            cookies,
            "403 Forbidden",
            "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n",
            "Content-Length: 2\r\n",
            "no",
        ),
        (
            || Response::new(Status::OK),
            "200 OK",
            "",
            "Content-Length: 0\r\n",
            "",
        ),
        (
            || Response::new(Status::NO_CONTENT).content(b"never sent"),
            "204 No Content",
            "",
            "",
            "",
        ),
        (
            || Response::new(Status::RESET_CONTENT).content(b"never sent"),
            "205 Reset Content",
            "",
            "Content-Length: 0\r\n",
            "",
        ),
    ];
    for (response, line, fields, length, content) in responses {
        let shared = Shared::new(Prepared(response), Limits::default(), NOW);
        let head = format!("HTTP/1.1 {line}\r\n{fields}Date: {DATE}\r\n{length}\r\n");
        for (method, content) in [("GET", content), ("HEAD", "")] {
            let sent = play(&shared, &with_line(format!("{method} / HTTP/1.1")), []).sent;
            assert_eq!(String::from_utf8(sent).unwrap(), format!("{head}{content}"));
        }
    }
}
