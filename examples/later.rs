//! Answers that come later: after a delay, or from a pool of threads. SIGTERM and Ctrl-C drain the
//! server: it answers what it was asked, and ends.

use std::str;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use hullo::http::{
    Completion, Field, Handler, Request, Responded, Response, ResponseWriter, Status,
};
use hullo::server::{Options, Server};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

const PLAIN: Field<'static> = Field::from_static("Content-Type", "text/plain");
const RETRY_AFTER: Field<'static> = Field::from_static("Retry-After", "1");
const DELAY: Duration = Duration::from_millis(500);
const GRACE: Duration = Duration::from_secs(10);
const THREADS: usize = 2;
/// More jobs than these are refused with 503.
const JOBS_MAX: usize = 100;
/// Takes about a second.
const FIBONACCI_MAX: u32 = 40;

struct Job {
    number: u32,
    completion: Completion,
}

#[derive(Clone)]
struct Later {
    jobs: SyncSender<Job>,
}

impl Handler for Later {
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        if request.path() == b"/delay" {
            return response.respond_after(DELAY, Response::text("It is half a second later.\n"));
        }
        let Some(number) = fibonacci_of(request.path()) else {
            let sentence = b"See /delay, or /fibonacci/N with N up to 40.\n";
            return response.send(Status::NOT_FOUND, &[PLAIN], &[sentence]);
        };
        self.compute(number, response)
    }
}

impl Later {
    /// The event loop does not wait: it serves other connections while a thread works.
    fn compute(&self, number: u32, response: ResponseWriter<'_>) -> Responded {
        let (completion, responded) = response.later();
        let busy = match self.jobs.try_send(Job { number, completion }) {
            Ok(()) => return responded,
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => job,
        };
        let refusal = Response::new(Status::SERVICE_UNAVAILABLE);
        busy.completion.respond(refusal.with_field(RETRY_AFTER));
        responded
    }
}

/// The number of `/fibonacci/30`.
fn fibonacci_of(path: &[u8]) -> Option<u32> {
    let number = str::from_utf8(path.strip_prefix(b"/fibonacci/")?).ok()?;
    number.parse().ok().filter(|it| *it <= FIBONACCI_MAX)
}

/// Slow on purpose.
fn fibonacci(number: u32) -> u64 {
    match number {
        0 | 1 => number.into(),
        _ => fibonacci(number - 1) + fibonacci(number - 2),
    }
}

/// What a thread of the pool does.
fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { number, completion }) = job else {
            return;
        };
        // Nobody waits for the answer if the peer has left.
        if !completion.is_cancelled() {
            completion.respond(Response::text(format!("{}\n", fibonacci(number))));
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    // Before the server starts, so that an early signal does not kill it.
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let (jobs, from_handlers) = sync_channel(JOBS_MAX);
    let from_handlers = Arc::new(Mutex::new(from_handlers));
    for _ in 0..THREADS {
        let jobs = Arc::clone(&from_handlers);
        thread::spawn(move || work(&jobs));
    }
    let server = Server::bind(Options::default().address(address))?.start(Later { jobs })?;
    println!("listening on http://{}", server.local_addr());
    signals.forever().next();
    let cut = server.drain(Duration::ZERO, GRACE)?;
    println!("ended; connections cut: {cut}");
    Ok(())
}
