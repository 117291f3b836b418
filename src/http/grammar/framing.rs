//! How the content of a message is framed, decided from its fields (RFC 9112 sections 6.1 to 6.3).
//!
//! Two fields, or two values, are two opinions on where the next message begins: a proxy between the
//! peers may hold the other one. Both roles refuse them.

use super::bytes::TOKEN;
use super::values::{all_elements, decimal};

/// How content is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Framing {
    Length(u64),
    Chunked,
}

/// What is wrong with the framing fields of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum FramingError {
    LengthSyntax,
    LengthRepeated,
    LengthWithCoding,
    CodingInVersion10,
    /// The codings do not end in one `chunked`, or the role is strict about their syntax.
    CodingSyntax,
    /// A coding other than `chunked`, and the role refuses it.
    CodingUnknown,
}

/// What a role does with a transfer coding other than `chunked`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum OtherCodings {
    /// A server refuses all of them, malformed elements, and empty ones: RFC 9110 section
    /// 5.6.1.2 would ignore the latter, but not every proxy does.
    Refused,
    /// A client that does not decode content accepts them before the final `chunked`.
    Accepted,
}

/// The framing fields of one head, collected before anything is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct FramingFields {
    lengths: u32,
    length: Option<u64>,
    codings: Codings,
    /// A list of codings has an element that is empty or not a token.
    is_malformed: bool,
}

/// The transfer codings of all the fields, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Codings {
    /// There is no `Transfer-Encoding`.
    #[default]
    None,
    /// There is one, without any coding.
    Empty,
    Chunked,
    Others,
    OthersThenChunked,
    /// `chunked` twice, or not last.
    Misplaced,
}

impl FramingFields {
    /// Adds a `Content-Length`, without the white space around it.
    pub(in crate::http) fn add_length(&mut self, value: &[u8]) {
        self.lengths += 1;
        self.length = decimal(value);
    }

    /// Adds a `Transfer-Encoding`: a list, in one field or several.
    pub(in crate::http) fn add_codings(&mut self, value: &[u8]) {
        if self.codings == Codings::None {
            self.codings = Codings::Empty;
        }
        for coding in all_elements(value) {
            self.is_malformed |= coding.is_empty() || !TOKEN.covers(coding);
            if !coding.is_empty() {
                let is_chunked = coding.eq_ignore_ascii_case(b"chunked");
                self.codings = match (self.codings, is_chunked) {
                    (Codings::None | Codings::Empty, true) => Codings::Chunked,
                    (Codings::Others, true) => Codings::OthersThenChunked,
                    (Codings::None | Codings::Empty | Codings::Others, false) => Codings::Others,
                    _ => Codings::Misplaced,
                };
            }
        }
    }

    /// Decides. `None`: neither field is there, and what that means depends on the role.
    #[inline]
    pub(in crate::http) fn decide(
        &self,
        is_version_10: bool,
        others: OtherCodings,
    ) -> Result<Option<Framing>, FramingError> {
        if self.codings != Codings::None {
            return self.coding(is_version_10, others).map(Some);
        }
        match (self.lengths, self.length) {
            (0, _) => Ok(None),
            (1, Some(length)) => Ok(Some(Framing::Length(length))),
            (1, None) => Err(FramingError::LengthSyntax),
            _ => Err(FramingError::LengthRepeated),
        }
    }

    /// RFC 9112 section 6.1: chunked comes once and last.
    fn coding(&self, is_version_10: bool, others: OtherCodings) -> Result<Framing, FramingError> {
        if self.lengths > 0 {
            return Err(FramingError::LengthWithCoding);
        }
        if is_version_10 {
            return Err(FramingError::CodingInVersion10);
        }
        match (self.codings, others) {
            (Codings::Chunked | Codings::OthersThenChunked, OtherCodings::Accepted) => {
                Ok(Framing::Chunked)
            }
            (_, OtherCodings::Accepted) => Err(FramingError::CodingSyntax),
            (_, OtherCodings::Refused) if self.is_malformed => Err(FramingError::CodingSyntax),
            (Codings::Chunked, _) => Ok(Framing::Chunked),
            (Codings::Others | Codings::OthersThenChunked, _) => Err(FramingError::CodingUnknown),
            _ => Err(FramingError::CodingSyntax),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        codings: &[&str],
        strict: Result<Framing, FramingError>,
        lenient: Result<Framing, FramingError>,
    ) {
        let mut fields = FramingFields::default();
        for value in codings {
            fields.add_codings(value.as_bytes());
        }
        let decide = |others| fields.decide(false, others).map(Option::unwrap);
        assert_eq!(decide(OtherCodings::Refused), strict, "{codings:?}");
        assert_eq!(decide(OtherCodings::Accepted), lenient, "{codings:?}");
        assert_eq!(
            fields.decide(true, OtherCodings::Accepted),
            Err(FramingError::CodingInVersion10)
        );
        fields.add_length(b"5");
        assert_eq!(
            fields.decide(false, OtherCodings::Accepted),
            Err(FramingError::LengthWithCoding)
        );
    }

    #[test]
    fn codings_end_in_one_chunked() {
        const SYNTAX: Result<Framing, FramingError> = Err(FramingError::CodingSyntax);
        const UNKNOWN: Result<Framing, FramingError> = Err(FramingError::CodingUnknown);
        const CHUNKED: Result<Framing, FramingError> = Ok(Framing::Chunked);
        check(&["chunked"], CHUNKED, CHUNKED);
        check(&["Chunked "], CHUNKED, CHUNKED);
        check(&["gzip, chunked"], UNKNOWN, CHUNKED);
        check(&["gzip", "chunked"], UNKNOWN, CHUNKED);
        check(&["gzip"], UNKNOWN, SYNTAX);
        check(&["chunked, gzip"], SYNTAX, SYNTAX);
        check(&["chunked, chunked"], SYNTAX, SYNTAX);
        check(&["gzip, chunked, chunked"], SYNTAX, SYNTAX);
        check(&["gzip;q=1, chunked"], SYNTAX, CHUNKED);
        check(&["chunked;q=1"], SYNTAX, SYNTAX);
        check(&["\"chunked\""], SYNTAX, SYNTAX);
        check(&[",chunked,"], SYNTAX, CHUNKED);
        check(&[""], SYNTAX, SYNTAX);
        check(&["", "chunked"], SYNTAX, CHUNKED);
    }

    #[test]
    fn lengths_are_one_number() {
        for (lengths, expected) in [
            (&[][..], Ok(None)),
            (&["5"], Ok(Some(Framing::Length(5)))),
            (&["5x"], Err(FramingError::LengthSyntax)),
            (&["5", "5"], Err(FramingError::LengthRepeated)),
            (&["5", "x"], Err(FramingError::LengthRepeated)),
        ] {
            let mut fields = FramingFields::default();
            for value in lengths {
                fields.add_length(value.as_bytes());
            }
            for is_version_10 in [true, false] {
                assert_eq!(
                    fields.decide(is_version_10, OtherCodings::Refused),
                    expected
                );
            }
        }
    }
}
