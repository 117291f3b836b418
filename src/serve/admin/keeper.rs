//! The thread that keeps the numbers of the last minute, and answers what takes long.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::query::{Asked, Query, Subject, plain};
use super::samples::{Sample, Samples};
use super::snapshot::{About, Snapshot};
use super::{metrics, page};
use crate::exposition::{NO_SNIFF, NO_STORE};
use crate::http::{Completion, Field, Response, Status};
use crate::server::HealthCheck;

const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// A worker that has not taken a turn for so long is stuck.
const STALLED_AFTER: Duration = Duration::from_secs(2);
/// How often it is looked whether the workers have moved: at first, and later.
const LOOK_SOON: Duration = Duration::from_micros(200);
const LOOK_EVERY: Duration = Duration::from_millis(5);

const PAGE_POLICY: Field<'static> = Field::from_static(
    "Content-Security-Policy",
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

pub(super) struct Keeper {
    subject: Subject,
    about: About,
    samples: Samples,
    next_sample: Instant,
    checks: Vec<Check>,
}

/// A request for the health that is not answered yet.
struct Check {
    asked: HealthCheck,
    since: Instant,
    completion: Completion,
}

impl Keeper {
    /// Starts the thread. It ends when all senders of queries are gone.
    pub(super) fn start(subject: Subject, queries: Receiver<Query>) -> io::Result<()> {
        let now = Instant::now();
        let first = Sample::of(&subject.stats, now);
        let mut keeper = Self {
            about: About::of(&subject),
            subject,
            samples: Samples::new(first),
            next_sample: now + SAMPLE_EVERY,
            checks: Vec::new(),
        };
        let thread = thread::Builder::new().name("hullo-keeper".to_owned());
        thread.spawn(move || keeper.run(&queries))?;
        Ok(())
    }

    fn run(&mut self, queries: &Receiver<Query>) {
        loop {
            match queries.recv_timeout(self.wait(Instant::now())) {
                Ok(query) => self.answer(query),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            self.end_checks(now);
            self.sample(now);
        }
    }

    /// How long there is nothing to do.
    fn wait(&self, now: Instant) -> Duration {
        let sample = self.next_sample.saturating_duration_since(now);
        let youngest = self.checks.iter().map(|check| check.since).max();
        youngest.map_or(sample, |since| {
            let is_new = now.saturating_duration_since(since) < LOOK_EVERY;
            sample.min(if is_new { LOOK_SOON } else { LOOK_EVERY })
        })
    }

    fn sample(&mut self, now: Instant) {
        if now >= self.next_sample {
            self.samples.add(Sample::of(&self.subject.stats, now));
            // One that comes late is not made up for.
            self.next_sample = (self.next_sample + SAMPLE_EVERY).max(now);
        }
    }

    fn answer(&mut self, query: Query) {
        let Query { asked, completion } = query;
        let snapshot = match asked {
            Asked::Health => {
                let asked = self.subject.health.check();
                let since = Instant::now();
                self.checks.push(Check {
                    asked,
                    since,
                    completion,
                });
                return;
            }
            _ => Snapshot::of(&self.about, &self.subject, &self.samples),
        };
        completion.respond(match asked {
            Asked::Metrics(format) => {
                let times = self.subject.stats.service_times();
                format.response(metrics::encode(snapshot, times, format))
            }
            Asked::Page => {
                let page = page::page(&snapshot);
                of_moment("text/html; charset=utf-8", page).with_field(PAGE_POLICY)
            }
            Asked::Json | Asked::Health => {
                // It writes into a string, which does not fail.
                let json = serde_json::to_string_pretty(&snapshot).unwrap_or_default() + "\n";
                of_moment("application/json", json)
            }
        });
    }

    /// Answers the requests for the health of which the answer is known.
    fn end_checks(&mut self, now: Instant) {
        let checks = std::mem::take(&mut self.checks);
        for check in checks {
            let stalled = check.asked.stalled();
            if stalled.is_empty() {
                check.completion.respond(plain(Status::OK, "ok\n"));
            } else if now.saturating_duration_since(check.since) >= STALLED_AFTER {
                let sentence = stalled_sentence(&stalled);
                check
                    .completion
                    .respond(plain(Status::SERVICE_UNAVAILABLE, sentence));
            } else {
                self.checks.push(check);
            }
        }
    }
}

fn stalled_sentence(stalled: &[usize]) -> String {
    let numbers: Vec<String> = stalled.iter().map(usize::to_string).collect();
    let (noun, verb) = if stalled.len() == 1 {
        ("worker", "has")
    } else {
        ("workers", "have")
    };
    format!(
        "{noun} {} {verb} not moved for {STALLED_AFTER:?}\n",
        numbers.join(", ")
    )
}

fn of_moment(content_type: &'static str, content: String) -> Response {
    Response::new(Status::OK)
        .content_type(content_type)
        .with_field(NO_STORE)
        .with_field(NO_SNIFF)
        .content(content.into_bytes())
}
