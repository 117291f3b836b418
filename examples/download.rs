//! A download of 1 GiB: content of any size, of which at most one block is in memory for each peer.
//!
//! ```sh
//! cargo run --release --example download -- 127.0.0.1:8080
//! curl -o /dev/null http://127.0.0.1:8080/
//! ```

use hullo::http::{Piece, Produced, Request, Response, ResponseWriter, Status, handler_fn};
use hullo::server::{Options, Server};

const BYTES: u64 = 1 << 30;

/// The content: what is left of it is all that has to be remembered.
fn content() -> impl FnMut(&mut Piece<'_>) -> Produced {
    let mut left = BYTES;
    move |piece| {
        let length = piece.buffer().len() as u64;
        let length = length.min(left) as usize;
        piece.buffer()[..length].fill(b'x');
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
    let address = std::env::args()
        .nth(1)
        .unwrap_or("127.0.0.1:8080".to_owned());
    let options = Options::default().address(address.parse()?);
    let download = handler_fn(|_: &Request<'_>, response: ResponseWriter<'_>| {
        response.respond(Response::new(Status::OK).stream_sized(BYTES, content()))
    });
    let server = Server::bind(options)?.start(download)?;
    println!("listening on http://{}", server.local_addr());
    Ok(server.wait()?)
}
