//! The meaning of a whole head: first the facts are collected from its fields, then one function
//! decides, so that the result cannot depend on the order of the fields.

use super::super::grammar::connection::{ConnectionOptions, Persistence};
use super::super::grammar::fields::{self, FieldLine};
use super::super::grammar::framing::{Framing, FramingFields, OtherCodings};
use super::super::grammar::values::elements;
use super::form::Form;
use super::limits::Limits;
use super::method::Method;
use super::peer::Peer;
use super::reject::Reject;
use super::request::Request;
use super::scan::{Line, Scan};
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
#[derive(Default)]
struct Facts {
    hosts: u32,
    host_is_bad: bool,
    framing: FramingFields,
    connection: ConnectionOptions,
    expects_continue: bool,
    expects_more: bool,
}

impl<'a> Head<'a> {
    /// Reads a head whose request line `scan` has read, in one pass, if all of it is in `input` and
    /// nothing about it is unusual. `None` decides nothing: go on with the scan.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    pub(super) fn fields_fast(
        input: &'a [u8],
        scan: &mut Scan,
        table: &'a mut [FieldLine<'a>],
        limits: &Limits,
    ) -> Option<&'a [FieldLine<'a>]> {
        let start = scan.line().fields as usize;
        let block = &limits.window(input)[start..];
        let (length, fields) = fields::read_fast(block, table)?;
        if fields.len() > limits.fields {
            return None;
        }
        scan.finish(start + length);
        Some(fields)
    }

    /// Reads the whole head that `scan` found at the start of `input`. The table has to have room for
    /// all of its field lines.
    pub(super) fn read(
        input: &'a [u8],
        scan: &'a Scan,
        table: &'a mut [FieldLine<'a>],
        peer: &'a dyn Peer,
        limits: &Limits,
    ) -> Result<Self, Reject> {
        let block = &input[scan.line().fields as usize..scan.length()];
        let fields = fields::read(block, table)?;
        Self::decide(input, scan.line(), fields, peer, limits)
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "on the path of every request; left alone, the compiler copies its result"
    )]
    pub(super) fn decide(
        input: &'a [u8],
        line: &'a Line,
        fields: &'a [FieldLine<'a>],
        peer: &'a dyn Peer,
        limits: &Limits,
    ) -> Result<Self, Reject> {
        let mut facts = Facts::default();
        for field in fields {
            facts.learn(field.name.as_bytes(), field.value);
        }
        let request = Request::new(input, line, fields, peer);
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
    /// `value` comes from httparse without the white space around it.
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
