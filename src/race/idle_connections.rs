//! Idle connections, on each of which one request was answered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::connection::{Connection, Endpoint};
use super::probe::peer::{Miss, Peer, Stop};

/// How long each answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// How long it may take to open all of them.
const GROW_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct IdleConnections {
    endpoint: Endpoint,
    request: Vec<u8>,
    members: Vec<Connection>,
    /// Why there are fewer than wanted.
    pub(super) stopped: Option<String>,
}

impl IdleConnections {
    pub(super) fn new(endpoint: &Endpoint, host: &str, path: &str) -> Self {
        Self {
            endpoint: endpoint.clone(),
            request: format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes(),
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
                Ok(connection) => self.members.push(connection),
                Err(reason) => {
                    let before = self.members.len();
                    self.stopped = Some(format!("after {before} idle connections: {reason}"));
                }
            }
        }
    }

    /// How many the server still holds.
    pub(super) fn held(&mut self) -> u64 {
        // Unexpected bytes or its end: a connection is not idle any more.
        let idle = self.members.iter_mut().map(Connection::is_idle);
        idle.filter(|is_idle| *is_idle).count() as u64
    }

    fn open(&self) -> Result<Connection, Miss> {
        let mut peer = Peer::connect(&self.endpoint, ANSWER_MAX)?;
        peer.send(&self.request);
        peer.answer(false)?;
        let connection = peer.into_connection();
        // It ends with a reset: ten thousand connections in TIME-WAIT would leave no ports to the next
        // server.
        let reset = connection.will_reset();
        reset.map_err(|_| Miss::Nothing(Stop::Reset))?;
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};
    use std::num::NonZeroUsize;
    use std::thread;

    use super::*;
    use crate::server::{Options, Server};

    fn plain(address: SocketAddr) -> Endpoint {
        Endpoint { address, tls: None }
    }

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
        let mut idle = IdleConnections::new(&plain(running.local_addr()), "a", "/x");
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
        let mut idle = IdleConnections::new(&plain(address), "a", "/x");
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
