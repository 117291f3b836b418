//! Finds the end of a head, looking at each byte once, however the input is cut.
//!
//! The request line is checked as it arrives: noise is refused at its first wrong byte, not after a
//! time-out. Of the field lines only the ends are looked for here, since a lone CR or LF would make
//! two readers disagree about where one is; their content is read once the head is whole.

use super::super::grammar::bytes::{PATH, TARGET, TOKEN};
use super::super::grammar::lines::{LineEnd, find_line_end};
use super::limits::{Limits, METHOD_BYTES_MAX};
use super::method::Method;
use super::reject::Reject;
use super::target::path_of;

/// How far into a head we have looked. Offsets count from the head's first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    part: Part,
    /// Everything before this has been looked at.
    at: u32,
    /// Where the current part begins; among the fields, the current line.
    start: u32,
    fields: u32,
    line: Line,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Method,
    Target,
    Version,
    Fields,
}

/// A request line, as offsets into its head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) method: Method,
    /// HTTP/1.`minor`.
    pub(super) minor: u8,
    pub(super) target: (u32, u32),
    /// Within the target; its end is 0 until the path has been found.
    pub(super) path: (u32, u32),
    pub(super) fields: u32,
}

impl Line {
    /// Reads a whole request line whose target is a path without percent-encoding, perhaps with a query: most are
    /// like that. `None` decides nothing.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    fn plain(input: &[u8], limits: &Limits) -> Option<Self> {
        let (method, start) = if input.starts_with(b"GET ") {
            (Method::Get, b"GET ".len())
        } else {
            let end = TOKEN.first_outside(input)?;
            if !(1..=METHOD_BYTES_MAX).contains(&end) || input[end] != b' ' {
                return None;
            }
            (Method::of(&input[..end]), end + 1)
        };
        let target = input.get(start..)?;
        let path = PATH.first_outside(target)?;
        let length = match target[path] {
            b'?' => path + TARGET.first_outside(&target[path..])?,
            _ => path,
        };
        let (target, rest) = target.split_at(length);
        let [minor @ b'0'..=b'9', b'\r', b'\n', ..] = rest.strip_prefix(b" HTTP/1.")? else {
            return None;
        };
        if target.first() != Some(&b'/') || length > limits.target_bytes {
            return None;
        }
        // A head is at most `Limits::HEAD_BYTES_MAX` long.
        let start = start as u32;
        let end = start + length as u32;
        Some(Self {
            method,
            minor: minor - b'0',
            target: (start, end),
            path: (start, start + path as u32),
            fields: end + 11,
        })
    }
}

impl Scan {
    /// Has no byte of the head been seen?
    #[inline]
    pub(super) fn is_new(&self) -> bool {
        self.at == 0
    }

    /// The request line, as far as it is known.
    #[inline]
    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    /// The length of the head with its empty line, once that has been found.
    #[inline]
    pub(super) fn length(&self) -> usize {
        self.at as usize
    }

    /// Looks at the new bytes of the request line; `input` begins with its first byte. `true`: it is
    /// whole.
    ///
    /// The result does not depend on how the input was cut: the first wrong byte decides.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    pub(super) fn request_line(&mut self, input: &[u8], limits: &Limits) -> Result<bool, Reject> {
        let window = limits.window(input);
        if self.is_new()
            && let Some(line) = Line::plain(window, limits)
        {
            self.line = line;
            self.begin(Part::Fields, line.fields as usize);
            return Ok(true);
        }
        self.parts_of_line(window, limits)
    }

    /// Reads on in a line of which not all is there, or whose target is not a plain one.
    fn parts_of_line(&mut self, window: &[u8], limits: &Limits) -> Result<bool, Reject> {
        let is_whole = (self.part != Part::Method || self.method_in(window)?)
            && (self.part != Part::Target || self.target_in(window, limits)?)
            && (self.part != Part::Version || self.version_in(window)?);
        if is_whole {
            Ok(true)
        } else {
            may_go_on(window, limits)
        }
    }

    /// Looks at the new bytes of the field lines. `true`: the head is whole.
    pub(super) fn field_lines(&mut self, input: &[u8], limits: &Limits) -> Result<bool, Reject> {
        let window = limits.window(input);
        if self.fields_in(window, limits)? {
            Ok(true)
        } else {
            may_go_on(window, limits)
        }
    }

    /// The head is known to be whole, without a scan of its field lines.
    #[inline]
    pub(super) fn finish(&mut self, length: usize) {
        self.begin(Part::Fields, length);
    }

    fn method_in(&mut self, input: &[u8]) -> Result<bool, Reject> {
        let new = &input[self.at as usize..];
        let end = self.at as usize + TOKEN.first_outside(new).unwrap_or(new.len());
        if end > METHOD_BYTES_MAX {
            return Err(Reject::MethodLength);
        }
        match input.get(end) {
            None => {
                self.at = end as u32;
                Ok(false)
            }
            Some(b' ') if end > 0 => {
                self.line.method = Method::of(&input[..end]);
                self.begin(Part::Target, end + 1);
                Ok(true)
            }
            Some(b'\n') => Err(Reject::BareLineFeed),
            Some(_) => Err(Reject::MethodSyntax),
        }
    }

    fn target_in(&mut self, input: &[u8], limits: &Limits) -> Result<bool, Reject> {
        let new = &input[self.at as usize..];
        let end = self.at as usize + TARGET.first_outside(new).unwrap_or(new.len());
        if end - self.start as usize > limits.target_bytes {
            return Err(Reject::TargetLength);
        }
        match input.get(end) {
            None => {
                self.at = end as u32;
                Ok(false)
            }
            Some(b' ') if end > self.start as usize => {
                self.line.target = (self.start, end as u32);
                self.begin(Part::Version, end + 1);
                Ok(true)
            }
            Some(b'\n') => Err(Reject::BareLineFeed),
            // A request line of HTTP/0.9, which has no version.
            Some(b'\r') => Err(Reject::VersionSyntax),
            Some(_) => Err(Reject::TargetSyntax),
        }
    }

    /// `HTTP/d.d` and CR LF: ten bytes, looked at again whenever one of them arrives.
    fn version_in(&mut self, input: &[u8]) -> Result<bool, Reject> {
        let rest = &input[self.start as usize..];
        match rest.first_chunk::<10>() {
            Some(end)
                if end[..7] == *b"HTTP/1." && end[7].is_ascii_digit() && end[8..] == *b"\r\n" =>
            {
                self.line.minor = end[7] - b'0';
            }
            _ => return other_version(rest).map(|()| false),
        }
        if self.line.path.1 == 0 {
            let (start, end) = self.line.target;
            let path = path_of(self.line.method, &input[start as usize..end as usize])?;
            self.line.path = (start + path.start as u32, start + path.end as u32);
        }
        self.line.fields = self.start + 10;
        self.begin(Part::Fields, self.start as usize + 10);
        Ok(true)
    }

    fn fields_in(&mut self, input: &[u8], limits: &Limits) -> Result<bool, Reject> {
        loop {
            match find_line_end(input, self.at as usize)? {
                LineEnd::At(end) => {
                    let line_is_empty = end == self.start as usize;
                    self.begin(Part::Fields, end + 2);
                    if line_is_empty {
                        return Ok(true);
                    }
                }
                LineEnd::NotBefore(at) => {
                    self.at = at as u32;
                    return Ok(false);
                }
            }
            self.fields += 1;
            if self.fields as usize > limits.fields {
                return Err(Reject::FieldCount);
            }
        }
    }

    #[inline]
    fn begin(&mut self, part: Part, at: usize) {
        self.part = part;
        // A head is at most `Limits::HEAD_BYTES_MAX` long.
        self.at = at as u32;
        self.start = self.at;
    }
}

/// Refuses a head that has no end within the longest one allowed.
fn may_go_on(window: &[u8], limits: &Limits) -> Result<bool, Reject> {
    if window.len() < limits.head_bytes {
        Ok(false)
    } else {
        Err(Reject::HeadLength)
    }
}

/// Returns why this cannot become the end of an HTTP/1 request line, if it cannot.
#[cold]
fn other_version(rest: &[u8]) -> Result<(), Reject> {
    const FORM: &[u8; 10] = b"HTTP/0.0\r\n";
    for (&byte, &expected) in rest.iter().zip(FORM) {
        let fits = byte == expected || (expected == b'0' && byte.is_ascii_digit());
        if !fits {
            return Err(match (byte, expected) {
                (b'\n', _) => Reject::BareLineFeed,
                (_, b'\n') => Reject::BareCarriageReturn,
                _ => Reject::VersionSyntax,
            });
        }
    }
    if rest.len() < FORM.len() {
        Ok(())
    } else {
        Err(Reject::VersionUnsupported)
    }
}
