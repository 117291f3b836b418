//! 162 inputs that tell servers apart, each of which at least one of 14 servers in the field gets
//! wrong or answers in a way of its own. The ones here are about where a body ends; the others are
//! in `hostile_bodies`, `hostile_heads` and `hostile_long`.

use std::collections::HashSet;

use hullo::http::Reject;

use super::check::{Answer, bad, check, greets, names_methods, refuses};
use super::{hostile_bodies, hostile_heads, hostile_long};

/// A name, what is sent, and all that comes back.
pub(crate) type Row = (&'static str, &'static [u8], &'static [Answer<'static>]);

#[test]
fn answers_framing_as_it_must() {
    check_rows(ROWS);
}

#[track_caller]
pub(crate) fn check_rows(rows: &[Row]) {
    for (name, input, expected) in rows {
        println!("{name}"); // Shown when it fails.
        check(input, expected);
    }
}

#[test]
fn plays_all_162_of_them() {
    let short = [ROWS, hostile_bodies::ROWS, hostile_heads::ROWS].concat();
    let names = short.iter().map(|row| row.0).chain(hostile_long::NAMES);
    assert_eq!(names.clone().count(), 162);
    assert_eq!(names.collect::<HashSet<_>>().len(), 162);
}

pub(crate) const ROWS: &[Row] = &[
    ("ok-get", b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n", &[greets("/ok")]),
    ("ok-10", b"GET /ok HTTP/1.0\r\n\r\n", &[greets("/ok").closed()]),
    ("ok-10-ka", b"GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &[greets("/ok").keep_alive()]),
    ("ok-close", b"GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &[greets("/ok").closed()]),
    (
        "ok-close-list",
        b"GET /ok HTTP/1.1\r\nHost: a\r\nConnection: foo, CLOSE\r\n\r\n",
        &[greets("/ok").closed()],
    ),
    (
        "ok-pipe3",
        b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n",
        &[greets("/ok"), greets("/ok"), greets("/ok")],
    ),
    (
        "ok-post-cl",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        &[greets("/p"), greets("/smuggled")],
    ),
    (
        "ok-chunk",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        &[greets("/p"), greets("/smuggled")],
    ),
    (
        "ok-head",
        b"HEAD /ok HTTP/1.1\r\nHost: a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        &[greets("/ok").to_head(), greets("/smuggled")],
    ),
    ("ok-options*", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", &[names_methods()]),
    ("ok-absform", b"GET http://a/ok HTTP/1.1\r\nHost: a\r\n\r\n", &[greets("/ok")]),
    ("absform-mismatch", b"GET http://b/ok HTTP/1.1\r\nHost: a\r\n\r\n", &[greets("/ok")]),
    (
        "get-cl-body",
        b"GET /ok HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        &[greets("/ok"), greets("/smuggled")],
    ),
    (
        "cl+te",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        &[bad(Reject::LengthWithCoding)],
    ),
    (
        "te+cl",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nGGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        &[bad(Reject::LengthWithCoding)],
    ),
    (
        "te-on-1.0",
        b"POST /p HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        &[bad(Reject::CodingInVersion10)],
    ),
    (
        "te-xchunked",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        &[refuses(501, Reject::CodingUnknown)],
    ),
    (
        "te-gzip",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        &[refuses(501, Reject::CodingUnknown)],
    ),
    (
        "te-gzip,chunked",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        &[refuses(501, Reject::CodingUnknown)],
    ),
    (
        "te-chunked,gzip",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        &[bad(Reject::CodingSyntax)],
    ),
    (
        "te-chunked,chunked",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        &[bad(Reject::CodingSyntax)],
    ),
    (
        "te-dup",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &[bad(Reject::CodingSyntax)],
    ),
    (
        "te-dup-identity",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        &[bad(Reject::CodingSyntax)],
    ),
    (
        "te-identity",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
        &[bad(Reject::LengthWithCoding)],
    ),
    (
        "te-quoted",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
        &[bad(Reject::CodingSyntax)],
    ),
    (
        "te-param",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n",
        &[bad(Reject::CodingSyntax)],
    ),
    (
        "te-trail-tab",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
        &[greets("/p")],
    ),
    (
        "te-vtab",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        &[bad(Reject::FieldValue)],
    ),
    (
        "te-lead-nl",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\n chunked\r\n\r\n0\r\n\r\n",
        &[bad(Reject::BareLineFeed)],
    ),
    (
        "te-sp-colon",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        &[bad(Reject::FieldName)],
    ),
    (
        "te-fold",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        &[bad(Reject::FieldName)],
    ),
    (
        "te-empty",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello",
        &[bad(Reject::LengthWithCoding)],
    ),
    (
        "te-list-empty",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
        &[bad(Reject::CodingSyntax)],
    ),
    (
        "te-case",
        b"POST /p HTTP/1.1\r\nHost: a\r\ntRANSFER-eNCODING: CHUNKED\r\n\r\n0\r\n\r\n",
        &[greets("/p")],
    ),
    (
        "te_underscore",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n",
        &[greets("/p")],
    ),
    (
        "te-nul",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n",
        &[bad(Reject::FieldValue)],
    ),
    (
        "cl-dup-diff",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhelloG",
        &[bad(Reject::LengthRepeated)],
    ),
    (
        "cl-dup-same",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        &[bad(Reject::LengthRepeated)],
    ),
    (
        "cl-list-same",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
        &[bad(Reject::LengthSyntax)],
    ),
    (
        "cl-plus",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        &[bad(Reject::LengthSyntax)],
    ),
    (
        "cl-minus",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello",
        &[bad(Reject::LengthSyntax)],
    ),
    (
        "cl-hex",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
        &[bad(Reject::LengthSyntax)],
    ),
    (
        "cl-lead0",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhello",
        &[greets("/p")],
    ),
    (
        "cl-inner-sp",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\nhello",
        &[bad(Reject::LengthSyntax)],
    ),
    (
        "cl-trail-sp",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5 \r\n\r\nhello",
        &[greets("/p")],
    ),
    (
        "cl-underscore",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5_0\r\n\r\nhello",
        &[bad(Reject::LengthSyntax)],
    ),
    ("cl-empty", b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", &[bad(Reject::LengthSyntax)]),
    (
        "cl-2^64+5",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello",
        &[bad(Reject::LengthSyntax)],
    ),
    (
        "cl-2^63",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\nhello",
        &[refuses(413, Reject::BodyLength)],
    ),
    (
        "cl-1e12",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\nhello",
        &[refuses(413, Reject::BodyLength)],
    ),
    (
        "cl-sp-colon",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello",
        &[bad(Reject::FieldName)],
    ),
    (
        "cl-fold",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 5\r\n\r\nhello",
        &[bad(Reject::FieldName)],
    ),
    ("post-nolen", b"POST /p HTTP/1.1\r\nHost: a\r\n\r\n", &[greets("/p")]),
];
