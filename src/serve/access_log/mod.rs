//! The access log: a line for each request.
//!
//! An event loop must not wait for a disk or a pipe, so it only formats the line, and pushes it into a
//! ring of its own, which takes no lock. A thread collects the lines of all rings, writes them, and
//! reopens the file. What a ring has no room for is dropped and counted.

mod destination;
mod format;
mod peers;
mod writer;

use std::cell::RefCell;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::http::Exchange;
use crate::terminal::Lines;
use destination::Output;
use format::Formatter;
use writer::Writer;

pub(super) use destination::Destination;
pub(super) use format::Format;

/// The room for the lines of one listener of one worker: about 5,000 lines. The thread is woken when it
/// is half full.
const RING_BYTES: usize = 512 * 1024;

/// How long the process waits at its end for a destination that does not accept the last lines.
const LAST_LINES_TIME: Duration = Duration::from_secs(1);

/// What the settings say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) destination: Option<Destination>,
    pub(super) format: Format,
}

/// Told to the operator, from any thread and without waiting.
type Notice = Box<dyn Fn(String) + Send + Sync>;

/// What event loops, the thread and the handles share.
struct Shared {
    name: String,
    /// Of each observer. Only the thread reads from them.
    rings: Mutex<Vec<Consumer<u8>>>,
    /// The thread waits for the next line, however long.
    is_asleep: AtomicBool,
    must_reopen: AtomicBool,
    must_end: AtomicBool,
    dropped: AtomicU64,
    /// The operator knows that lines are dropped.
    has_warned: AtomicBool,
    notice: Notice,
}

impl Shared {
    #[cold]
    fn drop_lines(&self, count: u64, why: impl FnOnce() -> String) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
        self.warn(why);
    }

    /// Says why lines are dropped, once until the log is reopened.
    fn warn(&self, why: impl FnOnce() -> String) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            (self.notice)(why());
        }
    }
}

/// An access log that is being written.
pub(super) struct AccessLog {
    handle: Handle,
    format: Format,
    is_file: bool,
    ended: Receiver<()>,
}

/// Controls an access log from another thread.
#[derive(Clone)]
pub(super) struct Handle {
    shared: Arc<Shared>,
    thread: Thread,
}

impl AccessLog {
    /// Opens the log and starts its thread. `notice` is told what an operator should know.
    ///
    /// # Errors
    ///
    /// A sentence that says what to do next.
    pub(super) fn open(
        destination: Destination,
        format: Format,
        notice: impl Fn(String) + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let name = destination.to_string();
        let output = destination.open();
        let output =
            output.map_err(|error| format!("cannot open the access log {name}: {error}"))?;
        let shared = Arc::new(Shared {
            name,
            rings: Mutex::default(),
            is_asleep: AtomicBool::new(false),
            must_reopen: AtomicBool::new(false),
            must_end: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            has_warned: AtomicBool::new(false),
            notice: Box::new(notice),
        });
        let is_file = destination.is_file();
        let no_thread = |error| format!("cannot start a thread for the access log: {error}");
        let (thread, ended) = start(Arc::clone(&shared), destination, output).map_err(no_thread)?;
        let handle = Handle { shared, thread };
        Ok(Self {
            handle,
            format,
            is_file,
            ended,
        })
    }

    /// Opens the log that the settings want, if they do.
    ///
    /// # Errors
    ///
    /// A sentence that says what to do next.
    pub(super) fn of(settings: &Settings, stderr: &Lines) -> Result<Option<Self>, String> {
        let Some(destination) = &settings.destination else {
            return Ok(None);
        };
        let stderr = stderr.clone();
        let notice = move |sentence| stderr.put(format!("hullo: {sentence}"));
        Self::open(destination.clone(), settings.format, notice).map(Some)
    }

    /// By which `SIGHUP` reopens it, if it can be reopened.
    pub(super) fn file(&self) -> Option<Handle> {
        self.is_file.then(|| self.handle())
    }

    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// What logs the exchanges of one listener of one worker.
    pub(super) fn observer(&self) -> impl Fn(&Exchange<'_>) + Send + use<> {
        let (ring, lines) = RingBuffer::new(RING_BYTES);
        let rings = &self.handle.shared.rings;
        rings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(lines);
        let observer = RefCell::new(Observer {
            formatter: Formatter::new(self.format),
            ring,
            log: self.handle(),
        });
        move |exchange| {
            // Nothing that it calls comes back here.
            if let Ok(mut observer) = observer.try_borrow_mut() {
                observer.log(exchange);
            }
        }
    }

    /// Has the rest written, and says what was lost. All that it takes is time, and that is limited.
    pub(super) fn finish(&self) {
        let shared = &self.handle.shared;
        shared.must_end.store(true, Ordering::Release);
        self.handle.thread.unpark();
        let ended = self.ended.recv_timeout(LAST_LINES_TIME);
        if let Err(RecvTimeoutError::Timeout) = ended {
            (shared.notice)(format!(
                "the access log {} does not take its last lines",
                shared.name
            ));
        }
        match self.handle.dropped() {
            0 => {}
            1 => (shared.notice)("1 line of the access log was dropped".to_owned()),
            dropped => (shared.notice)(format!("{dropped} lines of the access log were dropped")),
        }
    }
}

impl Handle {
    /// Has the file opened again under its name: it was moved away. Lines that are not written yet go to
    /// the new file.
    pub(super) fn reopen(&self) {
        self.shared.must_reopen.store(true, Ordering::Release);
        self.thread.unpark();
    }

    /// How many lines were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

/// Starts the thread. The channel is closed when it has ended.
fn start(
    shared: Arc<Shared>,
    destination: Destination,
    output: Output,
) -> io::Result<(Thread, Receiver<()>)> {
    let (ends, ended) = sync_channel::<()>(1);
    let thread = thread::Builder::new().name("hullo-access-log".to_owned());
    let thread = thread.spawn(move || {
        Writer::new(&shared, destination, output).run();
        drop(ends);
    })?;
    Ok((thread.thread().clone(), ended))
}

/// The event loop's side of a ring.
struct Observer {
    formatter: Formatter,
    ring: Producer<u8>,
    log: Handle,
}

impl Observer {
    fn log(&mut self, exchange: &Exchange<'_>) {
        let line = self.formatter.line(exchange);
        let Handle { shared, thread } = &self.log;
        if self.ring.push_entire_slice(line).is_err() {
            let name = &shared.name;
            return shared.drop_lines(1, || {
                format!("the access log {name} does not take lines fast enough: some are dropped")
            });
        }
        // Either the thread sees this line before it sleeps, or this sees that it sleeps.
        fence(Ordering::SeqCst);
        let must_wake = if shared.is_asleep.load(Ordering::Relaxed) {
            shared.is_asleep.swap(false, Ordering::Relaxed)
        } else {
            // What the cache says is at most what there is.
            self.ring.cached_slots() < RING_BYTES / 2 && self.ring.slots() < RING_BYTES / 2
        };
        if must_wake {
            thread.unpark();
        }
    }
}
