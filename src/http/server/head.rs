//! The meaning of a whole head: first the facts are collected from its fields, then one function
//! decides, so that the result cannot depend on the order of the fields.

use super::super::grammar::bytes::trim;
use super::super::grammar::connection::{ConnectionOptions, Persistence};
use super::super::grammar::fields::{self, FieldLine};
use super::super::grammar::framing::{Framing, FramingFields, OtherCodings};
use super::super::grammar::values::elements;
use super::limits::Limits;
use super::method::Method;
use super::reject::Reject;
use super::scan::{Line, Scan};
use super::target::is_host;

/// A request that was understood and whose body, if any, has been read: what a handler answers.
///
/// It borrows the bytes that came in, and nothing of it is kept.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    method: Method,
    unknown_method: &'a [u8],
    path: &'a [u8],
    query: Option<&'a [u8]>,
    fields: &'a [FieldLine<'a>],
}

impl<'a> Request<'a> {
    /// The method, as far as it is in [`Method`].
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The method as it stands in the request line, a token of at most 64 bytes, when it is
    /// [`Method::Unknown`]; else empty.
    #[must_use]
    pub fn unknown_method(&self) -> &'a [u8] {
        self.unknown_method
    }

    /// The path as it stands in the target: not decoded, not normalised, without the query. It
    /// begins with `/` and is a path of RFC 3986, so it is ASCII without control characters.
    #[must_use]
    #[inline]
    pub fn path(&self) -> &'a [u8] {
        self.path
    }

    /// What follows the first `?` of the target, if there is one: visible ASCII.
    #[must_use]
    pub fn query(&self) -> Option<&'a [u8]> {
        self.query
    }

    /// The value of the first field of that name, in any case, without the white space around it.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        let field = self
            .fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))?;
        Some(trim(field.value))
    }
}

/// A whole head and its meaning.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) request: Request<'a>,
    pub(super) framing: Framing,
    pub(super) persistence: Persistence,
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
    #[inline]
    pub(super) fn parse_fast(
        input: &'a [u8],
        scan: &mut Scan,
        table: &'a mut [FieldLine<'a>],
        limits: &Limits,
    ) -> Option<Result<Self, Reject>> {
        let start = scan.line().fields as usize;
        let block = &limits.window(input)[start..];
        let (length, fields) = fields::read_fast(block, table)?;
        if fields.len() > limits.fields {
            return None;
        }
        scan.finish(start + length);
        Some(Self::decide(input, scan.line(), fields, limits))
    }

    /// Reads the whole head that `scan` found at the start of `input`. The table has to have room for
    /// all of its field lines.
    pub(super) fn read(
        input: &'a [u8],
        scan: &Scan,
        table: &'a mut [FieldLine<'a>],
        limits: &Limits,
    ) -> Result<Self, Reject> {
        let block = &input[scan.line().fields as usize..scan.length()];
        let fields = fields::read(block, table)?;
        Self::decide(input, scan.line(), fields, limits)
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "on the path of every request; left alone, the compiler copies its result"
    )]
    fn decide(
        input: &'a [u8],
        line: &Line,
        fields: &'a [FieldLine<'a>],
        limits: &Limits,
    ) -> Result<Self, Reject> {
        let mut facts = Facts::default();
        for field in fields {
            facts.learn(field.name.as_bytes(), field.value);
        }
        let path = line.path.0 as usize..line.path.1 as usize;
        let target_end = line.target.1 as usize;
        let request = Request {
            method: line.method,
            unknown_method: match line.method {
                Method::Unknown => method_of(input, line),
                _ => b"",
            },
            // RFC 9110 section 4.2.3: an empty path of an http URI is "/".
            path: if path.is_empty() {
                b"/"
            } else {
                &input[path.clone()]
            },
            query: (path.end < target_end).then(|| &input[path.end + 1..target_end]),
            fields,
        };
        facts.decide(request, line.minor, limits)
    }
}

/// The method of a request line: one space stands between it and the target (RFC 9112 section 3).
#[cold]
fn method_of<'a>(input: &'a [u8], line: &Line) -> &'a [u8] {
    &input[..(line.target.0 as usize).saturating_sub(1)]
}

impl Facts {
    /// `value` comes from httparse without the white space around it.
    #[inline]
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
        if request.method == Method::Connect {
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
        Ok(Head {
            request,
            framing,
            persistence: self.connection.persistence(is_version_10),
            wants_continue: self.expects_continue && !is_version_10 && has_body,
            expects_more,
        })
    }
}
