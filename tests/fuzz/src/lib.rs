//! What is fuzzed: each function takes the fuzzer's bytes and panics when something does not hold.
//! The players and the naive twins are those of the property tests.

use hullo::Greeting;
use hullo::http::{Limits, Output, Reason, Session, Shared, UnknownPeer, Wants};

#[path = "../../common/mod.rs"]
mod common;

#[path = "../../properties"]
mod properties {
    pub(crate) mod engine;
    pub(crate) mod naive_chunks;
    pub(crate) mod naive_head;
}

/// A handler that does what the path says, beside the shell of the protocol tests.
#[path = "../../protocol"]
mod protocol {
    // The protocol tests use more of it.
    #[allow(dead_code)]
    mod scripted;

    use hullo::http::Reason;

    use scripted::Play;

    /// What is sent back to pieces of a conversation, and how it ends. Before each piece there may be
    /// a wake-up, or the end of a timer, that the conversation has no use for.
    pub(crate) fn play(pieces: &[&[u8]], noise: u8) -> (Vec<u8>, Option<Reason>) {
        let mut play = Play::new();
        for (number, piece) in pieces.iter().enumerate() {
            if noise.rotate_left(number as u32) & 1 != 0 {
                play.session.wake();
                assert!(!play.session.fire(u64::from(noise)));
            }
            play.offer(piece);
        }
        (play.sent, play.end)
    }
}

use common::{Ending, NOW, find, play, read_replies, turn_is_bounded};
use properties::engine::{end_of_engine, verdict_of_engine};
use properties::naive_chunks::{End, end_of_chunks};
use properties::naive_head::{verdict, whole_head};

/// Small enough for a fuzzer to come to each of them, and more fields than the short table holds.
fn limits() -> Limits {
    Limits::default()
        .head_bytes(400)
        .fields(20)
        .target_bytes(60)
        .body_bytes(300)
}

/// The first bytes say where to cut the rest: the answers must not depend on it. What is sent back
/// is read strictly, and no turn has more than its share.
pub fn session(data: &[u8]) {
    let Some((places, input)) = data.split_at_checked(4) else {
        return;
    };
    let shared = Shared::new(Greeting, limits(), NOW);
    turn_is_bounded(&shared, input);
    let whole = play(&shared, input, []);
    read_replies(&whole.sent);
    let whole = whole.without_interims();
    let mut cuts: Vec<usize> = places
        .iter()
        .map(|&p| usize::from(p).min(input.len()))
        .collect();
    cuts.sort_unstable();
    handlers(data);
    assert_eq!(play(&shared, input, cuts).without_interims(), whole);
    assert_eq!(
        play(&shared, input, 1..input.len().max(1)).without_interims(),
        whole
    );
}

/// The same for handlers that take content, answer later, or send content piece by piece.
fn handlers(data: &[u8]) {
    let Some(([noise, places @ ..], input)) = data.split_first_chunk::<4>() else {
        return;
    };
    let (whole, end) = protocol::play(&[input], 0);
    let mut places = places.map(|place| usize::from(place).min(input.len()));
    places.sort_unstable();
    let [first, second, third] = places;
    let cut = [
        &input[..first],
        &input[first..second],
        &input[second..third],
        &input[third..],
    ];
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    for pieces in [&cut[..], &bytes] {
        let (sent, its_end) = protocol::play(pieces, *noise);
        // A response that has begun cannot be replaced when the rest of its request is wrong.
        if find(input, b"/exchange").is_none() || end.or(its_end).is_none() {
            assert_eq!(its_end, end);
            assert!(without_framing(&sent) == without_framing(&whole));
        }
    }
}

/// Without interim responses and the framing of chunks, which depend on how the input is cut. No
/// content has a field in it.
fn without_framing(mut sent: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    while let Some(end) = find(sent, b"\r\n\r\n") {
        let (head, rest) = sent.split_at(end + 4);
        sent = rest;
        if !head.ends_with(b"HTTP/1.1 100 Continue\r\n\r\n") {
            kept.extend_from_slice(head);
        } else {
            kept.extend_from_slice(&head[..head.len() - 25]);
        }
        let is_chunked = find(head, b"\r\nTransfer-Encoding: chunked\r\n").is_some();
        // Behind a response to HEAD the next one begins.
        while is_chunked && sent.first().is_some_and(u8::is_ascii_hexdigit) {
            let line = find(sent, b"\r\n").expect("a size ends");
            let size = std::str::from_utf8(&sent[..line]).expect("a size");
            let size = usize::from_str_radix(size, 16).expect("a size");
            kept.extend_from_slice(&sent[line + 2..][..size]);
            sent = &sent[line + 2 + size..];
            if size == 0 {
                kept.extend_from_slice(b"(end)");
                break;
            }
            sent = sent.strip_prefix(b"\r\n").expect("a chunk ends");
        }
    }
    kept.extend_from_slice(sent);
    kept
}

/// A head, beside a reader that is written line by line from the grammar.
pub fn head(data: &[u8]) {
    let Some(head) = whole_head(data) else {
        let shared = Shared::new(Greeting, limits(), NOW);
        let outcome = play(&shared, data, []);
        let is_refused = matches!(outcome.ending, Ending::Closed(Reason::Refused(_)));
        assert_eq!(is_refused, !outcome.sent.is_empty());
        return;
    };
    let expected = verdict(head, &limits());
    assert_eq!(verdict_of_engine(head, limits(), []), expected);
    assert_eq!(verdict_of_engine(head, limits(), 1..head.len()), expected);
}

/// What the engine makes of a chunked body that comes in one piece with its head. The connection is
/// closed behind it, so what was consumed by then is where it ends.
fn end_in_one_piece(body: &[u8]) -> End {
    let head =
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let shared = Shared::new(Greeting, limits(), NOW);
    let input = [head, body].concat();
    let step = Session::default().advance(&input, &UnknownPeer, &shared, &mut Output::new());
    match step.wants {
        Wants::Close(Reason::PeerAsked) => End::At(step.consumed - head.len()),
        Wants::Close(_) => End::Refused,
        _ => End::Unfinished,
    }
}

/// A chunked body, beside a decoder that has it all in one buffer.
pub fn chunked(data: &[u8]) {
    assert_eq!(end_in_one_piece(data), end_of_engine(data, limits()));
    match (
        end_of_engine(data, limits()),
        end_of_chunks(data, &limits()),
    ) {
        // The engine refuses a wrong byte as it comes, the naive one a line when it is whole.
        (End::Refused, End::Unfinished) => {
            for tail in [
                "\r\n",
                "\r\n\r\n",
                "\n\r\n0\r\n\r\n",
                "\"\r\n0\r\n\r\n",
                "0\r\n\r\n",
            ] {
                let more = [data, tail.as_bytes()].concat();
                assert!(!matches!(end_of_chunks(&more, &limits()), End::At(_)));
            }
        }
        (engine, naive) => assert_eq!(engine, naive),
    }
}

/// Responses, as `hullo bench` reads them. The first bytes say what the request was, whether the
/// server closes the connection, and where to cut the rest: the result must not depend on the cuts.
pub fn responses(data: &[u8]) {
    let Some(([flags, places @ ..], input)) = data.split_first_chunk::<4>() else {
        return;
    };
    let read =
        |pieces: &[&[u8]]| hullo::fuzzing::read_responses(pieces, flags & 1 != 0, flags & 2 != 0);
    let whole = read(&[input]);
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(read(&bytes), whole);
    let mut places = places.map(|place| usize::from(place).min(input.len()));
    places.sort_unstable();
    let [first, second, third] = places;
    let pieces = [
        &input[..first],
        &input[first..second],
        &input[second..third],
        &input[third..],
    ];
    assert_eq!(read(&pieces), whole);
}

/// The whole event loop, in a simulated world whose random choices the fuzzer makes.
pub fn world(data: &[u8]) {
    if let Err(fault) = hullo::simulation::play_bytes(data) {
        panic!("{fault}");
    }
}

/// A file of results, as `hullo bench --merge` reads it: refused in one line, or joined with itself
/// and written in every form.
pub fn report(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Err(sentence) = hullo::fuzzing::read_report(&text) {
        assert!(!sentence.is_empty() && !sentence.contains(char::is_control));
    }
}

/// What a race has written, read back, shown in every form, and compared with itself.
pub fn race(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(shown) = hullo::fuzzing::read_record(text)
    {
        assert!(!shown.is_empty());
    }
}
