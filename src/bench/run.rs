//! Threads, from the first connection to the last answer.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::cpu::Cost;
use super::pace::Schedule;
use super::plan::{Plan, Work};
use super::spread::Spread;
use super::tally::Tally;
use super::work_source::WorkSource;
use super::worker::{Counted, Progress, Worker};

/// One measurement, of all threads.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) tally: Tally,
    pub(super) started_unix_ms: u64,
    pub(super) elapsed: u64,
    /// Of each thread.
    pub(super) costs: Vec<Cost>,
    /// What connecting failed of first.
    pub(super) complaint: Option<String>,
}

/// What was counted so far: answers and errors.
pub(super) type Watch<'a> = dyn FnMut(u64, u64) + 'a;

/// How often whoever watches is told.
const WATCH: Duration = Duration::from_millis(100);

struct Part {
    counted: Counted,
    complaint: Option<String>,
}

/// Runs the plan once.
pub(super) fn run(plan: &Plan, stop: &Arc<AtomicBool>, watch: &mut Watch<'_>) -> io::Result<Run> {
    await_alignment(plan, stop);
    let progress: Vec<Progress> = (0..plan.threads).map(|_| Progress::default()).collect();
    let mut workers = Vec::new();
    for (thread, progress) in progress.iter().enumerate() {
        workers.push(Worker::new(plan, thread, stop, progress)?);
    }
    let started = unix_ms() + plan.warmup / 1_000_000;
    let shared = Shared::new(plan);
    let parts: io::Result<Vec<Part>> = thread::scope(|scope| {
        let (done, all_done) = mpsc::channel::<()>();
        let mut threads = Vec::new();
        for (number, worker) in workers.into_iter().enumerate() {
            let (shared, done) = (&shared, done.clone());
            let builder = thread::Builder::new().name(format!("bench-{number}"));
            let body = move || {
                let _done = done;
                shared.part(number, worker, plan)
            };
            match builder.spawn_scoped(scope, body) {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    // Those that were started wait for the one that was not.
                    shared.warm.pass(plan.threads - number);
                    stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        drop(done);
        while all_done.recv_timeout(WATCH) == Err(RecvTimeoutError::Timeout) {
            let sum = |of: fn(&Progress) -> &AtomicU64| {
                progress.iter().map(|p| of(p).load(Ordering::Relaxed)).sum()
            };
            watch(sum(|p| &p.responses), sum(|p| &p.errors));
        }
        let join = |thread: thread::ScopedJoinHandle<'_, io::Result<Part>>| {
            let panicked = |_| Err(io::Error::other("a thread panicked"));
            thread.join().unwrap_or_else(panicked)
        };
        threads.into_iter().map(join).collect()
    });
    Ok(joined(parts?, started))
}

fn joined(parts: Vec<Part>, started_unix_ms: u64) -> Run {
    let mut run = Run {
        tally: Tally::new(),
        started_unix_ms,
        elapsed: 0,
        costs: Vec::new(),
        complaint: None,
    };
    let mut slots = Vec::new();
    for part in parts {
        slots.extend(part.counted.slots);
        run.tally.add(&part.counted.tally);
        run.elapsed = run.elapsed.max(part.counted.elapsed);
        run.costs.push(part.counted.cost);
        run.complaint = run.complaint.or(part.complaint);
    }
    run.tally.spread = Spread::of(&slots);
    run
}

fn unix() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}

fn unix_ms() -> u64 {
    unix().as_millis() as u64
}

/// Sleeps until the clock shows a multiple of what the plan says, or there is a wish to stop.
fn await_alignment(plan: &Plan, stop: &AtomicBool) {
    let Some(align) = plan.align else {
        return;
    };
    let passed = |now: Duration| now.as_nanos() % u128::from(align);
    let mut last = passed(unix());
    while !stop.load(Ordering::Relaxed) {
        let left = Duration::from_nanos((u128::from(align) - last) as u64);
        thread::sleep(left.min(WATCH));
        let now = passed(unix());
        if now < last {
            return;
        }
        last = now;
    }
}

/// What the threads of a run share.
struct Shared {
    /// Requests that no thread has to itself.
    left: AtomicU64,
    /// All begin to count at the same time.
    warm: Gate,
}

impl Shared {
    fn new(plan: &Plan) -> Self {
        let left = match plan.work {
            Work::Count(requests) => {
                let own = |thread| plan.own_requests(thread, requests);
                requests - (0..plan.threads).map(own).sum::<u64>()
            }
            Work::Time(_) => 0,
        };
        Self {
            left: AtomicU64::new(left),
            warm: Gate::new(plan.threads),
        }
    }

    fn part<'a>(
        &'a self,
        number: usize,
        mut worker: Worker<'a>,
        plan: &'a Plan,
    ) -> io::Result<Part> {
        let warm = match plan.warmup {
            0 => Ok(0),
            time => {
                let source = self.source(number, plan, Work::Time(time));
                worker.run(source).map(|counted| counted.tally.opened)
            }
        };
        self.warm.wait();
        let opened_before = warm?;
        let mut counted = worker.run(self.source(number, plan, plan.work))?;
        counted.tally.opened_in_warmup = opened_before;
        counted.tally.opened += opened_before;
        Ok(Part {
            counted,
            complaint: worker.complaint(),
        })
    }

    fn source(&self, number: usize, plan: &Plan, work: Work) -> WorkSource<'_> {
        match (plan.rate, work) {
            (Some(rate), work) => {
                let (threads, connections) = (plan.threads, plan.connections);
                let schedule =
                    |requests| Schedule::new(rate, requests, number, threads, connections);
                WorkSource::Schedule(match work {
                    Work::Count(requests) => schedule(requests),
                    Work::Time(time) => schedule(Schedule::requests_in(rate, time)).lasting(time),
                })
            }
            (None, Work::Count(requests)) => {
                let own = plan.own_requests(number, requests);
                WorkSource::count(&self.left, own, plan.threads)
            }
            (None, Work::Time(time)) => WorkSource::Until(time),
        }
    }
}

/// Opens when as many have come as there are threads.
struct Gate {
    missing: Mutex<usize>,
    open: Condvar,
}

impl Gate {
    fn new(threads: usize) -> Self {
        Self {
            missing: Mutex::new(threads),
            open: Condvar::new(),
        }
    }

    /// So many have come, or never will.
    fn pass(&self, threads: usize) {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) -= threads;
        self.open.notify_all();
    }

    fn wait(&self) {
        self.pass(1);
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let _open = self.open.wait_while(missing, |missing| *missing > 0);
    }
}
