//! What an embedder brings: the function from a request to its response.

use std::rc::Rc;
use std::sync::Arc;

use super::content::Content;
use super::field::Field;
use super::method::Method;
use super::record::Exchange;
use super::request::Request;
use super::response::{Responded, ResponseWriter};
use super::status::Status;

/// Answers requests. Called once for each, after its content has been read to the end, unless
/// [`content`](Self::content) wants it otherwise.
///
/// A type of your own can be a handler, and so can a closure
/// `Fn(&Request<'_>, ResponseWriter<'_>) -> Responded` (see [`handler_fn`]). Requests with HEAD come to
/// the handler of GET; the engine leaves out the content of the response.
///
/// A request that the engine refuses (see [`Reject`](super::Reject)) never reaches a handler. Nor
/// does CONNECT: its success would turn the connection into a tunnel (RFC 9110 section 9.3.6), which
/// the engine has no framing for, so the engine answers it with 405 and ends the conversation.
///
/// A handler runs on the event loop: while it works, the other connections of its worker wait. What
/// takes longer is answered [`later`](ResponseWriter::later).
///
/// When a handler panics, its request is answered 500 (if its response has not begun) and its
/// connection is closed; the worker goes on with the others. With `panic = "abort"` the process ends.
pub trait Handler {
    /// The methods that `Allow` lists in 405 responses and in the default answer to OPTIONS
    /// (RFC 9110 section 10.2.1). A handler that serves fewer should say so here.
    /// A value that no field may have does not compile.
    const ALLOW: &'static str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

    /// Answers GET, HEAD, POST, PUT, PATCH and DELETE with one of the methods of `response`.
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded;

    /// What becomes of the content of a request. Called when the head of a request that has content has
    /// been read, also for the methods of [`handle_other`](Self::handle_other); the default discards it.
    fn content(&self, _request: &Request<'_>) -> Content {
        Content::Skip
    }

    /// Is [`observe`](Self::observe) called? If not, it costs nothing.
    const OBSERVES: bool = false;

    /// Is told of each request when its response has ended, in the order of the responses, and of those
    /// that the engine has refused: for an access log. Called only if [`OBSERVES`](Self::OBSERVES) is
    /// true. See also [`observed`](super::observed).
    ///
    /// It runs on the event loop: it must return at once, and neither block nor panic.
    fn observe(&self, _exchange: &Exchange<'_>) {}

    /// Answers OPTIONS, TRACE and methods that are not in [`Method`].
    ///
    /// The default is safe for any handler. OPTIONS gets 204 with [`ALLOW`](Self::ALLOW) and no
    /// cross-origin permission. TRACE gets 405, because echoing a request discloses its credentials
    /// (RFC 9110 section 9.3.8). Other methods get 501 (section 9.1). A handler that answers CORS
    /// preflights or methods of its own overrides this.
    fn handle_other(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        let allow = const { Field::from_static("Allow", Self::ALLOW) };
        match request.method() {
            Method::Options => response.send(Status::NO_CONTENT, &[allow], &[]),
            Method::Trace => {
                let sentence = "TRACE is not done here: it would echo what it is sent.\n";
                response.say(Status::METHOD_NOT_ALLOWED, &[allow], sentence)
            }
            _ => {
                let sentence = "The method is not known here (methods are case-sensitive).\n";
                response.say(Status::NOT_IMPLEMENTED, &[], sentence)
            }
        }
    }
}

impl<F> Handler for F
where
    F: Fn(&Request<'_>, ResponseWriter<'_>) -> Responded,
{
    #[inline]
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        self(request, response)
    }
}

/// Makes a handler of a closure. The closure is one as it stands; this only helps the compiler infer
/// the types of its parameters.
#[must_use]
pub fn handler_fn<F>(handler: F) -> F
where
    F: Fn(&Request<'_>, ResponseWriter<'_>) -> Responded,
{
    handler
}

macro_rules! delegate {
    ($pointer:ident) => {
        impl<H: Handler + ?Sized> Handler for $pointer<H> {
            const ALLOW: &'static str = H::ALLOW;

            #[inline]
            fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
                (**self).handle(request, response)
            }

            fn content(&self, request: &Request<'_>) -> Content {
                (**self).content(request)
            }

            const OBSERVES: bool = H::OBSERVES;

            #[inline]
            fn observe(&self, exchange: &Exchange<'_>) {
                (**self).observe(exchange);
            }

            fn handle_other(
                &self,
                request: &Request<'_>,
                response: ResponseWriter<'_>,
            ) -> Responded {
                (**self).handle_other(request, response)
            }
        }
    };
}

delegate!(Arc);
delegate!(Rc);
