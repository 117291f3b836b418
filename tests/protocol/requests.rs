//! What a handler can ask of a request.

use hullo::http::{Handler, Limits, Request, Responded, ResponseWriter, Shared};

use super::check::with_line;
use crate::common::{NOW, play};

/// Answers with what this function says of the request.
struct Says<F>(F);

impl<F: Fn(&Request<'_>) -> String> Handler for Says<F> {
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        response.text(&[(self.0)(request).as_bytes()])
    }

    fn handle_other(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        self.handle(request, response)
    }
}

/// Of a request that comes whole, and of one that comes byte by byte behind another.
#[track_caller]
fn check(input: &[u8], says: fn(&Request<'_>) -> String, expected: &str) {
    let shared = Shared::new(Says(says), Limits::default(), NOW);
    let whole = play(&shared, input, []);
    let two = [&with_line("GET /first HTTP/1.1"), input].concat();
    let cut = play(&shared, &two, 1..two.len());
    for sent in [whole.sent, cut.sent] {
        let text = String::from_utf8(sent).unwrap();
        let answer = text.rsplit("\r\n\r\n").next().unwrap();
        assert_eq!(answer, expected, "{}", input.escape_ascii());
    }
}

#[test]
fn a_request_line_has_parts() {
    let parts = |request: &Request<'_>| {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let query = request.query().map_or("-".into(), text);
        let (target, path) = (text(request.target()), text(request.path()));
        let (token, version) = (request.method_token(), request.version());
        format!("{token} {target} {path} {query} {version:?}")
    };
    for (line, expected) in [
        ("GET / HTTP/1.1", "GET / / - Http11"),
        ("GET /a?b HTTP/1.0", "GET /a?b /a b Http10"),
        ("PUT /a? HTTP/1.9", "PUT /a? /a  Http11"),
        ("GET /?a?b HTTP/1.1", "GET /?a?b / a?b Http11"),
        ("BREW /%41 HTTP/1.1", "BREW /%41 /%41 - Http11"),
        ("get / HTTP/1.1", "get / / - Http11"),
        ("GET http://a HTTP/1.1", "GET http://a / - Http11"),
        ("GET http://a?q HTTP/1.1", "GET http://a?q / q Http11"),
        ("GET http://a/b?q HTTP/1.1", "GET http://a/b?q /b q Http11"),
        ("OPTIONS * HTTP/1.1", "OPTIONS * * - Http11"),
    ] {
        check(&with_line(line), parts, expected);
    }
    let shown = |request: &Request<'_>| format!("{request:?}");
    check(&with_line("GET /a HTTP/1.1"), shown, "Request(GET /a)");
}

#[test]
fn a_query_has_decoded_pairs() {
    let pairs = |request: &Request<'_>| {
        let pairs = request.query_pairs();
        let shown = pairs.map(|(name, value)| format!("[{name}|{value}]"));
        shown.collect::<String>()
    };
    for (target, expected) in [
        ("/", ""),
        ("/?", ""),
        ("/?a=b", "[a|b]"),
        ("/?a=1&a=2&b", "[a|1][a|2][b|]"),
        ("/?a=b=c&&=d", "[a|b=c][|d]"),
        ("/?a+b=%2B%C3%A9", "[a b|+\u{e9}]"),
        ("/?a=%ff%zz%", "[a|\u{fffd}%zz%]"),
        ("/?q=a;b", "[q|a;b]"),
    ] {
        check(
            &with_line(format!("GET {target} HTTP/1.1")),
            pairs,
            expected,
        );
    }
}

#[test]
fn a_request_has_fields_in_order() {
    let input = b"GET / HTTP/1.1\r\nHost: h\r\nX-a: \t1\t \r\nB:\r\nx-A: 2\r\n\r\n";
    check(
        input,
        |request| {
            let shown = request
                .fields()
                .map(|(name, value)| format!("{name}={} ", value.escape_ascii()));
            shown.collect()
        },
        "Host=h X-a=1 B= x-A=2 ",
    );
    check(
        input,
        |request| {
            let named = request.fields_named("X-A");
            let shown = named.map(|value| value.escape_ascii().to_string());
            shown.collect::<Vec<_>>().join(",")
        },
        "1,2",
    );
    check(
        input,
        |request| format!("{:?} {:?}", request.field("x-a"), request.field("c")),
        "Some([49]) None",
    );
}
