//! Inputs that come close: whole requests, requests with a few bytes wrong, and soups of the words
//! that requests are made of.

use hullo::http::Limits;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const METHODS: &[&str] = &[
    "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW",
    "get", "G@T",
];

const TARGETS: &[&str] = &[
    "/",
    "/a",
    "/a/b?q",
    "/%41",
    "/?[]|{}%",
    "http://h/a?q",
    "HTTPS://h:1",
    "http://[::1]:80/x",
    "/a?b?c",
    "//",
    "/aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "/%4",
    "/a{",
    "*",
    "http://u@h/",
    "http://",
    "http://h:99999/",
    "h:80",
    "/#",
    "a",
];

const VERSIONS: &[&str] = &[
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/1.7",
    "HTTP/2.0",
    "http/1.1",
    "HTTP/1.10",
    "",
];

const FIELDS: &[&str] = &[
    "X: y",
    "X:",
    "Y:\tz\t",
    "Connection: close",
    "Connection: keep-alive",
    "Connection: x, CLOSE ,",
    "connection: Keep-Alive",
    "Content-Length: 0",
    "Content-Length: 5",
    "Content-Length: 16",
    "content-length:\t007 ",
    "Transfer-Encoding: chunked",
    "TRANSFER-ENCODING:CHUNKED",
    "Expect: 100-continue",
    "Expect: 100-CONTINUE, 100-continue",
    "Expect: x",
    "Upgrade: h2c",
    "X: \u{e9}",
    "Host: a",
    "Host:",
    "Host: a,b",
    "Z : z",
    " fold",
    "Content-Length: 33",
    "Content-Length: +5",
    "Content-Length: 5, 5",
    "Content-Length: 18446744073709551616",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: ,chunked",
    "Transfer-Encoding: chunked;a",
    "Expect: 100-continue, x",
    "X: \0",
    "nocolon",
    ": x",
];

const BODIES: &[&str] = &[
    "",
    "",
    "",
    "hello",
    "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "2;a=\"b\"\r\nhi\r\n0\r\nX: y\r\n\r\n",
    "5\nhello",
    "x",
    "\r\n\r\n\r\n\r\n\r\n",
];

const WORDS: &[&str] = &[
    "GET",
    " ",
    "/",
    "HTTP/1.1",
    "\r\n",
    "\r\n",
    "\r\n\r\n",
    "Host: a\r\n",
    ":",
    "\t",
    "\r",
    "\n",
    "?",
    "%",
    "GET / HTTP/1.1\r\nHost: a\r\n",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "0\r\n",
    "Connection: close\r\n",
    "Expect: 100-continue\r\n",
    "5\r\nhello\r\n",
    ";a=b",
    "\"",
    "\\",
    "\0",
    "A",
];

const CHUNKS: &[&str] = &[
    "5\r\nhello\r\n",
    "5\r\nhello\r\n",
    "a\r\n0\r\n\r\n12345\r\n",
    "01\r\nx\r\n",
    "1;a\r\nx\r\n",
    "1;a=b;c=\"d\\\"\"\r\nx\r\n",
    "2; a = \"\t\" ;b\r\nhi\r\n",
    "0000000000000001\r\nx\r\n",
    "1;a=\"\r\"\r\nx\r\n",
    "3\r\nhello\r\n",
    "ffffffffffffffff\r\n",
    "00000000000000001\r\nx\r\n",
    "1 \r\nx\r\n",
];

const LAST_CHUNKS: &[&str] = &[
    "0\r\n",
    "0\r\n",
    "00;a\r\n",
    "0;a=\"\"\r\n",
    "0;a=\"\r\n",
    "0 \r\n",
    "0\n",
    "",
];

const TRAILERS: &[&str] = &[
    "X: y\r\n",
    "Content-Length: 9\r\n",
    "X:\r\n",
    "X : y\r\n",
    " x\r\n",
    "x\r\n",
];

/// Hosts are so often needed that they come of themselves.
const HOST: &[&str] = &[
    "Host: a\r\n",
    "host:[::1]:80 \r\n",
    "HOST: h.example:\r\n",
    "",
];

/// Good words stand at the front of each list, and come more often.
fn mostly_first(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    let good = words.len().div_ceil(2);
    prop_oneof![6 => select(&words[..good]), 1 => select(words)]
}

/// A head to its empty line; most are well formed.
pub(crate) fn head() -> impl Strategy<Value = Vec<u8>> {
    let line = (
        mostly_first(METHODS),
        mostly_first(TARGETS),
        mostly_first(VERSIONS),
    );
    let fields = vec(mostly_first(FIELDS), 0..4);
    let empty_lines = prop_oneof![8 => Just(0), 1 => 1..6_usize];
    (empty_lines, line, mostly_first(HOST), fields).prop_map(
        |(empty, (method, target, version), host, fields)| {
            let empty = "\r\n".repeat(empty);
            let fields = [&fields[..], &[""]].concat().join("\r\n");
            format!("{empty}{method} {target} {version}\r\n{host}{fields}\r\n").into_bytes()
        },
    )
}

/// A few bytes taken out, put in or changed, or the end cut off.
pub(crate) fn mutated(input: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![select(&b"\r\n \t:;,=\"\\%/?#\0\x7F\xFF0a"[..]), any::<u8>()];
    let change = (any::<Index>(), 0..10_u8, byte);
    let some = prop_oneof![Just(0), 1..4_usize];
    let changes = some.prop_flat_map(move |count| vec(change.clone(), count));
    (input, changes).prop_map(|(mut input, changes)| {
        for (place, kind, byte) in changes {
            let place = place.index(input.len() + 1);
            match kind {
                0..3 if place < input.len() => input[place] = byte,
                3..6 if place < input.len() => drop(input.remove(place)),
                6 => input.truncate(place),
                _ => input.insert(place, byte),
            }
        }
        input
    })
}

fn soup() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        8 => select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..4),
    ];
    vec(word, 0..20).prop_map(|words| words.concat())
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let body = select(BODIES).prop_map(str::as_bytes);
    (head(), body).prop_map(|(head, body)| [&head, body].concat())
}

/// What a peer may send: requests good and bad, one behind the other.
pub(crate) fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let plain = Just(b"GET /plain HTTP/1.1\r\nHost: a\r\n\r\n".to_vec());
    let piece = prop_oneof![3 => plain, 4 => request(), 3 => mutated(request()), 1 => soup()];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// A chunked body, or nearly one, and more behind it.
pub(crate) fn chunks() -> impl Strategy<Value = Vec<u8>> {
    let good = vec(mostly_first(CHUNKS), 0..4);
    let end = (mostly_first(LAST_CHUNKS), vec(mostly_first(TRAILERS), 0..3));
    (good, end).prop_map(|(chunks, (last, trailers))| {
        let chunks = chunks.concat();
        let trailers = trailers.concat();
        format!("{chunks}{last}{trailers}\r\nGET / HTTP/1.1\r\n\r\n").into_bytes()
    })
}

/// The defaults, or limits so small that the inputs above come to them.
pub(crate) fn limits() -> impl Strategy<Value = Limits> {
    let small = (64..200_usize, 1..8_usize, 3..30_usize, 0..20_u64);
    let small = small.prop_map(|(head_bytes, fields, target_bytes, body_bytes)| {
        Limits::default()
            .head_bytes(head_bytes)
            .fields(fields)
            .target_bytes(target_bytes)
            .body_bytes(body_bytes)
    });
    prop_oneof![Just(Limits::default()), small]
}
