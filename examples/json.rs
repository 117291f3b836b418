//! A counter in JSON: two routes, 404 and 405, a redirect, a cookie, and an entity-tag with 304 and
//! 412, so that no client overwrites a count that it has not seen.

use std::error::Error;
use std::str;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hullo::http::{
    ETag, Field, Handler, Method, Precondition, Request, Responded, Response, ResponseWriter,
    Status, collect,
};
use hullo::server::{Options, Server};
use serde_json::{Value, json};

const HOME: Field<'static> = Field::from_static("Location", "/counter");
const ALLOW_READ: Field<'static> = Field::from_static("Allow", "GET, HEAD, OPTIONS");
const ALLOW_ALL: Field<'static> = Field::from_static("Allow", "GET, HEAD, PUT, OPTIONS");
const CONTENT_BYTES_MAX: usize = 1024;

/// All workers share the count.
#[derive(Clone, Default)]
struct Counter(Arc<Mutex<u64>>);

impl Handler for Counter {
    const ALLOW: &'static str = "GET, HEAD, PUT, OPTIONS";

    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        let answer = match (request.path(), request.method()) {
            (b"/", Method::Get | Method::Head) => Ok(redirect()),
            (b"/counter", Method::Get | Method::Head) => self.read(request),
            (b"/counter", Method::Put) => self.write(request),
            (b"/counter", _) => Ok(not_allowed(ALLOW_ALL)),
            (b"/", _) => Ok(not_allowed(ALLOW_READ)),
            _ => Ok(problem(Status::NOT_FOUND, "there is no such path")),
        };
        response.respond(
            answer
                .unwrap_or_else(|error| problem(Status::INTERNAL_SERVER_ERROR, &error.to_string())),
        )
    }
}

impl Counter {
    /// The count, or 304 if the client has it. The cookie counts the visits of one client.
    fn read(&self, request: &Request<'_>) -> Result<Response, Box<dyn Error>> {
        let count = *self.lock();
        let etag = etag(count)?;
        let response = match request.preconditions(Some(&etag)) {
            Precondition::Proceed => json(Status::OK, &json!({ "count": count })),
            Precondition::NotModified => Response::new(Status::NOT_MODIFIED),
            Precondition::Failed => changed(),
        };
        let visits = visits(request).unwrap_or(0).saturating_add(1);
        let cookie = format!("visits={visits}; HttpOnly; SameSite=Lax");
        Ok(response
            .with_field(etag.field())
            .field("Set-Cookie", cookie)?)
    }

    /// Sets the count, unless the client has not seen the current one: then 412.
    fn write(&self, request: &Request<'_>) -> Result<Response, Box<dyn Error>> {
        let sent: Option<Value> = serde_json::from_slice(request.content()).ok();
        let Some(sent) = sent.and_then(|value| value["count"].as_u64()) else {
            let sentence = "the content is not like {\"count\":7}";
            return Ok(problem(Status::UNPROCESSABLE_CONTENT, sentence));
        };
        // Locked until the end: no other client writes between the check and the change.
        let mut count = self.lock();
        if request.preconditions(Some(&etag(*count)?)) != Precondition::Proceed {
            return Ok(changed());
        }
        *count = sent;
        let response = json(Status::OK, &json!({ "count": sent }));
        Ok(response.with_field(etag(sent)?.field()))
    }

    /// A number is whole, also if a thread has panicked while it had the lock.
    fn lock(&self) -> MutexGuard<'_, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn etag(count: u64) -> Result<ETag, Box<dyn Error>> {
    Ok(ETag::strong(&count.to_string())?)
}

/// The number in the cookie `visits` (RFC 6265 section 4.2.1).
fn visits(request: &Request<'_>) -> Option<u64> {
    let pairs = request
        .fields_named("Cookie")
        .flat_map(|value| value.split(|byte| *byte == b';'));
    let mut values = pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(b"visits="));
    str::from_utf8(values.next()?).ok()?.parse().ok()
}

fn redirect() -> Response {
    Response::new(Status::TEMPORARY_REDIRECT).with_field(HOME)
}

fn json(status: Status, value: &Value) -> Response {
    let response = Response::new(status).content_type("application/json");
    response.content(format!("{value}\n").into_bytes())
}

fn problem(status: Status, sentence: &str) -> Response {
    json(status, &json!({ "error": sentence }))
}

fn changed() -> Response {
    problem(Status::PRECONDITION_FAILED, "the count is another one now")
}

fn not_allowed(allow: Field<'_>) -> Response {
    problem(Status::METHOD_NOT_ALLOWED, "not with this method").with_field(allow)
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let server = Server::bind(Options::default().address(address))?
        .start(collect(CONTENT_BYTES_MAX, Counter::default()))?;
    println!("listening on http://{}", server.local_addr());
    Ok(server.wait()?)
}
