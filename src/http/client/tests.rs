//! Every conversation is played whole, byte by byte, at every cut, and with something after it.

use super::replay::{Ending, Played, replay};
use super::*;

/// The same whole, byte by byte, and at every cut.
#[track_caller]
fn everywhere(bytes: &[u8], head_only: bool, closed: bool) -> Played {
    let whole = replay(&[bytes], head_only, closed);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(replay(&single, head_only, closed), whole, "byte by byte");
    for cut in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        let played = replay(&[head, tail], head_only, closed);
        assert_eq!(played, whole, "cut at {cut}");
    }
    whole
}

/// One response of this status and content, alone and twice in a row.
#[track_caller]
fn good(text: &str, status: u16, content: &str, closes: bool) {
    let response = Response {
        status,
        content_bytes: content.len() as u64,
        closes,
    };
    let is = |played: Played, times: usize, left: usize| {
        assert_eq!(played.responses, vec![response; times], "{text:?}");
        assert_eq!(played.content, content.repeat(times).as_bytes(), "{text:?}");
        assert_eq!(played.ending, Ending::Open(left), "{text:?}");
    };
    is(everywhere(text.as_bytes(), false, false), 1, 0);
    is(everywhere(text.repeat(2).as_bytes(), false, false), 2, 0);
    // What comes after it is half a response: not lost, and not taken for a part of this one.
    let more = text.to_owned() + "HTTP/1.1 2";
    is(everywhere(more.as_bytes(), false, false), 1, 10);
}

#[track_caller]
fn bad(text: &str, cause: ProtocolError) {
    let played = everywhere(text.as_bytes(), false, false);
    assert_eq!(played.responses, [], "{text:?}");
    assert_eq!(played.ending, Ending::Refused(cause), "{text:?}");
}

#[test]
fn reads_what_is_framed_by_length() {
    for (head, body, status, closes) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5", "hello", 200, false),
        ("HTTP/1.1 200 OK\r\ncontent-length:0", "", 200, false),
        ("HTTP/1.1 200\r\nContent-Length: 1 ", "x", 200, false),
        (
            "HTTP/1.1 404 No\r\nX: \u{e9}\r\nContent-Length: 2",
            "no",
            404,
            false,
        ),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1", "x", 200, true),
        (
            "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1",
            "x",
            200,
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nConnection: a, CLOSE\r\nContent-Length: 1",
            "x",
            200,
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\nContent-Length: 0",
            "",
            200,
            true,
        ),
    ] {
        good(&format!("{head}\r\n\r\n{body}"), status, body, closes);
    }
}

#[test]
fn reads_what_is_chunked() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (body, content) in [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        (
            "A\r\n0123456789\r\n00b\r\nHTTP/1.1 20\r\n0\r\n\r\n",
            "0123456789HTTP/1.1 20",
        ),
        ("1;a=b;c=\"d e\"\r\nx\r\n0;last\r\n\r\n", "x"),
        ("1 ;a\r\nx\r\n0\r\nX: y\r\nEmpty:\r\n\r\n", "x"),
        ("0000000000000001\r\nx\r\n0\r\n\r\n", "x"),
        // As some servers send it, and a server refuses it from a client.
        ("1 \r\nx\r\n0;\r\n\r\n", "x"),
    ] {
        good(&(head.to_owned() + body), 200, content, false);
    }
    good(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n2\r\n\x1f\x01\r\n0\r\n\r\n",
        200,
        "\x1f\x01",
        false,
    );
    good(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
        200,
        "",
        false,
    );
}

#[test]
fn statuses_without_a_body_have_none() {
    good("HTTP/1.1 204 No Content\r\n\r\n", 204, "", false);
    good(
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
        304,
        "",
        false,
    );
    good(
        "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
        304,
        "",
        false,
    );
}

#[test]
fn interim_responses_are_skipped() {
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    let go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    good(&format!("{go_on}{last}"), 200, "x", false);
    let hints =
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\nConnection: close\r\n\r\n";
    good(&format!("{go_on}{hints}{go_on}{last}"), 200, "x", false);
    good(&format!("{}{last}", go_on.repeat(32)), 200, "x", false);
    bad(
        &format!("{}{last}", go_on.repeat(33)),
        ProtocolError::Interim,
    );
    bad(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        ProtocolError::Upgrade,
    );
}

#[test]
fn interim_responses_do_not_pile_up() {
    let long = format!(
        "HTTP/1.1 103 Hints\r\nX: {}\r\n\r\n",
        "y".repeat(HEAD_BYTES_MAX - 100)
    );
    let (mut reader, mut memo, mut content) = (Reader::default(), Memo::default(), Vec::new());
    for _ in 0..3 {
        let read = reader
            .read(long.as_bytes(), false, &mut memo, &mut content)
            .unwrap();
        assert_eq!((read.consumed, read.response), (long.len(), None));
    }
}

#[test]
fn a_response_to_head_has_no_content() {
    for fields in ["Content-Length: 40", "Transfer-Encoding: chunked", "X: y"] {
        let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
        let played = everywhere(text.repeat(3).as_bytes(), true, false);
        let response = Response {
            status: 200,
            content_bytes: 0,
            closes: false,
        };
        assert_eq!(played.responses, [response; 3], "{fields}");
        assert_eq!(played.ending, Ending::Open(0), "{fields}");
    }
}

#[test]
fn the_end_of_the_connection_ends_what_has_no_length() {
    let text = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello";
    let played = everywhere(text, false, true);
    let response = Response {
        status: 200,
        content_bytes: 5,
        closes: true,
    };
    assert_eq!(played.responses, [response]);
    assert_eq!(
        (&played.content[..], played.ending),
        (&b"hello"[..], Ending::Open(0))
    );
    let played = everywhere(text, false, false);
    assert_eq!(played.responses, [], "it could go on");
}

#[test]
fn an_end_too_early_is_told_from_one_between() {
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for text in [length, chunked, interim] {
        for cut in 1..text.len() {
            let played = everywhere(&text.as_bytes()[..cut], false, true);
            let expected = match cut {
                // Between an interim response and the final one there is no byte of the latter.
                25 if text == interim => EarlyEnd::BeforeHead,
                _ => EarlyEnd::InResponse,
            };
            assert_eq!(played.responses, [], "{text:?} cut to {cut}");
            assert_eq!(
                played.ending,
                Ending::Closed(expected),
                "{text:?} cut to {cut}"
            );
        }
        let played = everywhere(text.as_bytes(), false, true);
        assert_eq!(played.responses.len(), 1);
        assert_eq!(played.ending, Ending::Closed(EarlyEnd::BeforeHead));
    }
    let nothing = everywhere(b"", false, true);
    assert_eq!(nothing.ending, Ending::Closed(EarlyEnd::BeforeHead));
}

/// RFC 9110 section 2.5.
#[test]
fn a_higher_minor_version_is_read_as_the_highest_known() {
    for minor in ["1", "2", "9"] {
        let head = format!("HTTP/1.{minor} 200 OK\r\n");
        good(
            &format!("{head}Content-Length: 5\r\n\r\nhello"),
            200,
            "hello",
            false,
        );
        let chunked = "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
        good(&format!("{head}{chunked}"), 200, "hi", false);
    }
}

#[test]
fn what_is_not_a_head_is_refused_at_its_first_wrong_byte() {
    for text in [
        "X",
        "HTTPS",
        "\r\n",
        "HTTP/2",
        "http/1.1",
        "hello, this is not HTTP\r\n\r\n",
        "\x16\x03\x01",
    ] {
        bad(text, ProtocolError::NotHttp);
    }
    bad("HTTP/1.x 200 OK\r\n\r\n", ProtocolError::NotHttp);
    bad("HTTP/1.10 200 OK\r\n\r\n", ProtocolError::NotHttp);
    for status in ["000", "099", "600", "999"] {
        let text = format!("HTTP/1.1 {status} OK\r\nContent-Length: 0\r\n\r\n");
        bad(&text, ProtocolError::Status);
    }
    bad("HTTP/1.1\r\n\r\n", ProtocolError::NotHttp);
    for line in [
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 -20 OK",
        "HTTP/1.1 ",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 200\tOK",
        "HTTP/1.1 200 O\u{7f}K",
    ] {
        bad(&format!("{line}\r\n\r\n"), ProtocolError::Head);
    }
}

#[test]
fn malformed_fields_are_refused() {
    for field in [
        "no colon",
        "X : y",
        ": y",
        "X\u{e9}: y",
        "A: b\r\n folded",
        "A: \u{1}",
    ] {
        bad(
            &format!("HTTP/1.1 200 OK\r\n{field}\r\nContent-Length: 0\r\n\r\n"),
            ProtocolError::Head,
        );
    }
    for text in [
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n",
        "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        "HTTP/1.1 200 OK\r\r\n\r\n",
    ] {
        bad(text, ProtocolError::LineEnd);
    }
}

#[test]
fn framing_that_two_readers_could_read_differently_is_refused() {
    let checks: [(&str, ProtocolError); 17] = [
        ("Content-Length: ", ProtocolError::Length),
        ("Content-Length: +5", ProtocolError::Length),
        ("Content-Length: -1", ProtocolError::Length),
        ("Content-Length: 0x5", ProtocolError::Length),
        ("Content-Length: 5, 5", ProtocolError::Length),
        (
            "Content-Length: 18446744073709551616",
            ProtocolError::Length,
        ),
        (
            "Content-Length: 5\r\nContent-Length: 5",
            ProtocolError::LengthTwice,
        ),
        (
            "Content-Length: 5\r\ncontent-length: 6",
            ProtocolError::LengthTwice,
        ),
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            ProtocolError::CodingAndLength,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            ProtocolError::CodingAndLength,
        ),
        ("Transfer-Encoding: gzip", ProtocolError::Coding),
        ("Transfer-Encoding: chunked, gzip", ProtocolError::Coding),
        ("Transfer-Encoding: chunked, chunked", ProtocolError::Coding),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            ProtocolError::Coding,
        ),
        ("Transfer-Encoding: xchunked", ProtocolError::Coding),
        ("Transfer-Encoding: chunked;q=1", ProtocolError::Coding),
        ("Transfer-Encoding:", ProtocolError::Coding),
    ];
    for (fields, cause) in checks {
        bad(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"), cause);
    }
    bad(
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ProtocolError::CodingInOld,
    );
}

#[test]
fn malformed_chunks_are_refused() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in [
        "\r\n",
        "x\r\n",
        "+1\r\n",
        "0x1\r\n",
        "-1\r\n",
        " 1\r\n",
        ";a\r\n",
        "1\n",
        "1\rx",
        "1;a\n",
        "1\r\nxy",
        "1\r\nx\n",
        "1\r\nx\ry",
        "1;\u{1}\r\n",
        "00000000000000001\r\n",
        "1\r\nx\r\n\r\n",
    ] {
        bad(&(head.to_owned() + body), ProtocolError::Chunk);
    }
    for trailer in [
        "no colon\r\n",
        ": y\r\n",
        " folded",
        "X: y\n",
        "X: y\rz",
        "\n",
        "\rx",
        "X: \u{0}",
    ] {
        bad(
            &(head.to_owned() + "0\r\n" + trailer),
            ProtocolError::Trailer,
        );
    }
    let long = "x".repeat(70_000);
    for (body, cause) in [
        (format!("1;{long}"), ProtocolError::Chunk),
        (format!("0\r\nX: {long}"), ProtocolError::Trailer),
    ] {
        let played = replay(&[(head.to_owned() + &body).as_bytes()], false, false);
        assert_eq!(played.ending, Ending::Refused(cause));
    }
}

#[test]
fn a_head_has_a_longest_length_and_a_largest_count() {
    let head = |extra: usize| {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
        let fill = HEAD_BYTES_MAX - text.len() - 4 + extra;
        format!("{text}{}\r\n\r\n", "y".repeat(fill))
    };
    let play_once = |text: String| replay(&[text.as_bytes()], false, false);
    assert_eq!(play_once(head(0)).responses.len(), 1);
    assert_eq!(
        play_once(head(1)).ending,
        Ending::Refused(ProtocolError::HeadLength)
    );
    let fields = |count: usize| format!("HTTP/1.1 204 No\r\n{}\r\n", "A: b\r\n".repeat(count));
    assert_eq!(play_once(fields(128)).responses.len(), 1);
    assert_eq!(
        play_once(fields(129)).ending,
        Ending::Refused(ProtocolError::FieldCount)
    );
}

/// The memory of the last head is a short cut, and no other way: a reader without it agrees.
#[test]
fn remembering_the_last_head_changes_nothing() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHTTP/1.1 200";
    let last = "HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let text = [short, short, long, long, short, last, last, short].concat();
    let played = everywhere(text.as_bytes(), false, false);
    let facts: Vec<_> = played
        .responses
        .iter()
        .map(|it| (it.status, it.content_bytes, it.closes))
        .collect();
    let (x, y, z) = ((200, 1, false), (200, 12, false), (404, 0, true));
    assert_eq!(facts, [x, x, y, y, x, z, z, x]);
}

#[test]
fn all_dates_of_a_head_are_found() {
    for (head, dates) in [
        ("HTTP/1.1 200 OK\r\n\r\n", &[][..]),
        (
            "HTTP/1.1 200 OK\r\nX-Date: a\r\ndate:b \r\nDate: \r\nDATE:  c\r\n\r\n",
            &["b", "", "c"],
        ),
    ] {
        let values: Vec<&[u8]> = field_values(head.as_bytes(), b"date").collect();
        let dates: Vec<&[u8]> = dates.iter().map(|date| date.as_bytes()).collect();
        assert_eq!(values, dates, "{head:?}");
    }
}
