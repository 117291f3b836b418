//! What is known at one time: the record behind `/status.json`, the page and the metrics.

use std::time::{Duration, Instant, SystemTime};

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::super::access_log;
use super::process::Process;
use super::query::Subject;
use super::samples::{Sample, Samples, WorkerSample};
use crate::http::{Reject, Status};
use crate::server::{ServiceTimes, Stats};

/// A `hullo serve` at one time. Counts are since its start; what is recent is of the last 5 seconds.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct Snapshot {
    /// Of hullo.
    pub(super) version: String,
    /// The start of the name of the commit that it was built from, if that is known.
    pub(super) commit: Option<String>,
    pub(super) hostname: String,
    /// The process ID.
    pub(super) pid: u32,
    /// Where it listens.
    pub(super) addresses: Vec<String>,
    /// Whether it should be sent new connections: not from the moment that it drains.
    pub(super) ready: bool,
    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub(super) started: f64,
    pub(super) uptime_seconds: f64,
    pub(super) requests: Requests,
    pub(super) connections: Connections,
    /// From and to peers.
    pub(super) traffic: Traffic,
    /// Of the responses of the last minute.
    pub(super) service_time: ServiceTime,
    pub(super) workers: Vec<Worker>,
    /// Requests, and connections over the limit, that were refused; by reason, and those of which there were none.
    pub(super) refusals: Vec<Refusals>,
    /// Lines that the access log has dropped; `null`: there is none.
    pub(super) log_lines_dropped: Option<u64>,
    pub(super) process: ProcessUsage,
}

/// Requests that have their response, those included that were refused.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct Requests {
    pub(super) total: u64,
    /// Recent.
    pub(super) per_second: f64,
    /// By the status of the response, and only those of which there were some.
    pub(super) by_status: Vec<StatusCount>,
    /// The last minute, the oldest second first.
    pub(super) last_minute: Vec<Second>,
}

#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct StatusCount {
    #[cfg_attr(test, schemars(range(min = 200, max = 599)))]
    pub(super) status: u16,
    /// The reason phrase; empty if it has none.
    pub(super) phrase: String,
    pub(super) total: u64,
    pub(super) last_minute: u64,
}

/// The time between two samples: a second, or a little more.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct Second {
    /// When it ended.
    pub(super) seconds_ago: f64,
    pub(super) requests_per_second: f64,
}

#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct Connections {
    pub(super) accepted: u64,
    /// Recent.
    pub(super) accepted_per_second: f64,
    pub(super) open: u64,
    /// By reason, and those of which there were none.
    pub(super) closed: Vec<ReasonCount>,
}

#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct ReasonCount {
    pub(super) reason: String,
    pub(super) total: u64,
    pub(super) last_minute: u64,
}

#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct Refusals {
    pub(super) reason: String,
    /// Of the response.
    #[cfg_attr(test, schemars(range(min = 400, max = 599)))]
    pub(super) status: u16,
    pub(super) total: u64,
    pub(super) last_minute: u64,
}

#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct Traffic {
    pub(super) received_bytes: u64,
    /// Recent.
    pub(super) received_bytes_per_second: f64,
    pub(super) sent_bytes: u64,
    /// Recent.
    pub(super) sent_bytes_per_second: f64,
}

/// How long it took from the wake-up that brought the end of a request until its response was handed to the kernel.
/// `null`: there was none.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct ServiceTime {
    pub(super) count: u64,
    pub(super) mean_seconds: Option<f64>,
    pub(super) p50_seconds: Option<f64>,
    pub(super) p90_seconds: Option<f64>,
    pub(super) p99_seconds: Option<f64>,
    pub(super) p999_seconds: Option<f64>,
}

/// An event loop with its thread.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct Worker {
    /// Its number, from 0.
    pub(super) number: usize,
    /// The share of its time in which it was awake, recent: near 1, it is the bottleneck.
    #[cfg_attr(test, schemars(range(min = 0, max = 1)))]
    pub(super) busy: f64,
    pub(super) busy_seconds: f64,
    pub(super) open: u64,
    pub(super) accepted: u64,
    pub(super) requests: u64,
    /// Recent.
    pub(super) requests_per_second: f64,
    /// Of the recent requests of all workers.
    #[cfg_attr(test, schemars(range(min = 0, max = 1)))]
    pub(super) share: f64,
    pub(super) wake_ups: u64,
    /// Recent.
    pub(super) wake_ups_per_second: f64,
}

/// `null`: the kernel does not tell.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct ProcessUsage {
    pub(super) cpu_seconds: f64,
    pub(super) resident_bytes: Option<u64>,
    pub(super) virtual_bytes: Option<u64>,
    pub(super) open_files: Option<u64>,
    pub(super) max_files: u64,
}

/// What does not change while it runs.
#[derive(Clone, Debug)]
pub(super) struct About {
    hostname: String,
    pid: u32,
    addresses: Vec<String>,
    started: f64,
    /// When this was read, and the age of the process then: the time of day may be set while it runs.
    at: Instant,
    age_seconds: f64,
}

impl About {
    pub(super) fn of(subject: &Subject) -> Self {
        let now = unix_now();
        let started = Process::read().started.unwrap_or(now);
        Self {
            hostname: subject.hostname.clone(),
            pid: std::process::id(),
            addresses: subject.addresses.clone(),
            started,
            at: Instant::now(),
            age_seconds: (now - started).max(0.0),
        }
    }

    fn uptime_seconds(&self, now: Instant) -> f64 {
        self.age_seconds + now.saturating_duration_since(self.at).as_secs_f64()
    }
}

/// The commit of a version such as `0.1.0 (119250c4d2aa)`.
fn commit(version: &str) -> Option<String> {
    let (_, commit) = version.strip_suffix(')')?.split_once('(')?;
    Some(commit.to_owned())
}

fn unix_now() -> f64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default().as_secs_f64()
}

impl Snapshot {
    pub(super) fn of(about: &About, subject: &Subject, samples: &Samples) -> Self {
        let workers = subject.stats.read();
        let now = &Sample::from(&subject.stats, &workers, Instant::now());
        let recent = samples.recent(now.at).unwrap_or(now);
        let oldest = samples.oldest(now.at).unwrap_or(now);
        let rates = Rates { now, recent };
        let process = Process::read();
        let total = &now.total;
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: commit(env!("HULLO_VERSION")),
            hostname: about.hostname.clone(),
            pid: about.pid,
            addresses: about.addresses.clone(),
            ready: subject.health.is_ready(),
            started: about.started,
            uptime_seconds: about.uptime_seconds(now.at),
            requests: Requests {
                total: total.responses(),
                per_second: rates.of(Stats::responses),
                by_status: by_status(now, oldest),
                last_minute: last_minute(now, samples),
            },
            connections: Connections {
                accepted: total.accepted,
                accepted_per_second: rates.of(|stats| stats.accepted),
                open: total.open,
                closed: closes(total, &oldest.total),
            },
            traffic: Traffic {
                received_bytes: total.bytes_in,
                received_bytes_per_second: rates.of(|stats| stats.bytes_in),
                sent_bytes: total.bytes_out,
                sent_bytes_per_second: rates.of(|stats| stats.bytes_out),
            },
            service_time: ServiceTime::of(&now.times.since(&oldest.times)),
            workers: rates.workers(&workers),
            refusals: refusals(total, &oldest.total),
            log_lines_dropped: subject.access_log.as_ref().map(access_log::Handle::dropped),
            process: ProcessUsage {
                cpu_seconds: process.cpu.as_secs_f64(),
                resident_bytes: process.resident_bytes,
                virtual_bytes: process.virtual_bytes,
                open_files: process.open_files,
                max_files: process.max_files,
            },
        }
    }
}

impl ServiceTime {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn of(times: &ServiceTimes) -> Self {
        let count = times.count();
        let percentile = |percent| Some(times.percentile(percent)?.as_secs_f64());
        Self {
            count,
            mean_seconds: (count > 0).then(|| times.sum().as_secs_f64() / count as f64),
            p50_seconds: percentile(50.0),
            p90_seconds: percentile(90.0),
            p99_seconds: percentile(99.0),
            p999_seconds: percentile(99.9),
        }
    }
}

/// What a worker has counted: now, and when the recent time began.
type Counts<'a> = (&'a WorkerSample, &'a WorkerSample);

/// What is recent.
struct Rates<'a> {
    now: &'a Sample,
    recent: &'a Sample,
}

impl Rates<'_> {
    fn of(&self, count: impl Fn(&Stats) -> u64) -> f64 {
        self.per_second(count(&self.now.total), count(&self.recent.total))
    }

    fn per_second(&self, now: u64, then: u64) -> f64 {
        per_second(now, then, self.now.seconds_since(self.recent))
    }

    fn workers(&self, stats: &[Stats]) -> Vec<Worker> {
        let all = self.of(Stats::responses);
        let pairs = self.now.workers.iter().zip(&self.recent.workers);
        let workers = stats.iter().zip(pairs).enumerate();
        let worker = |(number, (stats, (now, then))): (usize, (&Stats, Counts<'_>))| {
            let requests_per_second = self.per_second(now.requests, then.requests);
            let busy = self.per_second(now.busy_micros, then.busy_micros) / 1e6;
            Worker {
                number,
                busy: busy.clamp(0.0, 1.0),
                busy_seconds: Duration::from_micros(stats.busy_micros).as_secs_f64(),
                open: stats.open,
                accepted: stats.accepted,
                requests: stats.responses(),
                requests_per_second,
                share: if all > 0.0 {
                    (requests_per_second / all).clamp(0.0, 1.0)
                } else {
                    0.0
                },
                wake_ups: stats.wake_ups,
                wake_ups_per_second: self.per_second(now.wake_ups, then.wake_ups),
            }
        };
        workers.map(worker).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn per_second(now: u64, then: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        now.saturating_sub(then) as f64 / seconds
    } else {
        0.0
    }
}

fn last_minute(now: &Sample, samples: &Samples) -> Vec<Second> {
    let ends = samples.iter().skip(1);
    let pairs = samples.iter().zip(ends);
    let second = |(start, end): (&Sample, &Sample)| {
        let (count, before) = (end.total.responses(), start.total.responses());
        Second {
            seconds_ago: now.seconds_since(end),
            requests_per_second: per_second(count, before, end.seconds_since(start)),
        }
    };
    pairs.map(second).collect()
}

fn by_status(now: &Sample, oldest: &Sample) -> Vec<StatusCount> {
    let count = |&(status, total): &(Status, u64)| {
        let before = oldest.responses.iter().find(|(other, _)| *other == status);
        StatusCount {
            status: status.code(),
            phrase: status.reason().to_owned(),
            total,
            last_minute: total.saturating_sub(before.map_or(0, |(_, count)| *count)),
        }
    };
    now.responses.iter().map(count).collect()
}

fn closes(now: &Stats, oldest: &Stats) -> Vec<ReasonCount> {
    let pairs = now.closes().zip(oldest.closes());
    let count = |((reason, total), (_, before)): ((&str, u64), (_, u64))| ReasonCount {
        reason: reason.to_owned(),
        total,
        last_minute: total.saturating_sub(before),
    };
    pairs.map(count).collect()
}

fn refusals(now: &Stats, oldest: &Stats) -> Vec<Refusals> {
    let count = |&reason: &Reject| Refusals {
        reason: snake_case(&format!("{reason:?}")),
        status: reason.status().code(),
        total: now.refused_for(reason),
        last_minute: now
            .refused_for(reason)
            .saturating_sub(oldest.refused_for(reason)),
    };
    Reject::ALL.iter().map(count).collect()
}

/// `HostMissing` as `host_missing`.
fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
