//! The paths of the admin listener.

use std::sync::mpsc::Sender;

use super::query::{Asked, Query, plain};
use crate::exposition::{Format, NO_SNIFF};
use crate::http::{
    ETag, Field, Handler, Method, Precondition, Request, Responded, Response, ResponseWriter,
    Status,
};
use crate::server::HealthHandle;

const STYLE: &str = include_str!("status.css");
const SCRIPT: &str = include_str!("status.js");
const SCHEMA: &str = include_str!("status.schema.json");

#[derive(Clone)]
pub(super) struct AdminHandler {
    health: HealthHandle,
    queries: Sender<Query>,
}

impl AdminHandler {
    pub(super) fn new(health: HealthHandle, queries: Sender<Query>) -> Self {
        Self { health, queries }
    }

    /// Lets the keeper answer.
    fn ask(&self, asked: Asked, response: ResponseWriter<'_>) -> Responded {
        let (completion, responded) = response.later();
        // A completion that is dropped answers 500: without a keeper that is right.
        let _ = self.queries.send(Query { asked, completion });
        responded
    }
}

impl Handler for AdminHandler {
    const ALLOW: &'static str = "GET, HEAD, OPTIONS";

    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        let is_read = matches!(request.method(), Method::Get | Method::Head);
        match request.path() {
            b"/"
            | b"/healthz"
            | b"/readyz"
            | b"/metrics"
            | b"/status.json"
            | b"/status.css"
            | b"/status.js"
            | b"/status.schema.json"
                if !is_read =>
            {
                let allow = const { Field::from_static("Allow", Self::ALLOW) };
                response.send(Status::METHOD_NOT_ALLOWED, &[allow], &[])
            }
            b"/" => self.ask(Asked::Page, response),
            b"/healthz" => self.ask(Asked::Health, response),
            b"/readyz" if self.health.is_ready() => text(response, Status::OK, "ready\n"),
            b"/readyz" => text(response, Status::SERVICE_UNAVAILABLE, "draining\n"),
            b"/metrics" => self.ask(Asked::Metrics(Format::of(request)), response),
            b"/status.json" => self.ask(Asked::Json, response),
            b"/status.css" => file(request, response, "text/css; charset=utf-8", STYLE),
            b"/status.js" => file(request, response, "text/javascript; charset=utf-8", SCRIPT),
            b"/status.schema.json" => file(request, response, "application/schema+json", SCHEMA),
            _ => text(
                response,
                Status::NOT_FOUND,
                "Not found. There are /, /healthz, /readyz, /metrics, /status.json and /status.schema.json.\n",
            ),
        }
    }
}

fn text(response: ResponseWriter<'_>, status: Status, sentence: &'static str) -> Responded {
    response.respond(plain(status, sentence))
}

/// What is the same for every request of this version.
fn file(
    request: &Request<'_>,
    response: ResponseWriter<'_>,
    content_type: &'static str,
    content: &'static str,
) -> Responded {
    let etag = ETag::of_content(content.as_bytes());
    if request.preconditions(Some(&etag)) == Precondition::NotModified {
        return response.not_modified(&etag);
    }
    let file = Response::new(Status::OK)
        .content_type(content_type)
        .with_field(etag.field())
        .with_field(const { Field::from_static("Cache-Control", "no-cache") })
        .with_field(NO_SNIFF);
    response.respond(file.content(content.as_bytes()))
}
