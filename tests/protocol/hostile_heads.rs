//! Of the 162 hostile inputs those about the request line, line ends, fields and expectations.

use hullo::http::Reject;

use super::check::{bad, greets, refuses, says};
use super::hostile::{Row, check_rows};

#[test]
fn answers_heads_as_it_must() {
    check_rows(ROWS);
}

pub(crate) const ROWS: &[Row] = &[
    ("lf-only", b"GET /ok HTTP/1.1\nHost: a\n\n", &[bad(Reject::BareLineFeed)]),
    ("lf-in-hdr", b"GET /ok HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", &[bad(Reject::BareLineFeed)]),
    ("lf-end", b"GET /ok HTTP/1.1\r\nHost: a\r\n\n", &[bad(Reject::BareLineFeed)]),
    ("cr-only", b"GET /ok HTTP/1.1\rHost: a\r\r", &[bad(Reject::BareCarriageReturn)]),
    ("cr-in-value", b"GET /ok HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", &[bad(Reject::BareCarriageReturn)]),
    ("crcrlf", b"GET /ok HTTP/1.1\r\r\nHost: a\r\n\r\n", &[bad(Reject::BareCarriageReturn)]),
    ("lead-crlf", b"\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n", &[greets("/ok")]),
    ("lead-crlf5", b"\r\n\r\n\r\n\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::EmptyLines)]),
    ("lead-sp", b" GET /ok HTTP/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::MethodSyntax)]),
    ("obs-fold", b"GET /ok HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", &[bad(Reject::FieldName)]),
    ("ws-first-hdr", b"GET /ok HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n", &[bad(Reject::FieldName)]),
    ("sp-before-colon", b"GET /ok HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", &[bad(Reject::FieldName)]),
    ("hdr-nocolon", b"GET /ok HTTP/1.1\r\nHost: a\r\nXyz\r\n\r\n", &[bad(Reject::FieldName)]),
    ("hdr-emptyname", b"GET /ok HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", &[bad(Reject::FieldName)]),
    ("hdr-name-paren", b"GET /ok HTTP/1.1\r\nHost: a\r\nX(y: a\r\n\r\n", &[bad(Reject::FieldName)]),
    ("hdr-name-hi", b"GET /ok HTTP/1.1\r\nHost: a\r\nX\xe9: a\r\n\r\n", &[bad(Reject::FieldName)]),
    ("hdr-val-nul", b"GET /ok HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", &[bad(Reject::FieldValue)]),
    ("hdr-val-ctl", b"GET /ok HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n", &[bad(Reject::FieldValue)]),
    ("hdr-val-obs", b"GET /ok HTTP/1.1\r\nHost: a\r\nX: \xff\r\n\r\n", &[greets("/ok")]),
    ("rl-2sp", b"GET  /ok HTTP/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::TargetSyntax)]),
    ("rl-tab", b"GET\t/ok\tHTTP/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::MethodSyntax)]),
    ("rl-trail-sp", b"GET /ok HTTP/1.1 \r\nHost: a\r\n\r\n", &[bad(Reject::VersionSyntax)]),
    ("rl-sp-in-uri", b"GET /o k HTTP/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::VersionSyntax)]),
    ("rl-0.9", b"GET /ok\r\n\r\n", &[bad(Reject::VersionSyntax)]),
    ("rl-1.2", b"GET /ok HTTP/1.2\r\nHost: a\r\n\r\n", &[greets("/ok")]),
    ("rl-2.0", b"GET /ok HTTP/2.0\r\nHost: a\r\n\r\n", &[refuses(505, Reject::VersionUnsupported)]),
    ("rl-3.0", b"GET /ok HTTP/3.0\r\nHost: a\r\n\r\n", &[refuses(505, Reject::VersionUnsupported)]),
    ("rl-1.10", b"GET /ok HTTP/1.10\r\nHost: a\r\n\r\n", &[bad(Reject::VersionSyntax)]),
    ("rl-lower", b"GET /ok http/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::VersionSyntax)]),
    ("rl-badver", b"GET /ok FOO/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::VersionSyntax)]),
    ("m-lower", b"get /ok HTTP/1.1\r\nHost: a\r\n\r\n", &[says(501)]),
    ("m-unknown", b"BREW /ok HTTP/1.1\r\nHost: a\r\n\r\n", &[says(501)]),
    ("m-ctl", b"G\x01T /ok HTTP/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::MethodSyntax)]),
    (
        "m-connect",
        b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        &[refuses(405, Reject::Connect)],
    ),
    ("m-trace", b"TRACE /ok HTTP/1.1\r\nHost: a\r\n\r\n", &[says(405)]),
    ("m-pri", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[refuses(505, Reject::VersionUnsupported)]),
    ("get-*", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::TargetForm)]),
    ("uri-nul", b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::TargetSyntax)]),
    ("uri-utf8", b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::TargetSyntax)]),
    ("uri-ff", b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::TargetSyntax)]),
    ("uri-lt", b"GET /<b> HTTP/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::TargetSyntax)]),
    ("uri-frag", b"GET /ok#x HTTP/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::TargetSyntax)]),
    ("uri-bad%", b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::TargetSyntax)]),
    ("uri-%00", b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", &[greets("/%00")]),
    ("uri-%0d%0a", b"GET /%0d%0aX:y HTTP/1.1\r\nHost: a\r\n\r\n", &[greets("/%0d%0aX:y")]),
    ("uri-dotdot", b"GET /../../x HTTP/1.1\r\nHost: a\r\n\r\n", &[greets("/../../x")]),
    ("uri-noslash", b"GET ok HTTP/1.1\r\nHost: a\r\n\r\n", &[bad(Reject::TargetForm)]),
    (
        "garbage",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        &[bad(Reject::MethodSyntax)],
    ),
    ("host-none", b"GET /ok HTTP/1.1\r\n\r\n", &[bad(Reject::HostMissing)]),
    ("host-dup", b"GET /ok HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", &[bad(Reject::HostRepeated)]),
    ("host-dup-same", b"GET /ok HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", &[bad(Reject::HostRepeated)]),
    ("host-empty", b"GET /ok HTTP/1.1\r\nHost:\r\n\r\n", &[bad(Reject::HostSyntax)]),
    ("host-path", b"GET /ok HTTP/1.1\r\nHost: a/b\r\n\r\n", &[bad(Reject::HostSyntax)]),
    ("host-userinfo", b"GET /ok HTTP/1.1\r\nHost: u@a\r\n\r\n", &[bad(Reject::HostSyntax)]),
    ("host-badport", b"GET /ok HTTP/1.1\r\nHost: a:99999\r\n\r\n", &[bad(Reject::HostSyntax)]),
    ("host-sp", b"GET /ok HTTP/1.1\r\nHost: a b\r\n\r\n", &[bad(Reject::HostSyntax)]),
    (
        "exp-100-body",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhelloGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        &[greets("/p"), greets("/smuggled")],
    ),
    (
        "exp-bad",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: y 100-continue\r\n\r\nhelloGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        &[refuses(417, Reject::Expectation)],
    ),
    ("exp-unknown", b"GET /ok HTTP/1.1\r\nHost: a\r\nExpect: foo\r\n\r\n", &[says(417)]),
    (
        "exp-get",
        b"GET /ok HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        &[greets("/ok"), greets("/smuggled")],
    ),
    (
        "exp-10",
        b"POST /p HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
        &[greets("/p").closed()],
    ),
    (
        "upg-h2c",
        b"GET /ok HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        &[greets("/ok"), greets("/smuggled")],
    ),
    (
        "upg-foo",
        b"GET /ok HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        &[greets("/ok"), greets("/smuggled")],
    ),
];
