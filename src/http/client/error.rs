//! What can be wrong with a response.

use super::super::grammar::chunked::ChunkedError;
use super::super::grammar::fields::FieldError;
use super::super::grammar::framing::FramingError;
use super::super::grammar::lines::BareLineEnd;

/// Makes an enum, the list of its variants, and the sentence of each from one list.
macro_rules! protocol_errors {
    ($($name:ident: $sentence:literal,)*) => {
        /// What is wrong with a response.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum ProtocolError {
            $(#[doc = $sentence] $name,)*
        }

        impl ProtocolError {
            /// All of them, each in the place of its [`index`](Self::index).
            pub(crate) const ALL: [Self; [$(stringify!($name)),*].len()] = [$(Self::$name),*];

            /// What a reader sees.
            pub(crate) const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$name => $sentence,)*
                }
            }
        }
    };
}

protocol_errors! {
    NotHttp: "not HTTP/1",
    Head: "malformed head",
    LineEnd: "bare LF or CR as a line end",
    HeadLength: "head too long",
    FieldCount: "too many fields",
    Length: "Content-Length is not a number",
    LengthTwice: "Content-Length given twice",
    Coding: "Transfer-Encoding has no, or more than one, final chunked",
    CodingAndLength: "both Transfer-Encoding and Content-Length",
    CodingInOld: "Transfer-Encoding in HTTP/1.0",
    Chunk: "malformed chunk",
    Trailer: "malformed trailer",
    Interim: "too many 1xx answers",
    Upgrade: "101 without having asked for an upgrade",
    Status: "status below 100 or above 599",
    Unasked: "bytes that no request asked for",
}

impl ProtocolError {
    /// Its place in [`ALL`](Self::ALL), for an array of counts.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl From<BareLineEnd> for ProtocolError {
    fn from(_: BareLineEnd) -> Self {
        Self::LineEnd
    }
}

impl From<FieldError> for ProtocolError {
    fn from(_: FieldError) -> Self {
        Self::Head
    }
}

impl From<FramingError> for ProtocolError {
    fn from(error: FramingError) -> Self {
        match error {
            FramingError::LengthSyntax => Self::Length,
            FramingError::LengthRepeated => Self::LengthTwice,
            FramingError::LengthWithCoding => Self::CodingAndLength,
            FramingError::CodingInVersion10 => Self::CodingInOld,
            FramingError::CodingSyntax | FramingError::CodingUnknown => Self::Coding,
        }
    }
}

impl From<ChunkedError> for ProtocolError {
    fn from(error: ChunkedError) -> Self {
        match error {
            ChunkedError::Trailer(_) => Self::Trailer,
            _ => Self::Chunk,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_place_and_a_sentence_of_its_own() {
        for (place, error) in ProtocolError::ALL.into_iter().enumerate() {
            assert_eq!(error.index(), place);
            let same = |other: &ProtocolError| other.sentence() == error.sentence();
            assert_eq!(
                ProtocolError::ALL
                    .iter()
                    .filter(|other| same(other))
                    .count(),
                1
            );
        }
    }
}
