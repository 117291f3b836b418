//! The server through real sockets, on ports of the kernel's choosing.
#![allow(missing_docs)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use hullo::Greeting;
use hullo::http::{Limits, Reject};
use hullo::server::{Options, Server, ServerHandle, Stats, Timeouts};

/// Nothing here takes as long as this: a test that waits so long has found a fault.
const PATIENCE: Duration = Duration::from_secs(10);

const GET: &[u8] = b"GET /abcdef HTTP/1.1\r\nHost: a\r\n\r\n";

fn serve(workers: usize, timeouts: Timeouts) -> ServerHandle {
    let options = Options::default()
        .address(SocketAddr::from(([127, 0, 0, 1], 0)))
        .workers(NonZeroUsize::new(workers).unwrap())
        .timeouts(timeouts);
    Server::bind(options).unwrap().start(Greeting).unwrap()
}

fn one_worker() -> ServerHandle {
    serve(1, Timeouts::default())
}

/// A client that reads replies one by one.
struct Peer {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Peer {
    fn new(server: &ServerHandle) -> Self {
        let stream = TcpStream::connect(server.local_addr()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> &mut Self {
        self.stream.write_all(bytes).unwrap();
        self
    }

    /// The status and the content of the next reply.
    #[track_caller]
    fn reply(&mut self) -> (u16, String) {
        let end = loop {
            match self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => assert!(self.more() > 0, "closed in the middle of a head"),
            }
        };
        let head = String::from_utf8(self.unread[..end].to_vec()).unwrap();
        let status = head[9..12].parse().unwrap();
        let length = head.split("Content-Length: ").nth(1).map_or(0, |rest| {
            rest.split("\r\n").next().unwrap().parse::<usize>().unwrap()
        });
        while self.unread.len() < end + length {
            assert!(self.more() > 0, "closed in the middle of a content");
        }
        let content = String::from_utf8(self.unread[end..end + length].to_vec()).unwrap();
        self.unread.drain(..end + length);
        (status, content)
    }

    fn more(&mut self) -> usize {
        let mut block = vec![0; 65536];
        let read = self.stream.read(&mut block).unwrap();
        self.unread.extend_from_slice(&block[..read]);
        read
    }

    #[track_caller]
    fn is_greeted(&mut self, path: &str) {
        assert_eq!(
            self.reply(),
            (200, format!("Hello, visitor! You've requested: {path}\n"))
        );
    }

    /// The server has ended its side, in order, and nothing more stood before the end.
    #[track_caller]
    fn is_left(&mut self) {
        assert_eq!(
            self.more(),
            0,
            "{:?}",
            String::from_utf8_lossy(&self.unread)
        );
        assert!(self.unread.is_empty());
    }
}

#[test]
fn greets_and_keeps_the_connection() {
    let server = one_worker();
    let mut peer = Peer::new(&server);
    for path in ["/", "/any/path", "/%20/../x"] {
        peer.send(format!("GET {path}?q=1 HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes())
            .is_greeted(path);
    }
    server.stop().unwrap();
}

#[test]
fn answers_a_request_in_two_segments() {
    let server = one_worker();
    let mut peer = Peer::new(&server);
    for cut in 1..GET.len() {
        peer.send(&GET[..cut]);
        // The server has most likely read the first segment by now; it is right either way.
        std::thread::sleep(Duration::from_millis(1));
        peer.send(&GET[cut..]).is_greeted("/abcdef");
    }
}

#[test]
fn answers_pipelined_requests_in_their_order() {
    let server = one_worker();
    let mut peer = Peer::new(&server);
    let request = |n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n");
    let batch: String = (0..5000).map(request).collect();
    let mut sender = peer.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || sender.write_all(batch.as_bytes()).unwrap());
    for n in 0..5000 {
        peer.is_greeted(&format!("/{n}"));
    }
    sending.join().unwrap();
}

#[test]
fn reads_a_body_to_its_end_and_then_the_next_request() {
    let server = one_worker();
    let mut peer = Peer::new(&server);
    let body = vec![b'x'; 300_000];
    for _ in 0..3 {
        peer.send(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n")
            .send(&body);
        peer.is_greeted("/upload");
        peer.send(GET).is_greeted("/abcdef");
    }
}

#[test]
fn says_continue_only_to_who_waits_for_it() {
    let server = one_worker();
    let mut peer = Peer::new(&server);
    let head = b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    peer.send(head);
    assert_eq!(peer.reply(), (100, String::new()));
    peer.send(b"hello").is_greeted("/x");
    peer.send(&[head, &b"hello"[..]].concat()).is_greeted("/x");
}

#[test]
fn answers_a_peer_that_has_shut_its_side() {
    let server = one_worker();
    for count in [1, 50, 1000] {
        let mut peer = Peer::new(&server);
        peer.send(&GET.repeat(count));
        peer.stream.shutdown(Shutdown::Write).unwrap();
        for _ in 0..count {
            peer.is_greeted("/abcdef");
        }
        peer.is_left();
    }
}

#[test]
fn leaves_a_peer_that_ends_in_the_middle() {
    let server = one_worker();
    for part in [
        "G",
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx",
    ] {
        let mut peer = Peer::new(&server);
        peer.send(part.as_bytes());
        peer.stream.shutdown(Shutdown::Write).unwrap();
        peer.is_left();
    }
}

#[test]
fn closes_when_asked_and_answers_nothing_after_that() {
    let server = one_worker();
    let mut peer = Peer::new(&server);
    let last = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    peer.send(&[GET, last, GET].concat());
    peer.is_greeted("/abcdef");
    peer.is_greeted("/last");
    peer.is_left();
}

#[test]
fn an_error_reaches_a_peer_that_goes_on_sending() {
    let server = one_worker();
    for _ in 0..20 {
        let mut peer = Peer::new(&server);
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n");
        // Less than the server reads after an error (256 KiB), so it ends without a reset.
        let rest = vec![b'x'; 200_000];
        peer.send(&rest);
        let (status, sentence) = peer.reply();
        assert_eq!(
            (status, &*sentence),
            (400, "The Host field is given more than once.\n")
        );
        peer.is_left();
    }
}

#[test]
fn a_peer_that_does_not_read_is_not_read_from() {
    let server = one_worker();
    let mut peer = Peer::new(&server);
    peer.stream
        .set_write_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let mut sent = 0;
    let block = GET.repeat(1000);
    let error = loop {
        match peer.stream.write(&block[sent % block.len()..]) {
            Ok(written) => sent += written,
            Err(error) => break error,
        }
        assert!(
            sent < 64 << 20,
            "64 MiB were read from a peer that takes no reply"
        );
    };
    assert!(
        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{error}"
    );
    // Another one is served meanwhile; and the first gets all it was owed, once it reads.
    Peer::new(&server).send(GET).is_greeted("/abcdef");
    for _ in 0..sent / GET.len() {
        peer.is_greeted("/abcdef");
    }
}

#[test]
fn a_flood_does_not_starve_the_next_peer() {
    let server = one_worker();
    let flooder = Peer::new(&server);
    let (mut sender, mut receiver) = (flooder.stream.try_clone().unwrap(), flooder.stream);
    let batch = GET.repeat(2000);
    let sending = std::thread::spawn(move || while sender.write_all(&batch).is_ok() {});
    let reading = std::thread::spawn(move || {
        let mut block = vec![0; 1 << 20];
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1) && receiver.read(&mut block).unwrap() > 0 {}
        receiver.shutdown(Shutdown::Both).unwrap();
    });
    let mut peer = Peer::new(&server);
    for _ in 0..200 {
        peer.send(GET).is_greeted("/abcdef");
    }
    reading.join().unwrap();
    sending.join().unwrap();
}

#[test]
fn every_worker_lets_peers_in() {
    let server = serve(3, Timeouts::default());
    let mut peers: Vec<Peer> = (0..64).map(|_| Peer::new(&server)).collect();
    for _ in 0..3 {
        for peer in &mut peers {
            peer.send(GET);
        }
        for peer in &mut peers {
            peer.is_greeted("/abcdef");
        }
    }
}

#[test]
fn stops_at_once_with_peers_in_every_state() {
    let server = serve(2, Timeouts::default());
    let address = server.local_addr();
    let mut peers: Vec<Peer> = (0..8).map(|_| Peer::new(&server)).collect();
    peers[0].send(GET).is_greeted("/abcdef");
    peers[1].send(b"GET / HT");
    peers[2].send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
    let start = Instant::now();
    server.stop().unwrap();
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(
        TcpStream::connect(address).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
}

#[test]
fn a_taken_port_is_an_error() {
    let server = one_worker();
    let options = Options::default().address(server.local_addr());
    assert_eq!(
        Server::bind(options).unwrap_err().kind(),
        ErrorKind::AddrInUse
    );
}

#[test]
fn options_out_of_their_range_are_refused() {
    let limits = Limits::default().fields(257);
    let timeouts = Timeouts::default().body(Duration::ZERO);
    let one = NonZeroUsize::MIN;
    let default = || {
        Options::default()
            .address(SocketAddr::from(([127, 0, 0, 1], 0)))
            .workers(one)
    };
    for (options, sentence) in [
        (
            default().limits(limits),
            "limits.fields is 257: out of range, from 1 to 256",
        ),
        (
            default().timeouts(timeouts),
            "timeouts.body is 0ns: out of range, from 1ms to 31536000s",
        ),
        (
            default().workers(one.saturating_add(Options::WORKERS_MAX)),
            "workers is 1025: out of range, from 1 to 1024",
        ),
        (
            default().max_buffered_bytes(Some(one)),
            "max_buffered_bytes is 1: too small for 1 worker, at least 1048576 (1MiB)",
        ),
    ] {
        let error = Server::bind(options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), sentence);
    }
}

#[test]
fn serves_over_ipv6() {
    let options = Options::default().address("[::1]:0".parse().unwrap());
    match Server::bind(options) {
        Ok(server) => {
            let server = server.start(Greeting).unwrap();
            Peer::new(&server).send(GET).is_greeted("/abcdef");
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::AddrNotAvailable, "no IPv6 here"),
    }
}

/// Waits until the numbers of all workers together are as they should be.
#[track_caller]
fn assert_stats(server: &ServerHandle, are_right: impl Fn(&Stats) -> bool) {
    let start = Instant::now();
    loop {
        let stats: Stats = server.stats().into_iter().sum();
        if are_right(&stats) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{stats:#?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn counts_what_it_does() {
    let timeouts = Timeouts::default().linger(Duration::from_millis(100));
    let server = serve(2, timeouts);
    assert_eq!(server.stats().len(), 2, "one for each worker");
    let mut peer = Peer::new(&server);
    let sent = peer.send(GET).send(GET);
    for _ in 0..2 {
        sent.is_greeted("/abcdef");
    }
    let brew = b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(peer.send(brew).reply().0, 501);
    assert_stats(&server, |stats| {
        (stats.accepted, stats.open, stats.closed()) == (1, 1, 0)
            && (stats.responses_2xx, stats.responses_5xx, stats.responses()) == (2, 1, 3)
            && stats.bytes_in as usize == 2 * GET.len() + brew.len()
            && stats.bytes_out > 300
            && (1..100).contains(&stats.wake_ups)
    });
    drop(peer);
    let mut refused = Peer::new(&server);
    assert_eq!(refused.send(b"GET / HTTP/1.1\r\n\r\n").reply().0, 400);
    assert_stats(&server, |stats| {
        (stats.closed_refused, stats.responses_4xx) == (1, 1)
            && (stats.refused, stats.refused_for(Reject::HostMissing)) == (1, 1)
            && stats.refused_for(Reject::HostSyntax) == 0
    });
    let mut last = Peer::new(&server);
    let close = b"GET /abcdef HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    last.send(close).is_greeted("/abcdef");
    drop((last, Peer::new(&server)));
    assert_stats(&server, |stats| {
        (stats.closed_peer_asked, stats.closed_peer_left) == (1, 2)
            && (stats.accepted, stats.open, stats.closed()) == (4, 0, 4)
    });
}

#[test]
fn counts_idle_connections_that_it_closes() {
    let idle = Duration::from_millis(50);
    let server = serve(1, Timeouts::default().idle(idle));
    let _peer = Peer::new(&server);
    assert_stats(&server, |stats| {
        (stats.accepted, stats.open, stats.closed_idle) == (1, 0, 1)
    });
}

#[test]
fn what_a_server_has_done_can_be_read_after_its_end() {
    let server = serve(1, Timeouts::default());
    let stats = server.stats_handle();
    let mut peer = Peer::new(&server);
    peer.send(GET);
    peer.reply();
    server.stop().unwrap();
    let last: Stats = stats.read().into_iter().sum();
    assert_eq!((last.accepted, last.responses_2xx), (1, 1));
}
