//! The field lines of a head. The only file that names httparse.

use httparse::{EMPTY_HEADER, Error, Header, Status};

/// A field: its name, and its value without the white space around it.
pub(in crate::http) type FieldLine<'a> = Header<'a>;

/// A table for the fields of one head, on the stack.
pub(in crate::http) type Table<'a, const N: usize> = [FieldLine<'a>; N];

pub(in crate::http) const fn table<'a, const N: usize>() -> Table<'a, N> {
    [EMPTY_HEADER; N]
}

/// What is wrong with field lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum FieldError {
    Name,
    Value,
    /// The table has no place for another one.
    Count,
}

/// Reads all the field lines of a head, up to and with its empty line. That each line ends in CR LF
/// is for the caller to have seen: httparse takes LF alone as well.
pub(in crate::http) fn read<'t, 'a>(
    lines: &'a [u8],
    table: &'t mut [FieldLine<'a>],
) -> Result<&'t [FieldLine<'a>], FieldError> {
    match httparse::parse_headers(lines, table) {
        Ok(Status::Complete((_, fields))) => Ok(fields),
        Ok(Status::Partial) | Err(Error::HeaderName) => Err(FieldError::Name),
        Err(Error::TooManyHeaders) => Err(FieldError::Count),
        Err(_) => Err(FieldError::Value),
    }
}

/// Reads the field lines that `input` begins with in one pass, if all of them are there and nothing
/// about them is unusual. `None` is not a verdict. Returns their length as well.
#[inline(always)]
#[expect(clippy::inline_always, reason = "on the path of every request")]
pub(in crate::http) fn read_fast<'t, 'a>(
    input: &'a [u8],
    table: &'t mut [FieldLine<'a>],
) -> Option<(usize, &'t [FieldLine<'a>])> {
    let Ok(Status::Complete((length, fields))) = httparse::parse_headers(input, table) else {
        return None;
    };
    lines_end_in_crlf(&input[..length], fields).then_some((length, fields))
}

/// httparse takes LF alone for the end of a line. Checks that nothing stands between the fields it
/// has read but white space and CR LF.
#[inline(always)]
#[expect(clippy::inline_always, reason = "on the path of every request")]
fn lines_end_in_crlf(lines: &[u8], fields: &[FieldLine<'_>]) -> bool {
    let mut rest = lines;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_read_gives_up_on_a_line_that_ends_in_lf() {
        for (lines, count) in [
            ("\r\n", Some(0)),
            ("A: b\r\n\r\n", Some(1)),
            ("A:\r\nB: \t c \t\r\n\r\n", Some(2)),
            ("A: b\n\r\n", None),
            ("A: b\r\n\n", None),
            ("A: b\r\n", None),
            ("A : b\r\n\r\n", None),
        ] {
            let mut table = table::<2>();
            let found = read_fast(lines.as_bytes(), &mut table);
            assert_eq!(found.map(|(_, fields)| fields.len()), count, "{lines:?}");
            assert!(found.is_none_or(|(length, _)| length == lines.len()));
        }
    }

    #[test]
    fn a_field_error_has_a_cause() {
        for (lines, cause) in [
            ("A b\r\n\r\n", FieldError::Name),
            (": b\r\n\r\n", FieldError::Name),
            (" A: b\r\n\r\n", FieldError::Name),
            ("A: \0\r\n\r\n", FieldError::Value),
            ("A: b\r\nA: b\r\nA: b\r\n\r\n", FieldError::Count),
        ] {
            let mut table = table::<2>();
            assert_eq!(
                read(lines.as_bytes(), &mut table).unwrap_err(),
                cause,
                "{lines:?}"
            );
        }
    }
}
