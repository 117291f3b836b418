//! Why a request is refused: a small cause, its status, and the sentence that the peer reads.

use super::super::grammar::chunked::{ChunkedError, TrailerError};
use super::super::grammar::fields::FieldError;
use super::super::grammar::framing::FramingError;
use super::super::grammar::lines::BareLineEnd;
use super::status::Status;

/// Makes the enum and the list of its variants from one list.
macro_rules! rejects {
    ($($name:ident,)*) => {
        /// Why the engine refuses a request. A refusal ends the conversation, because where the next request
        /// begins would be a guess. The one exception is an [`Expectation`](Self::Expectation) without a body.
        ///
        /// Which methods are served is the policy of a [`Handler`](super::Handler), but for
        /// [`Connect`](Self::Connect): what follows a CONNECT may be a tunnel's bytes, and not a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "each is described by its sentence")]
        pub enum Reject {
            $($name,)*
        }

        impl Reject {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

rejects! {
    BareLineFeed,
    BareCarriageReturn,
    EmptyLines,
    MethodSyntax,
    MethodLength,
    TargetSyntax,
    TargetForm,
    TargetLength,
    VersionSyntax,
    VersionUnsupported,
    HeadLength,
    FieldCount,
    FieldName,
    FieldValue,
    HostMissing,
    HostRepeated,
    HostSyntax,
    LengthSyntax,
    LengthRepeated,
    LengthWithCoding,
    CodingInVersion10,
    CodingSyntax,
    CodingUnknown,
    Connect,
    BodyLength,
    Expectation,
    ChunkSize,
    ChunkEnd,
    ExtensionSyntax,
    ExtensionLength,
    TrailerLength,
    RequestTimeout,
    Overloaded,
    BufferLimit,
}

impl Reject {
    /// The status of the refusal.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::TargetLength => Status::URI_TOO_LONG,
            Self::VersionUnsupported => Status::HTTP_VERSION_NOT_SUPPORTED,
            Self::HeadLength | Self::FieldCount | Self::TrailerLength => {
                Status::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::CodingUnknown => Status::NOT_IMPLEMENTED,
            Self::Connect => Status::METHOD_NOT_ALLOWED,
            Self::BodyLength => Status::CONTENT_TOO_LARGE,
            Self::Overloaded | Self::BufferLimit => Status::SERVICE_UNAVAILABLE,
            Self::RequestTimeout => Status::REQUEST_TIMEOUT,
            Self::Expectation => Status::EXPECTATION_FAILED,
            _ => Status::BAD_REQUEST,
        }
    }

    /// The line that the peer reads.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::BareLineFeed => "A line ends in LF alone: it must end in CR LF.\n",
            Self::BareCarriageReturn => "A CR is not followed by LF: a line must end in CR LF.\n",
            Self::EmptyLines => "Too many empty lines precede the request line.\n",
            Self::MethodSyntax => "The method is not a token.\n",
            Self::MethodLength => "The method is too long.\n",
            Self::TargetSyntax => {
                "The request target contains a byte that must be percent-encoded.\n"
            }
            Self::TargetForm => "The form of the request target does not fit the method.\n",
            Self::TargetLength => "The request target is too long.\n",
            Self::VersionSyntax => "The request line does not end in one space and HTTP/1.1.\n",
            Self::VersionUnsupported => "Only HTTP/1.1 and HTTP/1.0 are supported.\n",
            Self::HeadLength => "The head of the request is too long.\n",
            Self::FieldCount => "The request has too many fields.\n",
            Self::FieldName => "A field line does not begin with a token and a colon.\n",
            Self::FieldValue => "A field value contains a control character.\n",
            Self::HostMissing => "The Host field is missing.\n",
            Self::HostRepeated => "The Host field is given more than once.\n",
            Self::HostSyntax => {
                "The host is not valid: it must be a name or an address, with or without a port.\n"
            }
            Self::LengthSyntax => "The Content-Length is not a decimal number below 2^64.\n",
            Self::LengthRepeated => "The Content-Length is given more than once.\n",
            Self::LengthWithCoding => "Content-Length and Transfer-Encoding exclude each other.\n",
            Self::CodingInVersion10 => "HTTP/1.0 has no Transfer-Encoding.\n",
            Self::CodingSyntax => "The Transfer-Encoding does not end in one plain chunked.\n",
            Self::CodingUnknown => "The only transfer coding supported is chunked.\n",
            Self::Connect => "This is an origin server: it does not open tunnels.\n",
            Self::BodyLength => "The content of the request is too long.\n",
            Self::Expectation => "The only expectation supported is 100-continue.\n",
            Self::ChunkSize => "A chunk size is not one to sixteen hexadecimal digits.\n",
            Self::ChunkEnd => "The data of a chunk is not followed by CR LF.\n",
            Self::ExtensionSyntax => "A chunk extension is malformed.\n",
            Self::ExtensionLength => "The chunk extensions are too long.\n",
            Self::TrailerLength => "The trailer section is too long.\n",
            Self::Overloaded => "Too many connections: try again in a second.\n",
            Self::BufferLimit => "Out of memory for slow requests: try again in a second.\n",
            Self::RequestTimeout => "The request took too long to arrive.\n",
        }
    }
}

impl From<BareLineEnd> for Reject {
    fn from(error: BareLineEnd) -> Self {
        match error {
            BareLineEnd::LineFeed => Self::BareLineFeed,
            BareLineEnd::CarriageReturn => Self::BareCarriageReturn,
        }
    }
}

impl From<FieldError> for Reject {
    fn from(error: FieldError) -> Self {
        match error {
            FieldError::Name => Self::FieldName,
            FieldError::Value => Self::FieldValue,
        }
    }
}

impl From<FramingError> for Reject {
    #[cold]
    fn from(error: FramingError) -> Self {
        match error {
            FramingError::LengthSyntax => Self::LengthSyntax,
            FramingError::LengthRepeated => Self::LengthRepeated,
            FramingError::LengthWithCoding => Self::LengthWithCoding,
            FramingError::CodingInVersion10 => Self::CodingInVersion10,
            FramingError::CodingSyntax => Self::CodingSyntax,
            FramingError::CodingUnknown => Self::CodingUnknown,
        }
    }
}

impl From<ChunkedError> for Reject {
    fn from(error: ChunkedError) -> Self {
        match error {
            ChunkedError::SizeSyntax => Self::ChunkSize,
            ChunkedError::LineEnd(error) => error.into(),
            ChunkedError::ExtensionSyntax => Self::ExtensionSyntax,
            ChunkedError::ExtensionLength => Self::ExtensionLength,
            ChunkedError::ContentLength => Self::BodyLength,
            ChunkedError::DataEnd => Self::ChunkEnd,
            ChunkedError::Trailer(error) => error.into(),
        }
    }
}

impl From<TrailerError> for Reject {
    fn from(error: TrailerError) -> Self {
        match error {
            TrailerError::LineEnd(error) => error.into(),
            TrailerError::FieldName => Self::FieldName,
            TrailerError::FieldValue => Self::FieldValue,
            TrailerError::FieldCount => Self::FieldCount,
            TrailerError::Length => Self::TrailerLength,
        }
    }
}
