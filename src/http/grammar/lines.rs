//! Line ends: CR LF and nothing else.
//!
//! RFC 9112 section 2.2 lets a recipient take LF alone for a line end. Neither role does: a peer
//! that disagrees about where a line ends disagrees about where the next message begins.

/// A CR or an LF that is not part of a CR LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum BareLineEnd {
    LineFeed,
    CarriageReturn,
}

/// What a search for a line end came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum LineEnd {
    /// A CR LF begins here.
    At(usize),
    /// There is none yet, and none begins before this place.
    NotBefore(usize),
}

/// Searches `input` for the first line end from `from` on.
#[inline]
pub(in crate::http) fn find_line_end(input: &[u8], from: usize) -> Result<LineEnd, BareLineEnd> {
    let rest = input.get(from..).unwrap_or_default();
    let Some(found) = memchr::memchr2(b'\r', b'\n', rest) else {
        return Ok(LineEnd::NotBefore(input.len()));
    };
    match rest[found..] {
        [b'\n', ..] => Err(BareLineEnd::LineFeed),
        [_, b'\n', ..] => Ok(LineEnd::At(from + found)),
        [_] => Ok(LineEnd::NotBefore(from + found)),
        _ => Err(BareLineEnd::CarriageReturn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_in_cr_lf_and_in_nothing_else() {
        for (input, from, found) in [
            ("", 0, Ok(LineEnd::NotBefore(0))),
            ("abc", 0, Ok(LineEnd::NotBefore(3))),
            ("abc\r", 0, Ok(LineEnd::NotBefore(3))),
            ("abc\r\n", 0, Ok(LineEnd::At(3))),
            ("a\r\nb\r\n", 3, Ok(LineEnd::At(4))),
            ("\r\n", 0, Ok(LineEnd::At(0))),
            ("\r\n", 2, Ok(LineEnd::NotBefore(2))),
            ("a\nb\r\n", 0, Err(BareLineEnd::LineFeed)),
            ("a\rb\r\n", 0, Err(BareLineEnd::CarriageReturn)),
            ("a\r\r\n", 0, Err(BareLineEnd::CarriageReturn)),
        ] {
            assert_eq!(find_line_end(input.as_bytes(), from), found, "{input:?}");
        }
    }
}
