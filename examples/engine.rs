//! The endpoints of a public benchmark of HTTP engines (the HTTP/1.1 profiles baseline, pipelined and
//! upload of `HttpArena`).

use std::str;

use hullo::http::{
    Content, ContentReader, Field, Handler, Limits, Method, Request, Responded, Response,
    ResponseWriter, Status,
};
use hullo::server::{Options, Server};

const PLAIN: Field<'static> = Field::from_static("Content-Type", "text/plain");
const ALLOW_READ: Field<'static> = Field::from_static("Allow", "GET, HEAD, OPTIONS");
const ALLOW_BOTH: Field<'static> = Field::from_static("Allow", "GET, HEAD, POST, OPTIONS");
const ALLOW_POST: Field<'static> = Field::from_static("Allow", "POST, OPTIONS");
/// The longest number, with room for spaces.
const NUMBER_BYTES_MAX: usize = 64;
const UPLOAD_BYTES_MAX: u64 = 1 << 30;

#[derive(Clone)]
struct Engine;

impl Handler for Engine {
    const ALLOW: &'static str = "GET, HEAD, POST, OPTIONS";

    fn content(&self, request: &Request<'_>) -> Content {
        match (request.path(), request.method()) {
            (b"/baseline11", Method::Post) => Content::Collect {
                max: NUMBER_BYTES_MAX,
            },
            (b"/upload", Method::Post) => Content::read(Upload(0)),
            _ => Content::Skip,
        }
    }

    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        let is_read = matches!(request.method(), Method::Get | Method::Head);
        let is_post = request.method() == Method::Post;
        match request.path() {
            b"/pipeline" if is_read => response.text(&[b"ok"]),
            b"/baseline11" if is_read || is_post => {
                response.text(&[sum(request).to_string().as_bytes()])
            }
            b"/" if is_read => response.text(&[b"hullo"]),
            // With content, `Upload` answers it.
            b"/upload" if is_post => response.text(&[b"0"]),
            b"/" | b"/pipeline" => response.send(Status::METHOD_NOT_ALLOWED, &[ALLOW_READ], &[]),
            b"/baseline11" => response.send(Status::METHOD_NOT_ALLOWED, &[ALLOW_BOTH], &[]),
            b"/upload" => response.send(Status::METHOD_NOT_ALLOWED, &[ALLOW_POST], &[]),
            _ => response.send(Status::NOT_FOUND, &[PLAIN], &[b"Not found.\n"]),
        }
    }
}

/// The sum of the numbers in the query and the content.
fn sum(request: &Request<'_>) -> i64 {
    let in_query = request
        .query_pairs()
        .filter_map(|(_, value)| value.parse().ok());
    let content = str::from_utf8(request.content()).unwrap_or_default();
    // Wrapping: a peer must not be able to make it panic.
    in_query
        .chain(content.trim().parse().ok())
        .fold(0, i64::wrapping_add)
}

/// Counts content as it arrives.
struct Upload(u64);

impl ContentReader for Upload {
    fn read(&mut self, piece: &[u8]) -> Result<(), Response> {
        self.0 += piece.len() as u64;
        Ok(())
    }

    fn end(self: Box<Self>, _: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        response.text(&[self.0.to_string().as_bytes()])
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let options = Options::default()
        .address(address)
        .limits(Limits::default().body_bytes(UPLOAD_BYTES_MAX));
    let server = Server::bind(options)?.start(Engine)?;
    println!("listening on http://{}", server.local_addr());
    Ok(server.wait()?)
}
