//! The greeting in `tiny_http`: `race-tiny_http PORT WORKERS`. It has a thread for each connection by
//! itself; the workers are those that make the answers.

use std::{sync::Arc, thread};

use tiny_http::{Response, Server};

fn work(server: &Server) {
    for request in server.incoming_requests() {
        let path = request.url().split('?').next().unwrap_or_default();
        let response = Response::from_string(format!("Hello, visitor! You've requested: {path}\n"));
        // It fails if the peer has gone.
        let _ = request.respond(response);
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (port, workers): (u16, usize) = (args[1].parse().unwrap(), args[2].parse().unwrap());
    let server = Arc::new(Server::http(("127.0.0.1", port)).expect("listen"));
    let workers: Vec<_> = (0..workers)
        .map(|_| {
            let server = Arc::clone(&server);
            thread::spawn(move || work(&server))
        })
        .collect();
    for worker in workers {
        worker.join().expect("a worker panicked");
    }
}
