//! The meaning of a whole head: first the facts are collected from its fields, then one function
//! decides, so that the result cannot depend on the order of the fields.

use super::super::grammar::connection::{ConnectionOptions, Persistence};
use super::super::grammar::fields::FieldLines;
use super::super::grammar::framing::{Framing, FramingFields, OtherCodings};
use super::super::grammar::values::elements;
use super::form::Form;
use super::limits::Limits;
use super::method::Method;
use super::peer::Peer;
use super::reject::Reject;
use super::request::Request;
use super::scan::Line;
use super::target::is_host;

/// A whole head and its meaning.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) request: Request<'a>,
    pub(super) framing: Framing,
    pub(super) form: Form,
    /// The peer waits for `100 Continue` before it sends the body.
    pub(super) wants_continue: bool,
    /// The peer has another expectation, which is not supported (RFC 9110 section 10.1.1).
    pub(super) expects_more: bool,
}

/// What the fields say about the message itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The length of the field lines, with the empty line behind them.
    pub(super) length: usize,
    hosts: u32,
    host_is_bad: bool,
    framing: FramingFields,
    connection: ConnectionOptions,
    expects_continue: bool,
    expects_more: bool,
}

impl<'a> Head<'a> {
    /// What the head means whose request line is `line`, and whose field lines are read.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "on the path of every request; left alone, the compiler copies its result"
    )]
    pub(super) fn new(
        input: &'a [u8],
        line: &'a Line,
        facts: Facts,
        peer: &'a dyn Peer,
        limits: &Limits,
    ) -> Result<Self, Reject> {
        let request = Request::new(input, line, peer);
        facts.decide(request, line.minor, limits)
    }
}

impl Head<'_> {
    /// The same, to be answered with the last response of the connection.
    #[cold]
    pub(super) fn last(mut self) -> Self {
        self.form.persistence = Persistence::Close;
        self
    }

    /// The same with the content of the request.
    pub(super) fn with_content<'b>(&'b self, content: &'b [u8]) -> Head<'b> {
        let request = self.request.with_content(content);
        Head { request, ..*self }
    }
}

impl Facts {
    /// Reads the field lines that `input` begins with, up to the empty line behind them. An error may
    /// mean that not all of them are there.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    pub(super) fn read(input: &[u8], limits: &Limits) -> Result<Self, Reject> {
        let mut facts = Self::default();
        let mut lines = FieldLines::new(input);
        let mut left = limits.fields;
        while let Some(field) = lines.read()? {
            left = left.checked_sub(1).ok_or(Reject::FieldCount)?;
            facts.learn(field.name, field.value);
        }
        facts.length = input.len() - lines.rest().len();
        Ok(facts)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    fn learn(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            4 if name == b"Host" || name.eq_ignore_ascii_case(b"host") => {
                self.hosts += 1;
                self.host_is_bad |= !is_host(value);
            }
            6 if name.eq_ignore_ascii_case(b"expect") => self.expect(value),
            10 if name.eq_ignore_ascii_case(b"connection") => self.connection.add(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                self.framing.add_length(value);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                self.framing.add_codings(value);
            }
            _ => {}
        }
    }

    /// RFC 9110 section 10.1.1: the one expectation that is defined, in any case.
    fn expect(&mut self, value: &[u8]) {
        for expectation in elements(value) {
            let is_continue = expectation.eq_ignore_ascii_case(b"100-continue");
            self.expects_continue |= is_continue;
            self.expects_more |= !is_continue;
        }
    }

    /// Decides what a head means; nothing else does.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "on the path of every request; left alone, the compiler copies its result"
    )]
    fn decide<'a>(
        self,
        request: Request<'a>,
        minor: u8,
        limits: &Limits,
    ) -> Result<Head<'a>, Reject> {
        let is_version_10 = minor == 0;
        // RFC 9112 section 3.2: exactly one, and a valid one; HTTP/1.0 knew no Host.
        match self.hosts {
            0 if is_version_10 => {}
            0 => return Err(Reject::HostMissing),
            1 if self.host_is_bad => return Err(Reject::HostSyntax),
            1 => {}
            _ => return Err(Reject::HostRepeated),
        }
        // RFC 9112 section 6.3: neither field means no body; waiting for one would hang the peer.
        let framing = self
            .framing
            .decide(is_version_10, OtherCodings::Refused)?
            .unwrap_or(Framing::Length(0));
        if request.method() == Method::Connect {
            return Err(Reject::Connect);
        }
        let has_body = match framing {
            Framing::Chunked => true,
            Framing::Length(length) if length > limits.body_bytes => {
                return Err(Reject::BodyLength);
            }
            Framing::Length(length) => length > 0,
        };
        // RFC 9110 section 10.1.1: an expectation in HTTP/1.0 is ignored.
        let expects_more = self.expects_more && !is_version_10;
        if expects_more && has_body {
            // The body may or may not follow, so where the next request begins is not known.
            return Err(Reject::Expectation);
        }
        let persistence = self.connection.persistence(is_version_10);
        Ok(Head {
            request,
            framing,
            form: Form {
                persistence,
                asked: persistence,
                without_content: request.method() == Method::Head,
                is_version_10,
            },
            wants_continue: self.expects_continue && !is_version_10 && has_body,
            expects_more,
        })
    }
}
