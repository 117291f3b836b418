//! Several listeners, TCP and Unix sockets, each with a handler of its own.
#![allow(missing_docs)]

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hullo::Greeting;
use hullo::http::{Handler, Reason, Reject, Request, Responded, ResponseWriter};
use hullo::server::{CloseReason, ConnectionEvent, Options, Server, SocketPermissions, Stats};

/// Nothing here takes as long as this: a test that waits so long has found a fault.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server on a free port that does not answer yet.
fn bind(workers: usize) -> Server {
    Server::bind(
        Options::default()
            .address(SocketAddr::from(([127, 0, 0, 1], 0)))
            .workers(NonZeroUsize::new(workers).unwrap()),
    )
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
        .start_with(|place| Named(["tcp", "one", "two"][place.listener]))
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
fn each_listener_tells_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = bind(2)
        .listen_unix(folder.path().join("socket"))
        .and_then(|server| server.listen(any))
        .unwrap();
    let before = server.local_addrs();
    let server = server
        .start_with(|place| Named(["first", "unix", "third"][place.listener]))
        .unwrap();
    let &[Some(first), None, Some(third)] = server.local_addrs() else {
        panic!("{before:?}");
    };
    assert_eq!(server.local_addrs(), before);
    assert_eq!(first, server.local_addr());
    for (address, name) in [(first, "first"), (third, "third")] {
        assert_eq!(answer_of(TcpStream::connect(address).unwrap()), name);
    }
    server.stop().unwrap();
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

#[test]
fn listeners_of_all_kinds_have_handlers_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let given = TcpListener::bind("127.0.0.1:0").unwrap();
    let given_addr = given.local_addr().unwrap();
    let another = TcpListener::bind("127.0.0.1:0").unwrap();
    let another_addr = another.local_addr().unwrap();
    drop(another);
    let server = bind(2)
        .listen(another_addr)
        .unwrap()
        .listener(given)
        .unwrap()
        .listener(UnixListener::bind(&path).unwrap())
        .unwrap()
        .start_with(|place| Named(["first", "added", "given", "unix"][place.listener]))
        .unwrap();
    for _ in 0..20 {
        let answer = |addr| answer_of(TcpStream::connect(addr).unwrap());
        assert_eq!(answer(server.local_addr()), "first");
        assert_eq!(answer(another_addr), "added");
        assert_eq!(answer(given_addr), "given");
        assert_eq!(answer_of(UnixStream::connect(&path).unwrap()), "unix");
    }
    server.stop().unwrap();
    assert!(path.exists(), "the file is its owner's");
}

/// Counts in a cell: nothing is shared, so nothing is locked.
struct Counting {
    worker: usize,
    count: Cell<u32>,
}

impl Handler for Counting {
    fn handle(&self, _: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        self.count.set(self.count.get() + 1);
        response.text(&[format!("{} {}", self.worker, self.count.get()).as_bytes()])
    }
}

#[test]
fn each_worker_has_state_of_its_own() {
    let server = bind(3).start_with(|place| Counting {
        worker: place.worker,
        count: Cell::new(0),
    });
    let server = server.unwrap();
    let mut counts = [0; 3];
    for _ in 0..60 {
        let answer = answer_of(TcpStream::connect(server.local_addr()).unwrap());
        let (worker, count) = answer.split_once(' ').unwrap();
        let worker: usize = worker.parse().unwrap();
        counts[worker] += 1;
        assert_eq!(count, counts[worker].to_string());
    }
    server.stop().unwrap();
}

#[test]
fn a_hook_is_told_of_each_connection() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&events);
    let server = bind(1)
        .on_connection(move |event| log.lock().unwrap().push(*event))
        .start(Greeting)
        .unwrap();
    let stream = TcpStream::connect(server.local_addr()).unwrap();
    let addr = stream.local_addr().unwrap();
    answer_of(stream);
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    stream.write_all(b"\x16").unwrap();
    stream.read_to_string(&mut String::new()).unwrap();
    drop(stream);
    server.drain(Duration::ZERO, PATIENCE).unwrap();
    let events = events.lock().unwrap();
    let ConnectionEvent::Opened {
        worker,
        connection,
        peer,
        ..
    } = events[0]
    else {
        panic!("{events:?}");
    };
    assert_eq!((worker, peer), (0, Some(addr)));
    let reason = events.iter().find_map(|event| match event {
        ConnectionEvent::Closed {
            connection: id,
            reason,
            ..
        } if *id == connection => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, Some(CloseReason::Ended(Reason::PeerAsked)));
    let refused = CloseReason::Ended(Reason::Refused(Reject::MethodSyntax));
    let is_refusal = |event: &ConnectionEvent| matches!(event, ConnectionEvent::Closed { reason, .. } if *reason == refused);
    assert_eq!(events.iter().filter(|event| is_refusal(event)).count(), 1);
    assert_eq!(events.len(), 4);
}

#[test]
fn a_server_may_have_no_address() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let options = Options::default().without_address();
    let server = Server::bind(options).unwrap().listen_unix(&path).unwrap();
    assert_eq!(server.local_addr(), SocketAddr::from(([0, 0, 0, 0], 0)));
    assert_eq!(server.local_addrs(), [None]);
    let server = server.start_with(|place| Named(["unix"][place.listener]));
    assert_eq!(answer_of(UnixStream::connect(&path).unwrap()), "unix");
    server.unwrap().stop().unwrap();
}

#[test]
fn who_may_connect_to_a_unix_socket_is_set() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let mode = |mode| {
        let permissions = SocketPermissions::default().mode(mode);
        let server = bind(1).listen_unix_with(&path, permissions).unwrap();
        let file = std::fs::metadata(&path).unwrap();
        drop(server);
        file.permissions().mode() & 0o777
    };
    assert_eq!((mode(0o600), mode(0o666)), (0o600, 0o666));
}

/// Hands the sockets of one server on to another one, with a request that waits at each of them.
#[test]
fn another_server_takes_over_with_any_number_of_workers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let server = |workers| {
        let options = Options::default()
            .without_address()
            .workers(NonZeroUsize::new(workers).unwrap());
        Server::bind(options).unwrap()
    };
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let first = server(2).listen(address).unwrap();
    let first = first.listen_unix(&path).unwrap();
    let mut running = first.start(Greeting).unwrap();
    let address = running.local_addr();
    for workers in [1, 5, 2, 3, 3, 1, 4] {
        let handle = running.listeners_handle();
        let successor = handle.sockets().unwrap().into_iter();
        let successor = successor.fold(server(workers), |server, sockets| {
            server.take_over(sockets).unwrap()
        });
        let waiting: Vec<TcpStream> = (0..50)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let successor = successor.start(Greeting).unwrap();
        assert_eq!(successor.local_addrs(), [Some(address), None]);
        handle.leave_files();
        let drained = std::thread::spawn(|| running.drain(Duration::ZERO, PATIENCE).unwrap());
        let unix = UnixStream::connect(&path).unwrap();
        assert!(answer_of(unix).ends_with("requested: /\n"));
        for stream in waiting {
            assert!(answer_of(stream).ends_with("requested: /\n"));
        }
        assert_eq!(drained.join().unwrap(), 0);
        assert!(handle.sockets().unwrap().iter().all(Vec::is_empty));
        for _ in 0..50 {
            let stream = TcpStream::connect(address).unwrap();
            assert!(answer_of(stream).ends_with("requested: /\n"));
        }
        running = successor;
    }
    running.stop().unwrap();
    assert!(!path.exists(), "the last one removes it");
    assert!(TcpStream::connect(address).is_err(), "nothing listens");
}

#[test]
fn what_does_not_listen_is_no_listener() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let other = stream.try_clone().unwrap();
    for refused in [
        bind(1).listener(stream),
        bind(1).take_over([other.into()]),
        bind(1).take_over([]),
    ] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
