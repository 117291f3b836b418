//! A handler that does what the path says, and a shell for it whose timers end at once.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use hullo::http::{
    Completion, Content, ContentReader, Handler, Limits, Output, Phase, Piece, Produced, Reason,
    Request, Responded, Response, ResponseWriter, Session, Shared, Status, UnknownPeer, Wants,
};

use crate::common::{NOW, find};

/// A content longer than a turn's share.
pub(super) const LONG: usize = 200_000;

/// Does what the path says.
#[derive(Default)]
pub(super) struct Scripted {
    completions: Rc<RefCell<Vec<Completion>>>,
}

pub(super) fn pattern(from: usize, bytes: usize) -> Vec<u8> {
    (from..from + bytes)
        .map(|at| b'a' + (at % 26) as u8)
        .collect()
}

/// What is sent back of content: nothing that looks like a part of a response.
fn plain(content: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| {
        if byte.is_ascii_alphanumeric() {
            *byte
        } else {
            b'.'
        }
    };
    content.iter().map(plain).collect()
}

/// So many bytes of the pattern, in pieces of an odd size.
fn source(bytes: usize, mut last: Produced) -> impl FnMut(&mut Piece<'_>) -> Produced + Send {
    let mut sent = 0;
    let mut waits = false;
    move |piece: &mut Piece<'_>| {
        waits = !waits;
        if waits {
            return Produced::WaitFor(Duration::from_millis(5));
        }
        sent += piece.push(&pattern(sent, (bytes - sent).min(3_333)));
        if sent < bytes {
            Produced::More
        } else {
            std::mem::replace(&mut last, Produced::Failed)
        }
    }
}

impl Handler for Scripted {
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        match request.path() {
            b"/stream" => {
                response.respond(Response::new(Status::OK).stream(source(LONG, Produced::End)))
            }
            b"/sized" => {
                let source = source(LONG, Produced::End);
                response.respond(Response::new(Status::OK).stream_sized(LONG as u64, source))
            }
            b"/parts" => response.text(&[&pattern(0, 70_000), &pattern(70_000, LONG - 70_000)]),
            b"/long" => response.respond(Response::new(Status::OK).content(pattern(0, LONG))),
            b"/fails" => {
                response.respond(Response::new(Status::OK).stream(source(5, Produced::Failed)))
            }
            b"/short" => {
                let source = source(5, Produced::End);
                response.respond(Response::new(Status::OK).stream_sized(6, source))
            }
            b"/delay" => {
                let delay = Duration::from_millis(50);
                response.respond_after(delay, Response::text("delayed"))
            }
            b"/later" => {
                let (completion, responded) = response.later();
                self.completions.borrow_mut().push(completion);
                responded
            }
            b"/close" => response.close().text(&[b"closed"]),
            b"/abort" => response.abort(),
            b"/reset" => response.reset(),
            _ => response.text(&[request.path(), b" ", &plain(request.content())]),
        }
    }

    fn content(&self, request: &Request<'_>) -> Content {
        match request.path() {
            b"/collect" => Content::Collect { max: 50 },
            b"/read" => Content::read(Reader::default()),
            b"/exchange" => {
                let (reader, pieces) = mpsc::channel();
                let response = Response::new(Status::OK).stream(echo(pieces));
                Content::exchange(Forward(reader), response)
            }
            b"/refuse" => {
                let response = Response::text("refused");
                Content::Refuse(response)
            }
            _ => Content::Skip,
        }
    }
}

/// Counts the content, and refuses any that has a `!`.
#[derive(Default)]
struct Reader(usize);

impl ContentReader for Reader {
    fn read(&mut self, piece: &[u8]) -> Result<(), Response> {
        self.0 += piece.len();
        if piece.contains(&b'!') {
            return Err(Response::text("not that"));
        }
        Ok(())
    }

    fn end(self: Box<Self>, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        assert_eq!(request.path(), b"/read");
        response.text(&[self.0.to_string().as_bytes()])
    }
}

pub(super) struct Forward(pub(super) mpsc::Sender<Vec<u8>>);

impl ContentReader for Forward {
    fn read(&mut self, piece: &[u8]) -> Result<(), Response> {
        // The response is gone when the peer is.
        let _ = self.0.send(piece.to_vec());
        Ok(())
    }
}

/// Sends back what has been forwarded, and ends when there is nothing more to come.
fn echo(pieces: mpsc::Receiver<Vec<u8>>) -> impl FnMut(&mut Piece<'_>) -> Produced + Send {
    let mut left = Vec::new();
    move |piece: &mut Piece<'_>| {
        loop {
            let taken = piece.push(&left);
            left.drain(..taken);
            if !left.is_empty() {
                return Produced::More;
            }
            match pieces.try_recv() {
                Ok(next) => left = plain(&next),
                Err(mpsc::TryRecvError::Empty) => return Produced::Wait,
                Err(mpsc::TryRecvError::Disconnected) => return Produced::End,
            }
        }
    }
}

/// A shell whose timers end at once.
pub(super) struct Play {
    pub(super) shared: Shared<Scripted>,
    pub(super) completions: Rc<RefCell<Vec<Completion>>>,
    pub(super) session: Session,
    pub(super) out: Output,
    pub(super) held: Vec<u8>,
    pub(super) sent: Vec<u8>,
    pub(super) end: Option<Reason>,
    timers: u64,
}

impl Play {
    pub(super) fn new() -> Self {
        let handler = Scripted::default();
        Self {
            completions: Rc::clone(&handler.completions),
            shared: Shared::new(handler, Limits::default(), NOW),
            session: Session::default(),
            out: Output::new(),
            held: Vec::new(),
            sent: Vec::new(),
            end: None,
            timers: 0,
        }
    }

    pub(super) fn offer(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        while self.end.is_none() {
            let (session, out) = (&mut self.session, &mut self.out);
            let step = session.advance(&self.held, &UnknownPeer, &self.shared, out);
            self.held.drain(..step.consumed);
            assert!(out.bytes().len() <= 64 * 1024, "a turn has its share");
            self.sent.extend_from_slice(out.bytes());
            let was_silent = out.bytes().is_empty();
            out.clear();
            match step.wants {
                Wants::Input => {
                    assert!(self.session.phase() != Phase::Response);
                    return;
                }
                Wants::Room => assert!(!was_silent, "it waits for the room that it has"),
                Wants::Close(reason) => self.end = Some(reason),
                Wants::Wakeup => self.wake(),
                Wants::InputOrWakeup => {
                    let delay = self.session.take_delay();
                    assert_eq!(delay, None, "nothing here delays an exchange");
                    return;
                }
            }
        }
    }

    /// What a wait ends with: a timer, or an answer from elsewhere.
    fn wake(&mut self) {
        assert_eq!(self.session.phase(), Phase::Response);
        let (session, out) = (&mut self.session, &mut self.out);
        if session.take_delay().is_some() {
            self.timers += 1;
            session.set_timer(self.timers);
            // Neither another timer nor a look without a reason ends the wait.
            assert!(!session.fire(self.timers + 1) && session.has_timer(self.timers));
            let step = session.advance(&self.held, &UnknownPeer, &self.shared, out);
            assert_eq!((step.consumed, step.wants), (0, Wants::Wakeup));
            assert!(out.bytes().is_empty() && session.take_delay().is_none());
            assert!(session.fire(self.timers) && !session.fire(self.timers));
            return;
        }
        let completion = self.completions.borrow_mut().pop();
        let completion = completion.expect("it waits for nothing");
        assert!(!completion.is_cancelled());
        completion.respond(Response::text("later"));
        session.wake();
    }
}

pub(super) fn request(line: &str, fields: &str, content: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: a\r\n{fields}\r\n{content}").into_bytes()
}

pub(super) fn post(path: &str, content: &str) -> Vec<u8> {
    let length = format!("Content-Length: {}\r\n", content.len());
    request(&format!("POST {path}"), &length, content)
}

pub(super) fn post_chunked(path: &str, chunks: &[&str]) -> Vec<u8> {
    let mut body = String::new();
    for chunk in chunks {
        write!(body, "{:x}\r\n{chunk}\r\n", chunk.len()).unwrap();
    }
    body += "0\r\n\r\n";
    let fields = "Transfer-Encoding: chunked\r\n";
    request(&format!("POST {path}"), fields, &body)
}

/// Status, whether it was chunked, whether it announced the end of the connection, and the content,
/// for each response.
pub(super) fn responses(mut sent: &[u8], heads: &[bool]) -> Vec<(u16, bool, bool, Vec<u8>)> {
    let mut all = Vec::new();
    while !sent.is_empty() {
        let end = find(sent, b"\r\n\r\n").expect("a head ends") + 4;
        let head = std::str::from_utf8(&sent[..end]).unwrap();
        sent = &sent[end..];
        let status = head[9..12].parse().unwrap();
        let is_chunked = head.contains("\r\nTransfer-Encoding: chunked\r\n");
        let length = head.split("Content-Length: ").nth(1);
        let length = length.map(|rest| rest[..rest.find('\r').unwrap()].parse().unwrap());
        let content = if heads.get(all.len()).copied().unwrap_or_default() || status == 100 {
            Vec::new()
        } else if is_chunked {
            dechunked(&mut sent)
        } else {
            let (content, rest) = sent.split_at(length.expect("a length"));
            sent = rest;
            content.to_vec()
        };
        all.push((
            status,
            is_chunked,
            head.contains("Connection: close"),
            content,
        ));
    }
    all
}

fn dechunked(sent: &mut &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    loop {
        let end = find(sent, b"\r\n").expect("a size ends");
        let size = std::str::from_utf8(&sent[..end]).unwrap();
        assert!(size == "0" || !size.starts_with('0'), "{size}");
        let size = usize::from_str_radix(size, 16).unwrap();
        content.extend_from_slice(&sent[end + 2..end + 2 + size]);
        assert_eq!(&sent[end + 2 + size..][..2], b"\r\n");
        *sent = &sent[end + 2 + size + 2..];
        if size == 0 {
            return content;
        }
    }
}
