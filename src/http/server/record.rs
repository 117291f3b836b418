//! What an observer is told: a request, and what became of it. An access log is made of it.

use std::fmt;
use std::time::Duration;

use super::peer::Peer;
use super::reject::Reject;
use super::request::Request;
use super::status::Status;

/// A request and what became of it: what [`Handler::observe`](super::Handler::observe) is told.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Exchange<'a> {
    /// The request. `None`: it was refused before its request line was understood. Of a request that was
    /// refused later there are the fields before the fault, and no content.
    pub request: Option<Request<'a>>,
    /// The request line as it came, without its line end, as far as it came. It may contain any byte but
    /// a line feed.
    pub request_line: &'a [u8],
    /// Who has sent it.
    pub peer: &'a dyn Peer,
    /// The status of the response. `None`: it was not begun, because the peer has left or the connection
    /// was closed.
    pub status: Option<Status>,
    /// How much content the response had, without the framing of the chunked coding: what was written to
    /// the socket, or waits for room in it. What the peer has received of it is not known.
    pub content_bytes: u64,
    /// Did the response come to its end?
    pub is_complete: bool,
    /// Why the engine has refused the request.
    pub reject: Option<Reject>,
    /// When the response ended, in seconds since 1970-01-01 00:00:00 UTC.
    pub unix_seconds: u64,
    /// How long that was after the head of the request had come, by the clock that the event loop reads
    /// once in a turn. Zero: both in the same turn.
    pub duration: Duration,
}

impl fmt::Debug for Exchange<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Exchange")
            .field(
                "request_line",
                &self.request_line.escape_ascii().to_string(),
            )
            .field("status", &self.status)
            .field("content_bytes", &self.content_bytes)
            .field("is_complete", &self.is_complete)
            .field("reject", &self.reject)
            .field("duration", &self.duration)
            .finish_non_exhaustive()
    }
}
