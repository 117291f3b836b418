//! The rows of the table's section "Fields" about what fields mean: where the body ends, whether
//! the connection stays, what is expected (RFC 9112 sections 6, 7 and 9, RFC 9110 section 10).

use hullo::http::Reject;

use super::check::{Answer, bad, check, check_at_once, greets, refuses, says, with_fields};

/// A request with these fields, then `body`.
fn post(fields: &str, body: &str) -> String {
    format!("POST /p HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}")
}

const BAD_LENGTHS: &[&str] = &[
    "",
    " ",
    "+5",
    "-1",
    "-0",
    "0x5",
    "5,5",
    "5, 5",
    "5,",
    ",5",
    "5 5",
    "5\t5",
    "5.0",
    "5e0",
    "5_0",
    "\"5\"",
    "5;a",
    "five",
    "A",
    "5\u{661}",
    "18446744073709551616",
    "18446744073709551621",
    "99999999999999999999999999",
    "5 ,5",
];

/// | `Content-Length` that is not 1*DIGIT (`+5`, `-1`, `0x5`, `5,5`, `5 5`, empty), too large for 64
/// bits, or given twice, even when equal | 400c |
#[test]
fn wants_one_plain_content_length() {
    for length in BAD_LENGTHS {
        let expected = [bad(Reject::LengthSyntax)];
        check(
            post(&format!("Content-Length: {length}"), "hello"),
            &expected,
        );
        check(
            post(&format!("content-length:{length} "), "hello"),
            &expected,
        );
    }
    for second in [
        "Content-Length: 5",
        "Content-Length: 6",
        "CONTENT-LENGTH:",
        "X: y\r\ncontent-length: 5",
    ] {
        let fields = format!("Content-Length: 5\r\n{second}");
        check(post(&fields, "hello"), &[bad(Reject::LengthRepeated)]);
    }
    for length in [
        "5",
        "05",
        "005",
        "00000000000000000000000000000005",
        " 5 ",
        "\t5\t",
    ] {
        let fields = format!("Content-Length:{length}");
        check(post(&fields, "hello"), &[greets("/p")]);
    }
    for zero in ["0", "00"] {
        check(
            post(&format!("Content-Length: {zero}"), ""),
            &[greets("/p")],
        );
    }
    check_at_once(post("Content-Length: +5", ""), bad(Reject::LengthSyntax));
}

/// | `Transfer-Encoding` together with `Content-Length` | 400c |
#[test]
fn refuses_a_length_beside_a_coding() {
    for length in ["0", "5", "6", "x", ""] {
        for coding in ["chunked", "gzip", "identity", "", ",chunked"] {
            let length = format!("Content-Length: {length}");
            let coding = format!("Transfer-Encoding: {coding}");
            let expected = [bad(Reject::LengthWithCoding)];
            let body = "0\r\n\r\n";
            check(post(&format!("{length}\r\n{coding}"), body), &expected);
            check(
                post(&format!("{coding}\r\nX: y\r\n{length}"), body),
                &expected,
            );
        }
    }
}

/// | `Transfer-Encoding` in HTTP/1.0 | 400c |
#[test]
fn refuses_a_coding_in_version_10() {
    for coding in ["chunked", "gzip", "gzip, chunked", "identity", ""] {
        for connection in ["", "Connection: keep-alive\r\n"] {
            let fields = format!("Host: a\r\n{connection}Transfer-Encoding: {coding}\r\n");
            let request = format!("POST /p HTTP/1.0\r\n{fields}\r\n0\r\n\r\n");
            check(request, &[bad(Reject::CodingInVersion10)]);
        }
    }
}

/// | `Transfer-Encoding` is exactly `chunked` in any case | chunked body |
#[test]
fn reads_chunks_when_the_coding_is_chunked() {
    for field in [
        "Transfer-Encoding: chunked",
        "transfer-encoding: CHUNKED",
        "tRANSFER-eNCODING:ChUnKeD",
        "Transfer-Encoding: \t chunked\t ",
    ] {
        let expected = [greets("/p")];
        check(post(field, "0\r\n\r\n"), &expected);
        check(post(field, "5\r\nhello\r\n0\r\n\r\n"), &expected);
    }
    // Only that field says so.
    for field in [
        "Transfer_Encoding: chunked",
        "TE: chunked",
        "X-Transfer-Encoding: chunked",
    ] {
        check(post(field, ""), &[greets("/p")]);
    }
}

/// | `chunked` twice (in one field or two), not last, with an empty list element (`,chunked`),
/// empty, quoted, or with parameters | 400c |
#[test]
fn wants_chunked_once_and_last() {
    for codings in [
        "chunked, chunked",
        "chunked,chunked",
        "gzip, chunked, chunked",
        "chunked, gzip",
        "chunked, identity",
        "chunked, gzip, chunked",
        ",chunked",
        "chunked,",
        "chunked,,",
        ", chunked",
        "gzip,,chunked",
        "",
        " ",
        ",",
        "\"chunked\"",
        "chunked;a=b",
        "chunked;",
        "chunked ; a",
        "chun ked",
        "gzip;q=1, chunked",
        "gzip chunked",
        "chunked gzip",
        "(chunked)",
        "chunked\u{e9}",
        "chunked\r\nTransfer-Encoding: chunked",
        "chunked\r\nTransfer-Encoding: identity",
        "chunked\r\nTransfer-Encoding:",
        "\r\nTransfer-Encoding: chunked",
        "chunked\r\nX: y\r\ntransfer-encoding: gzip",
    ] {
        let request = post(&format!("Transfer-Encoding: {codings}"), "0\r\n\r\n");
        check(request, &[bad(Reject::CodingSyntax)]);
    }
    let control = post("Transfer-Encoding: \x0bchunked", "0\r\n\r\n");
    check(control, &[bad(Reject::FieldValue)]);
}

/// | another coding (`gzip, chunked`, `identity`, `xchunked`) | 501, closed |
#[test]
fn does_not_know_other_codings() {
    for codings in [
        "gzip, chunked",
        "gzip,chunked",
        "gzip",
        "identity",
        "xchunked",
        "chunkedx",
        "x",
        "chunke",
        "gzip, deflate, chunked",
        "gzip, deflate",
        "identity, chunked",
        "gzip\r\nTransfer-Encoding: chunked",
        "gzip\r\nTransfer-Encoding: gzip",
    ] {
        let request = post(&format!("Transfer-Encoding: {codings}"), "");
        check_at_once(&request, refuses(501, Reject::CodingUnknown));
        check(
            request + "0\r\n\r\n",
            &[refuses(501, Reject::CodingUnknown)],
        );
    }
}

/// | `Connection`: a list, in one field or several, any case; `close` wins over `keep-alive` | 1.1
/// stays open without `close`; 1.0 closes without `keep-alive`, and with it the answer says
/// `Connection: keep-alive` |
#[test]
fn keeps_or_closes_as_connection_says() {
    for (connection, in_11, in_10) in [
        ("", stays(), closes()),
        ("X: close", stays(), closes()),
        ("Connection:", stays(), closes()),
        ("Connection: ,", stays(), closes()),
        ("Connection: x", stays(), closes()),
        ("Connection: closed", stays(), closes()),
        ("Connection: not close", stays(), closes()),
        ("Connection: \"close\"", stays(), closes()),
        ("Connection: keep-alive", stays(), says_so()),
        ("CONNECTION:Keep-Alive", stays(), says_so()),
        ("Connection: x ,\tkeep-alive", stays(), says_so()),
        (
            "Connection: x\r\nConnection: keep-alive",
            stays(),
            says_so(),
        ),
        ("Connection: keepalive", stays(), closes()),
        ("Keep-Alive: timeout=5", stays(), closes()),
        ("Proxy-Connection: keep-alive", stays(), closes()),
        ("Connection: close", closes(), closes()),
        ("connection: CLOSE", closes(), closes()),
        ("Connection: x,close", closes(), closes()),
        ("Connection: ,close,", closes(), closes()),
        (
            "Connection: x\r\nConnection:\tClose\t,y",
            closes(),
            closes(),
        ),
        ("Connection: keep-alive, close", closes(), closes()),
        ("Connection: close, keep-alive", closes(), closes()),
        (
            "Connection: close\r\nConnection: keep-alive",
            closes(),
            closes(),
        ),
        (
            "Connection: keep-alive\r\nConnection: close",
            closes(),
            closes(),
        ),
    ] {
        let line = if connection.is_empty() { "" } else { "\r\n" };
        for (version, expected) in [("1.1", in_11), ("1.0", in_10), ("1.9", in_11)] {
            let request = format!("GET /f HTTP/{version}\r\nHost: a{line}{connection}\r\n\r\n");
            check(request, &[expected]);
        }
    }
}

const fn stays() -> Answer<'static> {
    greets("/f")
}

const fn says_so() -> Answer<'static> {
    greets("/f").keep_alive()
}

const fn closes() -> Answer<'static> {
    greets("/f").closed()
}

/// `close` and `keep-alive` count for every answer, not the greeting alone.
#[test]
fn keeps_or_closes_after_any_answer() {
    for (method, status) in [("TRACE", 405), ("BREW", 501)] {
        let close = format!("{method} /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        check(close, &[says(status).closed()]);
        check(
            format!("{method} /a HTTP/1.0\r\n\r\n"),
            &[says(status).closed()],
        );
        let keep = format!("{method} /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        check(keep, &[says(status).keep_alive()]);
    }
    let options = super::check::names_methods();
    check("OPTIONS * HTTP/1.0\r\n\r\n", &[options.closed()]);
    check(
        "OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        &[options.keep_alive()],
    );
    let unmet = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: x\r\n\r\n";
    check(unmet, &[says(417).closed()]);
    let body = post("Connection: close\r\nContent-Length: 2", "hi");
    check(body, &[greets("/p").closed()]);
    // A refusal closes, whatever was asked for.
    let bad_host = "GET /a HTTP/1.0\r\nConnection: keep-alive\r\nHost:\r\n\r\n";
    check(bad_host, &[bad(Reject::HostSyntax)]);
}

/// | `Expect: 100-continue` in 1.1 with a body still to come | […] then the body is read, then the
/// answer, the connection stays |, where it does not matter when the body comes. `bodies` has the
/// rest of the row.
#[test]
fn meets_the_expectation_of_continue() {
    for expect in ["100-continue", "100-CONTINUE", "100-Continue, 100-continue"] {
        let fields = format!("Expect: {expect}\r\nContent-Length: 5");
        check(post(&fields, "hello"), &[greets("/p")]);
        let fields = format!("Expect: {expect}\r\nTransfer-Encoding: chunked");
        check(post(&fields, "1\r\nx\r\n0\r\n\r\n"), &[greets("/p")]);
        check(
            with_fields(format!("Expect: {expect}\r\n")),
            &[greets("/f")],
        );
    }
}

/// RFC 9110 section 5.6.1.2: a recipient must ignore the empty elements of a list, and a list of
/// nothing expects nothing.
#[test]
fn ignores_empty_elements_of_expect() {
    for expect in [
        "",
        ",",
        "100-continue,",
        ",100-continue",
        "100-continue, ,100-continue",
    ] {
        let field = format!("Expect: {expect}");
        check(with_fields(format!("{field}\r\n")), &[greets("/f")]);
        let length = format!("{field}\r\nContent-Length: 5");
        check(post(&length, "hello"), &[greets("/p")]);
    }
}

/// | another expectation | 417, closed if a body would follow. In 1.0 ignored |
#[test]
fn does_not_meet_other_expectations() {
    let refused = refuses(417, Reject::Expectation);
    for expect in [
        "x",
        "200-ok",
        "100-continue, x",
        "x, 100-continue",
        "y 100-continue",
        "100-continue;a=b",
        "100-continue=1",
        "\"100-continue\"",
        "100-continue\r\nExpect: x",
        "100",
    ] {
        let field = format!("Expect: {expect}");
        check(with_fields(format!("{field}\r\n")), &[says(417)]);
        check(
            post(&format!("{field}\r\nContent-Length: 0"), ""),
            &[says(417)],
        );
        let length = format!("{field}\r\nContent-Length: 5");
        check(post(&length, "hello"), &[refused]);
        check_at_once(post(&length, ""), refused);
        let coding = format!("{field}\r\nTransfer-Encoding: chunked");
        check(post(&coding, "0\r\n\r\n"), &[refused]);
        let old = format!("POST /p HTTP/1.0\r\nContent-Length: 5\r\n{field}\r\n\r\nhello");
        check(old, &[greets("/p").closed()]);
        let old = format!("GET /f HTTP/1.0\r\nConnection: keep-alive\r\n{field}\r\n\r\n");
        check(old, &[says_so()]);
        let head = format!("HEAD /f HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
        check(head, &[says(417).to_head()]);
    }
}

/// | `Upgrade`, `HTTP2-Settings` | ignored |
#[test]
fn ignores_upgrade() {
    for fields in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n",
        "Upgrade: TLS/1.0\r\n",
        "HTTP2-Settings:\r\n",
    ] {
        check(with_fields(fields), &[greets("/f")]);
    }
    let with_close = "Connection: Upgrade, close\r\nUpgrade: h2c\r\n";
    check(with_fields(with_close), &[closes()]);
}
