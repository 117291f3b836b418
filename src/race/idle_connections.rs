//! Idle connections, on each of which one request was answered.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::probe::peer::{Miss, Peer, Stop};

/// How long each answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// How long it may take to open all of them.
const GROW_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct IdleConnections {
    address: SocketAddr,
    request: Vec<u8>,
    members: Vec<TcpStream>,
    /// Why there are fewer than wanted.
    pub(super) stopped: Option<String>,
}

impl IdleConnections {
    pub(super) fn new(address: SocketAddr, authority: &str, path: &str) -> Self {
        Self {
            address,
            request: format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\n\r\n").into_bytes(),
            members: Vec::new(),
            stopped: None,
        }
    }

    /// Opens connections until there are `count`, one fails, they take too long, or `stop` is set.
    pub(super) fn grow(&mut self, count: u64, stop: &AtomicBool) {
        let start = Instant::now();
        while (self.members.len() as u64) < count
            && self.stopped.is_none()
            && !stop.load(Ordering::Relaxed)
        {
            let opened = if start.elapsed() < GROW_MAX {
                self.open().map_err(|miss| miss.to_string())
            } else {
                let seconds = GROW_MAX.as_secs();
                Err(format!("no more could be opened within {seconds} s"))
            };
            match opened {
                Ok(stream) => self.members.push(stream),
                Err(reason) => {
                    let before = self.members.len();
                    self.stopped = Some(format!("after {before} idle connections: {reason}"));
                }
            }
        }
    }

    /// How many the server still holds.
    pub(super) fn held(&self) -> u64 {
        self.members.iter().filter(|stream| is_open(stream)).count() as u64
    }

    fn open(&self) -> Result<TcpStream, Miss> {
        let mut peer = Peer::connect(self.address, ANSWER_MAX)?;
        peer.send(&self.request);
        peer.answer(false)?;
        let stream = peer.into_stream();
        // It ends with a reset: ten thousand connections in TIME-WAIT would leave no ports to the next
        // server.
        let reset = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        reset.map_err(|_| Miss::Nothing(Stop::Reset))?;
        Ok(stream)
    }
}

fn is_open(stream: &TcpStream) -> bool {
    let peek = || {
        stream.set_nonblocking(true)?;
        stream.peek(&mut [0])
    };
    // Unexpected bytes or its end: the connection is not idle any more.
    matches!(peek(), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::{Ipv4Addr, TcpListener};
    use std::num::NonZeroUsize;
    use std::thread;

    use super::*;
    use crate::server::{Options, Server};

    #[test]
    fn idle_connections_stay_open_until_the_server_ends() {
        let options = Options {
            address: Some((Ipv4Addr::LOCALHOST, 0).into()),
            workers: NonZeroUsize::MIN,
            ..Options::default()
        };
        let running = Server::bind(options)
            .unwrap()
            .start(crate::Greeting)
            .unwrap();
        let stop = AtomicBool::new(false);
        let mut idle = IdleConnections::new(running.local_addr(), "a", "/x");
        idle.grow(20, &stop);
        idle.grow(50, &stop);
        assert_eq!((idle.held(), &idle.stopped), (50, &None));
        running.stop().unwrap();
        assert_eq!(idle.held(), 0);
        idle.grow(60, &stop);
        assert!(idle.stopped.is_some());
    }

    /// A byte now and then is not an answer in time.
    #[test]
    fn a_trickling_server_is_not_awaited() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n";
            for byte in answer.iter().chain([b'x'; 9999].iter()) {
                thread::sleep(ANSWER_MAX / 10);
                if stream.write_all(&[*byte]).is_err() {
                    break;
                }
            }
        });
        let mut idle = IdleConnections::new(address, "a", "/x");
        let start = Instant::now();
        idle.grow(1, &AtomicBool::new(false));
        assert!(start.elapsed() < 3 * ANSWER_MAX);
        let reason = idle.stopped.unwrap();
        assert!(
            reason.contains("after 0 idle connections: half an answer in time"),
            "{reason}"
        );
        server.join().unwrap();
    }
}
