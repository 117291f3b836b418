//! The head of an answer: where it ends, and what it says of the body (RFC 9112 sections 4 to 6).
//!
//! A server's answers differ in their `Date` once a second, and often in nothing else. So the last
//! head is remembered beside what it meant, and equal bytes mean the same again.

use super::error::ProtocolError;

/// A longer head is refused.
pub(super) const HEAD_BYTES_MAX: usize = 64 * 1024;

/// More field lines are refused.
const FIELDS_MAX: usize = 128;

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    /// With the connection.
    Close,
}

/// What a head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    /// The server will not answer another request on this connection.
    pub(crate) closes: bool,
}

impl Head {
    /// Of an answer that another one follows.
    pub(crate) fn is_interim(&self) -> bool {
        (100..200).contains(&self.status)
    }
}

/// Finds the end of a head, looking at each byte once however it comes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Everything before this has been looked at.
    at: usize,
    /// Where the line that we are in begins.
    line: usize,
}

/// What a status line begins with.
const START: &[u8] = b"HTTP/1.";

const HIGHEST_KNOWN: &[u8] = b"HTTP/1.1";

/// RFC 9110 section 15: others are invalid. A browser may take them for 5xx; to a measurement they
/// are no answers.
pub(super) const STATUSES: std::ops::RangeInclusive<u16> = 100..=599;

impl Scan {
    /// The length of the head that `input` begins with, once its end has come.
    pub(crate) fn end(&mut self, input: &[u8]) -> Result<Option<usize>, ProtocolError> {
        // Noise is told from its first bytes: no end is waited for.
        if self.at < START.len() {
            let known = input.len().min(START.len());
            if input[..known] != START[..known] {
                return Err(ProtocolError::NotHttp);
            }
        }
        let window = &input[..input.len().min(HEAD_BYTES_MAX)];
        while let Some(found) = memchr::memchr(b'\n', &window[self.at..]) {
            let feed = self.at + found;
            if feed == 0 || window[feed - 1] != b'\r' {
                return Err(ProtocolError::LineEnd);
            }
            let is_empty = feed - 1 == self.line;
            self.at = feed + 1;
            self.line = self.at;
            if is_empty {
                return Ok(Some(self.at));
            }
        }
        self.at = window.len();
        if window.len() == HEAD_BYTES_MAX {
            return Err(ProtocolError::HeadLength);
        }
        Ok(None)
    }
}

/// The last head, and what it meant.
#[derive(Debug, Default)]
pub(super) struct Memo {
    bytes: Vec<u8>,
    head: Option<Head>,
}

impl Memo {
    /// What `input` begins with, if that is the head of the last answer, byte for byte.
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
        // An interim head comes in between: the next answer will be like the last, not like this.
        if !head.is_interim() {
            self.keep(bytes, head);
        }
        Ok(head)
    }
}

/// What the fields say, before anything is decided.
#[derive(Default)]
struct Facts {
    length: Option<u64>,
    /// Codings in their order: how many, how many are `chunked`, and whether the last is.
    codings: usize,
    chunked: usize,
    chunked_is_last: bool,
    close: bool,
    keep_alive: bool,
}

/// RFC 9110 section 2.5: a higher minor version is read as the highest that we know.
fn has_higher_minor(head: &[u8]) -> bool {
    head.starts_with(START)
        && head
            .get(START.len())
            .is_some_and(|d| (b'2'..=b'9').contains(d))
}

/// Reads a whole head, with its empty line.
pub(crate) fn parse(bytes: &[u8]) -> Result<Head, ProtocolError> {
    let as_highest_known;
    let bytes = if has_higher_minor(bytes) {
        as_highest_known = [HIGHEST_KNOWN, &bytes[HIGHEST_KNOWN.len()..]].concat();
        &as_highest_known
    } else {
        bytes
    };
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        Ok(_) => return Err(ProtocolError::Head),
        Err(httparse::Error::TooManyHeaders) => return Err(ProtocolError::FieldCount),
        Err(httparse::Error::Version) => return Err(ProtocolError::NotHttp),
        Err(_) => return Err(ProtocolError::Head),
    }
    let (Some(status), Some(minor)) = (response.code, response.version) else {
        return Err(ProtocolError::Head);
    };
    if !STATUSES.contains(&status) {
        return Err(ProtocolError::Status);
    }
    let mut facts = Facts::default();
    for field in response.headers.iter() {
        facts.note(field)?;
    }
    facts.decide(status, minor)
}

impl Facts {
    fn note(&mut self, field: &httparse::Header<'_>) -> Result<(), ProtocolError> {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            if self.length.is_some() {
                return Err(ProtocolError::LengthTwice);
            }
            self.length = Some(number(field.value).ok_or(ProtocolError::Length)?);
        } else if is("transfer-encoding") {
            for coding in elements(field.value) {
                self.codings += 1;
                self.chunked_is_last = coding.eq_ignore_ascii_case(b"chunked");
                self.chunked += usize::from(self.chunked_is_last);
            }
            // `Transfer-Encoding:` without any coding is no framing at all.
            if self.codings == 0 {
                return Err(ProtocolError::Coding);
            }
        } else if is("connection") {
            for option in elements(field.value) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        }
        Ok(())
    }

    /// RFC 9112 section 6.3, in its order, and strict where it lets a client choose.
    fn decide(self, status: u16, minor: u8) -> Result<Head, ProtocolError> {
        let framing = if self.codings > 0 {
            if minor == 0 {
                return Err(ProtocolError::CodingInOld);
            }
            if self.length.is_some() {
                return Err(ProtocolError::CodingAndLength);
            }
            if self.chunked != 1 || !self.chunked_is_last {
                return Err(ProtocolError::Coding);
            }
            Framing::Chunked
        } else {
            self.length.map_or(Framing::Close, Framing::Length)
        };
        Ok(Head {
            status,
            framing,
            // RFC 9112 section 9.3.
            closes: self.close || (minor == 0 && !self.keep_alive),
        })
    }
}

/// `1*DIGIT` that fits.
fn number(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value.trim_ascii()).ok()?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// The elements of a list. RFC 9110 section 5.6.1: empty ones are passed over.
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}
