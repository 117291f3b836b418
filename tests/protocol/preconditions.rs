//! Conditional requests (RFC 9110 section 13), as a handler with entity-tags answers them.

use hullo::http::{
    ETag, Handler, Limits, Precondition, Request, Responded, Response, ResponseWriter, Shared,
    Status,
};

use crate::common::{NOW, play};

/// Serves a representation with this entity-tag, or none.
struct Tagged(Option<ETag>);

impl Handler for Tagged {
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        match (request.preconditions(self.0.as_ref()), &self.0) {
            (Precondition::Proceed, _) => response.text(&[b"done\n"]),
            (Precondition::NotModified, Some(etag)) => response.not_modified(etag),
            _ => response.respond(Response::new(Status::PRECONDITION_FAILED)),
        }
    }

    fn handle_other(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        self.handle(request, response)
    }
}

/// The status that each method gets.
#[track_caller]
fn check(current: Option<ETag>, fields: &str, read: u16, write: u16) {
    let shared = Shared::new(Tagged(current), Limits::default(), NOW);
    for (method, expected) in [
        ("GET", read),
        ("HEAD", read),
        ("PUT", write),
        ("POST", write),
        ("DELETE", write),
        ("OPTIONS", 200),
        ("TRACE", 200),
    ] {
        let lines = fields.replace('\n', "\r\n");
        let input = format!("{method} / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n");
        let sent = play(&shared, input.as_bytes(), []).sent;
        let text = String::from_utf8(sent).unwrap();
        assert!(
            text.starts_with(&format!("HTTP/1.1 {expected} ")),
            "{input}{text}"
        );
        assert_eq!(text.contains("\r\nETag: "), expected == 304, "{text}");
    }
}

#[test]
fn if_match_compares_strongly() {
    let strong = || Some(ETag::strong("a,b").unwrap());
    let weak = || Some(ETag::weak("a,b").unwrap());
    for (value, with_strong, with_weak) in [
        (r#""a,b""#, 200, 412),
        (r#"W/"a,b""#, 412, 412),
        (r#""x", "a,b""#, 200, 412),
        (r#""x""#, 412, 412),
        (r#""A,B""#, 412, 412),
        ("*", 200, 200),
        ("", 412, 412),
        ("a,b", 412, 412),
        (r#""a,b", x"#, 412, 412),
        (r#"*, "a,b""#, 412, 412),
        ("*, *", 412, 412),
    ] {
        let field = format!("If-Match: {value}");
        check(strong(), &field, with_strong, with_strong);
        check(weak(), &field, with_weak, with_weak);
        check(None, &field, 412, 412);
    }
}

#[test]
fn if_none_match_compares_weakly() {
    for current in [ETag::strong("a,b").unwrap(), ETag::weak("a,b").unwrap()] {
        for (value, read, write) in [
            (r#""a,b""#, 304, 412),
            (r#"W/"a,b""#, 304, 412),
            (r#""x", W/"a,b" ,"#, 304, 412),
            (r#""x""#, 200, 200),
            (r#""a", "b""#, 200, 200),
            ("*", 304, 412),
            ("", 200, 200),
            ("a,b", 200, 412),
            (r#""a,b", x"#, 200, 412),
            (r#""x" "a,b""#, 200, 412),
        ] {
            check(
                Some(current.clone()),
                &format!("If-None-Match: {value}"),
                read,
                write,
            );
        }
    }
    for value in ["*", r#""a""#] {
        check(None, &format!("If-None-Match: {value}"), 200, 200);
    }
}

#[test]
fn preconditions_have_an_order() {
    let current = || Some(ETag::strong("a").unwrap());
    for (fields, read, write) in [
        ("X: y", 200, 200),
        ("If-Match: \"a\"\nIf-None-Match: \"a\"", 304, 412),
        ("If-None-Match: \"a\"\nIf-Match: \"x\"", 412, 412),
        ("If-Match: \"a\"\nIf-None-Match: \"x\"", 200, 200),
        // Several fields are one list.
        ("If-None-Match: \"x\"\nif-none-match: \"a\"", 304, 412),
        ("If-Match: \"x\"\nIf-Match: \"a\"", 200, 200),
        ("If-Match: *\nIf-Match: \"a\"", 412, 412),
        ("If-Match: \"a\"\nIf-Match: *", 412, 412),
        // No date is known.
        ("If-Modified-Since: Tue, 24 Nov 2026 02:00:00 GMT", 200, 200),
        (
            "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
            200,
            200,
        ),
        ("If-Range: \"x\"", 200, 200),
    ] {
        check(current(), fields, read, write);
    }
}
