//! An echo of content: whole, and as a stream that begins before the content has ended.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use hullo::http::{
    Content, ContentReader, Field, Handler, Limits, Method, Piece, Produced, Request, Responded,
    Response, ResponseWriter, Status,
};
use hullo::server::{Options, Server};

const BINARY: Field<'static> = Field::from_static("Content-Type", "application/octet-stream");
const PLAIN: Field<'static> = Field::from_static("Content-Type", "text/plain");
const ALLOW: Field<'static> = Field::from_static("Allow", Echo::ALLOW);
/// More content is refused with 413.
const WHOLE_BYTES_MAX: usize = 1 << 20;
const STREAM_BYTES_MAX: u64 = 1 << 30;

#[derive(Clone)]
struct Echo;

impl Handler for Echo {
    const ALLOW: &'static str = "POST, PUT, OPTIONS";

    /// What becomes of the content of a request, decided when its head has come.
    fn content(&self, request: &Request<'_>) -> Content {
        match (request.path(), request.method()) {
            (b"/whole", Method::Post | Method::Put) => Content::Collect {
                max: WHOLE_BYTES_MAX,
            },
            (b"/stream", Method::Post | Method::Put) => stream(),
            _ => Content::Skip,
        }
    }

    /// Answers what [`stream`] does not: whole content, and requests without content.
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        match (request.path(), request.method()) {
            (b"/whole" | b"/stream", Method::Post | Method::Put) => {
                response.send(Status::OK, &[BINARY], &[request.content()])
            }
            (b"/whole" | b"/stream", _) => {
                let sentence = b"Send content with POST or PUT.\n";
                response.send(Status::METHOD_NOT_ALLOWED, &[ALLOW, PLAIN], &[sentence])
            }
            _ => response.send(
                Status::NOT_FOUND,
                &[PLAIN],
                &[b"POST to /whole or /stream.\n"],
            ),
        }
    }
}

/// An exchange: a reader takes the pieces of the content, and a source gives them back. While the
/// peer does not read the response, hullo reads no more content: so little is in the channel.
fn stream() -> Content {
    let (pieces, from_reader) = channel();
    let response = Response::new(Status::OK).with_field(BINARY);
    Content::exchange(Reader(pieces), response.stream(source(from_reader)))
}

struct Reader(Sender<Vec<u8>>);

impl ContentReader for Reader {
    fn read(&mut self, piece: &[u8]) -> Result<(), Response> {
        // An error: the source is gone, and with it the response.
        self.0
            .send(piece.to_vec())
            .map_err(|_| Response::new(Status::INTERNAL_SERVER_ERROR))
    }

    /// The reader of an exchange is dropped instead.
    fn end(self: Box<Self>, _: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        response.abort()
    }
}

fn source(pieces: Receiver<Vec<u8>>) -> impl FnMut(&mut Piece<'_>) -> Produced {
    let mut rest = Vec::new();
    move |piece| {
        loop {
            let taken = piece.push(&rest);
            rest.drain(..taken);
            if !rest.is_empty() {
                return Produced::More;
            }
            match pieces.try_recv() {
                Ok(next) => rest = next,
                Err(TryRecvError::Empty) => return Produced::Wait,
                // The reader has been dropped: the content has ended.
                Err(TryRecvError::Disconnected) => return Produced::End,
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let options = Options::default()
        .address(address)
        .limits(Limits::default().body_bytes(STREAM_BYTES_MAX));
    let server = Server::bind(options)?.start(Echo)?;
    println!("listening on http://{}", server.local_addr());
    Ok(server.wait()?)
}
