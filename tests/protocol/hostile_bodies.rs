//! Of the 162 hostile inputs those about the chunked coding.

use hullo::http::Reject;

use super::check::{bad, greets, refuses};
use super::hostile::{Row, check_rows};

#[test]
fn answers_chunks_as_it_must() {
    check_rows(ROWS);
}

pub(crate) const ROWS: &[Row] = &[
    (
        "ch-bareLF-size",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        &[bad(Reject::BareLineFeed)],
    ),
    (
        "ch-LF-after-data",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
        &[bad(Reject::ChunkEnd)],
    ),
    (
        "ch-2bytes-after-data",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
        &[bad(Reject::ChunkEnd)],
    ),
    (
        "ch-ext",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n",
        &[greets("/p")],
    ),
    (
        "ch-ext-LF",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n",
        &[bad(Reject::BareLineFeed)],
    ),
    (
        "ch-ext-CR",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a\rX\r\nhello\r\n0\r\n\r\n",
        &[bad(Reject::BareCarriageReturn)],
    ),
    (
        "ch-ext-quoted-crlf",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n",
        &[bad(Reject::ExtensionSyntax)],
    ),
    (
        "ch-ext-nul",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;\0\r\nhello\r\n0\r\n\r\n",
        &[bad(Reject::ExtensionSyntax)],
    ),
    (
        "ch-ext-empty",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;\r\nhello\r\n0\r\n\r\n",
        &[bad(Reject::ExtensionSyntax)],
    ),
    (
        "ch-trail-sp",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
        &[bad(Reject::ChunkSize)],
    ),
    (
        "ch-lead-sp",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n",
        &[bad(Reject::ChunkSize)],
    ),
    (
        "ch-0x",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        &[bad(Reject::ChunkSize)],
    ),
    (
        "ch-plus",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
        &[bad(Reject::ChunkSize)],
    ),
    (
        "ch-minus",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n",
        &[bad(Reject::ChunkSize)],
    ),
    (
        "ch-underscore",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0_5\r\nhello\r\n0\r\n\r\n",
        &[bad(Reject::ChunkSize)],
    ),
    (
        "ch-empty-size",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n",
        &[bad(Reject::ChunkSize)],
    ),
    (
        "ch-only-ext",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n;a\r\n\r\n",
        &[bad(Reject::ChunkSize)],
    ),
    (
        "ch-2^64+5",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
        &[bad(Reject::ChunkSize)],
    ),
    (
        "ch-FFx16",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        &[refuses(413, Reject::BodyLength)],
    ),
    (
        "ch-manyzeros",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000000000000000000000000000005\r\nhello\r\n0\r\n\r\n",
        &[bad(Reject::ChunkSize)],
    ),
    (
        "ch-trailer-ok",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: v\r\n\r\n",
        &[greets("/p")],
    ),
    (
        "ch-trailer-CL",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 50\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        &[greets("/p"), greets("/smuggled")],
    ),
    (
        "ch-trailer-LF",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: v\n\r\n",
        &[bad(Reject::BareLineFeed)],
    ),
    (
        "ch-trailer-nocolon",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGET /x HTTP/1.1\r\n\r\n",
        &[bad(Reject::FieldName)],
    ),
    (
        "ch-end-LF",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n",
        &[bad(Reject::BareLineFeed)],
    ),
    (
        "ch-end-LFLF",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\n\n",
        &[bad(Reject::BareLineFeed)],
    ),
];
