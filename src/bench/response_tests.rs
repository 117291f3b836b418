//! Every conversation is played whole, byte by byte, at every cut, and with something after it.

use super::super::head::HEAD_BYTES_MAX;
use super::*;

/// Plays `pieces` to one reader as a connection would, and then the end of the connection if
/// `closed`. What came out: statuses with body lengths, in order, and how it ended.
pub(super) fn play(
    pieces: &[&[u8]],
    expect: &Expect,
    closed: bool,
) -> (Vec<Answer>, Result<usize, ErrorKind>) {
    let (mut reader, mut memo) = (Reader::default(), Memo::default());
    let (mut left, mut answers) = (Vec::new(), Vec::new());
    for piece in pieces {
        left.extend_from_slice(piece);
        loop {
            match reader.read(&left, answers.len(), expect, &mut memo) {
                Ok(read) => {
                    left.drain(..read.consumed);
                    match read.answer {
                        Some(answer) => answers.push(answer),
                        None => break,
                    }
                    if left.is_empty() {
                        break;
                    }
                }
                Err(bad) => return (answers, Err(ErrorKind::Protocol(bad))),
            }
        }
    }
    if closed {
        match reader.end(left.len(), answers.len(), expect) {
            Ok(answer) => answers.push(answer),
            Err(fault) => return (answers, Err(fault)),
        }
    }
    (answers, Ok(left.len()))
}

/// The same whole, byte by byte, and at every cut.
#[track_caller]
fn everywhere(
    bytes: &[u8],
    expect: &Expect,
    closed: bool,
) -> (Vec<Answer>, Result<usize, ErrorKind>) {
    let whole = play(&[bytes], expect, closed);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(play(&single, expect, closed), whole, "byte by byte");
    for cut in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(play(&[head, tail], expect, closed), whole, "cut at {cut}");
    }
    whole
}

/// One answer of this status and body length, alone and twice in a row.
#[track_caller]
fn good(text: &str, status: u16, body_bytes: u64, closes: bool) {
    let answer = Answer {
        status,
        body_bytes,
        closes,
        fault: None,
    };
    let expect = Expect::default();
    let once = everywhere(text.as_bytes(), &expect, false);
    assert_eq!(once, (vec![answer], Ok(0)), "{text:?}");
    let twice = everywhere(text.repeat(2).as_bytes(), &expect, false);
    assert_eq!(twice, (vec![answer; 2], Ok(0)), "{text:?} twice");
    // What comes after it is half an answer: not lost, and not taken for a part of this one.
    let more = everywhere((text.to_owned() + "HTTP/1.1 2").as_bytes(), &expect, false);
    assert_eq!(more, (vec![answer], Ok(10)), "{text:?} and more");
}

#[track_caller]
fn bad(text: &str, cause: ProtocolError) {
    let ended = everywhere(text.as_bytes(), &Expect::default(), false);
    assert_eq!(ended, (vec![], Err(ErrorKind::Protocol(cause))), "{text:?}");
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
        good(
            &format!("{head}\r\n\r\n{body}"),
            status,
            body.len() as u64,
            closes,
        );
    }
}

#[test]
fn reads_what_is_chunked() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (body, bytes) in [
        ("0\r\n\r\n", 0),
        ("5\r\nhello\r\n0\r\n\r\n", 5),
        ("A\r\n0123456789\r\n00b\r\nHTTP/1.1 20\r\n0\r\n\r\n", 21),
        ("1;a=b;c=\"d e\"\r\nx\r\n0;last\r\n\r\n", 1),
        ("1 ;a\r\nx\r\n0\r\nX: y\r\nEmpty:\r\n\r\n", 1),
        ("0000000000000001\r\nx\r\n0\r\n\r\n", 1),
    ] {
        good(&(head.to_owned() + body), 200, bytes, false);
    }
    good(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n2\r\n\x1f\x01\r\n0\r\n\r\n",
        200,
        2,
        false,
    );
    good(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
        200,
        0,
        false,
    );
}

#[test]
fn statuses_without_a_body_have_none() {
    good("HTTP/1.1 204 No Content\r\n\r\n", 204, 0, false);
    good(
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
        304,
        0,
        false,
    );
    good(
        "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
        304,
        0,
        false,
    );
}

#[test]
fn interim_answers_are_passed_over() {
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    let go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    good(&format!("{go_on}{last}"), 200, 1, false);
    let hints =
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\nConnection: close\r\n\r\n";
    good(&format!("{go_on}{hints}{go_on}{last}"), 200, 1, false);
    good(&format!("{}{last}", go_on.repeat(32)), 200, 1, false);
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
fn interim_answers_do_not_pile_up() {
    let long = format!(
        "HTTP/1.1 103 Hints\r\nX: {}\r\n\r\n",
        "y".repeat(HEAD_BYTES_MAX - 100)
    );
    let (mut reader, mut memo) = (Reader::default(), Memo::default());
    for _ in 0..3 {
        let read = reader
            .read(long.as_bytes(), 0, &Expect::default(), &mut memo)
            .unwrap();
        assert_eq!((read.consumed, read.answer), (long.len(), None));
    }
}

#[test]
fn an_answer_to_head_has_no_body() {
    let expect = Expect {
        head_only: true,
        bodies: Some(vec![b"not compared".to_vec(); 3]),
        ..Expect::default()
    };
    for fields in ["Content-Length: 40", "Transfer-Encoding: chunked", "X: y"] {
        let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
        let (answers, end) = everywhere(text.repeat(3).as_bytes(), &expect, false);
        assert_eq!((answers.len(), end), (3, Ok(0)), "{fields}");
        assert!(
            answers
                .iter()
                .all(|answer| answer.fault.is_none() && !answer.closes)
        );
    }
}

#[test]
fn the_end_of_the_connection_ends_what_has_no_length() {
    let text = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello";
    let (answers, end) = everywhere(text, &Expect::default(), true);
    let answer = Answer {
        status: 200,
        body_bytes: 5,
        closes: true,
        fault: None,
    };
    assert_eq!((answers, end), (vec![answer], Ok(0)));
    let (answers, _) = everywhere(text, &Expect::default(), false);
    assert_eq!(answers, [], "it could go on");
}

#[test]
fn an_end_too_early_is_told_from_one_between() {
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for text in [length, chunked, interim] {
        for cut in 1..text.len() {
            let cut_text = &text.as_bytes()[..cut];
            let (answers, end) = everywhere(cut_text, &Expect::default(), true);
            let expected = match cut {
                // Between an interim answer and the final one there is no byte of the latter.
                25 if text == interim => ErrorKind::Closed,
                _ => ErrorKind::Short,
            };
            assert_eq!(
                (answers, end),
                (vec![], Err(expected)),
                "{text:?} cut to {cut}"
            );
        }
        let (answers, end) = everywhere(text.as_bytes(), &Expect::default(), true);
        assert_eq!((answers.len(), end), (1, Err(ErrorKind::Closed)));
    }
    assert_eq!(
        everywhere(b"", &Expect::default(), true).1,
        Err(ErrorKind::Closed)
    );
}

/// RFC 9110 section 2.5.
#[test]
fn a_higher_minor_version_is_read_as_the_highest_known() {
    for minor in ["1", "2", "9"] {
        let head = format!("HTTP/1.{minor} 200 OK\r\n");
        good(
            &format!("{head}Content-Length: 5\r\n\r\nhello"),
            200,
            5,
            false,
        );
        let chunked = "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
        good(&format!("{head}{chunked}"), 200, 2, false);
    }
}

#[test]
fn what_is_no_head_is_refused_at_its_first_wrong_byte() {
    for text in [
        "X",
        "HTTPS",
        "\r\n",
        "HTTP/2",
        "http/1.1",
        "hello, this is no HTTP\r\n\r\n",
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
        "A: b\rc",
    ] {
        bad(
            &format!("HTTP/1.1 200 OK\r\n{field}\r\nContent-Length: 0\r\n\r\n"),
            ProtocolError::Head,
        );
    }
    bad(
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        ProtocolError::LineEnd,
    );
    bad(
        "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n",
        ProtocolError::LineEnd,
    );
    bad(
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n",
        ProtocolError::LineEnd,
    );
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
    let play_once = |body: String| {
        play(
            &[(head.to_owned() + &body).as_bytes()],
            &Expect::default(),
            false,
        )
        .1
    };
    assert_eq!(
        play_once(format!("1;{long}")),
        Err(ErrorKind::Protocol(ProtocolError::Chunk))
    );
    assert_eq!(
        play_once(format!("0\r\nX: {long}")),
        Err(ErrorKind::Protocol(ProtocolError::Trailer))
    );
}

#[test]
fn a_head_has_a_longest_length_and_a_largest_count() {
    let head = |extra: usize| {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
        let fill = HEAD_BYTES_MAX - text.len() - 4 + extra;
        format!("{text}{}\r\n\r\n", "y".repeat(fill))
    };
    let play_once = |text: String| play(&[text.as_bytes()], &Expect::default(), false);
    assert_eq!(play_once(head(0)).0.len(), 1);
    assert_eq!(
        play_once(head(1)),
        (vec![], Err(ErrorKind::Protocol(ProtocolError::HeadLength)))
    );
    let fields = |count: usize| format!("HTTP/1.1 204 No\r\n{}\r\n", "A: b\r\n".repeat(count));
    assert_eq!(play_once(fields(128)).0.len(), 1);
    assert_eq!(
        play_once(fields(129)),
        (vec![], Err(ErrorKind::Protocol(ProtocolError::FieldCount)))
    );
}

#[test]
fn expectations_are_checked_place_by_place() {
    let expect = Expect {
        statuses: Some(super::super::expect::Statuses::parse("2xx").unwrap()),
        bodies: Some(vec![
            b"/0".to_vec(),
            b"/1".to_vec(),
            b"/2".to_vec(),
            b"/3".to_vec(),
            b"/4".to_vec(),
        ]),
        head_only: false,
    };
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/0\
        HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/2\
        HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n/2\
        HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n/\r\n1\r\n3\r\n0\r\n\r\n\
        HTTP/1.1 200 OK\r\nX: y\r\n\r\n/4";
    let (answers, end) = everywhere(text.as_bytes(), &expect, true);
    let faults: Vec<_> = answers.iter().map(|answer| answer.fault).collect();
    assert_eq!(
        faults,
        [
            None,
            Some(ErrorKind::Body),
            Some(ErrorKind::Status),
            None,
            None
        ]
    );
    assert_eq!(end, Ok(0));
}

/// The memory of the last head is a short cut, and no other way: a reader without it agrees.
#[test]
fn remembering_the_last_head_changes_nothing() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHTTP/1.1 200";
    let last = "HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let text = [short, short, long, long, short, last, last, short].concat();
    let (answers, _) = everywhere(text.as_bytes(), &Expect::default(), false);
    let facts: Vec<_> = answers
        .iter()
        .map(|a| (a.status, a.body_bytes, a.closes))
        .collect();
    let (x, y, z) = ((200, 1, false), (200, 12, false), (404, 0, true));
    assert_eq!(facts, [x, x, y, y, x, z, z, x]);
}

#[test]
fn a_reader_is_small() {
    assert!(size_of::<Reader>() <= 128, "{}", size_of::<Reader>());
}
