//! The greeting in `may_minihttp`: `race-may_minihttp PORT WORKERS`.

use std::io;

use may_minihttp::{HttpServer, HttpService, Request, Response};

#[derive(Clone)]
struct Greet;

impl HttpService for Greet {
    fn call(&mut self, req: Request, res: &mut Response) -> io::Result<()> {
        // What it calls the path is the whole target.
        let path = req.path().split('?').next().unwrap_or_default();
        res.header("Content-Type: text/plain; charset=utf-8");
        res.body_vec(format!("Hello, visitor! You've requested: {path}\n").into_bytes());
        Ok(())
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (port, workers): (u16, usize) = (args[1].parse().unwrap(), args[2].parse().unwrap());
    may::config().set_workers(workers);
    let server = HttpServer(Greet)
        .start(("127.0.0.1", port))
        .expect("listen");
    server.join().expect("the server panicked");
}
