//! One run: starts the threads, and joins what they counted.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::cpu::Cost;
use super::live::{self, Frames, Live, Outlets, Publisher};
use super::pace::{Arrivals, Schedule, Share};
use super::per_connection::PerConnection;
use super::plan::{Offer, Plan, RunLength};
use super::rates::Profile;
use super::tally::Tally;
use super::work_source::WorkSource;
use super::worker::{Progress, ThreadResult, Worker};
use crate::random::Random;

/// The counts of all threads.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) tally: Tally,
    pub(super) started_unix_ms: u64,
    pub(super) elapsed: u64,
    /// Of each thread.
    pub(super) costs: Vec<Cost>,
    /// The message of the first connection that failed.
    pub(super) connect_error: Option<String>,
}

/// How often those who watch are told of it.
const WATCH: Duration = Duration::from_millis(100);

/// Runs the plan once.
pub(super) fn run(plan: &Plan, stop: &Arc<AtomicBool>, live: &mut Live) -> io::Result<Run> {
    await_start(plan, stop);
    await_alignment(plan, stop);
    let progress: Vec<Progress> = (0..plan.threads).map(|_| Progress::default()).collect();
    let (mut publishers, mut frames) = publishers(plan, live);
    let mut samples = live.samples(plan.threads);
    let mut workers = Vec::new();
    for (thread, progress) in progress.iter().enumerate() {
        workers.push(Worker::new(plan, thread, stop, progress)?);
    }
    let started = unix_ms() + plan.warmup / 1_000_000;
    live.started(started);
    let shared = Shared::new(plan);
    let results: io::Result<Vec<ThreadResult>> = thread::scope(|scope| {
        let (done, all_done) = mpsc::channel::<()>();
        let mut threads = Vec::new();
        for (number, worker) in workers.into_iter().enumerate() {
            let (shared, done) = (&shared, done.clone());
            let outlets = (publishers.pop(), samples.pop());
            let builder = thread::Builder::new().name(format!("bench-{number}"));
            let body = move || {
                let _done = done;
                shared.run_thread(number, (worker, outlets), plan)
            };
            match builder.spawn_scoped(scope, body) {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    // Those already started wait at the gate for all.
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
            if let Some(frames) = &mut frames {
                frames.collect(|frame| live.frame(frame));
            }
            live.tick(sum(|p| &p.responses), sum(|p| &p.errors));
        }
        let join = |thread: thread::ScopedJoinHandle<'_, io::Result<ThreadResult>>| {
            let panicked = |_| Err(io::Error::other("a thread panicked"));
            thread.join().unwrap_or_else(panicked)
        };
        threads.into_iter().map(join).collect()
    });
    let handed_over = frames.map(|frames| frames.finish(|frame| live.frame(frame)));
    let mut run = joined(results?, started);
    if let Some((latency, service)) = handed_over {
        run.tally.latency.add(&latency);
        run.tally.service.add(&service);
    }
    Ok(run)
}

/// For each thread, if someone wants to know how the run goes.
fn publishers(plan: &Plan, live: &Live) -> (Vec<Publisher>, Option<Frames>) {
    let Some(nanos) = live.slices() else {
        return (Vec::new(), None);
    };
    let pairs = (0..plan.threads).map(|_| live::pair(nanos));
    let (publishers, subscribers) = pairs.unzip();
    (publishers, Some(Frames::new(nanos, subscribers)))
}

fn joined(results: Vec<ThreadResult>, started_unix_ms: u64) -> Run {
    let mut run = Run {
        tally: Tally::new(),
        started_unix_ms,
        elapsed: 0,
        costs: Vec::new(),
        connect_error: None,
    };
    let mut connections = Vec::new();
    for result in results {
        connections.extend(result.connections);
        run.tally.add(&result.tally);
        run.elapsed = run.elapsed.max(result.elapsed);
        run.costs.push(result.cost);
        run.connect_error = run.connect_error.or(result.connect_error);
    }
    run.tally.per_connection = PerConnection::of(&connections);
    run
}

fn unix() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}

fn unix_ms() -> u64 {
    unix().as_millis() as u64
}

/// Sleeps until the wall clock shows `plan.start_at`, or until the run is stopped.
fn await_start(plan: &Plan, stop: &AtomicBool) {
    let start = Duration::from_nanos(plan.start_at.unwrap_or(0));
    while let Some(left) = start.checked_sub(unix())
        && !left.is_zero()
        && !stop.load(Ordering::Relaxed)
    {
        thread::sleep(left.min(WATCH));
    }
}

/// Sleeps until the wall clock shows a multiple of `plan.align`, or until the run is stopped.
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
    /// Requests not reserved for a thread.
    left: AtomicU64,
    /// All threads begin to count at the same time.
    warm: Gate,
}

impl Shared {
    fn new(plan: &Plan) -> Self {
        let left = match plan.length {
            RunLength::Requests(requests) => {
                let own = |thread| plan.own_requests(thread, requests);
                requests - (0..plan.threads).map(own).sum::<u64>()
            }
            RunLength::Time(_) => 0,
        };
        Self {
            left: AtomicU64::new(left),
            warm: Gate::new(plan.threads),
        }
    }

    fn run_thread<'a>(
        &'a self,
        number: usize,
        (mut worker, outlets): (Worker<'a>, Outlets),
        plan: &'a Plan,
    ) -> io::Result<ThreadResult> {
        let warm = match plan.warmup {
            0 => Ok(0),
            time => {
                let source = match &plan.offer {
                    Some(offer) => {
                        let length = RunLength::Time(time);
                        let schedule = schedule(offer, &offer.warmup, length, plan, number);
                        WorkSource::Schedule(schedule)
                    }
                    None => WorkSource::Until(time),
                };
                let warm = worker.run(source, plan.warmup_deadline());
                warm.map(|warm| warm.tally.connections.opened)
            }
        };
        self.warm.wait();
        let opened_before = warm?;
        worker.publish_to(outlets);
        let mut result = worker.run(self.source(number, plan), plan.deadline)?;
        result.tally.connections.opened_in_warmup = opened_before;
        result.tally.connections.opened += opened_before;
        Ok(result)
    }

    fn source<'a>(&'a self, number: usize, plan: &'a Plan) -> WorkSource<'a> {
        match (&plan.offer, plan.length) {
            (Some(offer), length) => {
                WorkSource::Schedule(schedule(offer, &offer.profile, length, plan, number))
            }
            (None, RunLength::Requests(requests)) => {
                let own = plan.own_requests(number, requests);
                WorkSource::count(&self.left, own, plan.threads)
            }
            (None, RunLength::Time(time)) => WorkSource::Until(time),
        }
    }
}

/// What a thread sends of the open model.
fn schedule<'a>(
    offer: &Offer,
    profile: &'a Profile,
    length: RunLength,
    plan: &Plan,
    thread: usize,
) -> Schedule<'a> {
    let share = Share {
        thread,
        threads: plan.threads,
        connections: plan.connections,
    };
    let schedule = match length {
        RunLength::Requests(requests) => Schedule::new(profile, requests, share),
        RunLength::Time(time) => Schedule::lasting(profile, time, share),
    };
    match offer.arrivals {
        Arrivals::Constant => schedule,
        Arrivals::Poisson => {
            let random = Random::new(offer.seed, thread as u64);
            schedule.random(random, matches!(length, RunLength::Time(_)))
        }
    }
}

/// Opens when all threads have arrived.
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

    /// These threads have arrived, or never will.
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
