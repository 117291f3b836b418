//! Connections that are open and say nothing, after one request each was answered.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use socket2::SockRef;

/// How long each may take to be answered.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// How long all of them may take.
const GROW_MAX: Duration = Duration::from_secs(60);
/// An answer that is longer is no greeting.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Crowd {
    address: SocketAddr,
    request: Vec<u8>,
    members: Vec<TcpStream>,
    /// Why there are not as many as were wanted.
    pub(super) stopped: Option<String>,
}

impl Crowd {
    pub(super) fn new(address: SocketAddr, authority: &str, path: &str) -> Self {
        Self {
            address,
            request: format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\n\r\n").into_bytes(),
            members: Vec::new(),
            stopped: None,
        }
    }

    /// Opens more, until there are so many, one of them fails, they take too long, or it is told to
    /// stop.
    pub(super) fn grow(&mut self, count: u64, stop: &AtomicBool) {
        let start = Instant::now();
        while (self.members.len() as u64) < count
            && self.stopped.is_none()
            && !stop.load(Ordering::Relaxed)
        {
            let opened = if start.elapsed() < GROW_MAX {
                self.open()
            } else {
                let seconds = GROW_MAX.as_secs();
                Err(io::Error::other(format!(
                    "there were no more within {seconds} s"
                )))
            };
            match opened {
                Ok(stream) => self.members.push(stream),
                Err(error) => {
                    let before = self.members.len();
                    self.stopped = Some(format!("after {before} idle connections: {error}"));
                }
            }
        }
    }

    /// How many the server still holds.
    pub(super) fn held(&self) -> u64 {
        self.members.iter().filter(|stream| is_open(stream)).count() as u64
    }

    fn open(&self) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect_timeout(&self.address, ANSWER_MAX)?;
        // It ends with a reset: ten thousand that wait for late segments for a minute would leave
        // no port to the next crowd.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.write_all(&self.request)?;
        read_answer(&mut stream)?;
        Ok(stream)
    }
}

/// Reads an answer to its end.
fn read_answer(stream: &mut TcpStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut block = [0; 2048];
    loop {
        let read = match stream.read(&mut block) {
            // A signal that asks for the end of the race is heard elsewhere.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            return Err(io::Error::other("it closed the connection"));
        }
        bytes.extend_from_slice(block.get(..read).unwrap_or_default());
        if is_whole(&bytes)? {
            return Ok(());
        }
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(io::Error::other("its answer has no end"));
        }
    }
}

fn is_whole(bytes: &[u8]) -> io::Result<bool> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response
        .parse(bytes)
        .map_err(|error| io::Error::other(format!("what it says is no HTTP: {error}")))?;
    let httparse::Status::Complete(head) = parsed else {
        return Ok(false);
    };
    let value = |name: &str| {
        let field = response
            .headers
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(field.value).ok().map(str::trim)
    };
    let content = bytes.get(head..).unwrap_or_default();
    if let Some(length) = value("content-length") {
        let length = length.parse::<usize>().map_err(io::Error::other)?;
        Ok(content.len() >= length)
    } else if value("transfer-encoding").is_some() {
        Ok(content.ends_with(b"0\r\n\r\n"))
    } else {
        Err(io::Error::other("its answer ends with the connection"))
    }
}

fn is_open(stream: &TcpStream) -> bool {
    let peek = || {
        stream.set_nonblocking(true)?;
        stream.peek(&mut [0])
    };
    // Bytes that nobody asked for, or its end: it is no idle connection any more.
    matches!(peek(), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::num::NonZeroUsize;

    use super::*;
    use crate::server::{Options, Server};

    #[test]
    fn a_crowd_stands_until_the_server_ends() {
        let options = Options {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            workers: NonZeroUsize::MIN,
            ..Options::default()
        };
        let running = Server::bind(options)
            .unwrap()
            .start(crate::Greeting)
            .unwrap();
        let stop = AtomicBool::new(false);
        let mut crowd = Crowd::new(running.address(), "a", "/x");
        crowd.grow(20, &stop);
        crowd.grow(50, &stop);
        assert_eq!((crowd.held(), &crowd.stopped), (50, &None));
        running.stop().unwrap();
        assert_eq!(crowd.held(), 0);
        crowd.grow(60, &stop);
        assert!(crowd.stopped.is_some());
    }

    #[test]
    fn answers_end_as_they_say() {
        for (bytes, whole) in [
            ("HTTP/1.1 200 OK\r\n", Some(false)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", Some(false)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", Some(true)),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
                Some(false),
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
                Some(true),
            ),
            ("HTTP/1.1 200 OK\r\n\r\nab", None),
            ("Guten Tag\r\n\r\n", None),
        ] {
            assert_eq!(is_whole(bytes.as_bytes()).ok(), whole, "{bytes}");
        }
    }
}
