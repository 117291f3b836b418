//! What a response has to look like because of its request.

use super::super::grammar::connection::Persistence;

/// What a response has to look like because of its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) persistence: Persistence,
    /// RFC 9110 section 9.3.2: the response to HEAD has the fields of a GET, and no content.
    pub(super) without_content: bool,
    /// The peer does not know the chunked coding.
    pub(super) is_version_10: bool,
}

impl Form {
    #[inline]
    pub(super) fn end_of_head(self) -> &'static [u8] {
        match self.persistence {
            Persistence::Keep => b"\r\n\r\n",
            Persistence::KeepAlive => b"\r\nConnection: keep-alive\r\n\r\n",
            Persistence::Close => b"\r\nConnection: close\r\n\r\n",
        }
    }
}
