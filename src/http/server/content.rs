//! What a handler wants done with the content of a request.

use std::fmt;

use super::request::Request;
use super::response::{Responded, ResponseWriter};
use super::response_value::Response;
use super::status::Status;

/// What a [`Handler`](super::Handler) wants done with the content of a request: see [`Handler::content`](super::Handler::content).
///
/// In each case the engine reads the content to its end, keeps the limits (`413`) and the time-outs
/// (`408`), and answers `Expect: 100-continue`.
#[non_exhaustive]
pub enum Content {
    /// Discard it as it arrives.
    Skip,
    /// Keep it until it is whole: [`Handler::handle`](super::Handler::handle) finds it in [`Request::content`].
    Collect {
        /// The most bytes (`413` past them), if that is less than
        /// [`Limits::body_bytes`](super::Limits::body_bytes).
        max: usize,
    },
    /// Pass it on piece by piece. The reader answers the request, instead of the handler.
    Read(Box<dyn ContentReader>),
    /// Pass it on piece by piece, and begin to respond at once. The response's
    /// [`Source`](super::Source) is asked for more after each piece of the content. When the content
    /// has ended, the reader is dropped; when it cannot be read to its end, both are.
    Exchange {
        /// Gets the content.
        reader: Box<dyn ContentReader>,
        /// Is begun before the content has come.
        response: Response,
    },
    /// Do not read it: send this response, then close the connection.
    Refuse(Response),
}

impl Content {
    /// [`Content::Read`] with this reader.
    #[must_use]
    pub fn read(reader: impl ContentReader + 'static) -> Self {
        Self::Read(Box::new(reader))
    }

    /// [`Content::Exchange`] with this reader and this response.
    #[must_use]
    pub fn exchange(reader: impl ContentReader + 'static, response: Response) -> Self {
        Self::Exchange {
            reader: Box::new(reader),
            response,
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skip => out.write_str("Skip"),
            Self::Collect { max } => out.debug_struct("Collect").field("max", max).finish(),
            Self::Read(_) => out.write_str("Read"),
            Self::Exchange { .. } => out.write_str("Exchange"),
            Self::Refuse(response) => out.debug_tuple("Refuse").field(response).finish(),
        }
    }
}

/// Takes the content of one request, piece by piece as it arrives. It is dropped when the peer leaves
/// before the end.
pub trait ContentReader {
    /// Takes the next bytes, without the framing of the chunked coding.
    ///
    /// # Errors
    ///
    /// A response that refuses the rest of the content: it is sent, and the connection is closed.
    fn read(&mut self, piece: &[u8]) -> Result<(), Response>;

    /// The content is whole: answers the request. The default answers `204 No Content`. It is not called
    /// in a [`Content::Exchange`], whose response has begun.
    fn end(self: Box<Self>, _request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        response.send(Status::NO_CONTENT, &[], &[])
    }
}
