//! A greeting in ten lines.
//!
//! ```sh
//! cargo run --release --example hello -- 127.0.0.1:8080
//! curl http://127.0.0.1:8080/
//! ```

use hullo::http::{Request, ResponseWriter, handler_fn};
use hullo::server::{Options, Server};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or("127.0.0.1:8080".to_owned());
    let options = Options::default().address(address.parse()?);
    let hello =
        handler_fn(|_: &Request<'_>, response: ResponseWriter<'_>| response.text(&[b"Hello!\n"]));
    let server = Server::bind(options)?.start(hello)?;
    println!("listening on http://{}", server.local_addr());
    Ok(server.wait()?)
}
