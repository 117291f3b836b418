//! The head of a response: where it ends, and what it says about the content (RFC 9112 sections 4
//! to 6).
//!
//! The responses of a server differ in their `Date` once a second, and often in nothing else. So the
//! last head is remembered beside its meaning, and equal bytes mean the same again.

use super::super::grammar::bytes::FIELD_VALUE;
use super::super::grammar::connection::{ConnectionOptions, Persistence};
use super::super::grammar::fields::FieldLines;
use super::super::grammar::framing::{Framing, FramingFields, OtherCodings};
use super::super::grammar::lines::{LineEnd, find_line_end};
use super::error::ProtocolError;

/// A longer head is refused.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;

/// More field lines are refused.
const FIELDS_MAX: usize = 128;

/// RFC 9110 section 15: others are invalid. A browser may take them for 5xx; to a measurement they
/// are not responses.
pub(crate) const STATUSES: std::ops::RangeInclusive<u16> = 100..=599;

/// What every status line begins with.
const START: &[u8; 7] = b"HTTP/1.";

/// What a head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(super) status: u16,
    /// `None`: the content ends with the connection (RFC 9112 section 6.3, rule 8).
    pub(super) framing: Option<Framing>,
    /// It says that the server will not answer another request on this connection.
    pub(crate) closes: bool,
}

impl Head {
    /// Another head follows, that of the same or the final response (RFC 9110 section 15.2).
    pub(super) fn is_interim(&self) -> bool {
        (100..200).contains(&self.status)
    }

    pub(crate) fn is_chunked(&self) -> bool {
        self.framing == Some(Framing::Chunked)
    }
}

/// Finds the end of a head, looking at each byte once, however it comes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Everything before this has been looked at.
    at: usize,
    /// Where the current line begins.
    line: usize,
}

impl Scan {
    /// The length of the head that `input` begins with, once its end has come.
    pub(super) fn end(&mut self, input: &[u8]) -> Result<Option<usize>, ProtocolError> {
        // What is not HTTP is refused at its first wrong byte, without waiting for a line end.
        if self.at < START.len() && !input.iter().zip(START).all(|(byte, start)| byte == start) {
            return Err(ProtocolError::NotHttp);
        }
        let window = &input[..input.len().min(HEAD_BYTES_MAX)];
        loop {
            match find_line_end(window, self.at)? {
                LineEnd::At(end) => {
                    let is_empty = end == self.line;
                    self.at = end + 2;
                    self.line = self.at;
                    if is_empty {
                        return Ok(Some(self.at));
                    }
                }
                LineEnd::NotBefore(at) => {
                    self.at = at;
                    break;
                }
            }
        }
        if window.len() == HEAD_BYTES_MAX {
            return Err(ProtocolError::HeadLength);
        }
        Ok(None)
    }
}

/// The last head and its meaning.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    bytes: Vec<u8>,
    head: Option<Head>,
}

impl Memo {
    /// The length and the meaning of the head that `input` begins with, if it equals the last one
    /// byte for byte.
    #[inline]
    pub(super) fn recall(&self, input: &[u8]) -> Option<(usize, Head)> {
        let head = self.head?;
        input
            .starts_with(&self.bytes)
            .then_some((self.bytes.len(), head))
    }

    fn keep(&mut self, bytes: &[u8], head: Head) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.head = Some(head);
    }

    /// Reads a whole head, and remembers it.
    #[cold]
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Head, ProtocolError> {
        let head = parse(bytes)?;
        // The next response will be like the last one, not like an interim one in between.
        if !head.is_interim() {
            self.keep(bytes, head);
        }
        Ok(head)
    }
}

/// Reads a whole head, with its empty line.
fn parse(bytes: &[u8]) -> Result<Head, ProtocolError> {
    let (line, lines) = split_status_line(bytes)?;
    let (minor, status) = read_status_line(line)?;
    let mut framing = FramingFields::default();
    let mut connection = ConnectionOptions::default();
    let mut lines = FieldLines::new(lines);
    let mut count = 0;
    while let Some(field) = lines.read()? {
        count += 1;
        if count > FIELDS_MAX {
            return Err(ProtocolError::FieldCount);
        }
        if field.name.eq_ignore_ascii_case(b"content-length") {
            framing.add_length(field.value);
        } else if field.name.eq_ignore_ascii_case(b"transfer-encoding") {
            framing.add_codings(field.value);
        } else if field.name.eq_ignore_ascii_case(b"connection") {
            connection.add(field.value);
        }
    }
    if !STATUSES.contains(&status) {
        return Err(ProtocolError::Status);
    }
    let is_version_10 = minor == 0;
    Ok(Head {
        status,
        framing: framing.decide(is_version_10, OtherCodings::Accepted)?,
        closes: connection.persistence(is_version_10) == Persistence::Close,
    })
}

/// The status line, without its line end, and the field lines behind it.
fn split_status_line(head: &[u8]) -> Result<(&[u8], &[u8]), ProtocolError> {
    match find_line_end(head, 0)? {
        LineEnd::At(end) => Ok((&head[..end], &head[end + 2..])),
        LineEnd::NotBefore(_) => Err(ProtocolError::Head),
    }
}

/// RFC 9112 section 4: version, status code and reason phrase, with one space between them. A
/// server that leaves the reason phrase out may leave out the space before it as well. A higher minor
/// version is read as the highest one known (RFC 9110 section 2.5).
fn read_status_line(line: &[u8]) -> Result<(u8, u16), ProtocolError> {
    let version = line.strip_prefix(START).ok_or(ProtocolError::NotHttp)?;
    let [minor @ b'0'..=b'9', b' ', rest @ ..] = version else {
        return Err(ProtocolError::NotHttp);
    };
    let Some((code, reason)) = rest.split_first_chunk::<3>() else {
        return Err(ProtocolError::Head);
    };
    let reason_is_good = match reason {
        [] => true,
        [b' ', phrase @ ..] => FIELD_VALUE.covers(phrase),
        _ => false,
    };
    if !reason_is_good || !code.iter().all(u8::is_ascii_digit) {
        return Err(ProtocolError::Head);
    }
    let status = code
        .iter()
        .fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
    Ok((minor - b'0', status))
}

/// The values of all fields with this name of a head that was read.
pub(crate) fn field_values<'a>(head: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let lines = split_status_line(head).map_or(&b""[..], |(_, lines)| lines);
    let named = FieldLines::new(lines).filter(|field| field.name.eq_ignore_ascii_case(name));
    named.map(|field| field.value)
}

/// The names of all fields of a head that was read, in lower case and in order.
pub(crate) fn field_names(head: &[u8]) -> Vec<String> {
    let Ok((_, lines)) = split_status_line(head) else {
        return Vec::new();
    };
    FieldLines::new(lines)
        .map(|field| String::from_utf8_lossy(field.name).to_ascii_lowercase())
        .collect()
}
