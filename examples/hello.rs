//! A greeting in ten lines.

use hullo::http::handler_fn;
use hullo::server::{Options, Server};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let hello = handler_fn(|_, response| response.text(&[b"Hello!\n"]));
    let server = Server::bind(Options::default().address(address))?.start(hello)?;
    println!("listening on http://{}", server.local_addr());
    Ok(server.wait()?)
}
