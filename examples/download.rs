//! A download of 1 GiB: content of any size, of which at most one block is in memory for each peer.

use hullo::http::{Piece, Produced, Response, Status, handler_fn};
use hullo::server::{Options, Server};

const BYTES: u64 = 1 << 30;

/// The content: what is left of it is all that has to be remembered.
fn content() -> impl FnMut(&mut Piece<'_>) -> Produced {
    let mut left = BYTES;
    move |piece| {
        let room = piece.buffer();
        let length = usize::try_from(left).map_or(room.len(), |left| left.min(room.len()));
        room[..length].fill(b'x');
        piece.filled(length);
        left -= length as u64;
        if left == 0 {
            Produced::End
        } else {
            Produced::More
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let download = handler_fn(|_, response| {
        // HEAD gets the length, and the source is dropped.
        let content = Response::new(Status::OK).stream_sized(BYTES, content());
        response.respond(content.content_type("application/octet-stream"))
    });
    let server = Server::bind(Options::default().address(address))?.start(download)?;
    println!("listening on http://{}", server.local_addr());
    Ok(server.wait()?)
}
