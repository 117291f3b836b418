//! The greeting of the `hullo` command.

use crate::http::{Handler, Request, Responded, ResponseWriter};

/// Greets every path, verbatim: `Hello, visitor! You've requested: {path}`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Greeting;

impl Handler for Greeting {
    #[inline]
    fn handle(&self, request: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
        reply.text(&[b"Hello, visitor! You've requested: ", request.path(), b"\n"])
    }
}
