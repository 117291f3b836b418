//! A handler whose requests come with their content.

use super::content::Content;
use super::handler::Handler;
use super::record::Exchange;
use super::request::Request;
use super::response::{Responded, ResponseWriter};

/// A handler whose requests come with their content, up to a number of bytes: see
/// [`collect`].
#[derive(Clone, Copy, Debug)]
pub struct Collected<H> {
    max: usize,
    handler: H,
}

/// Keeps the content of each request for `handler`: [`Content::Collect`]. Past `max` bytes the request
/// is refused with `413`.
#[must_use]
pub fn collect<H: Handler>(max: usize, handler: H) -> Collected<H> {
    Collected { max, handler }
}

impl<H: Handler> Handler for Collected<H> {
    const ALLOW: &'static str = H::ALLOW;
    const OBSERVES: bool = H::OBSERVES;

    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        self.handler.handle(request, response)
    }

    fn content(&self, _request: &Request<'_>) -> Content {
        Content::Collect { max: self.max }
    }

    fn handle_other(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        self.handler.handle_other(request, response)
    }

    fn observe(&self, exchange: &Exchange<'_>) {
        self.handler.observe(exchange);
    }
}
