//! One conversation: bytes in, replies out, in the order of the requests.
//!
//! A plain request is read, decided upon and answered within one [`Session::advance`], from the
//! bytes that the shell lends, and leaves nothing behind. Only a request whose body is still on its
//! way keeps a copy of its head, because the answer goes out when the request has been read to its
//! end: so a fault in the body still gets its status, and the next request begins where it should.

use super::super::blocks::{Block, Blocks};
use super::super::grammar::body::Body;
use super::super::grammar::connection::Persistence;
use super::super::grammar::fields::table;
use super::super::grammar::framing::Framing;
use super::body::skip;
use super::head::{Head, Request};
use super::limits::{EMPTY_LINES_MAX, Limits, TURN_REQUESTS_MAX};
use super::method::Method;
use super::output::Output;
use super::reject::Reject;
use super::response::{
    ALLOW, CONTINUE, Field, Prepared, REPLY_HEAD_BYTES_MAX, RETRY_AFTER, Responded, ResponseWriter,
    Status,
};
use super::scan::Scan;

/// Answers requests. Called once for each, when it has been read to its end.
///
/// OPTIONS, TRACE, CONNECT and methods that are not known never come here, nor does anything that
/// was refused. A handler runs on the event loop: while it thinks, no other peer is served.
pub trait Handler {
    /// Answers `request` by one of the verbs of `reply`.
    fn handle(&self, request: &Request<'_>, reply: ResponseWriter<'_>) -> Responded;
}

/// What all conversations of a worker share.
#[derive(Debug)]
pub struct Shared<R> {
    handler: R,
    limits: Limits,
    prepared: Prepared,
    blocks: Blocks,
}

impl<R> Shared<R> {
    /// Takes what outlives a turn from `blocks`, instead of from an unlimited supply of its own.
    #[must_use]
    pub fn with_blocks(self, blocks: Blocks) -> Self {
        Self { blocks, ..self }
    }

    /// The memory for what outlives a turn.
    #[inline]
    #[must_use]
    pub fn blocks(&self) -> &Blocks {
        &self.blocks
    }
}

impl<R: Handler> Shared<R> {
    /// `unix_seconds` is the time that replies bear as their `Date` until the next [`tick`].
    ///
    /// [`tick`]: Self::tick
    pub fn new(handler: R, limits: Limits, unix_seconds: u64) -> Self {
        let head_bytes = limits.head_bytes;
        let in_force = Limits {
            head_bytes: head_bytes.clamp(Limits::HEAD_BYTES_MIN, Limits::HEAD_BYTES_MAX),
            fields: limits.fields.min(Limits::FIELDS_MAX),
            target_bytes: limits.target_bytes.min(Limits::HEAD_BYTES_MAX),
            ..limits
        };
        Self {
            handler,
            limits: in_force,
            prepared: Prepared::new(unix_seconds),
            blocks: Blocks::default(),
        }
    }

    /// Tells the time, in seconds since 1970-01-01 00:00:00 UTC.
    #[inline]
    pub fn tick(&mut self, unix_seconds: u64) {
        self.prepared.tick(unix_seconds);
    }

    /// The bounds that are in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Answers a request that was read to its end.
    #[inline]
    fn answer(&self, head: &Head<'_>, out: &mut Output) -> Persistence {
        let Head {
            request,
            persistence,
            ..
        } = head;
        let reply = self.reply(*persistence, request.method(), out);
        let _: Responded = match request.method() {
            _ if head.expects_more => {
                let reject = Reject::Expectation;
                reply.say(reject.status(), &[], reject.sentence())
            }
            Method::Options => reply.send(Status::NoContent, &[ALLOW], &[]),
            Method::Trace => {
                let sentence = "TRACE is not done here: it would echo what it is sent.\n";
                reply.say(Status::MethodNotAllowed, &[ALLOW], sentence)
            }
            Method::Unknown => {
                let sentence = "The method is not known here (methods are case-sensitive).\n";
                reply.say(Status::NotImplemented, &[], sentence)
            }
            _ => self.handler.handle(request, reply),
        };
        *persistence
    }

    /// The last answer of a conversation.
    #[cold]
    fn refuse(&self, reject: Reject, method: Method, out: &mut Output) {
        let fields: &[Field] = match reject {
            Reject::Connect => &[ALLOW],
            Reject::Overloaded | Reject::BufferLimit => &[RETRY_AFTER],
            _ => &[],
        };
        let reply = self.reply(Persistence::Close, method, out);
        let _: Responded = reply.say(reject.status(), fields, reject.sentence());
    }

    #[inline]
    fn reply<'o>(
        &'o self,
        persistence: Persistence,
        method: Method,
        out: &'o mut Output,
    ) -> ResponseWriter<'o> {
        let without_content = method == Method::Head;
        ResponseWriter {
            out,
            prepared: &self.prepared,
            persistence,
            without_content,
        }
    }
}

/// What an [`advance`](Session::advance) came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Step {
    /// So much of the input is done with. The rest has to be there again, at the start of the
    /// input of the next `advance`.
    pub consumed: usize,
    /// What has to happen before the next one.
    pub wants: Wants,
}

/// What a conversation waits for. Whatever it is, the output has to be written first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// More bytes from the peer.
    Input,
    /// An empty output: there is more to answer in the input, but this turn has had its share.
    Room,
    /// The end: nothing more is read or answered.
    Close(Reason),
}

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// No byte of a request has come yet; empty lines are none.
    Between,
    /// A head has begun.
    Head,
    /// A body has begun.
    Body,
}

/// Why a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The peer left between two requests.
    PeerLeft,
    /// The peer left in the middle of a request.
    PeerLeftEarly,
    /// The last request asked for it, or was of HTTP/1.0 and did not ask otherwise.
    PeerAsked,
    /// The last request was refused.
    Refused(Reject),
}

/// One conversation with one peer.
#[derive(Debug, Default)]
pub struct Session {
    state: State,
    /// Empty lines since the last request.
    empty_lines: u8,
}

#[derive(Debug)]
enum State {
    Head(Scan),
    Body(Box<Pending>),
    Closed(Reason),
}

impl Default for State {
    fn default() -> Self {
        Self::Head(Scan::default())
    }
}

/// A request that waits for the rest of its body.
#[derive(Debug)]
struct Pending {
    body: Body,
    head: Block,
    scan: Scan,
}

/// How far an exchange came, and how much input it took.
enum Progress {
    SkippedLine(usize),
    Answered(usize, Persistence),
    NeedsMore(usize),
}

impl Session {
    /// Reads as many requests from `input` as there are and a turn may have, and appends their
    /// replies to `out`.
    #[inline]
    pub fn advance<R: Handler>(
        &mut self,
        input: &[u8],
        shared: &Shared<R>,
        out: &mut Output,
    ) -> Step {
        let held = match &self.state {
            State::Head(_) => 0,
            State::Body(pending) => pending.head.len(),
            State::Closed(reason) => {
                return Step {
                    consumed: 0,
                    wants: Wants::Close(*reason),
                };
            }
        };
        // A reply repeats the path, which stands in the input or in the head that is held.
        let path_bytes_max = shared.limits.target_bytes.min(held + input.len());
        let reply_bytes_max = path_bytes_max + REPLY_HEAD_BYTES_MAX;
        let mut consumed = 0;
        for _ in 0..TURN_REQUESTS_MAX {
            if consumed == input.len() || !out.has_room(reply_bytes_max) {
                break;
            }
            match self.exchange(&input[consumed..], shared, out) {
                Ok(Progress::Answered(taken, Persistence::Close)) => {
                    return self.close(consumed + taken, Reason::PeerAsked);
                }
                Ok(Progress::Answered(taken, _) | Progress::SkippedLine(taken)) => {
                    consumed += taken;
                }
                Ok(Progress::NeedsMore(taken)) => {
                    return Step {
                        consumed: consumed + taken,
                        wants: Wants::Input,
                    };
                }
                Err(reject) => {
                    let step = self.refuse(reject, shared, out);
                    return Step { consumed, ..step };
                }
            }
        }
        let wants = if consumed == input.len() {
            Wants::Input
        } else {
            Wants::Room
        };
        Step { consumed, wants }
    }

    /// The peer will send nothing more. What it is owed stays owed.
    pub fn end(&mut self) -> Reason {
        let reason = match &self.state {
            State::Closed(reason) => *reason,
            State::Head(scan) if scan.is_new() => Reason::PeerLeft,
            _ => Reason::PeerLeftEarly,
        };
        self.state = State::Closed(reason);
        reason
    }

    /// Ends the conversation with a refusal: what [`advance`](Self::advance) does when a request is
    /// at fault, and what a shell does for reasons of its own.
    #[cold]
    pub fn refuse<R: Handler>(
        &mut self,
        reject: Reject,
        shared: &Shared<R>,
        out: &mut Output,
    ) -> Step {
        shared.refuse(reject, self.method(), out);
        self.close(0, Reason::Refused(reject))
    }

    /// Where the conversation stands.
    #[must_use]
    #[inline]
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Head(scan) if !scan.is_new() => Phase::Head,
            State::Body(_) => Phase::Body,
            State::Head(_) | State::Closed(_) => Phase::Between,
        }
    }

    /// How much memory it has taken from the shared's blocks.
    #[must_use]
    pub fn block_bytes(&self) -> usize {
        match &self.state {
            State::Body(pending) => pending.head.capacity(),
            State::Head(_) | State::Closed(_) => 0,
        }
    }

    fn close(&mut self, consumed: usize, reason: Reason) -> Step {
        self.state = State::Closed(reason);
        Step {
            consumed,
            wants: Wants::Close(reason),
        }
    }

    /// The method of the request that is being read, as far as it is known.
    fn method(&self) -> Method {
        match &self.state {
            State::Head(scan) => scan.line().method,
            State::Body(pending) => pending.scan.line().method,
            State::Closed(_) => Method::Unknown,
        }
    }

    /// Takes one request, or what there is of it.
    #[inline]
    fn exchange<R: Handler>(
        &mut self,
        input: &[u8],
        shared: &Shared<R>,
        out: &mut Output,
    ) -> Result<Progress, Reject> {
        match &mut self.state {
            State::Head(known) => {
                if known.is_new() && input[0] == b'\r' {
                    return self.empty_line(input);
                }
                let mut scan = *known;
                let progress = self.head(&mut scan, input, shared, out);
                // A head that comes whole is never written down.
                if let State::Head(known) = &mut self.state {
                    match progress {
                        Ok(Progress::Answered(..)) if known.is_new() => {}
                        Ok(Progress::Answered(..)) => *known = Scan::default(),
                        _ => *known = scan,
                    }
                }
                progress
            }
            State::Body(pending) => {
                let skipped = skip(&mut pending.body, input, &shared.limits)?;
                if !skipped.ended {
                    return Ok(Progress::NeedsMore(skipped.consumed));
                }
                let Pending { head, scan, .. } = &**pending;
                let persistence = with_head(&head.bytes(), scan, &shared.limits, |head| {
                    Ok(shared.answer(head, out))
                })?;
                self.state = State::default();
                Ok(Progress::Answered(skipped.consumed, persistence))
            }
            State::Closed(_) => Ok(Progress::NeedsMore(0)),
        }
    }

    /// RFC 9112 section 2.2: an empty line before a request line is ignored.
    #[cold]
    fn empty_line(&mut self, input: &[u8]) -> Result<Progress, Reject> {
        match input {
            [_, b'\n', ..] if self.empty_lines < EMPTY_LINES_MAX => {
                self.empty_lines += 1;
                Ok(Progress::SkippedLine(2))
            }
            [_, b'\n', ..] => Err(Reject::EmptyLines),
            [_] => Ok(Progress::NeedsMore(0)),
            _ => Err(Reject::BareCarriageReturn),
        }
    }

    /// Looks on into a head; answers it if it is whole and its body is there as well.
    #[inline]
    fn head<R: Handler>(
        &mut self,
        scan: &mut Scan,
        input: &[u8],
        shared: &Shared<R>,
        out: &mut Output,
    ) -> Result<Progress, Reject> {
        let limits = &shared.limits;
        let is_new = scan.is_new();
        if !scan.request_line(input, limits)? {
            return Ok(Progress::NeedsMore(0));
        }
        if is_new {
            let mut table = table::<FIELDS_FEW>();
            if let Some(head) = Head::parse_fast(input, scan, &mut table, limits) {
                return self.whole_head(input, scan, &head?, shared, out);
            }
        }
        if !scan.field_lines(input, limits)? {
            return Ok(Progress::NeedsMore(0));
        }
        with_head(input, scan, limits, |head| {
            self.whole_head(input, scan, head, shared, out)
        })
    }

    #[inline]
    fn whole_head<R: Handler>(
        &mut self,
        input: &[u8],
        scan: &Scan,
        head: &Head<'_>,
        shared: &Shared<R>,
        out: &mut Output,
    ) -> Result<Progress, Reject> {
        self.empty_lines = 0;
        if head.framing == Framing::Length(0) {
            return Ok(Progress::Answered(scan.length(), shared.answer(head, out)));
        }
        self.start_of_body(input, scan, head, shared, out)
    }

    fn start_of_body<R: Handler>(
        &mut self,
        input: &[u8],
        scan: &Scan,
        head: &Head<'_>,
        shared: &Shared<R>,
        out: &mut Output,
    ) -> Result<Progress, Reject> {
        let (head_bytes, rest) = input.split_at(scan.length());
        let mut body = Body::new(head.framing);
        let skipped = skip(&mut body, rest, &shared.limits)?;
        let taken = scan.length() + skipped.consumed;
        if skipped.ended {
            return Ok(Progress::Answered(taken, shared.answer(head, out)));
        }
        // RFC 9110 section 10.1.1: not needed once some of the body has come.
        if head.wants_continue && rest.is_empty() {
            out.push(CONTINUE);
        }
        let pending = Pending {
            body,
            head: shared
                .blocks
                .filled(head_bytes)
                .ok_or(Reject::BufferLimit)?,
            scan: *scan,
        };
        self.state = State::Body(Box::new(pending));
        Ok(Progress::NeedsMore(taken))
    }
}

/// The table of a head's fields is laid out on the stack, which takes the longer the more places it
/// has. Few heads have more fields than this.
const FIELDS_FEW: usize = 16;

/// Reads the head that `scan` found at the start of `input`, and lends it to `use_it`.
fn with_head<T>(
    input: &[u8],
    scan: &Scan,
    limits: &Limits,
    use_it: impl FnOnce(&Head<'_>) -> Result<T, Reject>,
) -> Result<T, Reject> {
    const ALL: usize = Limits::FIELDS_MAX;
    if scan.field_count() <= FIELDS_FEW {
        use_it(&Head::read(
            input,
            scan,
            &mut table::<FIELDS_FEW>(),
            limits,
        )?)
    } else {
        use_it(&Head::read(input, scan, &mut table::<ALL>(), limits)?)
    }
}
