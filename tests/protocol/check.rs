//! One way to say what an answer has to be, and one way to see that it is.

use hullo::Greeting;
use hullo::http::{Limits, Phase, Reason, Reject, Shared};

use crate::common::{Ending, NOW, ResponseWriter, play, read_replies};

/// What has to come back for one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    status: u16,
    connection: Option<&'static str>,
    content: Content<'a>,
    reject: Option<Reject>,
    is_to_head: bool,
}

#[derive(Clone, Copy, Debug)]
enum Content<'a> {
    /// The greeting of that path.
    Greeting(&'a str),
    /// A line of text.
    Sentence,
    None,
}

impl<'a> Answer<'a> {
    const fn new(status: u16, content: Content<'a>) -> Self {
        Self {
            status,
            connection: None,
            content,
            reject: None,
            is_to_head: false,
        }
    }

    /// It is the last one, because the peer asked for that.
    pub(crate) const fn closed(mut self) -> Self {
        self.connection = Some("close");
        self
    }

    /// It says that the connection stays.
    pub(crate) const fn keep_alive(mut self) -> Self {
        self.connection = Some("keep-alive");
        self
    }

    /// It answers HEAD: the same fields, and no content.
    pub(crate) const fn to_head(mut self) -> Self {
        self.is_to_head = true;
        self
    }

    fn is_met_by(&self, reply: &ResponseWriter) {
        assert_eq!(reply.status, self.status, "status");
        assert_eq!(reply.connection, self.connection, "Connection");
        let expected = match self.content {
            Content::Greeting(path) => format!("Hello, visitor! You've requested: {path}\n"),
            Content::Sentence => match self.reject {
                Some(reject) => reject.sentence().to_owned(),
                None => String::from_utf8(reply.content.clone().unwrap_or_default()).unwrap(),
            },
            Content::None => String::new(),
        };
        if matches!(self.content, Content::Sentence) && !self.is_to_head {
            let is_text = |byte: u8| matches!(byte, b' '..=b'~');
            let line = expected.strip_suffix('\n').expect("a line");
            assert!(!line.is_empty() && line.bytes().all(is_text), "{line}");
        }
        let has_none = self.is_to_head || matches!(self.content, Content::None);
        let content = (!has_none).then_some(expected.as_bytes());
        assert_eq!(reply.content.as_deref(), content, "content");
        let length_is_known = !expected.is_empty();
        if length_is_known {
            assert_eq!(reply.length, Some(expected.len()), "Content-Length");
        }
    }
}

/// `200` with the greeting.
pub(crate) const fn greets(path: &str) -> Answer<'_> {
    Answer::new(200, Content::Greeting(path))
}

/// An answer with a line of text, after which the connection stays.
pub(crate) const fn says(status: u16) -> Answer<'static> {
    Answer::new(status, Content::Sentence)
}

/// `204` with `Allow`.
pub(crate) const fn names_methods() -> Answer<'static> {
    Answer::new(204, Content::None)
}

/// The last answer: the request is at fault.
pub(crate) const fn refuses(status: u16, reject: Reject) -> Answer<'static> {
    let mut answer = says(status).closed();
    answer.reject = Some(reject);
    answer
}

/// `400` and the end.
pub(crate) const fn bad(reject: Reject) -> Answer<'static> {
    refuses(400, reject)
}

const FIRST: &[u8] = b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n";
const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
const GARBAGE: &[u8] = b"\x16\x03\x01\n\r\r\0 \xff0\r\n\r\n";

/// The conversation that begins with `input` has these answers. It goes on after them unless the
/// last one closes.
#[track_caller]
pub(crate) fn check(input: impl AsRef<[u8]>, expected: &[Answer<'_>]) {
    check_within(Limits::default(), input, expected);
}

/// The same with other limits than the default ones.
#[track_caller]
pub(crate) fn check_within(limits: Limits, input: impl AsRef<[u8]>, expected: &[Answer<'_>]) {
    let shared = Shared::new(Greeting, limits, NOW);
    let input = input.as_ref();
    let last = expected.last();
    let is_closed = last.is_some_and(|answer| answer.connection == Some("close"));
    let ending = if is_closed {
        let reject = last.and_then(|answer| answer.reject);
        Ending::Closed(reject.map_or(Reason::PeerAsked, Reason::Refused))
    } else {
        Ending::IDLE
    };
    expect(&shared, input, expected, ending);
    let later = [&[greets("/first")], expected].concat();
    expect(&shared, &[FIRST, input].concat(), &later, ending);
    let followed = [input, NEXT].concat();
    if is_closed {
        expect(&shared, &followed, expected, ending);
        expect(&shared, &[input, GARBAGE].concat(), expected, ending);
    } else {
        let more = [expected, &[greets("/next")]].concat();
        expect(&shared, &followed, &more, ending);
    }
}

/// The last byte of `input` is the one that gets it refused: nothing more is waited for, and
/// without it there is no verdict yet.
#[track_caller]
pub(crate) fn check_at_once(input: impl AsRef<[u8]>, expected: Answer<'_>) {
    let input = input.as_ref();
    check(input, &[expected]);
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    let before = play(&shared, &input[..input.len() - 1], []);
    let is_silent = before.sent.is_empty() && matches!(before.ending, Ending::Open(..));
    assert!(is_silent, "refused before its last byte: {}", shown(input));
}

/// After these answers the conversation waits for the rest of a request.
#[track_caller]
pub(crate) fn check_waits(input: impl AsRef<[u8]>, expected: &[Answer<'_>], phase: Phase) {
    let shared = Shared::new(Greeting, Limits::default(), NOW);
    let input = input.as_ref();
    let outcome = play(&shared, input, []);
    let Ending::Open(_, held) = outcome.ending else {
        panic!("{:?}: {}", outcome, shown(input))
    };
    let ending = Ending::Open(phase, held);
    expect(&shared, input, expected, ending);
    let later = [&[greets("/first")], expected].concat();
    expect(&shared, &[FIRST, input].concat(), &later, ending);
}

/// Plays `input` in every way: all of them have the expected answers and come to the same end.
#[track_caller]
fn expect(shared: &Shared<Greeting>, input: &[u8], expected: &[Answer<'_>], ending: Ending) {
    let whole = play(shared, input, []);
    let mut replies = read_replies(&whole.sent);
    let waits_for_continue = |reply: &ResponseWriter| reply.status == 100;
    let asks_for_continue = input.to_ascii_lowercase();
    let may_continue = crate::common::find(&asks_for_continue, b"100-continue").is_some();
    assert!(may_continue || !replies.iter().any(waits_for_continue));
    replies.retain(|reply| !waits_for_continue(reply));
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    let wanted: Vec<u16> = expected.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, wanted, "{}", shown(input));
    for (answer, reply) in expected.iter().zip(&replies) {
        let what = std::panic::AssertUnwindSafe(|| answer.is_met_by(reply));
        assert!(std::panic::catch_unwind(what).is_ok(), "{}", shown(input));
    }
    assert_eq!(whole.ending, ending, "{}", shown(input));
    for cuts in ways_to_cut(input.len()) {
        let (count, first) = (cuts.len(), cuts.first().copied());
        let other = play(shared, input, cuts);
        // Most are the same to the byte, so the slower look is seldom needed.
        if other != whole {
            let what = format!("{count} cuts, the first at {first:?}: {}", shown(input));
            let (other, whole) = (other.without_interims(), whole.clone().without_interims());
            assert!(other.sent == whole.sent, "other bytes at {what}");
            assert_eq!(other.ending, whole.ending, "{what}");
        }
    }
}

/// Byte by byte, and in two pieces at every place; of a long input at a sample of places.
fn ways_to_cut(length: usize) -> Vec<Vec<usize>> {
    const SHORT: usize = 2048;
    const LONG: usize = 64 * 1024;
    let mut places: Vec<usize> = (1..length).collect();
    if length <= SHORT {
        return std::iter::once(places.clone())
            .chain(places.iter().map(|&place| vec![place]))
            .collect();
    }
    if length > LONG {
        // Nothing but the content of a body, or what is never read, is that long.
        places.retain(|&place| place < SHORT || place > length - SHORT);
    }
    let sample = places.len() / 32;
    let ends = |(at, _): &(usize, &usize)| {
        *at < 32 || *at + 64 >= places.len() || at.is_multiple_of(sample)
    };
    std::iter::once(places.clone())
        .chain(
            places
                .iter()
                .enumerate()
                .filter(ends)
                .map(|(_, &place)| vec![place]),
        )
        .collect()
}

fn shown(input: &[u8]) -> String {
    let start = &input[..input.len().min(300)];
    format!("{} ({} bytes)", start.escape_ascii(), input.len())
}

/// A request of that line, with a Host.
pub(crate) fn with_line(line: impl AsRef<[u8]>) -> Vec<u8> {
    [line.as_ref(), b"\r\nHost: a\r\n\r\n"].concat()
}

/// `GET /f` with a Host and these field lines, each of which ends in CR LF.
pub(crate) fn with_fields(lines: impl AsRef<[u8]>) -> Vec<u8> {
    let lines = lines.as_ref();
    [b"GET /f HTTP/1.1\r\nHost: a\r\n", lines, b"\r\n"].concat()
}

/// `POST /p` with a chunked body.
pub(crate) fn with_chunks(body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    [head, body.as_ref()].concat()
}
