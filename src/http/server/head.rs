//! What a whole head says: facts are collected from its fields, then decided upon once, so that
//! the answer cannot depend on the order of the fields. The only file that names httparse.

use httparse::{EMPTY_HEADER, Header, Status};

use super::super::grammar::bytes::{TOKEN, trim};
use super::limits::Limits;
use super::reject::Reject;
use super::response::Persistence;
use super::scan::{Line, Scan};
use super::target::is_host;

/// A request method (RFC 9110 section 9.3). It is case-sensitive: `get` is `Unknown`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named by the RFC")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    Trace,
    Connect,
    /// A token that names no method known here.
    #[default]
    Unknown,
}

impl Method {
    #[inline]
    pub(super) fn of(token: &[u8]) -> Self {
        match token {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"PATCH" => Self::Patch,
            b"DELETE" => Self::Delete,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"CONNECT" => Self::Connect,
            _ => Self::Unknown,
        }
    }
}

/// How the body of a request ends (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Neither field means no body: waiting for one would hang the peer.
    Length(u64),
    Chunked,
}

/// A request that was understood and whose body, if any, has been read: what a handler answers.
///
/// It borrows the bytes that came in, and nothing of it is kept.
#[derive(Debug)]
pub struct Request<'a> {
    method: Method,
    unknown_method: &'a [u8],
    path: &'a [u8],
    query: Option<&'a [u8]>,
    fields: &'a [Header<'a>],
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

/// A table for the fields of one head, on the stack.
pub(super) type Table<'a, const N: usize> = [Header<'a>; N];

pub(super) const fn table<'a, const N: usize>() -> Table<'a, N> {
    [EMPTY_HEADER; N]
}

/// A head, read and decided upon.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) request: Request<'a>,
    pub(super) framing: Framing,
    pub(super) persistence: Persistence,
    /// The peer waits for `100 Continue` before it sends the body.
    pub(super) wants_continue: bool,
    /// The peer wants something else that is not done here (RFC 9110 section 10.1.1).
    pub(super) expects_more: bool,
}

/// What the fields say about the message itself.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, not a state"
)]
struct Facts {
    hosts: u32,
    host_is_bad: bool,
    lengths: u32,
    length: Option<u64>,
    codings: Codings,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    expects_more: bool,
}

/// The transfer codings of all the fields, in their order.
#[derive(Default, PartialEq, Eq)]
enum Codings {
    #[default]
    None,
    Chunked,
    /// Tokens, with one `chunked` at the end or none at all.
    Unknown,
    /// `Unknown`, and the last one was `chunked`.
    UnknownThenChunked,
    Bad,
}

impl<'a> Head<'a> {
    /// Reads a head whose request line `scan` has read, in one look, if all of it stands in `input`
    /// and nothing about it is unusual. `None` is no verdict: the scan will find one.
    #[inline]
    pub(super) fn parse_fast(
        input: &'a [u8],
        scan: &mut Scan,
        table: &'a mut [Header<'a>],
        limits: &Limits,
    ) -> Option<Result<Self, Reject>> {
        let start = scan.line().fields as usize;
        let block = &limits.window(input)[start..];
        let Ok(Status::Complete((length, fields))) = httparse::parse_headers(block, table) else {
            return None;
        };
        if fields.len() > limits.fields || !lines_end_in_crlf(&block[..length], fields) {
            return None;
        }
        scan.finish(start + length);
        Some(Self::decide(input, scan.line(), fields, limits))
    }

    /// Reads the whole head that `scan` found at the start of `input`. The table has to have a place
    /// for each of its field lines.
    pub(super) fn read(
        input: &'a [u8],
        scan: &Scan,
        table: &'a mut [Header<'a>],
        limits: &Limits,
    ) -> Result<Self, Reject> {
        let block = &input[scan.line().fields as usize..scan.length()];
        match httparse::parse_headers(block, table) {
            Ok(Status::Complete((_, fields))) => Self::decide(input, scan.line(), fields, limits),
            // The scan saw the end and counted the lines, so the other causes cannot be.
            Ok(Status::Partial) | Err(httparse::Error::HeaderName) => Err(Reject::FieldName),
            Err(httparse::Error::TooManyHeaders) => Err(Reject::FieldCount),
            Err(_) => Err(Reject::FieldValue),
        }
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "on the path of every request; left alone, the compiler copies its result"
    )]
    fn decide(
        input: &'a [u8],
        line: &Line,
        fields: &'a [Header<'a>],
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

/// httparse takes LF alone for the end of a line. Walks over what it has read once more, to see
/// that there is nothing between the fields but white space and CR LF.
#[inline]
fn lines_end_in_crlf(block: &[u8], fields: &[Header<'_>]) -> bool {
    let mut rest = block;
    for field in fields {
        let Some(after_colon) = rest.get(field.name.len() + 1..) else {
            return false;
        };
        let Some(after_value) = skip_space(after_colon).get(field.value.len()..) else {
            return false;
        };
        let Some(next) = skip_space(after_value).strip_prefix(b"\r\n") else {
            return false;
        };
        rest = next;
    }
    rest == b"\r\n"
}

#[inline]
fn skip_space(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
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
            10 if name.eq_ignore_ascii_case(b"connection") => self.connection(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                self.lengths += 1;
                self.length = decimal(value);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.coding(value),
            _ => {}
        }
    }

    /// RFC 9110 section 7.6.1: a list of tokens in any case, in one field or several.
    fn connection(&mut self, value: &[u8]) {
        for option in list(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// RFC 9110 section 10.1.1: the one expectation that is defined, in any case. Empty elements of
    /// a list are ignored (section 5.6.1.2).
    fn expect(&mut self, value: &[u8]) {
        for expectation in list(value) {
            let is_continue = expectation.eq_ignore_ascii_case(b"100-continue");
            self.expects_continue |= is_continue;
            self.expects_more |= !is_continue && !expectation.is_empty();
        }
    }

    /// RFC 9112 section 6.1: chunked comes once, and last.
    fn coding(&mut self, value: &[u8]) {
        for coding in list(value) {
            let is_chunked = coding.eq_ignore_ascii_case(b"chunked");
            let is_token = !coding.is_empty() && TOKEN.covers(coding);
            self.codings = match (&self.codings, is_chunked) {
                (Codings::None, true) => Codings::Chunked,
                (Codings::Unknown, true) => Codings::UnknownThenChunked,
                (Codings::None | Codings::Unknown, false) if is_token => Codings::Unknown,
                _ => Codings::Bad,
            };
        }
    }

    /// The one place where it is decided what a head means.
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
        let framing = self.framing(is_version_10)?;
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
            // The body may come or not: where the next request begins is not known.
            return Err(Reject::Expectation);
        }
        Ok(Head {
            request,
            framing,
            // RFC 9112 section 9.3, in its order: close, then 1.1, then 1.0 with keep-alive.
            persistence: match (self.close, is_version_10, self.keep_alive) {
                (true, ..) | (_, true, false) => Persistence::Close,
                (false, false, _) => Persistence::Keep,
                (false, true, true) => Persistence::KeepAlive,
            },
            wants_continue: self.expects_continue && !is_version_10 && has_body,
            expects_more,
        })
    }

    /// RFC 9112 sections 6.1 to 6.3. Two fields, or two values, are two opinions on where the
    /// next request begins: a proxy before or behind us may hold the other one.
    #[inline]
    fn framing(&self, is_version_10: bool) -> Result<Framing, Reject> {
        if self.codings != Codings::None {
            if self.lengths > 0 {
                return Err(Reject::LengthWithCoding);
            }
            if is_version_10 {
                return Err(Reject::CodingInVersion10);
            }
        }
        match self.codings {
            Codings::Bad => return Err(Reject::CodingSyntax),
            Codings::Unknown | Codings::UnknownThenChunked => return Err(Reject::CodingUnknown),
            Codings::Chunked => return Ok(Framing::Chunked),
            Codings::None => {}
        }
        match self.lengths {
            0 => Ok(Framing::Length(0)),
            1 => self.length.map(Framing::Length).ok_or(Reject::LengthSyntax),
            _ => Err(Reject::LengthRepeated),
        }
    }
}

/// The elements of a comma-separated list, with the empty ones.
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim)
}

/// `1*DIGIT` below 2^64.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}
