//! The thread that writes an access log.

use std::io::ErrorKind;
use std::sync::PoisonError;
use std::sync::atomic::{Ordering, fence};
use std::thread;
use std::time::Duration;

use rtrb::Consumer;

use super::Shared;
use super::destination::{Destination, Output};

/// After a write it sleeps so long, so that many lines share the next one.
const BATCH_TIME: Duration = Duration::from_millis(20);

/// After a failure it tries again when so much time has gone by, as long as that lasts.
const RETRY_TIME: Duration = Duration::from_millis(100);

/// Lines are collected up to about so many bytes before they are written.
const BATCH_BYTES: usize = 256 * 1024;

/// Writes what the rings hold.
pub(super) struct Writer<'s> {
    shared: &'s Shared,
    destination: Destination,
    output: Output,
    /// Whole lines.
    batch: Vec<u8>,
    /// How much of the batch has been written.
    written: usize,
}

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flushed {
    /// All of it.
    All,
    /// The rest has to be tried again.
    Part,
    /// Likewise, and there is little hope.
    Failed,
}

impl<'s> Writer<'s> {
    pub(super) fn new(shared: &'s Shared, destination: Destination, output: Output) -> Self {
        Self {
            shared,
            destination,
            output,
            batch: Vec::new(),
            written: 0,
        }
    }

    /// Writes until it has to end, and then the rest.
    pub(super) fn run(mut self) {
        loop {
            // Looked at before the rings: what was pushed before the end was asked for is written.
            let must_end = self.shared.must_end.load(Ordering::Acquire);
            if self.shared.must_reopen.swap(false, Ordering::AcqRel) {
                self.reopen();
            }
            let is_new = self.batch.is_empty() && self.collect();
            match self.flush() {
                Flushed::All if must_end && !is_new => return,
                Flushed::All if must_end => {}
                Flushed::All if is_new => thread::park_timeout(BATCH_TIME),
                Flushed::All => self.sleep(),
                Flushed::Part => {}
                Flushed::Failed if must_end => return self.drop_all(),
                // Not parked: each line that finds its ring half full would wake it.
                Flushed::Failed => thread::sleep(RETRY_TIME),
            }
        }
    }

    /// Sleeps until there is a line, or something else to do.
    fn sleep(&self) {
        let shared = self.shared;
        shared.is_asleep.store(true, Ordering::Relaxed);
        // Its counterpart is in `Observer::log`.
        fence(Ordering::SeqCst);
        let has_work = self.with_rings(|rings| rings.iter().any(|ring| !ring.is_empty()))
            || shared.must_end.load(Ordering::Relaxed)
            || shared.must_reopen.load(Ordering::Relaxed);
        if !has_work {
            thread::park();
        }
        shared.is_asleep.store(false, Ordering::Relaxed);
    }

    fn with_rings<T>(&self, use_them: impl FnOnce(&mut Vec<Consumer<u8>>) -> T) -> T {
        let rings = self.shared.rings.lock();
        use_them(&mut rings.unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes lines from the rings. `true`: there were some.
    fn collect(&mut self) -> bool {
        let mut batch = std::mem::take(&mut self.batch);
        self.with_rings(|rings| {
            for ring in rings {
                // A line is pushed whole, so what can be read ends with a whole line.
                let Ok(lines) = ring.read_chunk(ring.slots()) else {
                    continue;
                };
                let (first, second) = lines.as_slices();
                batch.extend_from_slice(first);
                batch.extend_from_slice(second);
                lines.commit_all();
                if batch.len() >= BATCH_BYTES {
                    break;
                }
            }
        });
        self.batch = batch;
        !self.batch.is_empty()
    }

    /// Writes the batch, as far as it goes.
    fn flush(&mut self) -> Flushed {
        while let Some(rest) = self.batch.get(self.written..).filter(|it| !it.is_empty()) {
            match self.output.write(rest) {
                Ok(written) => self.written += written,
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => {
                        self.output.wait_for_room(RETRY_TIME);
                        return Flushed::Part;
                    }
                    _ => {
                        let name = &self.shared.name;
                        self.shared.warn(|| {
                            format!("cannot write to the access log {name}: {error}; lines are dropped until it can be written to")
                        });
                        return Flushed::Failed;
                    }
                },
            }
        }
        self.batch.clear();
        self.written = 0;
        Flushed::All
    }

    /// Opens the file again under its name. If that fails, it goes on with the old one.
    fn reopen(&mut self) {
        if !self.destination.is_file() {
            return;
        }
        match self.destination.open() {
            Ok(output) => {
                self.end_line();
                self.output = output;
                self.shared.has_warned.store(false, Ordering::Relaxed);
            }
            Err(error) => (self.shared.notice)(format!(
                "cannot reopen the access log {}: {error}; it goes on in the old file",
                self.shared.name
            )),
        }
    }

    /// A line of which a part has been written is not for another file: writes the rest of it, or drops
    /// that.
    fn end_line(&mut self) {
        let is_within = self
            .written
            .checked_sub(1)
            .is_some_and(|last| self.batch.get(last) != Some(&b'\n'));
        if !is_within {
            return;
        }
        let rest = self.batch.get(self.written..).unwrap_or_default();
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        if !matches!(self.output.write(&rest[..length]), Ok(written) if written == length) {
            let name = &self.shared.name;
            self.shared
                .drop_lines(1, || format!("a line of the access log {name} is torn"));
        }
        self.written += length;
    }

    /// Counts what is left as dropped.
    fn drop_all(&mut self) {
        loop {
            let rest = self.batch.get(self.written..).unwrap_or_default();
            let lines = memchr::memchr_iter(b'\n', rest).count() as u64;
            self.shared.dropped.fetch_add(lines, Ordering::Relaxed);
            self.batch.clear();
            self.written = 0;
            if !self.collect() {
                return;
            }
        }
    }
}
