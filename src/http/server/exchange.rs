//! One exchange of a conversation: a request is read from the input, as far as it has come, and
//! answered.

use super::super::grammar::body::Body;
use super::super::grammar::connection::Persistence;
use super::super::grammar::framing::Framing;
use super::content::Content;
use super::form::Form;
use super::handler::Handler;
use super::head::{Facts, Head};
use super::held_request::HeldRequest;
use super::limits::{EMPTY_LINES_MAX, Limits};
use super::ongoing::{Ongoing, Polled};
use super::output::Output;
use super::peer::Peer;
use super::receiving::{Incoming, Receiving, Sink, Stop};
use super::reject::Reject;
use super::response::{Answer, Answered, CONTINUE};
use super::response_value::Response;
use super::scan::Scan;
use super::session::{Progress, Session, State};
use super::shared::Shared;
use super::step::{Reason, Step, Wants};

impl Session {
    /// Takes one request, or what there is of it.
    #[inline]
    pub(super) fn exchange<H: Handler>(
        &mut self,
        input: &[u8],
        peer: &dyn Peer,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Result<Progress, Reject> {
        match &mut self.state {
            State::Head(known) => {
                if known.is_new() && input[0] == b'\r' {
                    return self.empty_line(input);
                }
                let mut scan = *known;
                let progress = self.head(&mut scan, input, peer, shared, out);
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
            State::Body(_) => self.more_content(input, peer, shared, out),
            State::Responding(_) | State::Closed(_) => Ok(Progress::NeedsMore(0)),
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
    fn head<H: Handler>(
        &mut self,
        scan: &mut Scan,
        input: &[u8],
        peer: &dyn Peer,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Result<Progress, Reject> {
        let limits = shared.limits();
        let is_new = scan.is_new();
        if !scan.request_line(input, limits)? {
            return Ok(Progress::NeedsMore(0));
        }
        if is_new {
            let start = scan.line().fields as usize;
            let fields = &limits.window(input)[start..];
            if let Ok(facts) = shared.last_fields().read(fields, limits) {
                scan.finish(start + facts.length);
                let head = Head::new(input, scan.line(), facts, peer, limits)?;
                return self.whole_head(input, scan, &head, shared, out);
            }
        }
        if !scan.field_lines(input, limits)? {
            return Ok(Progress::NeedsMore(0));
        }
        let head = whole_head(input, scan, peer, limits)?;
        self.empty_lines = 0;
        self.start_of_content(input, scan, &head, shared, out)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    fn whole_head<H: Handler>(
        &mut self,
        input: &[u8],
        scan: &Scan,
        head: &Head<'_>,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Result<Progress, Reject> {
        self.empty_lines = 0;
        if head.framing == Framing::Length(0) && !self.draining {
            return Ok(shared.answer(head, out).after(scan.length()));
        }
        self.start_of_content(input, scan, head, shared, out)
    }

    /// A head is whole, and there is content behind it, perhaps.
    #[inline(never)]
    fn start_of_content<H: Handler>(
        &mut self,
        input: &[u8],
        scan: &Scan,
        head: &Head<'_>,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Result<Progress, Reject> {
        let (head_bytes, rest) = input.split_at(scan.length());
        let is_last = |taken| self.draining && taken == input.len();
        if head.framing == Framing::Length(0) {
            let is_last = is_last(scan.length());
            return Ok(answer(head, is_last, shared, out).after(scan.length()));
        }
        let content = shared.handler().content(&head.request);
        if let Some(bytes) = content_at_hand(&content, head, rest, shared.limits()) {
            let taken = scan.length() + bytes.len();
            let head = head.with_content(bytes);
            return Ok(answer(&head, is_last(taken), shared, out).after(taken));
        }
        let plan = match Plan::of(content, shared.limits().body_bytes) {
            Ok(plan) => plan,
            Err(response) => return Ok(refused(head.form, response).after(scan.length())),
        };
        let Plan { sink, max, begins } = plan;
        if matches!(head.framing, Framing::Length(length) if length > max) {
            return Err(Reject::BodyLength);
        }
        let body = Body::new(head.framing);
        let mut incoming = Incoming { body, sink, max };
        let read = match incoming.read(rest, shared.limits(), shared.blocks()) {
            Ok(read) => read,
            Err(Stop::Reject(reject)) => return Err(reject),
            Err(Stop::Refused(response)) => {
                return Ok(refused(head.form, *response).after(scan.length()));
            }
        };
        let taken = scan.length() + read.consumed;
        // RFC 9110 section 10.1.1: not needed once some of the body has come.
        if head.wants_continue && rest.is_empty() {
            out.push(CONTINUE);
        }
        let ongoing = begins.map(|response| Box::new(Ongoing::ready(head.form, response)));
        if read.ended {
            let end = || end(incoming.sink, head, is_last(taken), shared, out);
            return Ok(ongoing.map_or_else(end, Answered::Ongoing).after(taken));
        }
        let block = shared.blocks().filled(head_bytes);
        let block = block.ok_or(Reject::BufferLimit)?;
        let request = shared.hold(block, *scan, head.request.peer());
        let progress = match &ongoing {
            Some(_) => Progress::Exchanging(taken),
            None => Progress::NeedsMore(taken),
        };
        let mut receiving = Receiving::new(request, incoming, ongoing);
        receiving.count(read.consumed);
        let receiving = shared.blocks().boxed(receiving);
        self.state = State::Body(receiving.ok_or(Reject::BufferLimit)?);
        Ok(progress)
    }

    /// Reads on in the content of a request whose response has not begun, or has ended already.
    fn more_content<H: Handler>(
        &mut self,
        input: &[u8],
        peer: &dyn Peer,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Result<Progress, Reject> {
        let State::Body(receiving) = &mut self.state else {
            return Ok(Progress::NeedsMore(0));
        };
        let (limits, blocks) = (shared.limits(), shared.blocks());
        let read = match receiving.incoming.read(input, limits, blocks) {
            Ok(read) => read,
            Err(Stop::Reject(reject)) => return Err(reject),
            Err(Stop::Refused(response)) => {
                let HeldRequest { head, scan, .. } = &receiving.request;
                let form = whole_head(&head.bytes(), scan, peer, limits)?.form;
                return Ok(refused(form, *response).after(0));
            }
        };
        if !read.ended {
            receiving.count(read.consumed);
            return Ok(Progress::NeedsMore(read.consumed));
        }
        if let Some(persistence) = receiving.answered {
            self.state = State::default();
            return Ok(Progress::Answered(read.consumed, persistence));
        }
        // A handler that panics finds the request still here.
        let sink = std::mem::replace(&mut receiving.incoming.sink, Sink::Discard);
        let HeldRequest { head, scan, .. } = &receiving.request;
        let is_last = self.draining && read.consumed == input.len();
        let answer = {
            let bytes = head.bytes();
            let head = whole_head(&bytes, scan, peer, limits)?;
            end(sink, &head, is_last, shared, out)
        };
        // The request of a response that goes on is still needed.
        if let Answered::Whole(_) = answer {
            self.state = State::default();
        }
        Ok(answer.after(read.consumed))
    }

    /// Goes on with a response that has not ended, and with content that arrives meanwhile, behind
    /// the first `consumed` bytes of the input.
    #[cold]
    pub(super) fn go_on<H: Handler>(
        &mut self,
        mut consumed: usize,
        input: &[u8],
        peer: &dyn Peer,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Step {
        if let State::Body(receiving) = &mut self.state {
            let rest = &input[consumed..];
            let read = receiving
                .incoming
                .read(rest, shared.limits(), shared.blocks());
            let read = match read {
                Ok(read) => read,
                Err(Stop::Reject(reject)) => {
                    let step = self.refuse(reject, &[], peer, shared, out);
                    return Step { consumed, ..step };
                }
                Err(Stop::Refused(_)) => {
                    self.abandon(peer, shared);
                    let reason = self.failure().unwrap_or(Reason::ResponseFailed);
                    return self.close(consumed, reason);
                }
            };
            consumed += read.consumed;
            receiving.count(read.consumed);
            if read.ended {
                // The reader goes first: its end may be what the source waits for.
                receiving.incoming.sink = Sink::Discard;
                if let Some(mut ongoing) = receiving.ongoing.take() {
                    if H::OBSERVES {
                        self.hold_request(&mut ongoing, &[], peer, shared);
                    }
                    self.state = State::Responding(ongoing);
                }
            }
        }
        let is_last = self.draining && consumed == input.len();
        let polled = self.poll(is_last, peer, shared, out);
        if H::OBSERVES {
            match &polled {
                Polled::Done(written) => self.observe_ended(*written, peer, shared),
                Polled::Closed(_) => self.abandon(peer, shared),
                Polled::Ready(_) | Polled::Room | Polled::Wakeup => {}
            }
        }
        self.after_poll(polled, consumed, input)
    }

    /// Goes on with the response, as far as it can.
    fn poll<H: Handler>(
        &mut self,
        is_last: bool,
        peer: &dyn Peer,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Polled {
        let Some(ongoing) = self.ongoing() else {
            return Polled::Room;
        };
        loop {
            let response = match ongoing.poll(out) {
                Polled::Ready(response) => response,
                polled => return polled,
            };
            ongoing.form.persistence = if is_last {
                Persistence::Close
            } else {
                ongoing.form.asked
            };
            match shared.response(ongoing.form, peer, out).respond(response).0 {
                Answer::Whole(written) => return Polled::Done(written),
                Answer::Ongoing(next) => {
                    let request = ongoing.request.take();
                    *ongoing = *next;
                    ongoing.request = request;
                }
            }
        }
    }

    fn after_poll(&mut self, polled: Polled, consumed: usize, input: &[u8]) -> Step {
        let wants = match (polled, &mut self.state) {
            (Polled::Closed(reason), _) => return self.close(consumed, reason),
            (Polled::Done(written), State::Body(receiving)) => {
                // The rest of the content is discarded.
                receiving.ongoing = None;
                receiving.incoming.sink = Sink::Discard;
                receiving.answered = Some(written.persistence);
                Wants::Input
            }
            (Polled::Done(written), _) if written.persistence == Persistence::Close => {
                return self.close_after_answer(consumed, input);
            }
            (Polled::Done(_), _) => {
                self.state = State::default();
                if consumed == input.len() {
                    Wants::Input
                } else {
                    Wants::Room
                }
            }
            (Polled::Room | Polled::Ready(_), _) => Wants::Room,
            (Polled::Wakeup, State::Body(_)) => Wants::InputOrWakeup,
            (Polled::Wakeup, _) => Wants::Wakeup,
        };
        Step { consumed, wants }
    }
}

/// What becomes of content that has to be read.
struct Plan {
    sink: Sink,
    /// The most bytes that it may have.
    max: u64,
    /// A response that begins before the content has come.
    begins: Option<Response>,
}

impl Plan {
    /// An error is the response of a handler that does not want the content.
    fn of(content: Content, body_bytes_max: u64) -> Result<Self, Response> {
        let (sink, max, begins) = match content {
            Content::Skip => (Sink::Discard, body_bytes_max, None),
            Content::Collect { max } => (Sink::Block(None), body_bytes_max.min(max as u64), None),
            Content::Read(reader) => (Sink::Reader(reader), body_bytes_max, None),
            Content::Exchange { reader, response } => {
                (Sink::Reader(reader), body_bytes_max, Some(response))
            }
            Content::Refuse(response) => return Err(response),
        };
        Ok(Self { sink, max, begins })
    }
}

/// The content, if it is to be collected and all of it has come with the head: there is nothing to
/// copy then.
fn content_at_hand<'i>(
    content: &Content,
    head: &Head<'_>,
    rest: &'i [u8],
    limits: &Limits,
) -> Option<&'i [u8]> {
    match (content, head.framing) {
        (Content::Collect { max }, Framing::Length(length))
            if length <= limits.body_bytes.min(*max as u64) =>
        {
            rest.get(..usize::try_from(length).ok()?)
        }
        _ => None,
    }
}

/// Answers a request whose content has come to its end.
fn end<H: Handler>(
    sink: Sink,
    head: &Head<'_>,
    is_last: bool,
    shared: &Shared<H>,
    out: &mut Output,
) -> Answered {
    match sink {
        Sink::Reader(reader) => {
            let form = if is_last { head.last().form } else { head.form };
            let writer = shared.response(form, head.request.peer(), out);
            let responded = reader.end(&head.request, writer);
            shared.answered(&head.request, None, responded)
        }
        Sink::Block(Some(block)) => {
            answer(&head.with_content(&block.bytes()), is_last, shared, out)
        }
        Sink::Block(None) | Sink::Discard => answer(head, is_last, shared, out),
    }
}

/// Answers a request on the paths that are less busy. The other one has [`Shared::answer`] in it.
#[inline(never)]
fn answer<H: Handler>(
    head: &Head<'_>,
    is_last: bool,
    shared: &Shared<H>,
    out: &mut Output,
) -> Answered {
    let head = if is_last { head.last() } else { *head };
    shared.answer(&head, out)
}

/// The handler wants no more of the content: it answers, and the connection is closed.
fn refused(form: Form, response: Response) -> Answered {
    Answered::Ongoing(Box::new(Ongoing::ready(form.closing(), response)))
}

impl Answered {
    /// The request took so much of the input.
    #[inline]
    fn after(self, taken: usize) -> Progress {
        match self {
            Self::Whole(persistence) => Progress::Answered(taken, persistence),
            Self::Ongoing(ongoing) => Progress::Ongoing(taken, ongoing),
        }
    }
}

/// Reads the head that `scan` found at the start of `input`.
#[inline(never)]
fn whole_head<'a>(
    input: &'a [u8],
    scan: &'a Scan,
    peer: &'a dyn Peer,
    limits: &Limits,
) -> Result<Head<'a>, Reject> {
    let lines = &input[scan.line().fields as usize..scan.length()];
    Head::new(
        input,
        scan.line(),
        Facts::read(lines, limits)?,
        peer,
        limits,
    )
}
