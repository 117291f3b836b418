//! A handler with an observer of its exchanges.

use std::fmt;

use super::content::Content;
use super::handler::Handler;
use super::record::Exchange;
use super::request::Request;
use super::response::{Responded, ResponseWriter};

/// A handler with an observer: see [`observed`].
#[derive(Clone, Copy)]
pub struct Observed<H, F> {
    handler: H,
    observer: F,
}

/// Calls `observer` with each request to `handler` when its response has ended, and with those that the
/// engine has refused: for an access log. See [`Handler::observe`].
///
/// It runs on the event loop: it must return at once, and neither block nor panic. So it does not write
/// to a file; it hands the line to another thread, or drops it.
#[must_use]
pub fn observed<H: Handler, F: Fn(&Exchange<'_>)>(handler: H, observer: F) -> Observed<H, F> {
    Observed { handler, observer }
}

impl<H: Handler, F: Fn(&Exchange<'_>)> Handler for Observed<H, F> {
    const ALLOW: &'static str = H::ALLOW;
    const OBSERVES: bool = true;

    #[inline]
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        self.handler.handle(request, response)
    }

    fn content(&self, request: &Request<'_>) -> Content {
        self.handler.content(request)
    }

    fn handle_other(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        self.handler.handle_other(request, response)
    }

    #[inline]
    fn observe(&self, exchange: &Exchange<'_>) {
        if H::OBSERVES {
            self.handler.observe(exchange);
        }
        (self.observer)(exchange);
    }
}

impl<H: fmt::Debug, F> fmt::Debug for Observed<H, F> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Observed")
            .field("handler", &self.handler)
            .finish_non_exhaustive()
    }
}
