//! A handler that does what the path says: it greets, or answers later, in pieces, or not at all.
//!
//! `/~stream/3000/50/1/2`: the name of an [`Action`], and its numbers. Any other path is greeted.

use std::panic;
use std::sync::mpsc;
use std::time::Duration;

use super::backend::{Backend, Call, Task, Waits};
use crate::Greeting;
use crate::http::{
    Content, ContentReader, Exchange, Field, Handler, Piece, Produced, Request, Responded,
    Response, ResponseWriter, Source, Status, Waker,
};

/// By which responses of this handler are counted.
pub(super) const MARK: &str = "\r\nHandler: ";
const FIELD: Field<'static> = Field::from_static("Handler", "simulated");

/// A source gives so many bytes at once.
const PIECE_BYTES: usize = 3_333;
/// The most that is collected: less than some requests have.
const COLLECT_BYTES_MAX: usize = 20_000;

/// The handler of all worlds.
#[derive(Clone, Default)]
pub(super) struct Scripted {
    pub(super) backend: Backend,
}

/// What a path says, with times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action<'r> {
    Named(&'r str, [u64; 4]),
    Greet,
}

impl<'r> Action<'r> {
    fn of(path: &'r [u8]) -> Self {
        let Some(rest) = path.strip_prefix(b"/~") else {
            return Self::Greet;
        };
        let mut parts = std::str::from_utf8(rest).unwrap_or_default().split('/');
        let name = parts.next().unwrap_or_default();
        let mut numbers = [0; 4];
        for (number, part) in numbers.iter_mut().zip(parts) {
            *number = part.parse().unwrap_or_default();
        }
        Self::Named(name, numbers)
    }
}

fn socket(request: &Request<'_>) -> Option<usize> {
    request.peer().addr().map(|addr| usize::from(addr.port()))
}

fn text(text: &'static str) -> Response {
    Response::text(text).with_field(FIELD)
}

impl Handler for Scripted {
    /// That it observes changes nothing but the memory of responses that go on.
    const OBSERVES: bool = true;

    fn observe(&self, exchange: &Exchange<'_>) {
        self.backend.note_exchange_end(exchange);
    }

    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        let Action::Named(name, numbers) = Action::of(request.path()) else {
            return Greeting.handle(request, response);
        };
        let socket = socket(request);
        let time = numbers[0];
        match name {
            "delay" => self.delay(socket, time, numbers[1], response),
            "later" | "drop" => self.later(socket, name, time, numbers[1], response),
            "stream" => {
                let call = self.backend.call(socket, Waits::Ready);
                let stream = self.stream(call, Plan::of(numbers), response.waker());
                response.respond(stream)
            }
            "abort" => response.abort(),
            "reset" => response.reset(),
            "panic" => {
                self.backend.note_panic(socket);
                panic::resume_unwind(Box::new("a handler panics"));
            }
            _ => {
                self.backend.call(socket, Waits::Nothing);
                response.send(Status::OK, &[FIELD], &[request.content()])
            }
        }
    }

    fn content(&self, request: &Request<'_>) -> Content {
        let Action::Named(name, numbers) = Action::of(request.path()) else {
            return Content::Skip;
        };
        let socket = socket(request);
        match name {
            "collect" => Content::Collect {
                max: COLLECT_BYTES_MAX,
            },
            "read" => Content::read(Reader {
                handler: self.clone(),
                socket,
                bytes: 0,
                time: numbers[0],
            }),
            "exchange" => {
                let call = self.backend.call(socket, Waits::Ready);
                self.backend.note_stream(call);
                self.backend.note_exchange(call);
                let (sender, pieces) = mpsc::channel();
                let backend = || self.backend.clone();
                let echo = Echo {
                    pieces,
                    left: Vec::new(),
                    end: StreamEnd(backend(), call, None),
                };
                Content::Exchange {
                    reader: Box::new(Forward(backend(), call, Some(sender))),
                    response: Response::new(Status::OK).with_field(FIELD).stream(echo),
                }
            }
            "refuse" => {
                self.backend.call(socket, Waits::Nothing);
                Content::Refuse(text("refused"))
            }
            _ => Content::Skip,
        }
    }
}

impl Scripted {
    /// `kind` 3: a waker is used in the middle of the delay, which must not end it.
    fn delay(
        &self,
        socket: Option<usize>,
        time: u64,
        kind: u64,
        response: ResponseWriter<'_>,
    ) -> Responded {
        let until = self.backend.now() + time;
        let call = self.backend.call(socket, Waits::Until(until));
        if kind == 3 {
            let wake = Task::Wake(response.waker());
            self.backend.schedule(call, time / 2, wake);
        }
        let delayed = self.deferred(call, kind, response.waker());
        response.respond_after(Duration::from_millis(time), delayed)
    }

    fn later(
        &self,
        socket: Option<usize>,
        name: &str,
        time: u64,
        kind: u64,
        response: ResponseWriter<'_>,
    ) -> Responded {
        let call = self.backend.call(socket, Waits::Elsewhere);
        let waker = response.waker();
        let (completion, responded) = response.later();
        let task = match (name, kind) {
            ("drop", _) => Task::Drop(completion),
            // Before the conversation knows that it waits.
            (_, 3) => {
                self.backend.set_waits(call, Waits::Ready);
                completion.respond(text("deferred"));
                return responded;
            }
            _ => Task::Respond(completion, self.deferred(call, kind, waker)),
        };
        self.backend.schedule(call, time, task);
        responded
    }

    /// What is answered after a wait.
    fn deferred(&self, call: Option<Call>, kind: u64, waker: Waker) -> Response {
        match kind {
            1 => {
                let waits = self.backend.waits(call).unwrap_or_default();
                let stream = self.stream(call, Plan::of([5_000, 5, 2, 1]), waker);
                self.backend.set_waits(call, waits);
                stream
            }
            2 => Response::new(Status::OK)
                .with_field(FIELD)
                .content(vec![b'l'; 150_000]),
            _ => text("deferred"),
        }
    }

    fn stream(&self, call: Option<Call>, plan: Plan, waker: Waker) -> Response {
        self.backend.note_stream(call);
        let response = Response::new(Status::OK).with_field(FIELD);
        let length = plan.length;
        let stream = Stream {
            plan,
            sent: 0,
            pause_at: 0,
            paused: None,
            is_new: true,
            waker,
            end: StreamEnd(self.backend.clone(), call, None),
        };
        match length {
            Some(length) => response.stream_sized(length, stream),
            None => response.stream(stream),
        }
    }
}

/// How the content of a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Proper,
    Failed,
    Panic,
}

/// How a stream pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    Never,
    WaitFor,
    Wait,
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    bytes: usize,
    /// As it is announced.
    length: Option<u64>,
    pause_ms: u64,
    pause: Pause,
    ending: Ending,
}

impl Plan {
    /// Bytes, the length of a pause, its kind, and the end: even of an announced length, odd in chunks.
    fn of([bytes, pause_ms, pause, end]: [u64; 4]) -> Self {
        let ending = match end / 2 {
            0 => Ending::Proper,
            1 => Ending::Failed,
            _ => Ending::Panic,
        };
        let missing = if ending == Ending::Proper { 0 } else { 7 };
        Self {
            bytes: bytes as usize,
            length: end.is_multiple_of(2).then_some(bytes + missing),
            pause_ms,
            pause: match pause {
                0 => Pause::Never,
                1 => Pause::WaitFor,
                _ => Pause::Wait,
            },
            ending,
        }
    }
}

/// Tells the backend when a source is dropped, and whether it was finished. `None`: it was never asked.
struct StreamEnd(Backend, Option<Call>, Option<bool>);

impl Drop for StreamEnd {
    fn drop(&mut self) {
        self.0.end_stream(self.1, self.2);
    }
}

/// Content that pauses before its first byte, and a few times more.
struct Stream {
    plan: Plan,
    sent: usize,
    /// When so many bytes were sent, it pauses.
    pause_at: usize,
    /// What its present pause waits for.
    paused: Option<Waits>,
    is_new: bool,
    waker: Waker,
    end: StreamEnd,
}

impl Stream {
    /// A pause that has not ended. It may be asked without a wake-up.
    fn pause(&mut self) -> Option<Produced> {
        let StreamEnd(backend, call, _) = &self.end;
        let is_replay = call.is_none();
        match self.paused {
            Some(Waits::Until(time)) if !is_replay && time > backend.now() => {
                backend.asked_early(*call);
                let left = Duration::from_millis(time - backend.now());
                return Some(Produced::WaitFor(left));
            }
            Some(Waits::Elsewhere) if backend.waits(*call) == Some(Waits::Elsewhere) => {
                return Some(Produced::Wait);
            }
            _ => self.paused = None,
        }
        if self.sent < self.pause_at || self.plan.pause == Pause::Never {
            return None;
        }
        self.pause_at += self.plan.bytes / 4 + 1;
        let time = self.plan.pause_ms;
        let (waits, produced) = match self.plan.pause {
            Pause::WaitFor => (
                Waits::Until(backend.now() + time),
                Produced::WaitFor(Duration::from_millis(time)),
            ),
            _ => (Waits::Elsewhere, Produced::Wait),
        };
        self.paused = Some(waits);
        backend.set_waits(*call, waits);
        // The wakers of a stream of sleeps have nothing to do there.
        let wake = Task::Wake(self.waker.clone());
        match self.plan.pause {
            Pause::Wait => backend.schedule(*call, time, wake),
            _ if time % 2 == 1 => backend.schedule(*call, time * 2 / 3, wake),
            _ => {}
        }
        Some(produced)
    }
}

impl Source for Stream {
    fn produce(&mut self, piece: &mut Piece<'_>) -> Produced {
        if std::mem::take(&mut self.is_new) {
            self.end.0.begin_stream(self.end.1);
            self.end.2 = Some(false);
        }
        if let Some(pause) = self.pause() {
            return pause;
        }
        self.end.0.set_waits(self.end.1, Waits::Ready);
        let most = PIECE_BYTES.min(self.plan.bytes - self.sent);
        let next: Vec<u8> = (self.sent..self.sent + most)
            .map(|at| b'a' + (at % 26) as u8)
            .collect();
        self.sent += piece.push(&next);
        if self.sent < self.plan.bytes {
            return Produced::More;
        }
        self.end.2 = Some(self.plan.ending != Ending::Panic);
        match self.plan.ending {
            Ending::Proper => Produced::End,
            Ending::Failed => Produced::Failed,
            Ending::Panic if most > 0 => {
                // What a source has appended before it panics is taken back: so nothing now.
                Produced::More
            }
            Ending::Panic => {
                self.end.0.note_panic(self.end.1.map(|(socket, _)| socket));
                panic::resume_unwind(Box::new("a source panics"));
            }
        }
    }
}

/// Counts the content, and refuses any that has a `!`.
struct Reader {
    handler: Scripted,
    socket: Option<usize>,
    bytes: usize,
    /// Its answer is delayed by so much.
    time: u64,
}

impl ContentReader for Reader {
    fn read(&mut self, piece: &[u8]) -> Result<(), Response> {
        self.bytes += piece.len();
        if piece.contains(&b'!') {
            self.handler.backend.call(self.socket, Waits::Nothing);
            return Err(text("not that"));
        }
        Ok(())
    }

    fn end(self: Box<Self>, _: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        if self.time > 0 {
            return self.handler.delay(self.socket, self.time, 1, response);
        }
        self.handler.backend.call(self.socket, Waits::Nothing);
        let bytes = self.bytes.to_string();
        response.send(Status::OK, &[FIELD], &[bytes.as_bytes()])
    }
}

/// Passes content on to an [`Echo`].
struct Forward(Backend, Option<Call>, Option<mpsc::Sender<Vec<u8>>>);

impl ContentReader for Forward {
    fn read(&mut self, piece: &[u8]) -> Result<(), Response> {
        if let Some(sender) = &self.2 {
            // The response is gone when the peer is.
            let _ = sender.send(piece.to_vec());
        }
        self.0.pass_on(self.1, false);
        Ok(())
    }

    fn end(self: Box<Self>, _: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        self.0
            .report("the reader of an exchange is asked to answer");
        response.text(&[])
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.2 = None;
        self.0.pass_on(self.1, true);
    }
}

/// Sends back what has been passed on, and ends when there is nothing more to come.
struct Echo {
    pieces: mpsc::Receiver<Vec<u8>>,
    left: Vec<u8>,
    end: StreamEnd,
}

impl Source for Echo {
    fn produce(&mut self, piece: &mut Piece<'_>) -> Produced {
        let StreamEnd(backend, call, is_finished) = &mut self.end;
        backend.set_waits(*call, Waits::Ready);
        *is_finished = Some(false);
        loop {
            let taken = piece.push(&self.left);
            self.left.drain(..taken);
            if !self.left.is_empty() {
                return Produced::More;
            }
            match self.pieces.try_recv() {
                Ok(next) => self.left = next,
                Err(mpsc::TryRecvError::Disconnected) => {
                    *is_finished = Some(true);
                    return Produced::End;
                }
                Err(mpsc::TryRecvError::Empty) => {
                    backend.set_waits(*call, Waits::Elsewhere);
                    return Produced::Wait;
                }
            }
        }
    }
}
