//! Every limit: one under it, at it, one over it. The table's rows about sizes are among them.

use hullo::Greeting;
use hullo::http::{Limits, Output, Phase, Reject, Session, Shared, UnknownPeer, Wants};

use super::check::{
    Answer, bad, check, check_at_once, check_waits, check_within, greets, refuses, says,
    with_chunks, with_line,
};
use crate::common::{NOW, read_replies};

const TARGET_BYTES: usize = 8 * 1024;
const HEAD_BYTES: usize = 16 * 1024;
const BODY_BYTES: usize = 1 << 20;
const EXTENSION_BYTES: usize = 1024;
const TRAILER_BYTES: usize = 16 * 1024;
const FIELDS: usize = 100;

fn one_under_to_one_over(limit: usize) -> [(usize, bool); 3] {
    [(limit - 1, true), (limit, true), (limit + 1, false)]
}

fn within<'a>(is_within: bool, answer: Answer<'a>, refusal: Answer<'a>) -> [Answer<'a>; 1] {
    [if is_within { answer } else { refusal }]
}

#[test]
fn promises_these_defaults() {
    let promised = Limits::default()
        .head_bytes(HEAD_BYTES)
        .fields(FIELDS)
        .target_bytes(TARGET_BYTES)
        .body_bytes(BODY_BYTES as u64);
    assert_eq!(Limits::default(), promised);
}

/// | a method […] longer than 64 bytes | 400c, as soon as it is seen |
#[test]
fn refuses_a_method_of_65_bytes() {
    for (length, is_within) in one_under_to_one_over(64) {
        let method = "A".repeat(length);
        let expected = within(is_within, says(501), bad(Reject::MethodLength));
        check(with_line(format!("{method} /a HTTP/1.1")), &expected);
        if is_within {
            check_waits(method, &[], Phase::Head);
        } else {
            check_at_once(method, bad(Reject::MethodLength));
        }
    }
}

/// | target longer than 8 KiB (default) | 414, closed |
#[test]
fn refuses_a_long_target_at_its_byte_too_many() {
    let refused = refuses(414, Reject::TargetLength);
    for (length, is_within) in one_under_to_one_over(TARGET_BYTES) {
        let path = format!("/{}", "a".repeat(length - 1));
        let query = format!("/?{}", "q".repeat(length - 2));
        let absolute = format!("http://a/{}", "a".repeat(length - 9));
        for (target, path) in [
            (&path, &path[..]),
            (&query, "/"),
            (&absolute, &absolute[8..]),
        ] {
            let expected = within(is_within, greets(path), refused);
            check(with_line(format!("GET {target} HTTP/1.1")), &expected);
            if !is_within {
                check_at_once(format!("GET {target}"), refused);
            }
        }
    }
    for (length, is_within) in one_under_to_one_over(10) {
        let limits = Limits::default().target_bytes(10);
        let path = "/".repeat(length);
        let expected = within(is_within, greets(&path), refused);
        let request = with_line(format!("GET {path} HTTP/1.1"));
        check_within(limits, request, &expected);
    }
}

/// A head of so many bytes, in one long field or many short ones.
fn heads(bytes: usize) -> [String; 2] {
    let start = "GET /a HTTP/1.1\r\nHost: a\r\n";
    let mut many = start.to_owned();
    // Two lines of the same length, and the rest in the last one.
    let line = (bytes - start.len() - 2) / 3;
    many += &format!("X: {}\r\n", "x".repeat(line - 5)).repeat(2);
    let one = [start, &many].map(|start| {
        let value = "v".repeat(bytes - start.len() - "Y: \r\n\r\n".len());
        format!("{start}Y: {value}\r\n\r\n")
    });
    assert!(one.iter().all(|head| head.len() == bytes));
    one
}

/// | head longer than 16 KiB […] (defaults) | 431, closed |
#[test]
fn refuses_a_long_head() {
    let refused = refuses(431, Reject::HeadLength);
    for (bytes, is_within) in one_under_to_one_over(HEAD_BYTES) {
        for head in heads(bytes) {
            check(head, &within(is_within, greets("/a"), refused));
        }
    }
    for (bytes, is_within) in one_under_to_one_over(Limits::HEAD_BYTES_MIN) {
        let limits = Limits::default().head_bytes(Limits::HEAD_BYTES_MIN);
        for head in heads(bytes) {
            let expected = within(is_within, greets("/a"), refused);
            check_within(limits, head, &expected);
        }
    }
    // Empty lines before it are no part of it.
    let padded = format!("\r\n\r\n\r\n\r\n{}", heads(HEAD_BYTES)[0]);
    check(padded, &[greets("/a")]);
}

/// A request of so many fields, Host among them.
fn with_field_count(count: usize, rest: &str) -> String {
    let fields = "X:\r\n".repeat(count - 1);
    format!("POST /a HTTP/1.1\r\nHost: a\r\n{fields}{rest}\r\n")
}

/// | […] more than 100 fields (defaults) | 431, closed |
#[test]
fn refuses_a_field_too_many() {
    let refused = refuses(431, Reject::FieldCount);
    for (count, is_within) in one_under_to_one_over(FIELDS) {
        let expected = within(is_within, greets("/a"), refused);
        check(with_field_count(count, ""), &expected);
    }
    for limit in [1, 2, 15, 16, 17, Limits::FIELDS_MAX] {
        let limits = Limits::default().fields(limit);
        for count in [limit.saturating_sub(1).max(1), limit, limit + 1] {
            let expected = within(count <= limit, greets("/a"), refused);
            check_within(limits, with_field_count(count, ""), &expected);
        }
    }
    let most = Limits::default().fields(Limits::FIELDS_MAX);
    check_within(most, with_field_count(256, ""), &[greets("/a")]);
    check_within(most, with_field_count(257, ""), &[refused]);
}

/// A head that waits for its body is read once more when that has come.
#[test]
fn reads_a_head_with_any_number_of_fields_again_after_its_body() {
    for count in [1, 2, 14, 15, 16, 17, 50, 99] {
        let head = with_field_count(count, "Content-Length: 2\r\n");
        check(format!("{head}hi"), &[greets("/a")]);
    }
}

/// | […] More than 1 MiB (default; `--max-body-bytes`): 413, closed, at the moment it is known |
#[test]
fn refuses_long_content_when_it_is_known() {
    let refused = refuses(413, Reject::BodyLength);
    let head =
        |length: usize| format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    for (length, is_within) in one_under_to_one_over(BODY_BYTES) {
        let content = "\n".repeat(length);
        let request = format!("{}{content}", head(length));
        check(request, &within(is_within, greets("/a"), refused));
        let chunk = format!("{length:x}\r\n{content}\r\n0\r\n\r\n");
        check(
            with_chunks(chunk),
            &within(is_within, greets("/p"), refused),
        );
        if !is_within {
            check_at_once(head(length), refused);
            check_at_once(with_chunks(format!("{length:X}\r")), refused);
            check_at_once(with_chunks(format!("{length:X};")), refused);
        }
    }
    for length in [u64::MAX, 1 << 63, 1 << 32, 1_000_000_000_000] {
        let fields = format!("Host: a\r\nContent-Length: {length}\r\nExpect: 100-continue");
        check_at_once(format!("PUT /a HTTP/1.1\r\n{fields}\r\n\r\n"), refused);
    }
}

#[test]
fn adds_up_the_chunks_of_a_body() {
    let refused = refuses(413, Reject::BodyLength);
    let limits = Limits::default().body_bytes(10);
    for (sizes, is_within) in [
        (&[10][..], true),
        (&[9], true),
        (&[11], false),
        (&[5, 5], true),
        (&[5, 6], false),
        (&[1; 10], true),
        (&[1; 11], false),
    ] {
        let chunk = |&size: &usize| format!("{size:x}\r\n{}\r\n", "d".repeat(size));
        let chunks = sizes.iter().map(chunk).collect::<Vec<_>>().concat();
        let request = with_chunks(format!("{chunks}0\r\n\r\n"));
        check_within(limits, request, &within(is_within, greets("/p"), refused));
    }
    // A sum that does not fit 64 bits.
    let wide = with_chunks("1\r\nd\r\nffffffffffffffff\r\n");
    check_within(limits, &wide, &[refused]);
    let no_limit = limits.body_bytes(u64::MAX);
    check_within(no_limit, wide, &[refused]);
    let none = limits.body_bytes(0);
    check_within(none, with_chunks("0\r\n\r\n"), &[greets("/p")]);
    check_within(none, with_chunks("1\r\nd\r\n0\r\n\r\n"), &[refused]);
}

/// | chunk size […] more than 16 digits | 400c |
#[test]
fn refuses_a_chunk_size_of_17_digits() {
    for (digits, is_within) in one_under_to_one_over(16) {
        let refused = bad(Reject::ChunkSize);
        let size = format!("{:0>digits$}", 5);
        let body = format!("{size}\r\nhello\r\n{:0>digits$}\r\n\r\n", 0);
        let expected = within(is_within, greets("/p"), refused);
        check(with_chunks(body), &expected);
        if !is_within {
            check_at_once(with_chunks(size), refused);
        }
    }
    check(
        with_chunks("F".repeat(16) + "\r"),
        &[refuses(413, Reject::BodyLength)],
    );
    check(with_chunks("F".repeat(17)), &[bad(Reject::ChunkSize)]);
}

/// | chunk extension, well formed, at most 1 KiB in all for a body | skipped |
#[test]
fn refuses_an_extension_byte_too_many() {
    let refused = bad(Reject::ExtensionLength);
    for (bytes, is_within) in one_under_to_one_over(EXTENSION_BYTES) {
        let expected = within(is_within, greets("/p"), refused);
        let one = format!(";{}", "e".repeat(bytes - 1));
        let body = format!("1{one}\r\nd\r\n0\r\n\r\n");
        check(with_chunks(body), &expected);
        let two = format!(";{}", "e".repeat(bytes - 513));
        let half = format!(";{}", "e".repeat(511));
        let body = format!("1{half}\r\nd\r\n0{two}\r\n\r\n");
        check(with_chunks(body), &expected);
        if !is_within {
            check_at_once(with_chunks(format!("1{one}")), refused);
        }
    }
}

/// | trailer fields: […] at most 16 KiB |
#[test]
fn refuses_a_trailer_byte_too_many() {
    let refused = refuses(431, Reject::TrailerLength);
    for (bytes, is_within) in one_under_to_one_over(TRAILER_BYTES) {
        let expected = within(is_within, greets("/p"), refused);
        let value = "v".repeat(bytes - "X: \r\n\r\n".len());
        let request = with_chunks(format!("0\r\nX: {value}\r\n\r\n"));
        check(&request, &expected);
        if !is_within {
            check_at_once(request, refused);
        }
    }
}

/// As many fields as a head may have.
#[test]
fn refuses_a_trailer_field_too_many() {
    let refused = refuses(431, Reject::FieldCount);
    for (count, is_within) in one_under_to_one_over(FIELDS) {
        let fields = "X: y\r\n".repeat(count);
        let expected = within(is_within, greets("/p"), refused);
        check(with_chunks(format!("0\r\n{fields}\r\n")), &expected);
    }
}

#[test]
fn refuses_limits_out_of_their_range() {
    let error = |limits: Limits| limits.check().unwrap_err().to_string();
    let default = Limits::default;
    for (limits, sentence) in [
        (
            default().head_bytes(63),
            "head_bytes is 63: out of range, from 64 to 1048576",
        ),
        (
            default().head_bytes((1 << 20) + 1),
            "head_bytes is 1048577: out of range, from 64 to 1048576",
        ),
        (
            default().fields(0),
            "fields is 0: out of range, from 1 to 256",
        ),
        (
            default().fields(257),
            "fields is 257: out of range, from 1 to 256",
        ),
        (
            default().target_bytes(0),
            "target_bytes is 0: out of range, from 1 to 1048576",
        ),
        (
            default().target_bytes(usize::MAX),
            &format!(
                "target_bytes is {}: out of range, from 1 to 1048576",
                usize::MAX
            ),
        ),
    ] {
        assert_eq!(error(limits), sentence);
    }
    assert_eq!(default().check(), Ok(()));
}

#[test]
#[should_panic(expected = "fields is 257: out of range, from 1 to 256")]
fn relies_on_limits_within_their_range() {
    let limits = Limits::default().fields(257);
    let _ = Shared::new(Greeting, limits, NOW);
}

#[test]
fn takes_limits_at_the_ends_of_their_ranges() {
    let widest = Limits::default()
        .head_bytes(Limits::HEAD_BYTES_MAX)
        .fields(Limits::FIELDS_MAX)
        .target_bytes(Limits::TARGET_BYTES_MAX)
        .body_bytes(u64::MAX);
    let path = format!("/{}", "a".repeat(100_000));
    for path in ["/a", &path] {
        let request = with_line(format!("GET {path} HTTP/1.1"));
        check_whole(widest, &request, 200);
    }
    let narrowest = Limits::default()
        .head_bytes(Limits::HEAD_BYTES_MIN)
        .fields(Limits::FIELDS_MIN)
        .target_bytes(Limits::TARGET_BYTES_MIN)
        .body_bytes(0);
    check_whole(narrowest, b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", 414);
    check_whole(narrowest, b"GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

#[track_caller]
fn check_whole(limits: Limits, request: &[u8], status: u16) {
    let shared = Shared::new(Greeting, limits, NOW);
    let (mut session, mut out) = (Session::default(), Output::new());
    let (mut rest, mut sent) = (request, Vec::new());
    loop {
        let step = session.advance(rest, &UnknownPeer, &shared, &mut out);
        rest = &rest[step.consumed..];
        sent.extend_from_slice(out.bytes());
        out.clear();
        if step.wants != Wants::Room {
            break;
        }
    }
    let replies = read_replies(&sent);
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [status]);
}
