//! Servers that run in the process of the test.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::thread;

use hullo::http::Handler;
use hullo::server::{Options, Server, ServerHandle};

/// One of this library, with one worker.
pub(crate) fn start(handler: impl Handler + Clone + Send + 'static) -> ServerHandle {
    let options = Options::default()
        .address("127.0.0.1:0".parse().unwrap())
        .workers(NonZeroUsize::MIN);
    Server::bind(options).unwrap().start(handler).unwrap()
}

/// Gives each connection a thread, and asks what to send for each request: by the number of the connection, and
/// that of the request on it. Ends with the test.
pub(crate) fn raw_server(name: &str, answer: fn(usize, usize) -> &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let stream = stream.unwrap();
            thread::spawn(move || converse(stream, |count| answer(number, count)));
        }
    });
    format!("{name}=http://{address}")
}

/// Knows a request by the end of its head, and closes when that is how an answer ends: a probe that waits in
/// vain takes a second.
fn converse(mut stream: TcpStream, answer: impl Fn(usize) -> &'static [u8]) {
    let (mut block, mut received, mut count) = ([0; 4096], Vec::new(), 0);
    while let Ok(length @ 1..) = stream.read(&mut block) {
        received.extend_from_slice(&block[..length]);
        while let Some(end) = position(&received, b"\r\n\r\n") {
            let head: Vec<u8> = received.drain(..end + 4).collect();
            if stream.write_all(answer(count)).is_err() {
                return;
            }
            count += 1;
            let closing: [&[u8]; 3] = [b" HTTP/1.0", b"Connection: close", b"Transfer-Encoding"];
            if closing.iter().any(|part| position(&head, part).is_some()) {
                return;
            }
        }
    }
}

fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
