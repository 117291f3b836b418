//! The end of a server through real sockets: what has been asked is answered.
#![allow(missing_docs)]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use hullo::Greeting;
use hullo::server::{Options, Server, ServerHandle, Stats};

/// Nothing here takes as long as this: a test that waits so long has found a fault.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a test lets the server work before it looks or goes on.
const MOMENT: Duration = Duration::from_millis(100);

/// How often a race is run.
const RACES: u64 = 1_000;

const GET: &[u8] = b"GET /abcdef HTTP/1.1\r\nHost: a\r\n\r\n";

fn bind(workers: usize) -> Server {
    let options = Options::default()
        .address(SocketAddr::from(([127, 0, 0, 1], 0)))
        .workers(NonZeroUsize::new(workers).unwrap());
    Server::bind(options).unwrap()
}

fn serve(workers: usize) -> ServerHandle {
    bind(workers).start(Greeting).unwrap()
}

fn connect(server: &ServerHandle) -> TcpStream {
    let stream = TcpStream::connect(server.local_addr()).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads so many responses with status 200. Returns which of them, from 0, say that the connection is closed.
#[track_caller]
fn responses(stream: &mut impl Read, count: usize) -> Vec<usize> {
    let (mut text, mut block) = (String::new(), [0; 4096]);
    let end = "requested: /abcdef\n";
    while text.matches(end).count() < count {
        let read = stream.read(&mut block).unwrap();
        assert!(read > 0, "closed after {text:?}");
        text += std::str::from_utf8(&block[..read]).unwrap();
    }
    let responses: Vec<&str> = text.split_inclusive(end).collect();
    assert_eq!(responses.len(), count, "{text}");
    assert!(
        responses
            .iter()
            .all(|one| one.starts_with("HTTP/1.1 200 OK\r\n")),
        "{text}"
    );
    let closes = responses
        .iter()
        .map(|one| one.contains("\r\nConnection: close\r\n"));
    closes
        .enumerate()
        .filter_map(|(place, closes)| closes.then_some(place))
        .collect()
}

/// The server ends its side, in order, and nothing more stands before the end.
#[track_caller]
fn is_closed(stream: &mut impl Read) {
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0);
}

/// Drains on another thread, for at most [`PATIENCE`].
fn drain(server: ServerHandle) -> thread::JoinHandle<u64> {
    thread::spawn(move || server.drain(Duration::ZERO, PATIENCE).unwrap())
}

/// Sends `batch` at the moment when the server begins to drain, again and again. Each of its requests has to
/// be answered, and none but the last may close.
fn race(batch: &[u8], count: usize) {
    let mut drained = 0;
    for round in 0..RACES {
        let server = serve(1 + (round % 2) as usize);
        let mut stream = connect(&server);
        let start = Arc::new(Barrier::new(2));
        let shutdown = server.shutdown_handle();
        let signal = thread::spawn({
            let start = Arc::clone(&start);
            move || {
                start.wait();
                shutdown.drain(Duration::ZERO, PATIENCE);
            }
        });
        start.wait();
        // So that sometimes the one is first, and sometimes the other.
        let late = Duration::from_micros(round % 8 * 10);
        let begin = Instant::now();
        while begin.elapsed() < late {
            std::hint::spin_loop();
        }
        stream.write_all(batch).unwrap();
        let closes = responses(&mut stream, count);
        assert!(closes.is_empty() || closes == [count - 1], "{closes:?}");
        drained += u64::from(!closes.is_empty());
        drop(stream);
        signal.join().unwrap();
        let stats = server.stats_handle();
        server.wait().unwrap();
        let stats: Stats = stats.read().into_iter().sum();
        assert_eq!((stats.closed_cut, stats.open), (0, 0), "{stats:?}");
    }
    assert!(drained > 0, "the drain never came first");
}

#[test]
fn a_request_that_arrives_with_the_signal_is_answered() {
    race(GET, 1);
}

#[test]
fn a_batch_that_arrives_with_the_signal_is_answered_whole() {
    race(&GET.repeat(16), 16);
}

#[test]
fn connections_that_wait_at_a_listener_are_answered() {
    for _ in 0..50 {
        let server = serve(2);
        let mut streams: Vec<TcpStream> = (0..64).map(|_| connect(&server)).collect();
        for stream in &mut streams {
            stream.write_all(GET).unwrap();
        }
        let drained = drain(server);
        for stream in &mut streams {
            responses(stream, 1);
        }
        drop(streams);
        assert_eq!(drained.join().unwrap(), 0);
    }
}

#[test]
fn half_a_request_behind_a_batch_is_awaited() {
    let server = serve(1);
    let mut stream = connect(&server);
    let (half, rest) = GET.split_at(11);
    stream.write_all(&[GET, GET, half].concat()).unwrap();
    assert!(responses(&mut stream, 2).is_empty());
    let drained = drain(server);
    thread::sleep(MOMENT);
    stream.write_all(&[rest, GET].concat()).unwrap();
    assert_eq!(responses(&mut stream, 2), [1]);
    is_closed(&mut stream);
    drop(stream);
    assert_eq!(drained.join().unwrap(), 0);
}

#[test]
fn half_a_body_is_awaited() {
    let server = serve(1);
    let mut stream = connect(&server);
    let head = b"POST /abcdef HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";
    stream.write_all(&[&head[..], b"12345"].concat()).unwrap();
    thread::sleep(MOMENT);
    let drained = drain(server);
    // Longer than an idle connection has.
    thread::sleep(Duration::from_millis(1_300));
    stream.write_all(b"67890").unwrap();
    assert_eq!(responses(&mut stream, 1), [0]);
    is_closed(&mut stream);
    drop(stream);
    assert_eq!(drained.join().unwrap(), 0);
}

#[test]
fn an_idle_connection_has_a_second_for_one_more_request() {
    let server = serve(2);
    let stats = server.stats_handle();
    let mut peers = [connect(&server), connect(&server)];
    for stream in &mut peers {
        stream.write_all(GET).unwrap();
        assert!(responses(stream, 1).is_empty());
    }
    let [mut busy, mut silent] = peers;
    let start = Instant::now();
    let drained = drain(server);
    thread::sleep(Duration::from_millis(500));
    busy.write_all(GET).unwrap();
    assert_eq!(responses(&mut busy, 1), [0]);
    is_closed(&mut busy);
    drop(busy);
    is_closed(&mut silent);
    assert_eq!(drained.join().unwrap(), 0);
    let took = start.elapsed();
    assert!(
        (Duration::from_millis(900)..PATIENCE / 2).contains(&took),
        "{took:?}"
    );
    let stats: Stats = stats.read().into_iter().sum();
    assert_eq!((stats.closed_shutdown, stats.closed_cut), (2, 0));
}

#[test]
fn what_is_left_after_the_grace_is_cut_and_counted() {
    let server = serve(2);
    let mut halves: Vec<TcpStream> = (0..3).map(|_| connect(&server)).collect();
    for stream in &mut halves {
        stream.write_all(&GET[..9]).unwrap();
    }
    let _idle = connect(&server);
    thread::sleep(MOMENT);
    let start = Instant::now();
    assert_eq!(
        server
            .drain(Duration::ZERO, Duration::from_millis(300))
            .unwrap(),
        3
    );
    let took = start.elapsed();
    assert!(
        (Duration::from_millis(290)..PATIENCE / 2).contains(&took),
        "{took:?}"
    );
}

#[test]
fn connections_are_accepted_during_the_delay() {
    let server = serve(2);
    let shutdown = server.shutdown_handle();
    let address = server.local_addr();
    shutdown.drain(PATIENCE, PATIENCE);
    for _ in 0..20 {
        let mut stream = connect(&server);
        stream.write_all(GET).unwrap();
        assert_eq!(responses(&mut stream, 1), [0]);
        is_closed(&mut stream);
    }
    // A later call brings the end forward.
    shutdown.drain(Duration::ZERO, PATIENCE);
    let start = Instant::now();
    server.wait().unwrap();
    assert!(start.elapsed() < PATIENCE / 2);
    let error = TcpStream::connect(address).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_unix_socket_is_drained_as_well() {
    let path = std::env::temp_dir().join(format!("hullo-drain-{}", std::process::id()));
    for _ in 0..50 {
        let server = bind(2).listen_unix(&path).unwrap().start(Greeting).unwrap();
        let mut streams: Vec<UnixStream> = (0..8)
            .map(|_| UnixStream::connect(&path).unwrap())
            .collect();
        for stream in &mut streams {
            stream.write_all(GET).unwrap();
        }
        let drained = drain(server);
        for stream in &mut streams {
            responses(stream, 1);
        }
        drop(streams);
        assert_eq!(drained.join().unwrap(), 0);
        assert!(!path.exists());
    }
}
