//! Of the 162 hostile inputs those that are too long to be written out, and the one that is not
//! answered yet.

use hullo::http::{Phase, Reject};

use super::check::{bad, check, check_waits, greets, refuses, with_chunks, with_fields, with_line};

pub(crate) const NAMES: [&str; 20] = [
    "m-long",
    "uri-8k",
    "uri-9k",
    "uri-17k",
    "uri-70k",
    "uri-500k",
    "hdr-9k",
    "hdr-17k",
    "hdr-33k",
    "hdr-70k",
    "hdr-500k",
    "hdr-1.2M",
    "hdr-n95",
    "hdr-n150",
    "hdr-n1100",
    "hdr-n2500",
    "ch-ext-20k",
    "ch-1000x20B-ext",
    "ch-trailer-20k",
    "exp-100-nobody",
];

/// m-long
#[test]
fn answers_a_method_of_300_bytes() {
    let input = with_line(format!("{} /ok HTTP/1.1", "A".repeat(300)));
    assert_eq!(input.len(), 326);
    check(input, &[bad(Reject::MethodLength)]);
}

/// uri-8k to uri-500k
#[test]
fn answers_long_targets() {
    for bytes in [8_000, 9_000, 17_000, 70_000, 500_000] {
        let path = format!("/{}", "a".repeat(bytes));
        let input = with_line(format!("GET {path} HTTP/1.1"));
        assert_eq!(input.len(), bytes + 27);
        let refused = refuses(414, Reject::TargetLength);
        let is_within = bytes < 8192;
        check(input, &[if is_within { greets(&path) } else { refused }]);
    }
}

/// hdr-9k and hdr-17k
#[test]
fn answers_a_long_field() {
    for (bytes, answer) in [
        (9_000, greets("/f")),
        (17_000, refuses(431, Reject::HeadLength)),
    ] {
        check(
            with_fields(format!("X: {}\r\n", "a".repeat(bytes))),
            &[answer],
        );
    }
}

/// hdr-33k to hdr-1.2M
#[test]
fn answers_many_long_fields() {
    for (count, value_bytes, bytes) in [
        (8, 4_000, 32_077),
        (18, 4_000, 72_145),
        (125, 4_000, 500_919),
        (150, 8_000, 1_201_119),
    ] {
        let value = "a".repeat(value_bytes);
        let fields = (0..count).map(|i| format!("X{i}: {value}\r\n"));
        let fields = fields.collect::<Vec<_>>().concat();
        let input = with_line(format!("GET /ok HTTP/1.1\r\n{}", fields.trim_end()));
        assert_eq!(input.len(), bytes);
        check(input, &[refuses(431, Reject::HeadLength)]);
    }
}

/// hdr-n95 to hdr-n2500
#[test]
fn answers_many_short_fields() {
    for (count, bytes) in [(95, 771), (150, 1_260), (1_100, 9_909), (2_500, 23_909)] {
        let fields = (0..count - 1).map(|i| format!("X{i}: a\r\n"));
        let fields = fields.collect::<Vec<_>>().concat();
        let input = with_line(format!("GET /ok HTTP/1.1\r\n{}", fields.trim_end()));
        assert_eq!(input.len(), bytes);
        let refused = refuses(431, Reject::FieldCount);
        check(input, &[if count <= 100 { greets("/ok") } else { refused }]);
    }
}

/// ch-ext-20k, ch-1000x20B-ext, ch-trailer-20k
#[test]
fn answers_long_extensions_and_trailers() {
    let long = "a".repeat(20_000);
    let one = with_chunks(format!("5;{long}\r\nhello\r\n0\r\n\r\n"));
    assert_eq!(one.len(), 20_073);
    check(one, &[bad(Reject::ExtensionLength)]);
    let chunk = format!("1;{}\r\nx\r\n", "a".repeat(20));
    let many = with_chunks(chunk.repeat(1000) + "0\r\n\r\n");
    assert_eq!(many.len(), 27_062);
    check(many, &[bad(Reject::ExtensionLength)]);
    let trailer = with_chunks(format!("0\r\nX: {long}\r\n\r\n"));
    assert_eq!(trailer.len(), 20_067);
    check(trailer, &[refuses(431, Reject::TrailerLength)]);
}

/// exp-100-nobody: it gets `100 Continue`, and the body is waited for.
#[test]
fn waits_for_the_body_that_it_asked_for() {
    let head = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    check_waits(head, &[], Phase::Body);
}
