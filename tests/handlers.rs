//! Handlers that answer later, in pieces, or not at all, over real sockets.
#![allow(missing_docs)]

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use hullo::http::{
    Completion, Handler, Piece, Produced, Request, Responded, Response, ResponseWriter, Status,
    Waker, collect,
};
use hullo::server::{Options, Server, ServerHandle};

const LONG: usize = 32 << 20;

#[derive(Clone)]
struct Scripted {
    completions: mpsc::Sender<Completion>,
    streams: mpsc::Sender<(Waker, mpsc::Sender<Vec<u8>>)>,
}

impl Handler for Scripted {
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        match request.path() {
            b"/delay" => {
                let delay = Duration::from_millis(100);
                response.respond_after(delay, Response::text("delayed"))
            }
            b"/later" => {
                let (completion, responded) = response.later();
                self.completions.send(completion).unwrap();
                responded
            }
            b"/long" => {
                let block = vec![b'x'; 100_000];
                let mut left = LONG;
                let source = move |piece: &mut Piece<'_>| {
                    left -= piece.push(&block[..left.min(block.len())]);
                    Produced::More
                };
                response.respond(Response::new(Status::OK).stream_sized(LONG as u64, source))
            }
            b"/events" => {
                let (sender, events) = mpsc::channel::<Vec<u8>>();
                self.streams.send((response.waker(), sender)).unwrap();
                let source = move |piece: &mut Piece<'_>| match events.try_recv() {
                    Ok(event) => {
                        piece.push(&event);
                        Produced::More
                    }
                    Err(mpsc::TryRecvError::Empty) => Produced::Wait,
                    Err(mpsc::TryRecvError::Disconnected) => Produced::End,
                };
                response.respond(Response::new(Status::OK).stream(source))
            }
            b"/panic" => panic!("a handler panics, as the test wants"),
            b"/panic-in-source" => {
                let mut is_first = true;
                let source = move |piece: &mut Piece<'_>| {
                    piece.push(b"half");
                    assert!(
                        std::mem::take(&mut is_first),
                        "a source panics, as the test wants"
                    );
                    Produced::More
                };
                response.respond(Response::new(Status::OK).stream(source))
            }
            b"/panic-at-the-end" => {
                let bomb = Bomb;
                let source = move |_: &mut Piece<'_>| {
                    let _ = &bomb;
                    Produced::Wait
                };
                response.respond(Response::new(Status::OK).stream(source))
            }
            b"/reset" => response.reset(),
            b"/abort-later" => response.abort_after(Duration::from_millis(100)),
            b"/reset-later" => response.reset_after(Duration::from_millis(100)),
            b"/reset-early" => {
                let source = |piece: &mut Piece<'_>| {
                    piece.push(b"half");
                    Produced::Reset
                };
                response.respond(Response::new(Status::OK).stream_sized(8, source))
            }
            b"/addresses" => {
                let peer = request.peer();
                let (addr, local) = (peer.addr().unwrap(), peer.local_addr().unwrap());
                response.text(&[format!("{addr} {local}").as_bytes()])
            }
            _ => response.text(&[request.content()]),
        }
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a source panics at its end, as the test wants");
    }
}

struct Setup {
    server: ServerHandle,
    completions: mpsc::Receiver<Completion>,
    streams: mpsc::Receiver<(Waker, mpsc::Sender<Vec<u8>>)>,
}

fn start() -> Setup {
    let options = Options::default()
        .address(SocketAddr::from(([127, 0, 0, 1], 0)))
        .workers(NonZeroUsize::MIN);
    let (completions, from_completions) = mpsc::channel();
    let (streams, from_streams) = mpsc::channel();
    let handler = Scripted {
        completions,
        streams,
    };
    let server = Server::bind(options).unwrap();
    Setup {
        server: server
            .start_with(|_| collect(1 << 20, handler.clone()))
            .unwrap(),
        completions: from_completions,
        streams: from_streams,
    }
}

fn connect(setup: &Setup) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(setup.server.local_addr()).unwrap();
    let limit = Some(Duration::from_secs(20));
    stream.set_read_timeout(limit).unwrap();
    stream.set_write_timeout(limit).unwrap();
    BufReader::new(stream)
}

fn send(stream: &mut BufReader<TcpStream>, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.get_mut().write_all(request.as_bytes()).unwrap();
}

/// Status line and fields.
fn head(stream: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).unwrap() > 0, "{head:?}");
    }
    head
}

/// A response with a length: its head and its content.
fn response(stream: &mut BufReader<TcpStream>) -> (String, String) {
    let head = head(stream);
    let length = head.split("Content-Length: ").nth(1).unwrap();
    let length = length[..length.find('\r').unwrap()].parse().unwrap();
    let mut content = vec![0; length];
    stream.read_exact(&mut content).unwrap();
    (head, String::from_utf8(content).unwrap())
}

fn chunk(stream: &mut BufReader<TcpStream>) -> String {
    let mut size = String::new();
    stream.read_line(&mut size).unwrap();
    let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
    let mut chunk = vec![0; size + 2];
    stream.read_exact(&mut chunk).unwrap();
    chunk.truncate(size);
    String::from_utf8(chunk).unwrap()
}

fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "it never happens"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_delayed_response_is_not_early_and_keeps_its_place() {
    let setup = start();
    let mut stream = connect(&setup);
    let start = Instant::now();
    for path in ["/delay", "/", "/delay", "/addresses"] {
        send(&mut stream, path);
    }
    assert_eq!(response(&mut stream).1, "delayed");
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!(response(&mut stream).1, "");
    assert_eq!(response(&mut stream).1, "delayed");
    assert!(start.elapsed() >= Duration::from_millis(200));
    let addresses = response(&mut stream).1;
    let stream = stream.into_inner();
    let (addr, local) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
    assert_eq!(addresses, format!("{addr} {local}"));
    setup.server.stop().unwrap();
}

#[test]
fn another_thread_answers() {
    let setup = start();
    let mut streams: Vec<_> = (0..20).map(|_| connect(&setup)).collect();
    for round in 0..20 {
        for stream in &mut streams {
            send(stream, "/later");
        }
        let completions: Vec<_> = setup.completions.iter().take(streams.len()).collect();
        let answer = format!("in round {round}");
        let content = answer.clone();
        let answering = thread::spawn(move || {
            for completion in completions {
                completion.respond(Response::text(content.clone()));
            }
        });
        for stream in &mut streams {
            assert_eq!(response(stream).1, answer);
        }
        answering.join().unwrap();
    }
    setup.server.stop().unwrap();
}

#[test]
fn a_peer_that_resets_cancels() {
    let setup = start();
    let mut stream = connect(&setup);
    send(&mut stream, "/later");
    let completion = setup.completions.recv().unwrap();
    let mut other = connect(&setup);
    send(&mut other, "/delay");
    for stream in [stream, other] {
        let stream = socket2::SockRef::from(stream.get_ref());
        stream.set_linger(Some(Duration::ZERO)).unwrap();
    }
    wait_until(|| completion.is_cancelled());
    wait_until(|| setup.server.stats()[0].open == 0);
    assert_eq!(setup.server.stats()[0].closed_failed, 2);
    setup.server.stop().unwrap();
}

/// A half-closed peer still wants its answer.
#[test]
fn a_peer_that_has_ended_its_side_is_answered() {
    let setup = start();
    let mut stream = connect(&setup);
    send(&mut stream, "/delay");
    stream
        .get_ref()
        .shutdown(std::net::Shutdown::Write)
        .unwrap();
    assert_eq!(response(&mut stream).1, "delayed");
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    setup.server.stop().unwrap();
}

#[test]
fn events_come_from_another_thread() {
    let setup = start();
    let mut stream = connect(&setup);
    send(&mut stream, "/events");
    let (waker, events) = setup.streams.recv().unwrap();
    assert!(head(&mut stream).contains("\r\nTransfer-Encoding: chunked\r\n"));
    for number in 0..100 {
        let event = format!("data: {number}\n\n");
        events.send(event.clone().into_bytes()).unwrap();
        waker.wake();
        assert_eq!(chunk(&mut stream), event);
    }
    drop(events);
    waker.wake();
    assert_eq!(chunk(&mut stream), "");
    send(&mut stream, "/delay");
    assert_eq!(response(&mut stream).1, "delayed");
    // The conversation goes on; a waker of its past does nothing.
    send(&mut stream, "/delay");
    let start = Instant::now();
    waker.wake();
    assert_eq!(response(&mut stream).1, "delayed");
    assert!(start.elapsed() > Duration::from_millis(90));
    setup.server.stop().unwrap();
}

#[test]
fn long_content_comes_whole_also_to_a_slow_reader() {
    let setup = start();
    let mut stream = connect(&setup);
    send(&mut stream, "/long");
    send(&mut stream, "/");
    let length = format!("\r\nContent-Length: {LONG}\r\n");
    assert!(head(&mut stream).contains(&length));
    let mut block = vec![0; 1 << 20];
    for turn in 0..LONG / block.len() {
        stream.read_exact(&mut block).unwrap();
        assert!(block.iter().all(|byte| *byte == b'x'));
        if turn % 8 == 0 {
            thread::sleep(Duration::from_millis(20));
        }
    }
    assert_eq!(response(&mut stream).1, "");
    setup.server.stop().unwrap();
}

#[test]
fn content_comes_with_its_request() {
    let setup = start();
    let mut stream = connect(&setup);
    let content = "0123456789".repeat(30_000);
    let request = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{content}",
        content.len()
    );
    stream
        .get_mut()
        .write_all(request.repeat(3).as_bytes())
        .unwrap();
    for _ in 0..3 {
        assert!(response(&mut stream).1 == content);
    }
    setup.server.stop().unwrap();
}

#[test]
fn a_handler_that_panics_ends_its_connection_alone() {
    let setup = start();
    let mut others: Vec<_> = (0..10).map(|_| connect(&setup)).collect();
    for round in 0..10 {
        let mut stream = connect(&setup);
        send(&mut stream, "/");
        send(&mut stream, "/panic");
        // The events of others may come in the same turn.
        for other in &mut others {
            send(other, "/delay");
        }
        let (head, content) = response(&mut stream);
        assert!(head.starts_with("HTTP/1.1 200 ") && content.is_empty());
        let (head, content) = response(&mut stream);
        assert!(
            head.starts_with("HTTP/1.1 500 Internal Server Error\r\n"),
            "{head}"
        );
        assert!(head.contains("\r\nConnection: close\r\n"));
        assert_eq!(content, "", "it might have been a HEAD");
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "{round}");
        for other in &mut others {
            assert_eq!(response(other).1, "delayed");
        }
    }
    wait_until(|| setup.server.stats()[0].closed_panicked == 10);

    let mut stream = connect(&setup);
    send(&mut stream, "/panic-in-source");
    head(&mut stream);
    let mut sent = Vec::new();
    stream.read_to_end(&mut sent).unwrap();
    assert_eq!(
        sent, b"4\r\nhalf\r\n",
        "no more than what was whole, and no last chunk"
    );
    setup.server.stop().unwrap();
}

#[test]
fn a_handler_can_reset_the_connection() {
    let setup = start();
    let mut stream = connect(&setup);
    send(&mut stream, "/reset");
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    setup.server.stop().unwrap();
}

#[test]
fn a_connection_ends_after_a_delay_or_in_the_middle_of_the_content() {
    let setup = start();
    let ended = |path: &str| {
        let mut stream = connect(&setup);
        let start = Instant::now();
        send(&mut stream, path);
        let mut sent = String::new();
        let end = stream
            .read_to_string(&mut sent)
            .map_err(|error| error.kind());
        (
            sent,
            end.err(),
            start.elapsed() >= Duration::from_millis(100),
        )
    };
    let reset = Some(io::ErrorKind::ConnectionReset);
    assert_eq!(ended("/abort-later"), (String::new(), None, true));
    assert_eq!(ended("/reset-later"), (String::new(), reset, true));
    let (sent, end, _) = ended("/reset-early");
    assert!(
        sent.ends_with("\r\n\r\nhalf") && end == reset,
        "{sent} {end:?}"
    );
    setup.server.stop().unwrap();
}

#[test]
fn a_source_that_panics_when_it_is_dropped_ends_nothing_else() {
    let setup = start();
    let mut other = connect(&setup);
    for _ in 0..3 {
        let mut stream = connect(&setup);
        send(&mut stream, "/panic-at-the-end");
        head(&mut stream);
        let stream = stream.into_inner();
        let linger = Some(Duration::ZERO);
        socket2::SockRef::from(&stream).set_linger(linger).unwrap();
        drop(stream);
        wait_until(|| setup.server.stats()[0].open == 1);
        send(&mut other, "/delay");
        assert_eq!(response(&mut other).1, "delayed");
    }
    setup.server.stop().unwrap();
}
