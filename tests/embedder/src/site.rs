//! The handlers: a public site, and an admin page on a listener of its own.

use std::str;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hullo::http::{
    Content, ContentReader, ETag, Field, FieldError, Handler, Method, Piece, Precondition,
    Produced, Request, Responded, Response, ResponseWriter, Status, collect, handler_fn,
};
use hullo::server::{Place, StatsHandle};

const PLAIN: Field<'static> = Field::from_static("Content-Type", "text/plain");
const ALLOW: Field<'static> = Field::from_static("Allow", "GET, HEAD, OPTIONS");
const DELAY: Duration = Duration::from_millis(100);
pub(crate) const DOWNLOAD_BYTES: u64 = 10_000_000;
pub(crate) const ECHO_BYTES_MAX: usize = 1_000;

/// What all handlers share.
#[derive(Clone, Default)]
pub(crate) struct Shared {
    pub(crate) visits: Arc<AtomicU64>,
    pub(crate) stats: Arc<OnceLock<StatsHandle>>,
}

/// The handler of a listener: one type, so that no request pays for a dynamic call.
pub(crate) enum Listener<P, A> {
    Public(P),
    Admin(A),
}

impl<P: Handler, A: Handler> Handler for Listener<P, A> {
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        match self {
            Self::Public(site) => site.handle(request, response),
            Self::Admin(admin) => admin.handle(request, response),
        }
    }

    fn content(&self, request: &Request<'_>) -> Content {
        match self {
            Self::Public(site) => site.content(request),
            Self::Admin(admin) => admin.content(request),
        }
    }
}

/// The handler for a place: the first listener is public, the second is not.
pub(crate) fn at(place: Place, shared: &Shared) -> impl Handler + Send + use<> {
    let shared = shared.clone();
    if place.listener == 0 {
        Listener::Public(Site { shared })
    } else {
        // JSON from a closure.
        let admin = handler_fn(move |request, response| {
            let open: u64 = shared.stats.get().map_or(0, |stats| {
                stats.read().iter().map(|worker| worker.open).sum()
            });
            let sent = str::from_utf8(request.content()).unwrap_or_default();
            let visits = shared.visits.load(Ordering::Relaxed);
            let json = format!("{{\"open\":{open},\"visits\":{visits},\"sent\":{sent:?}}}\n");
            let answer = Response::new(Status::OK).content_type("application/json");
            response.respond(answer.content(json.into_bytes()))
        });
        Listener::Admin(collect(ECHO_BYTES_MAX, admin))
    }
}

pub(crate) struct Site {
    shared: Shared,
}

impl Handler for Site {
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        match (request.path(), request.method()) {
            (b"/", _) => {
                let location = Field::from_static("Location", "/page");
                response.send(Status::SEE_OTHER, &[location], &[])
            }
            (b"/page", Method::Get | Method::Head) => self.page(request, response),
            (b"/page", _) => response.send(Status::METHOD_NOT_ALLOWED, &[ALLOW], &[]),
            (b"/log-in", _) => match log_in(request) {
                Ok(answer) => response.respond(answer),
                Err(_) => response.send(Status::BAD_REQUEST, &[PLAIN], &[b"No such name.\n"]),
            },
            (b"/download", _) => {
                let content = Response::new(Status::OK).stream_sized(DOWNLOAD_BYTES, download());
                response.respond(content)
            }
            (b"/delayed", _) => response.respond_after(DELAY, Response::text("At last.\n")),
            (b"/panic", _) => panic!("as the test wants"),
            (b"/count", _) => response.text(&[b"0"]),
            (b"/echo", _) => response.text(&[request.content()]),
            _ => response.send(Status::NOT_FOUND, &[PLAIN], &[b"Not found.\n"]),
        }
    }

    fn content(&self, request: &Request<'_>) -> Content {
        match request.path() {
            b"/echo" => Content::Collect {
                max: ECHO_BYTES_MAX,
            },
            b"/count" => Content::read(Count(0)),
            b"/page" => {
                let refusal = Response::new(Status::METHOD_NOT_ALLOWED).with_field(ALLOW);
                Content::Refuse(refusal)
            }
            _ => Content::Skip,
        }
    }
}

impl Site {
    /// A page that changes with each visit of somebody who does not have it.
    fn page(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        let visits = self.shared.visits.load(Ordering::Relaxed);
        let page = format!("{visits} visits\n");
        let etag = ETag::of_content(page.as_bytes());
        match request.preconditions(Some(&etag)) {
            Precondition::NotModified => response.not_modified(&etag),
            Precondition::Failed => response.send(Status::PRECONDITION_FAILED, &[], &[]),
            Precondition::Proceed => {
                self.shared.visits.fetch_add(1, Ordering::Relaxed);
                response.send(Status::OK, &[PLAIN, etag.field()], &[page.as_bytes()])
            }
        }
    }
}

/// A cookie with the name in the query.
fn log_in(request: &Request<'_>) -> Result<Response, FieldError> {
    let mut pairs = request.query_pairs();
    let name = pairs.find_map(|(name, value)| (name == "name").then_some(value));
    let cookie = format!("name={}; HttpOnly", name.unwrap_or_default());
    Response::new(Status::NO_CONTENT).field("Set-Cookie", cookie)
}

fn download() -> impl FnMut(&mut Piece<'_>) -> Produced {
    let mut left = DOWNLOAD_BYTES;
    move |piece| {
        let block = [b'x'; 4096];
        let length = usize::try_from(left).map_or(block.len(), |left| left.min(block.len()));
        left -= piece.push(&block[..length]) as u64;
        if left == 0 {
            Produced::End
        } else {
            Produced::More
        }
    }
}

struct Count(u64);

impl ContentReader for Count {
    fn read(&mut self, piece: &[u8]) -> Result<(), Response> {
        self.0 += piece.len() as u64;
        Ok(())
    }

    fn end(self: Box<Self>, _: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        response.text(&[self.0.to_string().as_bytes()])
    }
}
