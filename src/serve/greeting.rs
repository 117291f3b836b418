//! The greeting of the `hullo` command.

use crate::http::{Handler, Request, Responded, ResponseWriter};

/// Greets every path, verbatim: `Hello, visitor! You've requested: {path}`. Of OPTIONS, TRACE and
/// unknown methods it makes what [`Handler::handle_other`] does by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Greeting;

impl Handler for Greeting {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        response.text(&greeting_of(request.path()))
    }
}

/// The content that greets a path, in parts.
#[inline(always)]
#[expect(clippy::inline_always, reason = "on the path of every request")]
pub(crate) fn greeting_of(path: &[u8]) -> [&[u8]; 3] {
    [b"Hello, visitor! You've requested: ", path, b"\n"]
}
