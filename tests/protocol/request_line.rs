//! The rows of the table's section "Request line" (RFC 9112 section 3). Its two rows about sizes
//! are in `limits`.

use hullo::http::{Phase, Reject};

use super::check::{
    bad, check, check_at_once, check_waits, greets, names_methods, refuses, says, with_line,
};

/// RFC 9110 section 5.6.2.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 3986 section 3.3, without percent-encoding.
fn is_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte)
}

/// | `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE` and any path | 200 with the greeting; `HEAD`:
/// the same fields, no body |
#[test]
fn greets_any_path() {
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        for path in ["/", "/a", "/a/b.c/", "//", "/../x", "/*", "/:@"] {
            check(
                with_line(format!("{method} {path} HTTP/1.1")),
                &[greets(path)],
            );
        }
    }
    check(with_line("HEAD / HTTP/1.1"), &[greets("/").to_head()]);
    check(with_line("HEAD /a/b HTTP/1.1"), &[greets("/a/b").to_head()]);
}

/// | `OPTIONS` with a path or `*` | 204 with `Allow`; `*` with any other method: 400c |
#[test]
fn names_methods_to_options() {
    for target in ["*", "/", "/a/b?q", "http://a/b", "http://a"] {
        let request = with_line(format!("OPTIONS {target} HTTP/1.1"));
        check(request, &[names_methods()]);
    }
    let methods = "GET POST PUT PATCH DELETE TRACE CONNECT options BREW";
    for method in methods.split(' ') {
        let request = with_line(format!("{method} * HTTP/1.1"));
        check(request, &[bad(Reject::TargetForm)]);
    }
    let refused = bad(Reject::TargetForm).to_head();
    check(with_line("HEAD * HTTP/1.1"), &[refused]);
    for target in ["**", "*/", "*?", "?", "a"] {
        let request = with_line(format!("OPTIONS {target} HTTP/1.1"));
        check(request, &[bad(Reject::TargetForm)]);
    }
}

/// | `TRACE`, `CONNECT` | 405 with `Allow`, closed for `CONNECT` |
#[test]
fn does_not_trace_or_connect() {
    check(with_line("TRACE /a HTTP/1.1"), &[says(405)]);
    for target in ["a:80", "a", "[::1]:443", "/a", "http://a/"] {
        let request = with_line(format!("CONNECT {target} HTTP/1.1"));
        check(request, &[refuses(405, Reject::Connect)]);
    }
}

/// | a method that is a token but not known (case matters: `get`) | 501 |
#[test]
fn does_not_know_other_methods() {
    for method in [
        "get",
        "Get",
        "GE",
        "GETS",
        "BREW",
        "PRI",
        "0",
        "!#$%&'*+-.^_`|~",
    ] {
        check(with_line(format!("{method} /a HTTP/1.1")), &[says(501)]);
    }
}

/// | a method that is not a token, or longer than 64 bytes | 400c, as soon as it is seen: noise is not
/// waited for |
#[test]
fn refuses_a_bad_method_at_its_first_wrong_byte() {
    for byte in 0..=255_u8 {
        let first = [byte];
        let later = [b'G', byte];
        match byte {
            _ if is_tchar(byte) => {
                check_waits(first, &[], Phase::Head);
                check_waits(later, &[], Phase::Head);
            }
            b'\n' => {
                check_at_once(first, bad(Reject::BareLineFeed));
                check_at_once(later, bad(Reject::BareLineFeed));
            }
            b'\r' => {
                // It may be an empty line.
                check_waits(first, &[], Phase::Between);
                check_at_once(later, bad(Reject::MethodSyntax));
            }
            b' ' => {
                check_at_once(first, bad(Reject::MethodSyntax));
                check_waits(later, &[], Phase::Head);
            }
            _ => {
                check_at_once(first, bad(Reject::MethodSyntax));
                check_at_once(later, bad(Reject::MethodSyntax));
            }
        }
    }
}

/// | origin form `/a/b?q` | greets `/a/b`, verbatim bytes |
#[test]
fn greets_the_path_verbatim() {
    for (target, path) in [
        ("/a/b?q", "/a/b"),
        ("/?", "/"),
        ("/a?b?c/d", "/a"),
        ("//h/a", "//h/a"),
        ("/./a/../b//", "/./a/../b//"),
        ("/%41%0d%0A%00%ff", "/%41%0d%0A%00%ff"),
        ("/a;b=c,d&e'(f)*+!$:@~", "/a;b=c,d&e'(f)*+!$:@~"),
        ("/http://b/c", "/http://b/c"),
        ("/*", "/*"),
    ] {
        check(with_line(format!("GET {target} HTTP/1.1")), &[greets(path)]);
    }
}

/// | absolute form `http://host:port/a?q`, `https://…` | greets `/a`; `/` when the path is empty;
/// Host must still be present and valid |
#[test]
fn greets_the_path_of_an_absolute_form() {
    for (target, path) in [
        ("http://a:80/a?q", "/a"),
        ("https://a/a", "/a"),
        ("HTTP://a/a", "/a"),
        ("hTTpS://[::1]:443/a/", "/a/"),
        ("http://a", "/"),
        ("http://a:/", "/"),
        ("http://a?q", "/"),
        ("http://a?q/b", "/"),
        // RFC 9112 section 3.2.2: the target's authority counts, and Host is ignored.
        ("http://b:81/ok", "/ok"),
    ] {
        check(with_line(format!("GET {target} HTTP/1.1")), &[greets(path)]);
        let version_10 = format!("GET {target} HTTP/1.0\r\n\r\n");
        check(version_10, &[greets(path).closed()]);
        let without_host = format!("GET {target} HTTP/1.1\r\n\r\n");
        check(without_host, &[bad(Reject::HostMissing)]);
        let bad_host = format!("GET {target} HTTP/1.1\r\nHost: a,b\r\n\r\n");
        check(bad_host, &[bad(Reject::HostSyntax)]);
    }
    for target in [
        "http://",
        "http:///a",
        "http://?q",
        "http://:80/",
        "http://u@a/",
    ] {
        let request = with_line(format!("GET {target} HTTP/1.1"));
        check(request, &[bad(Reject::HostSyntax)]);
    }
    for target in [
        "http://a:99999/",
        "http://a:x/",
        "http://[::1/",
        "http://a,b/",
        "http://a%/",
    ] {
        let request = with_line(format!("GET {target} HTTP/1.1"));
        check(request, &[bad(Reject::HostSyntax)]);
    }
    for target in [
        "a", "a/b", "a:80", "ftp://a/", "http:/a", "http:a", "https//a", "://a",
    ] {
        let request = with_line(format!("GET {target} HTTP/1.1"));
        check(request, &[bad(Reject::TargetForm)]);
    }
}

/// | a target with a control byte, space, `#`, or a byte over 0x7E | 400c |
#[test]
fn refuses_a_byte_that_no_target_has() {
    let request =
        |byte, start: &str| with_line([b"GET ", start.as_bytes(), &[byte], b"z HTTP/1.1"].concat());
    for byte in 0..=255_u8 {
        let path = format!("/a{}z", char::from(byte));
        let refused = match byte {
            b'\n' => bad(Reject::BareLineFeed),
            b'\r' | b' ' => bad(Reject::VersionSyntax),
            _ => bad(Reject::TargetSyntax),
        };
        let in_path = match byte {
            _ if is_path(byte) => greets(&path),
            b'?' => greets("/a"),
            _ => refused,
        };
        check(request(byte, "/a"), &[in_path]);
        let is_visible = (0x21..=0x7E).contains(&byte) && !b"\"#<>".contains(&byte);
        let in_query = if is_visible { greets("/a") } else { refused };
        check(request(byte, "/a?q"), &[in_query]);
    }
    for (start, reject) in [
        ("GET /a\0", Reject::TargetSyntax),
        ("GET /a\x7F", Reject::TargetSyntax),
        ("GET /a#", Reject::TargetSyntax),
        ("GET /a\u{80}", Reject::TargetSyntax),
        ("GET /a?\t", Reject::TargetSyntax),
        ("GET /a\n", Reject::BareLineFeed),
    ] {
        let end = start.find(|it: char| !it.is_ascii()).map(|at| at + 1);
        let seen = &start.as_bytes()[..end.unwrap_or(start.len())];
        check_at_once(seen, bad(reject));
    }
    for path in ["/%", "/%4", "/%zz", "/%4g", "/%%41", "/a%2?q"] {
        let request = with_line(format!("GET {path} HTTP/1.1"));
        check(request, &[bad(Reject::TargetSyntax)]);
    }
    check(with_line("GET /?%zz% HTTP/1.1"), &[greets("/")]);
}

/// | more than one space, a tab, leading or trailing space | 400c |
#[test]
fn refuses_other_white_space_than_two_single_spaces() {
    for (line, reject) in [
        ("GET  /a HTTP/1.1", Reject::TargetSyntax),
        ("GET /a  HTTP/1.1", Reject::VersionSyntax),
        ("GET\t/a HTTP/1.1", Reject::MethodSyntax),
        ("GET \t/a HTTP/1.1", Reject::TargetSyntax),
        ("GET /a\tHTTP/1.1", Reject::TargetSyntax),
        ("GET /a \tHTTP/1.1", Reject::VersionSyntax),
        ("GET /a b HTTP/1.1", Reject::VersionSyntax),
        (" GET /a HTTP/1.1", Reject::MethodSyntax),
        ("\tGET /a HTTP/1.1", Reject::MethodSyntax),
        ("GET /a HTTP/1.1 ", Reject::VersionSyntax),
        ("GET /a HTTP/1.1\t", Reject::VersionSyntax),
        ("GET /a HTTP/ 1.1", Reject::VersionSyntax),
    ] {
        check(with_line(line), &[bad(reject)]);
    }
}

/// | one or more empty lines (CRLF) before the request line | skipped, bounded |
#[test]
fn skips_four_empty_lines_before_each_request() {
    let request = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    for count in 0..=4 {
        let lines = "\r\n".repeat(count);
        check(&lines, &[]);
        check(format!("{lines}{request}"), &[greets("/a")]);
        let twice = format!("{lines}{request}{lines}{request}");
        check(twice, &[greets("/a"), greets("/a")]);
        let body = "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\r\n";
        let after_body = format!("{body}{lines}{request}");
        check(after_body, &[greets("/b"), greets("/a")]);
    }
    let fifth = "\r\n".repeat(5);
    check_at_once(&fifth, bad(Reject::EmptyLines));
    check(format!("{fifth}{request}"), &[bad(Reject::EmptyLines)]);
    let later = format!("{request}{fifth}");
    check(later, &[greets("/a"), bad(Reject::EmptyLines)]);
    check_at_once("\r\r", bad(Reject::BareCarriageReturn));
    check_at_once("\r\n\rG", bad(Reject::BareCarriageReturn));
    check_at_once("\r\n\n", bad(Reject::BareLineFeed));
    check_at_once("\r\n ", bad(Reject::MethodSyntax));
}

/// | `HTTP/1.1`, `HTTP/1.0` | served |
#[test]
fn serves_both_versions() {
    check(with_line("GET /a HTTP/1.1"), &[greets("/a")]);
    check(with_line("GET /a HTTP/1.0"), &[greets("/a").closed()]);
    check("GET /a HTTP/1.0\r\n\r\n", &[greets("/a").closed()]);
}

/// | a well-formed other version: `HTTP/1.2` … `HTTP/1.9` | served as 1.1 |
#[test]
fn serves_a_later_minor_version_as_11() {
    for minor in 2..=9 {
        check(with_line(format!("GET /a HTTP/1.{minor}")), &[greets("/a")]);
        let without_host = format!("GET /a HTTP/1.{minor}\r\n\r\n");
        check(without_host, &[bad(Reject::HostMissing)]);
        let chunked = format!(
            "POST /a HTTP/1.{minor}\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        );
        check(chunked, &[greets("/a")]);
    }
}

/// | `HTTP/2.0`, `HTTP/3.0`, `HTTP/0.9`, and the HTTP/2 preface | 505, closed |
#[test]
fn does_not_speak_other_versions() {
    let refused = refuses(505, Reject::VersionUnsupported);
    for version in ["2.0", "3.0", "0.9", "0.0", "2.1", "9.9"] {
        check(with_line(format!("GET /a HTTP/{version}")), &[refused]);
        check_at_once(format!("GET /a HTTP/{version}\r\n"), refused);
    }
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[refused]);
}

/// | `http/1.1`, `HTTP/1.01`, `HTTP/1`, `HTTP/1.1x`, no version at all (HTTP/0.9 style) | 400c |
#[test]
fn refuses_a_malformed_version() {
    for version in [
        "http/1.1",
        "Http/1.1",
        "HTTP/1.01",
        "HTTP/01.1",
        "HTTP/1.10",
        "HTTP/1",
        "HTTP/1.",
        "HTTP/.1",
        "HTTP/1.1x",
        "HTTP/1,1",
        "HTTP/11",
        "HTTP/a.1",
        "HTTP/1.a",
        "HTTP 1.1",
        "HTTP/+1.1",
        "HTTP/-1.1",
        "HTTP/",
        "HTTP",
        "FOO/1.1",
        "HTTPS/1.1",
        "1.1",
        "",
        "HTTP\\1.1",
        "HTTP/1.1\0",
        "HTTP/\u{661}.1",
    ] {
        let request = with_line(format!("GET /a {version}"));
        check(request, &[bad(Reject::VersionSyntax)]);
    }
    for (start, reject) in [
        ("GET /a h", Reject::VersionSyntax),
        ("GET /a HTTP/1.1x", Reject::VersionSyntax),
        ("GET /a HTTP/1.10", Reject::VersionSyntax),
        ("GET /a\r", Reject::VersionSyntax),
        ("GET /a \r", Reject::VersionSyntax),
        ("GET \r", Reject::VersionSyntax),
        ("GET\r", Reject::MethodSyntax),
        ("\r\n\r\nGET /a\r", Reject::VersionSyntax),
    ] {
        check_at_once(start, bad(reject));
    }
    check("GET /a\r\n\r\n", &[bad(Reject::VersionSyntax)]);
    check("GET /a\r\n", &[bad(Reject::VersionSyntax)]);
}

/// | bare LF or bare CR as a line end, anywhere in the head | 400c |
#[test]
fn refuses_any_other_line_end_than_crlf() {
    let head = "GET /a HTTP/1.1\r\nHost: a\r\nX: y\r\nZ:\r\n\r\n";
    check(head, &[greets("/a")]);
    for (at, _) in head.match_indices("\r\n") {
        let (before, after) = (&head[..at], &head[at + 2..]);
        check(format!("{before}\n{after}"), &[bad(Reject::BareLineFeed)]);
        check_at_once(format!("{before}\n"), bad(Reject::BareLineFeed));
        for other in ["\rX", "\r\r\n", "\r \n", "\r\0\n"] {
            let request = format!("{before}{other}{after}");
            check(request, &[bad(Reject::BareCarriageReturn)]);
            let seen = format!("{before}{}", &other[..2]);
            check_at_once(seen, bad(Reject::BareCarriageReturn));
        }
        check(format!("{before}\n\r{after}"), &[bad(Reject::BareLineFeed)]);
    }
    let lines = head.replace("\r\n", "\n");
    check(lines, &[bad(Reject::BareLineFeed)]);
    let returns = head.replace("\r\n", "\r");
    check(returns, &[bad(Reject::BareCarriageReturn)]);
}

/// | a TLS ClientHello or other binary noise | 400c, at once, not after a time-out |
#[test]
fn refuses_noise_at_its_first_byte() {
    let hello = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\0";
    let noises: [&[u8]; 8] = [
        hello,                   // TLS
        b"\x80\x2e\x01\x03\x01", // SSLv2
        b"\x05\x01\0",           // SOCKS 5
        b"\x04\x01\0\x50",       // SOCKS 4
        b"\x03\0\0\x13\x0e\xe0", // RDP
        b"\0\0\0\x12\x04\0",     // HTTP/2 without its preface
        b"{\"a\":1}",
        b"\xff\xff\xff\xff",
    ];
    for noise in noises {
        check(noise, &[bad(Reject::MethodSyntax)]);
        check_at_once(&noise[..1], bad(Reject::MethodSyntax));
    }
    check_at_once("SSH-2.0-OpenSSH_9.6\r", bad(Reject::MethodSyntax));
    check_at_once("PROXY TCP4 1", bad(Reject::VersionSyntax));
    check_at_once("EHLO a\r", bad(Reject::VersionSyntax));
}
