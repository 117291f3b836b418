//! Several listeners, TCP and Unix sockets, each with a handler of its own.
#![allow(missing_docs)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use hullo::Greeting;
use hullo::http::{Handler, Request, Responded, ResponseWriter};
use hullo::server::{Options, Server, Stats};

/// Nothing here takes as long as this: a test that waits so long has found a fault.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server on a free port that does not answer yet.
fn bind(workers: usize) -> Server {
    Server::bind(Options {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        workers: NonZeroUsize::new(workers).unwrap(),
        ..Options::default()
    })
    .unwrap()
}

/// Answers with its name.
struct Named(&'static str);

impl Handler for Named {
    fn handle(&self, _: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        response.text(&[self.0.as_bytes()])
    }
}

fn answer_of(mut stream: impl Read + Write) -> String {
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, content) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    content.to_owned()
}

#[test]
fn each_listener_has_its_own_handler() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    let server = bind(2)
        .listen_unix(&one)
        .unwrap()
        .listen_unix(&two)
        .unwrap()
        .start_with(|listener| Named(["tcp", "one", "two"][listener]))
        .unwrap();
    for _ in 0..20 {
        let tcp = TcpStream::connect(server.local_addr()).unwrap();
        assert_eq!(answer_of(tcp), "tcp");
        assert_eq!(answer_of(UnixStream::connect(&one).unwrap()), "one");
        assert_eq!(answer_of(UnixStream::connect(&two).unwrap()), "two");
    }
    let stats = server.stats_handle();
    server.stop().unwrap();
    let stats: Stats = stats.read().into_iter().sum();
    assert_eq!(stats.accepted, 60);
    assert!(!one.exists() && !two.exists(), "the files are removed");
}

#[test]
fn a_unix_socket_serves_large_responses_and_half_closed_peers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let bound = bind(2).listen_unix(&path).unwrap();
    let _server = bound.start(Greeting).unwrap();
    let mut peer = UnixStream::connect(&path).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "p".repeat(8000));
    let mut sender = peer.try_clone().unwrap();
    let all = line.repeat(200);
    let sent = std::thread::spawn(move || {
        sender.write_all(all.as_bytes()).unwrap();
        sender.shutdown(Shutdown::Write).unwrap();
    });
    let mut answers = String::new();
    peer.read_to_string(&mut answers).unwrap();
    sent.join().unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 200);
    assert!(answers.ends_with("ppp\n"));
}

#[test]
fn the_file_of_a_unix_socket_is_replaced_only_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listen = || bind(1).listen_unix(&path);
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "left over");
    let server = listen().unwrap();
    let taken = listen().unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    drop(server);
    std::fs::write(&path, "not a socket").unwrap();
    assert_eq!(listen().unwrap_err().kind(), ErrorKind::AddrInUse);
    assert_eq!(std::fs::read(&path).unwrap(), b"not a socket");
    for nameless in ["", "\0abstract"] {
        let listen = bind(1).listen_unix(nameless);
        assert_eq!(listen.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn a_server_leaves_the_socket_file_of_its_successor_and_a_stuck_one_is_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listen = || bind(1).listen_unix(&path);
    let first = listen().unwrap();
    std::fs::remove_file(&path).unwrap();
    let second = listen().unwrap();
    drop(first);
    assert!(path.exists(), "that of the second server");
    drop(second);
    assert!(!path.exists());
    // A server that accepts nothing, with a full queue.
    let stuck = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    stuck
        .bind(&socket2::SockAddr::unix(&path).unwrap())
        .unwrap();
    stuck.listen(0).unwrap();
    let _waiting = UnixStream::connect(&path).unwrap();
    assert_eq!(listen().unwrap_err().kind(), ErrorKind::AddrInUse);
}
