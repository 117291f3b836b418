//! Server-sent events: a thread counts the seconds and tells all clients.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use hullo::http::{
    Field, Piece, Produced, Request, Responded, Response, ResponseWriter, Status, Waker, handler_fn,
};
use hullo::server::{Options, Server};

const NO_CACHE: Field<'static> = Field::from_static("Cache-Control", "no-cache");
const PLAIN: Field<'static> = Field::from_static("Content-Type", "text/plain");
/// A client that is so many events behind is dropped.
const BEHIND_MAX: usize = 16;

struct Client {
    events: SyncSender<String>,
    waker: Waker,
}

#[derive(Clone, Default)]
struct Clients(Arc<Mutex<Vec<Client>>>);

impl Clients {
    fn lock(&self) -> MutexGuard<'_, Vec<Client>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends an event to all clients. Those that have left, or do not read, are dropped.
    fn send(&self, event: &str) {
        self.lock().retain(|client| {
            let sent = client.events.try_send(event.to_owned());
            // The wake-up also ends the response of a client that does not read.
            client.waker.wake();
            sent.is_ok()
        });
    }

    fn answer(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        match request.path() {
            b"/events" => {
                let (events, for_peer) = sync_channel(BEHIND_MAX);
                let waker = response.waker();
                self.lock().push(Client { events, waker });
                let stream = Response::new(Status::OK).content_type("text/event-stream");
                response.respond(stream.with_field(NO_CACHE).stream(source(for_peer)))
            }
            b"/clients" => {
                let count = format!("{}\n", self.lock().len());
                response.text(&[count.as_bytes()])
            }
            _ => response.send(
                Status::NOT_FOUND,
                &[PLAIN],
                &[b"See /events or /clients.\n"],
            ),
        }
    }
}

/// The events of one client, each as soon as there is room for it.
fn source(events: Receiver<String>) -> impl FnMut(&mut Piece<'_>) -> Produced {
    let mut rest = String::new();
    move |piece| {
        loop {
            // Events are ASCII, so they may be cut anywhere.
            let taken = piece.push(rest.as_bytes());
            rest.drain(..taken);
            if !rest.is_empty() {
                return Produced::More;
            }
            match events.try_recv() {
                Ok(event) => rest = event,
                Err(TryRecvError::Empty) => return Produced::Wait,
                Err(TryRecvError::Disconnected) => return Produced::End,
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let clients = Clients::default();
    let of_server = clients.clone();
    let handler = handler_fn(move |request, response| of_server.answer(request, response));
    let server = Server::bind(Options::default().address(address))?.start(handler)?;
    println!("listening on http://{}", server.local_addr());
    thread::spawn(move || {
        for second in 0_u64.. {
            clients.send(&format!("id: {second}\ndata: {second} s\n\n"));
            thread::sleep(Duration::from_secs(1));
        }
    });
    Ok(server.wait()?)
}
