//! The greeting of the `hullo` command.

use crate::http::{Replied, Reply, Request, Respond};

/// Greets every path, verbatim: `Hello, visitor! You've requested: {path}`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Greeting;

impl Respond for Greeting {
    #[inline]
    fn respond(&self, request: &Request<'_>, reply: Reply<'_>) -> Replied {
        reply.text(&[b"Hello, visitor! You've requested: ", request.path(), b"\n"])
    }
}
