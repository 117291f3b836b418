//! A peer that plays conversations, and a strict reader of what it is sent back. Both know the
//! engine by its public sentences only.

use hullo::http::{Handler, Output, Phase, Reason, Session, Shared, UnknownPeer, Wants};

/// RFC 9110's own example of a date.
pub(crate) const NOW: u64 = 784_111_777;
pub(crate) const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const TURN_BYTES_MAX: usize = 64 * 1024;
const TURN_REPLIES_MAX: usize = 64;

/// How a conversation stands when all of the input was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// So many bytes are waiting to be offered again.
    Open(Phase, usize),
    Closed(Reason),
}

impl Ending {
    /// A new request may begin.
    pub(crate) const IDLE: Self = Self::Open(Phase::Between, 0);
}

/// What a conversation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) sent: Vec<u8>,
    pub(crate) ending: Ending,
}

impl Outcome {
    /// Whether `100 Continue` goes out depends on how the input was cut, by intention.
    pub(crate) fn without_interims(mut self) -> Self {
        let interim = CONTINUE.as_bytes();
        while let Some(at) = find(&self.sent, interim) {
            self.sent.drain(at..at + interim.len());
        }
        self
    }
}

pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// Offers `input` in pieces, cut at `cuts` (ascending), as a shell would.
pub(crate) fn play<R: Handler>(
    shared: &Shared<R>,
    input: &[u8],
    cuts: impl IntoIterator<Item = usize>,
) -> Outcome {
    let mut peer = Peer::new(shared);
    let mut start = 0;
    for cut in cuts {
        peer.offer(&input[start..cut]);
        start = cut;
    }
    peer.offer(&input[start..]);
    peer.outcome()
}

/// One end of a conversation. What was not consumed it keeps and offers again.
pub(crate) struct Peer<'s, R> {
    shared: &'s Shared<R>,
    session: Session,
    held: Vec<u8>,
    out: Output,
    sent: Vec<u8>,
    closed: Option<Reason>,
}

impl<'s, R: Handler> Peer<'s, R> {
    pub(crate) fn new(shared: &'s Shared<R>) -> Self {
        Self {
            shared,
            session: Session::default(),
            held: Vec::new(),
            out: Output::new(),
            sent: Vec::new(),
            closed: None,
        }
    }

    pub(crate) fn offer(&mut self, bytes: &[u8]) {
        let mut held = std::mem::take(&mut self.held);
        if held.is_empty() {
            let left = self.turns(bytes);
            self.held.extend_from_slice(left);
        } else {
            held.extend_from_slice(bytes);
            let consumed = held.len() - self.turns(&held).len();
            held.drain(..consumed);
            self.held = held;
        }
        if self.closed.is_some() {
            self.held.clear();
        }
        let bound = self.shared.limits().head_bytes;
        assert!(self.held.len() < bound, "it makes us hold a head too long");
    }

    /// As many turns as it takes; says what was left of the input.
    fn turns<'i>(&mut self, mut input: &'i [u8]) -> &'i [u8] {
        loop {
            let step = self
                .session
                .advance(input, &UnknownPeer, self.shared, &mut self.out);
            assert!(step.consumed <= input.len(), "more than there was");
            input = &input[step.consumed..];
            let output = self.out.bytes();
            assert!(output.len() <= TURN_BYTES_MAX, "a turn has its share");
            if self.closed.is_some() {
                assert_eq!(step.consumed, 0, "nothing is read after the end");
                assert!(output.is_empty(), "nothing is said after the end");
                assert_eq!(step.wants, self.closed.map_or(step.wants, Wants::Close));
            }
            self.sent.extend_from_slice(output);
            let was_silent = output.is_empty();
            self.out.clear();
            match step.wants {
                Wants::Input | Wants::Wakeup | Wants::InputOrWakeup => return input,
                Wants::Close(reason) => {
                    self.closed = Some(reason);
                    return input;
                }
                Wants::Room => {
                    assert!(!was_silent, "it waits for the room that it has");
                    assert!(!input.is_empty(), "there is nothing it needs room for");
                }
            }
        }
    }

    /// All that was sent so far.
    pub(crate) fn sent(&self) -> &[u8] {
        &self.sent
    }

    pub(crate) fn outcome(self) -> Outcome {
        let ending = match self.closed {
            Some(reason) => Ending::Closed(reason),
            None => Ending::Open(self.session.phase(), self.held.len()),
        };
        Outcome {
            sent: self.sent,
            ending,
        }
    }
}

/// One reply as it was read. An interim one has status 100 and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResponseWriter {
    pub(crate) status: u16,
    pub(crate) length: Option<usize>,
    pub(crate) connection: Option<&'static str>,
    pub(crate) content: Option<Vec<u8>>,
}

const STATUS_LINES: [&str; 11] = [
    "HTTP/1.1 200 OK",
    "HTTP/1.1 204 No Content",
    "HTTP/1.1 400 Bad Request",
    "HTTP/1.1 405 Method Not Allowed",
    "HTTP/1.1 408 Request Timeout",
    "HTTP/1.1 413 Content Too Large",
    "HTTP/1.1 414 URI Too Long",
    "HTTP/1.1 417 Expectation Failed",
    "HTTP/1.1 431 Request Header Fields Too Large",
    "HTTP/1.1 501 Not Implemented",
    "HTTP/1.1 505 HTTP Version Not Supported",
];

/// Reads what was sent to its last byte. A reply's head may say nothing but what is written here,
/// whatever the requests were.
pub(crate) fn read_replies(sent: &[u8]) -> Vec<ResponseWriter> {
    let mut replies = Vec::new();
    let mut rest = sent;
    while !rest.is_empty() {
        let end = find(rest, b"\r\n\r\n").expect("a reply's head ends");
        let head = std::str::from_utf8(&rest[..end + 2]).expect("a reply's head is ASCII");
        rest = &rest[end + 4..];
        let mut reply = read_head(head);
        if let Some(length) = reply.length {
            // Content never begins so, and HEAD has none.
            if !rest.is_empty() && !rest.starts_with(b"HTTP/1.1 ") {
                let (content, others) = rest.split_at(length);
                reply.content = Some(content.to_vec());
                rest = others;
            }
        }
        replies.push(reply);
    }
    replies
}

/// Lines that all end in CR LF: one of the status lines, then no field that is not named here.
fn read_head(head: &str) -> ResponseWriter {
    let mut lines = head
        .strip_suffix("\r\n")
        .expect("a last line")
        .split("\r\n");
    let line = lines.next().expect("a status line");
    let mut reply = ResponseWriter {
        status: line[9..12].parse().expect("three digits"),
        ..ResponseWriter::default()
    };
    let fields: Vec<&str> = lines.collect();
    if line == CONTINUE.trim_end() {
        assert!(fields.is_empty(), "an interim reply has no fields");
        return reply;
    }
    assert!(STATUS_LINES.contains(&line), "{line}");
    let mut has = std::collections::HashSet::new();
    for field in fields {
        let (name, value) = field.split_once(": ").expect("a name and a value");
        assert!(has.insert(name), "{name} is there twice");
        match (name, value) {
            ("Date", DATE)
            | ("Content-Type", "text/plain; charset=utf-8")
            | ("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS") => {}
            ("Connection", "close") => reply.connection = Some("close"),
            ("Connection", "keep-alive") => reply.connection = Some("keep-alive"),
            ("Content-Length", digits) => {
                let length: usize = digits.parse().expect("a number");
                assert_eq!(length.to_string(), digits, "no sign, no leading zero");
                reply.length = Some(length);
            }
            _ => panic!("a field that is never sent: {field:?}"),
        }
    }
    let has_content = reply.status != 204;
    assert!(has.contains("Date"));
    assert_eq!(has.contains("Content-Length"), has_content);
    assert_eq!(has.contains("Content-Type"), has_content);
    assert_eq!(has.contains("Allow"), matches!(reply.status, 204 | 405));
    reply
}

/// Plays the input in one go and says how many replies a single turn gave.
pub(crate) fn turn_is_bounded<R: Handler>(shared: &Shared<R>, input: &[u8]) {
    let mut out = Output::new();
    let _ = Session::default().advance(input, &UnknownPeer, shared, &mut out);
    assert!(read_replies(out.bytes()).len() <= TURN_REPLIES_MAX);
    assert!(out.bytes().len() <= TURN_BYTES_MAX);
}
