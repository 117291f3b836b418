//! A small server that a test makes correct or faulty.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// One connection, as the server sees it.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    /// The number of connections before this one.
    pub(crate) number: usize,
    read: Vec<u8>,
}

/// Starts a server on a free port of this machine. It ends with the test.
pub(crate) fn serve(handle: impl Fn(&mut Peer) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let handle = Arc::new(handle);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            let handle = Arc::clone(&handle);
            let read = Vec::new();
            thread::spawn(move || {
                handle(&mut Peer {
                    stream,
                    number,
                    read,
                });
            });
        }
    });
    address
}

/// An address without a listener.
pub(crate) fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

impl Peer {
    /// The next request, head and body; `None` when the client has closed.
    pub(crate) fn request(&mut self) -> Option<String> {
        loop {
            if let Some(head) = find(&self.read, b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&self.read[..head]).to_ascii_lowercase();
                let field = text
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                let length = head + 4 + field.map_or(0, |length| length.parse().unwrap());
                if self.read.len() >= length {
                    let request = self.read.drain(..length).collect();
                    return Some(String::from_utf8(request).unwrap());
                }
            }
            let mut block = [0; 16384];
            match self.stream.read(&mut block) {
                Ok(0) | Err(_) => return None,
                Ok(read) => self.read.extend_from_slice(&block[..read]),
            }
        }
    }

    pub(crate) fn send(&mut self, text: &str) {
        // The client may have closed already.
        let _ = self.stream.write_all(text.as_bytes());
    }

    /// Answers each request with the same text until the client closes.
    pub(crate) fn answer_all(&mut self, text: &str) {
        while self.request().is_some() {
            self.send(text);
        }
    }

    /// Closes the connection in order: waits for the client's end.
    pub(crate) fn close(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        while matches!(self.stream.read(&mut [0; 16384]), Ok(1..)) {}
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(&mut self) {
        let now = Some(Duration::ZERO);
        socket2::SockRef::from(&self.stream)
            .set_linger(now)
            .unwrap();
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
