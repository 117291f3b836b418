//! `--samples`: a row for each request that was sent and has ended, as CSV, with the columns of hey and some more.
//!
//! Each thread has a ring without locks; another thread writes what is in them. What does not fit, because the disk
//! is too slow, is dropped and counted.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::terminal::note;

/// Rows that a thread is ahead of the writer.
const ROWS_MAX: usize = 1 << 16;

/// How often the writer looks.
const EVERY: Duration = Duration::from_millis(10);

/// How long the end waits for the rows that are left.
const PATIENCE: Duration = Duration::from_secs(10);

/// The columns of hey, in its order, and then those that it has not.
const HEAD: &str = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset,service-time,error,run\n";

/// A request that has ended. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::bench) struct Sample {
    /// When it was sent, or due, since the run began.
    pub(in crate::bench) offset: u64,
    /// When it was sent.
    pub(in crate::bench) sent_at: u64,
    pub(in crate::bench) end: u64,
    /// If a connection was opened for it: how long that took.
    pub(in crate::bench) connect: u64,
    /// From the first byte of the answer to the last.
    pub(in crate::bench) reading: u64,
    /// 0 without an answer.
    pub(in crate::bench) status: u16,
    /// The kind of error, or nothing.
    pub(in crate::bench) error: &'static str,
}

/// A thread's end.
#[derive(Debug)]
pub(in crate::bench) struct Samples {
    rows: Producer<Sample>,
    dropped: Arc<AtomicU64>,
}

impl Samples {
    #[inline]
    pub(in crate::bench) fn push(&mut self, sample: Sample) {
        if self.rows.push(sample).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[derive(Debug)]
pub(super) struct SampleWriter {
    name: String,
    run: u32,
    rings: Sender<Ring>,
    done: Receiver<Result<(), ErrorKind>>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Ring {
    run: u32,
    rows: Consumer<Sample>,
}

impl SampleWriter {
    pub(super) fn create(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let failed = |error: io::Error| format!("cannot write {name}: {error}");
        let file = File::create(path).map_err(failed)?;
        let (rings, received) = channel();
        let (ended, done) = channel();
        let of_thread = name.clone();
        let thread = thread::Builder::new().name("bench-samples".to_owned());
        let body = move || {
            let outcome = write_rows(BufWriter::with_capacity(1 << 16, file), &received);
            if let Err(error) = &outcome {
                note(
                    "hullo bench",
                    format!(
                        "warning: cannot write {of_thread}: {error}; the run goes on without it"
                    ),
                );
            }
            let _ = ended.send(outcome.map_err(|error| error.kind()));
        };
        thread.spawn(body).map_err(failed)?;
        Ok(Self {
            name,
            run: 0,
            rings,
            done,
            dropped: Arc::new(AtomicU64::new(0)),
        })
    }

    /// An end for each thread of the next run.
    pub(super) fn begin_run(&mut self, threads: usize) -> Vec<Samples> {
        self.run += 1;
        let ends = (0..threads).map(|_| {
            let (rows, taken) = RingBuffer::new(ROWS_MAX);
            let run = self.run;
            // After an error of the file there is no writer: rows are dropped.
            let _ = self.rings.send(Ring { run, rows: taken });
            let dropped = Arc::clone(&self.dropped);
            Samples { rows, dropped }
        });
        ends.collect()
    }

    /// Waits for the rows that are left. The error says what is missing.
    pub(super) fn finish(self) -> Result<(), String> {
        let Self {
            name,
            rings,
            done,
            dropped,
            ..
        } = self;
        drop(rings);
        let outcome = done.recv_timeout(PATIENCE);
        let dropped = dropped.load(Ordering::Relaxed);
        match outcome {
            Ok(Err(ErrorKind::BrokenPipe)) => Ok(()),
            Ok(Ok(())) if dropped == 0 => Ok(()),
            Ok(Ok(())) => Err(format!(
                "{name} lacks {dropped} rows: it could not be written as fast"
            )),
            Ok(Err(_)) => Err(format!("{name} is not complete")),
            Err(_) => Err(format!("{name} is not complete: what reads it is too slow")),
        }
    }
}

fn write_rows(mut file: BufWriter<File>, received: &Receiver<Ring>) -> io::Result<()> {
    file.write_all(HEAD.as_bytes())?;
    let mut rings: Vec<Ring> = Vec::new();
    loop {
        let is_last = loop {
            match received.try_recv() {
                Ok(ring) => rings.push(ring),
                Err(TryRecvError::Empty) => break false,
                Err(TryRecvError::Disconnected) => break true,
            }
        };
        let mut written = 0;
        for ring in &mut rings {
            // A ring that is refilled all the time must not keep the others waiting.
            for _ in 0..ROWS_MAX {
                let Ok(sample) = ring.rows.pop() else {
                    break;
                };
                write_row(&mut file, ring.run, &sample)?;
                written += 1;
            }
        }
        rings.retain(|ring| !ring.rows.is_abandoned() || !ring.rows.is_empty());
        if is_last && rings.is_empty() {
            return file.flush();
        }
        if written == 0 {
            thread::sleep(EVERY);
        }
    }
}

fn write_row(out: &mut impl io::Write, run: u32, sample: &Sample) -> io::Result<()> {
    let took = sample.end.saturating_sub(sample.offset);
    let service = sample.end.saturating_sub(sample.sent_at);
    let delay = service.saturating_sub(sample.connect + sample.reading);
    let [took, connect, delay, reading, offset, service] = [
        took,
        sample.connect,
        delay,
        sample.reading,
        sample.offset,
        service,
    ]
    .map(|nanos| nanos as f64 / 1e9);
    let Sample { status, error, .. } = sample;
    writeln!(
        out,
        "{took:.9},{connect:.9},0,0,{delay:.9},{reading:.9},{status},{offset:.9},{service:.9},{error},{run}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_columns_of_the_head() {
        let mut row = Vec::new();
        let sample = Sample {
            offset: 1_000_000_000,
            sent_at: 1_000_500_000,
            end: 1_003_000_000,
            connect: 500_000,
            reading: 1_000_000,
            status: 200,
            error: "body",
        };
        write_row(&mut row, 2, &sample).unwrap();
        let row = String::from_utf8(row).unwrap();
        assert_eq!(
            row,
            "0.003000000,0.000500000,0,0,0.001000000,0.001000000,200,1.000000000,0.002500000,body,2\n"
        );
        assert_eq!(row.matches(',').count(), HEAD.matches(',').count());
    }

    #[test]
    fn rows_of_all_threads_and_runs_are_written() {
        let path = std::env::temp_dir().join(format!("hullo-samples-{}.csv", std::process::id()));
        let mut writer = SampleWriter::create(&path).unwrap();
        for _ in 0..2 {
            for mut end in writer.begin_run(3) {
                for offset in 0..1000 {
                    end.push(Sample {
                        offset,
                        ..Sample::default()
                    });
                }
            }
        }
        writer.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let _ = std::fs::remove_file(&path);
        assert_eq!(text.lines().count(), 1 + 2 * 3 * 1000);
        assert_eq!(
            text.lines().filter(|line| line.ends_with(",2")).count(),
            3000
        );
    }

    #[test]
    fn a_full_disk_is_told_at_the_end() {
        let mut writer = SampleWriter::create(Path::new("/dev/full")).unwrap();
        let mut ends = writer.begin_run(1);
        for _ in 0..3 * ROWS_MAX {
            ends[0].push(Sample::default());
        }
        drop(ends);
        assert_eq!(writer.finish().unwrap_err(), "/dev/full is not complete");
    }
}
