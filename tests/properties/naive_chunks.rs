//! The chunked coding, read from one whole buffer line by line as RFC 9112 section 7.1 spells it.

use hullo::http::Limits;

use super::naive_head::{is_field_line, is_token, is_value, trim_start};

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Before the byte of that number.
    At(usize),
    Refused,
    /// There is not enough of it to say so.
    Unfinished,
}

pub(crate) fn end_of_chunks(input: &[u8], limits: &Limits) -> End {
    let mut rest = input;
    let mut total = 0_u128;
    let mut extension_bytes = 0;
    loop {
        let Some(line) = take_line(&mut rest) else {
            return End::Unfinished;
        };
        let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit());
        let (size, extensions) = line.split_at(digits.unwrap_or(line.len()));
        // White space has to be followed by an extension.
        if !extensions.is_empty() && !trim_start(extensions).starts_with(b";") {
            return End::Refused;
        }
        if !(1..=16).contains(&size.len()) {
            return End::Refused;
        }
        let text = std::str::from_utf8(size).expect("digits are ASCII");
        let size = u128::from_str_radix(text, 16).expect("hexadecimal digits");
        total += size;
        extension_bytes += extensions.len();
        let is_within = total <= u128::from(limits.body_bytes) && extension_bytes <= 1024;
        if !is_within || !are_extensions(trim_start(extensions)) {
            return End::Refused;
        }
        if size == 0 {
            return end_of_trailers(input.len(), rest, limits);
        }
        let size = usize::try_from(size).expect("within the limit");
        let Some(after) = rest.get(size..size + 2) else {
            return End::Unfinished;
        };
        if after != b"\r\n" {
            return End::Refused;
        }
        rest = &rest[size + 2..];
    }
}

fn end_of_trailers(length: usize, mut rest: &[u8], limits: &Limits) -> End {
    let start = rest.len();
    let mut fields = 0;
    while let Some(line) = take_line(&mut rest) {
        if start - rest.len() > 16 * 1024 {
            return End::Refused;
        }
        if line.is_empty() {
            return End::At(length - rest.len());
        }
        fields += 1;
        if fields > limits.fields || !is_field_line(line) {
            return End::Refused;
        }
    }
    End::Unfinished
}

/// What stands before the next CR LF. A CR or LF of its own is in no line, and refused as such.
fn take_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = crate::common::find(rest, b"\r\n")?;
    let line = &rest[..end];
    *rest = &rest[end + 2..];
    Some(line)
}

/// `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`, from the first semicolon on.
fn are_extensions(mut rest: &[u8]) -> bool {
    while let Some(after) = rest.strip_prefix(b";") {
        let (name, mut after) = split_token(trim_start(after));
        if name.is_empty() {
            return false;
        }
        if let Some(value) = trim_start(after).strip_prefix(b"=") {
            match end_of_value(trim_start(value)) {
                Some(end) => after = end,
                None => return false,
            }
        }
        rest = if trim_start(after).starts_with(b";") {
            trim_start(after)
        } else {
            after
        };
    }
    rest.is_empty()
}

/// What follows a token or a quoted string.
fn end_of_value(value: &[u8]) -> Option<&[u8]> {
    let Some(mut rest) = value.strip_prefix(b"\"") else {
        let (token, rest) = split_token(value);
        return (!token.is_empty()).then_some(rest);
    };
    loop {
        match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\', escaped, after @ ..] if is_value(&[*escaped]) => rest = after,
            [b'\\', ..] | [] => return None,
            [byte, after @ ..] if is_value(&[*byte]) => rest = after,
            _ => return None,
        }
    }
}

fn split_token(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|&byte| !is_token(&[byte]));
    bytes.split_at(end.unwrap_or(bytes.len()))
}
