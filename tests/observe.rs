//! What other threads see of a server: its numbers and its health.
#![allow(missing_docs)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use hullo::http::{Handler, Request, Responded, Response, ResponseWriter, Status};
use hullo::server::{HealthHandle, Options, Server, ServerHandle, Stats};

/// Nothing here takes as long as this: a test that waits so long has found a fault.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a response is delayed, or a worker works for it.
const WORK: Duration = Duration::from_millis(100);

#[derive(Clone, Default)]
struct Scripted {
    /// A worker that is asked for `/block` waits until this can be read.
    gate: Arc<RwLock<()>>,
}

impl Handler for Scripted {
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        let path = std::str::from_utf8(request.path()).unwrap();
        match path {
            "/text" => response.text(&[b"text"]),
            "/work" => {
                thread::sleep(WORK);
                response.text(&[b"worked"])
            }
            "/delay" => response.respond_after(WORK, Response::text("delayed")),
            "/later" => {
                let (completion, responded) = response.later();
                thread::spawn(move || {
                    thread::sleep(WORK);
                    completion.respond(Response::text("later"));
                });
                responded
            }
            "/block" => {
                drop(self.gate.read().unwrap());
                response.text(&[b"released"])
            }
            code => {
                let status = Status::new(code[1..].parse().unwrap()).unwrap();
                response.send(status, &[], &[])
            }
        }
    }
}

fn bind(workers: usize) -> Server {
    let options = Options::default()
        .address(([127, 0, 0, 1], 0).into())
        .workers(NonZeroUsize::new(workers).unwrap());
    Server::bind(options).unwrap()
}

fn request(server: &ServerHandle, paths: &[&str]) -> TcpStream {
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let requests = paths
        .iter()
        .map(|path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    stream
        .write_all(requests.collect::<String>().as_bytes())
        .unwrap();
    stream
}

/// Asks for these paths on one connection, at once, and waits for all responses.
fn ask(server: &ServerHandle, paths: &[&str]) {
    let mut stream = request(server, paths);
    let mut text = String::new();
    let mut block = [0; 4096];
    while text.matches("HTTP/1.1 ").count() < paths.len() {
        let read = stream.read(&mut block).unwrap();
        assert!(read > 0, "closed after {text:?}");
        text += std::str::from_utf8(&block[..read]).unwrap();
    }
}

#[track_caller]
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "it takes too long");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn responses_are_counted_by_status() {
    let server = bind(2).start(Scripted::default()).unwrap();
    let stats = server.stats_handle();
    assert_eq!(stats.responses(), []);
    ask(&server, &["/text", "/200", "/404", "/text", "/599"]);
    ask(&server, &["/404", "/204", "/delay"]);
    let code = |(status, count): (Status, u64)| (status.code(), count);
    let expected = [(200, 4), (204, 1), (404, 2), (599, 1)];
    wait_until(|| stats.read().into_iter().sum::<Stats>().responses() == 8);
    let responses: Vec<_> = stats.responses().into_iter().map(code).collect();
    assert_eq!(responses, expected);
    server.stop().unwrap();
}

#[test]
fn the_time_that_a_handler_takes_counts() {
    let server = bind(1).measure_times().start(Scripted::default()).unwrap();
    let stats = server.stats_handle();
    let paths = ["/text", "/delay", "/text", "/later", "/text", "/work"];
    ask(&server, &paths);
    wait_until(|| stats.service_times().count() == paths.len() as u64);
    let times = stats.service_times();
    // A bucket is a seventh wide.
    assert!(times.count_within(WORK * 6 / 7) <= 3, "{times:?}");
    assert!(times.sum() >= 3 * WORK, "{times:?}");
    assert!(times.percentile(99.0).unwrap() >= WORK * 6 / 7, "{times:?}");
    ask(&server, &["/text"]);
    wait_until(|| stats.service_times().since(&times).count() == 1);
    server.stop().unwrap();
}

#[test]
fn a_worker_is_busy_in_its_turns_and_not_between_them() {
    let server = bind(1).measure_times().start(Scripted::default()).unwrap();
    let start = Instant::now();
    ask(&server, &["/work"]);
    thread::sleep(4 * WORK);
    // The loop publishes what it has counted at the end of a turn.
    ask(&server, &["/text"]);
    wait_until(|| server.stats()[0].responses() == 2);
    let busy = Duration::from_micros(server.stats()[0].busy_micros);
    let idle = start.elapsed().saturating_sub(busy);
    assert!(
        busy >= WORK && idle >= 3 * WORK,
        "busy {busy:?}, idle {idle:?}"
    );
    server.stop().unwrap();
}

#[test]
fn times_are_not_measured_unless_that_is_asked_for() {
    let server = bind(1).start(Scripted::default()).unwrap();
    ask(&server, &["/work"]);
    wait_until(|| server.stats()[0].responses() == 1);
    assert_eq!(server.stats()[0].busy_micros, 0);
    assert_eq!(server.stats_handle().service_times().count(), 0);
    server.stop().unwrap();
}

/// Which workers do not move for `WORK`; `None`: the check has ended before.
fn stalled(health: &HealthHandle) -> Option<Vec<usize>> {
    let (check, start) = (health.check(), Instant::now());
    loop {
        match check.stalled() {
            none if none.is_empty() => return None,
            stalled if start.elapsed() > 3 * WORK => return Some(stalled),
            _ => thread::sleep(Duration::from_millis(1)),
        }
    }
}

#[test]
fn a_worker_that_hangs_is_noticed_and_one_that_sleeps_is_not() {
    let handler = Scripted::default();
    let gate = Arc::clone(&handler.gate);
    let server = bind(3).start(handler).unwrap();
    let health = server.health_handle();
    // They sleep: there has never been an event.
    wait_until(|| stalled(&health).is_none());
    let held = gate.write().unwrap();
    let mut waiting = request(&server, &["/block"]);
    let mut hanging = None;
    wait_until(|| {
        hanging = stalled(&health);
        hanging.as_ref().is_some_and(|stalled| stalled.len() == 1)
    });
    drop(held);
    assert!(waiting.read(&mut [0; 64]).unwrap() > 0);
    wait_until(|| stalled(&health).is_none());
    server.stop().unwrap();
}

#[test]
fn a_server_is_ready_until_it_drains() {
    let server = bind(2).start(Scripted::default()).unwrap();
    let health = server.health_handle();
    assert!(health.is_ready());
    ask(&server, &["/text"]);
    server.shutdown_handle().drain(2 * WORK, PATIENCE);
    assert!(!health.is_ready());
    // Until load balancers know of it, connections are accepted.
    ask(&server, &["/text"]);
    wait_until(|| stalled(&health).is_none());
    server.wait().unwrap();
    // Those that have returned are not missed.
    assert_eq!(health.check().stalled(), [0; 0]);
    assert!(!health.is_ready());
}

#[test]
fn a_server_that_stops_is_not_ready() {
    let server = bind(1).start(Scripted::default()).unwrap();
    let health = server.health_handle();
    server.stop().unwrap();
    assert!(!health.is_ready() && health.check().stalled().is_empty());
}
