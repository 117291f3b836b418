//! The field lines of a head (RFC 9112 section 5), read in one pass.
//!
//! A line is `name ":" OWS value OWS` and CR LF: a name is a token directly before its colon, a value has no
//! control bytes but tabs, and a line that begins with white space (obs-fold) is none.

use super::bytes::{TOKEN, end_of_value, trim};

/// A field: its name, and its value without the white space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct FieldLine<'a> {
    pub(in crate::http) name: &'a [u8],
    pub(in crate::http) value: &'a [u8],
}

/// What is wrong with a field line. If it is the last one of the input, the rest of it may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum FieldError {
    Name,
    Value,
}

/// Reads field lines up to the empty line behind them.
#[derive(Clone, Debug)]
pub(in crate::http) struct FieldLines<'a> {
    rest: &'a [u8],
}

impl<'a> FieldLines<'a> {
    /// `input` begins with the first one.
    #[inline]
    pub(in crate::http) fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// What has not been read.
    #[inline]
    pub(in crate::http) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads a line. `None`: it is the empty one.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    pub(in crate::http) fn read(&mut self) -> Result<Option<FieldLine<'a>>, FieldError> {
        if let [b'\r', b'\n', rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(None);
        }
        let name_end = TOKEN.first_outside(self.rest).ok_or(FieldError::Name)?;
        let (name, after_name) = self.rest.split_at(name_end);
        let after_colon = match after_name {
            [b':', rest @ ..] if !name.is_empty() => rest,
            _ => return Err(FieldError::Name),
        };
        let (value, line_end) = after_colon.split_at(end_of_value(after_colon));
        self.rest = line_end.strip_prefix(b"\r\n").ok_or(FieldError::Value)?;
        let value = trim(value);
        Ok(Some(FieldLine { name, value }))
    }
}

/// The fields up to the empty line, or to a line that is wrong.
impl<'a> Iterator for FieldLines<'a> {
    type Item = FieldLine<'a>;

    fn next(&mut self) -> Option<FieldLine<'a>> {
        self.read().ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name and value of each field, and what follows the empty line.
    type Fields = (Vec<(Vec<u8>, Vec<u8>)>, Vec<u8>);

    fn fields(input: &[u8]) -> Result<Fields, FieldError> {
        let mut lines = FieldLines::new(input);
        let mut fields = Vec::new();
        while let Some(FieldLine { name, value }) = lines.read()? {
            fields.push((name.to_vec(), value.to_vec()));
        }
        Ok((fields, lines.rest().to_vec()))
    }

    /// The same as the grammar spells it.
    fn naive(input: &[u8]) -> Result<Fields, FieldError> {
        let mut fields = Vec::new();
        let mut rest = input;
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
            let line = &rest[..end];
            rest = &rest[end + 2..];
            if line.is_empty() {
                return Ok((fields, rest.to_vec()));
            }
            let colon = line.iter().position(|&byte| byte == b':');
            let (name, value) = line.split_at(colon.ok_or(FieldError::Name)?);
            let is_tchar =
                |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
            if name.is_empty() || !name.iter().all(is_tchar) {
                return Err(FieldError::Name);
            }
            let is_text = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
            if !value.iter().all(is_text) {
                return Err(FieldError::Value);
            }
            let value = value[1..].to_vec();
            let is_space = |byte: &u8| b" \t".contains(byte);
            let start = value.iter().position(|byte| !is_space(byte));
            let end = value.iter().rposition(|byte| !is_space(byte));
            let value = start
                .zip(end)
                .map_or(&[][..], |(start, end)| &value[start..=end]);
            fields.push((name.to_vec(), value.to_vec()));
        }
        Err(FieldError::Name)
    }

    /// httparse, which takes LF alone for a line end as well.
    fn httparse(input: &[u8]) -> Option<Fields> {
        let mut table = [httparse::EMPTY_HEADER; 8];
        let Ok(httparse::Status::Complete((length, fields))) =
            httparse::parse_headers(input, &mut table)
        else {
            return None;
        };
        let fields = fields.iter();
        let fields = fields.map(|field| (field.name.as_bytes().to_vec(), field.value.to_vec()));
        Some((fields.collect(), input[length..].to_vec()))
    }

    #[track_caller]
    fn check(input: &[u8]) {
        let (found, expected) = (fields(input), naive(input));
        // Of lines that have not come to their end, no more is said than that something is wrong.
        match &expected {
            Err(_) if naive(&[input, b"\r\n\r\n"].concat()) != expected => assert!(found.is_err()),
            _ => assert_eq!(found, expected, "{}", input.escape_ascii()),
        }
        if !input.contains(&b'\n') || found.is_ok() {
            assert_eq!(found.ok(), httparse(input), "{}", input.escape_ascii());
        }
    }

    /// Each string of up to five of the bytes that matter, as lines and within a value.
    #[test]
    fn a_naive_reader_and_httparse_agree_on_short_lines() {
        const BYTES: &[u8] = b"a: \t\r\n\0\x7F\xFF(";
        for length in 0..=5 {
            for number in 0..BYTES.len().pow(length) {
                let digits = (0..length).map(|place| number / BYTES.len().pow(place));
                let text: Vec<u8> = digits.map(|digit| BYTES[digit % BYTES.len()]).collect();
                check(&[&text, &b"\r\n\r\n"[..]].concat());
                check(&text);
            }
        }
    }

    /// Each byte at each place of lines long enough for each of the loops.
    #[test]
    fn they_agree_on_each_byte_at_each_place() {
        for (name, value) in [(1, 1), (7, 8), (8, 16), (9, 17), (17, 40)] {
            let (name, value) = ("n".repeat(name), "v".repeat(value));
            let lines = format!("{name}: {value}\r\nB: \t{value}\t \r\n\r\nrest");
            for place in 0..lines.len() {
                for byte in 0..=u8::MAX {
                    let mut lines = lines.clone().into_bytes();
                    lines[place] = byte;
                    check(&lines);
                }
                check(&lines.as_bytes()[..place]);
            }
        }
    }
}
