//! What a response has to look like because of its request, and what it came to.

use super::super::grammar::connection::Persistence;
use super::status::Status;

/// What a response has to look like because of its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) persistence: Persistence,
    /// The same, whether or not the request is the last one of a drain: a later one may still come
    /// before a delayed response is begun.
    pub(super) asked: Persistence,
    /// RFC 9110 section 9.3.2: the response to HEAD has the fields of a GET, and no content.
    pub(super) without_content: bool,
    /// The peer does not know the chunked coding.
    pub(super) is_version_10: bool,
}

impl Form {
    /// The connection is closed after the response, whatever comes.
    pub(super) fn closing(self) -> Self {
        Self {
            persistence: Persistence::Close,
            asked: Persistence::Close,
            ..self
        }
    }

    /// The field line for it, with the line end in front of it.
    #[inline]
    pub(super) fn connection(self) -> &'static [u8] {
        match self.persistence {
            Persistence::Keep => b"",
            Persistence::KeepAlive => b"\r\nConnection: keep-alive",
            Persistence::Close => b"\r\nConnection: close",
        }
    }
}

/// What was written of a whole response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) persistence: Persistence,
    pub(super) status: Status,
    /// Of its content, without the framing.
    pub(super) content_bytes: u64,
}
