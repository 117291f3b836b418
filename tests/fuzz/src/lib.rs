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

use common::{Ending, NOW, play, read_replies, turn_is_bounded};
use properties::engine::{end_of_engine, verdict_of_engine};
use properties::naive_chunks::{End, end_of_chunks};
use properties::naive_head::{verdict, whole_head};

/// Small enough for a fuzzer to come to each of them, and more fields than the short table holds.
const LIMITS: Limits = Limits::default().head_bytes(400).fields(20).target_bytes(60).body_bytes(300);

/// The first bytes say where to cut the rest: the answers must not depend on it. What is sent back
/// is read strictly, and no turn has more than its share.
pub fn session(data: &[u8]) {
    let Some((places, input)) = data.split_at_checked(4) else {
        return;
    };
    let shared = Shared::new(Greeting, LIMITS, NOW);
    turn_is_bounded(&shared, input);
    let whole = play(&shared, input, []);
    read_replies(&whole.sent);
    let whole = whole.without_interims();
    let mut cuts: Vec<usize> = places
        .iter()
        .map(|&p| usize::from(p).min(input.len()))
        .collect();
    cuts.sort_unstable();
    assert_eq!(play(&shared, input, cuts).without_interims(), whole);
    assert_eq!(
        play(&shared, input, 1..input.len().max(1)).without_interims(),
        whole
    );
}

/// A head, beside a reader that is written line by line from the grammar.
pub fn head(data: &[u8]) {
    let Some(head) = whole_head(data) else {
        let shared = Shared::new(Greeting, LIMITS, NOW);
        let outcome = play(&shared, data, []);
        let is_refused = matches!(outcome.ending, Ending::Closed(Reason::Refused(_)));
        assert_eq!(is_refused, !outcome.sent.is_empty());
        return;
    };
    let expected = verdict(head, &LIMITS);
    assert_eq!(verdict_of_engine(head, LIMITS, []), expected);
    assert_eq!(verdict_of_engine(head, LIMITS, 1..head.len()), expected);
}

/// What the engine makes of a chunked body that comes in one piece with its head. The connection is
/// closed behind it, so what was consumed by then is where it ends.
fn end_in_one_piece(body: &[u8]) -> End {
    let head =
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let shared = Shared::new(Greeting, LIMITS, NOW);
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
    assert_eq!(end_in_one_piece(data), end_of_engine(data, LIMITS));
    match (end_of_engine(data, LIMITS), end_of_chunks(data, &LIMITS)) {
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
                assert!(!matches!(end_of_chunks(&more, &LIMITS), End::At(_)));
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
    let read = |pieces: &[&[u8]]| {
        hullo::fuzzing::read_responses(pieces, flags & 1 != 0, flags & 2 != 0)
    };
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
