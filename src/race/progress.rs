//! How long a race takes and how far it is, on standard error: an estimate at the start, then a bar on a
//! terminal, or else a line now and then.

use std::io::{IsTerminal as _, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::format::{NONE, figure, plural, sign};
use super::measure::Setup;
use super::record::{Record, Summary, Test};
use crate::terminal::{clean, note};

/// To start, await, question and stop a server.
const STARTED: Duration = Duration::from_millis(300);
/// To probe it. Some probes wait for what may not come.
const PROBED: Duration = Duration::from_secs(1);
/// To open a connection and have one request answered on it.
const OPENED: Duration = Duration::from_micros(100);
/// The same over https.
const OPENED_SECURELY: Duration = Duration::from_millis(1);
/// What a server answers in a second, where a test ends after a number of requests.
const ANSWERED_PER_SECOND: f64 = 50_000.0;
/// Without a terminal, how often it is said how far the race is.
const SAY_AGAIN: Duration = Duration::from_secs(30);
/// Of the table below the bar, which has to fit a small terminal.
const ROWS_MAX: usize = 20;
const NAME_CHARS: usize = 20;

/// About how long a server takes in a round of a test.
pub(super) fn turn(test: &Test, setup: &Setup) -> Duration {
    let counted = test.requests.unwrap_or(0) as f64 / ANSWERED_PER_SECOND;
    let work = test
        .duration_ns
        .map_or(Duration::from_secs_f64(counted), Duration::from_nanos);
    let each = if setup.tls_flags.is_empty() {
        OPENED
    } else {
        OPENED_SECURELY
    };
    let opened = each.saturating_mul(u32::try_from(test.idle_connections).unwrap_or(u32::MAX));
    STARTED + Duration::from_nanos(setup.warm_up.expected_ns()) + work + opened
}

/// About how long a race takes, without what is measured already.
fn whole(record: &Record, setup: &Setup) -> Duration {
    let servers = record.targets.len();
    let of_rounds = record.tests.iter().map(|test| {
        let measured = record
            .results
            .iter()
            .filter(|of| of.test == test.id)
            .count();
        let turns = (servers * record.settings.turns()).saturating_sub(measured);
        turn(test, setup).saturating_mul(u32::try_from(turns).unwrap_or(u32::MAX))
    });
    // Once for each server.
    let capacity = record.tests.iter().find(|test| test.load.is_some());
    let capacity = capacity.and_then(|test| test.duration_ns);
    let each = PROBED + Duration::from_nanos(capacity.unwrap_or(0));
    let all = each.saturating_mul(u32::try_from(servers).unwrap_or(u32::MAX));
    of_rounds.fold(all, Duration::saturating_add)
}

/// Of a race under way.
#[derive(Debug)]
pub(super) struct Progress {
    start: Instant,
    /// As was estimated at the start, or when rounds were added.
    whole: Duration,
    /// As was estimated, of what has been done.
    done: Duration,
    bar: Option<ProgressBar>,
    said: Option<Instant>,
}

impl Progress {
    /// Says how long the race will take about, unless nothing is to be said.
    pub(super) fn start(record: &Record, setup: &Setup, is_quiet: bool) -> Self {
        let whole = whole(record, setup);
        let bar = (!is_quiet && stderr().is_terminal()).then(|| bar(whole));
        if !is_quiet {
            let work = [
                plural(record.targets.len() as u64, "server"),
                plural(record.tests.len() as u64, "test"),
                plural(record.settings.rounds as u64, "round"),
            ];
            note(
                "hullo race",
                format!("{}: about {}", work.join(", "), roughly(whole)),
            );
        }
        let now = Instant::now();
        Self {
            start: now,
            whole,
            done: Duration::ZERO,
            bar,
            said: (!is_quiet).then_some(now),
        }
    }

    /// The servers have been probed.
    pub(super) fn probed(&mut self, servers: usize) {
        self.advance(PROBED.saturating_mul(u32::try_from(servers).unwrap_or(u32::MAX)));
    }

    /// What is measured now.
    pub(super) fn at(&self, what: &str) {
        if let Some(bar) = &self.bar {
            let left = roughly(self.left());
            bar.set_prefix(format!("about {left} left. {}", clean(what)));
        }
    }

    /// Whether a table of results can be shown.
    pub(super) fn is_live(&self) -> bool {
        self.bar.is_some()
    }

    /// Shows what a test has found so far below the bar.
    pub(super) fn show(&self, summaries: &[Summary]) {
        if let Some(bar) = &self.bar {
            bar.set_message(table(summaries));
        }
    }

    /// There is more to do than was known: in these tests, which take about so much more time.
    pub(super) fn add_rounds(&mut self, tests: &[Test], more: Duration) {
        self.whole = self.done + more;
        if let Some(bar) = &self.bar {
            bar.set_length(self.whole.as_millis() as u64);
            let titles: Vec<String> = tests.iter().map(|test| clean(&test.title)).collect();
            bar.set_prefix(format!("not decided yet: {}. ", titles.join("; ")));
        }
    }

    /// A turn that was estimated to take so long has ended.
    pub(super) fn advance(&mut self, estimate: Duration) {
        self.done += estimate;
        if let Some(bar) = &self.bar {
            bar.set_position(self.done.as_millis() as u64);
        } else if self.said.is_some_and(|said| said.elapsed() >= SAY_AGAIN) {
            self.said = Some(Instant::now());
            let percent = share(self.done, self.whole) * 100.0;
            let left = roughly(self.left());
            note(
                "hullo race",
                format!("{percent:.0} % done, about {left} left"),
            );
        }
    }

    /// By how long what was done has taken.
    fn left(&self) -> Duration {
        let left = self.whole.saturating_sub(self.done);
        let pace = match share(self.start.elapsed(), self.done) {
            // Too early to tell.
            _ if self.done < PROBED * 2 => 1.0,
            pace => pace.clamp(0.2, 20.0),
        };
        left.mul_f64(pace)
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() {
        1.0
    } else {
        part.as_secs_f64() / whole.as_secs_f64()
    }
}

fn bar(whole: Duration) -> ProgressBar {
    let bar = ProgressBar::new(whole.as_millis() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:20} {prefix}{msg}") {
        bar.set_style(style);
    }
    bar
}

/// Each server of a test on a new line: its figures so far, and how they compare.
fn table(summaries: &[Summary]) -> String {
    let line = |summary: &Summary| {
        let name: String = clean(&summary.target).chars().take(NAME_CHARS).collect();
        let speed = figure(summary.requests_per_second.median);
        let cpu = summary.cpu_ns_per_request.as_ref();
        let cost = cpu.map_or(NONE.to_owned(), |cpu| figure(cpu.median / 1e3));
        let by = cpu.and_then(|cpu| cpu.ratio.as_ref()).map(sign);
        let by = by.unwrap_or_default();
        format!("\n{name:NAME_CHARS$} {speed:>9} requests/s {cost:>7} µs{by}")
    };
    let more = summaries.len().saturating_sub(ROWS_MAX);
    let more = (more > 0).then(|| format!("\n{more} more"));
    let shown = summaries.iter().take(ROWS_MAX).map(line);
    shown.chain(more).collect()
}

/// `40 s`, `3 min`, `1 h 20 min`.
pub(super) fn roughly(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil() as u64;
    let minutes = seconds.div_ceil(60);
    match (seconds, minutes) {
        (0..=20, _) => format!("{seconds} s"),
        (21..90, _) => format!("{} s", seconds.div_ceil(5) * 5),
        (_, 0..90) => format!("{minutes} min"),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Bound, Compared};
    use super::*;

    #[test]
    fn a_time_is_told_roughly() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (3.2, "4 s"),
            (41.0, "45 s"),
            (89.5, "2 min"),
            (200.0, "4 min"),
            (5399.0, "1 h 30 min"),
            (7260.0, "2 h 1 min"),
        ] {
            assert_eq!(roughly(Duration::from_secs_f64(seconds)), text);
        }
    }

    #[test]
    fn a_table_has_a_line_for_each_server() {
        let compared = |median: f64| Compared {
            median,
            least: median,
            greatest: median,
            ratio: None,
        };
        let summary = Summary {
            test: "churn".to_owned(),
            target: "a\x1b[2J".to_owned(),
            rounds: 1,
            requests: 1,
            elapsed_ns: 1,
            errors: 0,
            bound: Bound::Server,
            requests_per_second: compared(12_345.0),
            cpu_ns_per_request: Some(compared(3720.0)),
            cpu_ns_per_second: None,
            idle_connection_bytes: None,
            missed: None,
            latency_ns: Vec::new(),
            latency_intervals_ns: None,
        };
        let shown = table(&vec![summary; ROWS_MAX + 2]);
        assert!(
            shown.contains("   12,300 requests/s    3.72 µs\n"),
            "{shown}"
        );
        assert!(shown.ends_with("\n2 more") && !shown.contains('\x1b'));
        assert_eq!(shown.lines().count(), 1 + ROWS_MAX + 1);
    }

    #[test]
    fn what_is_left_follows_the_pace() {
        let now = Instant::now();
        let Some(start) = now.checked_sub(Duration::from_secs(40)) else {
            return;
        };
        let progress = Progress {
            start,
            whole: Duration::from_secs(60),
            done: Duration::from_secs(20),
            bar: None,
            said: None,
        };
        // It took twice as long as was estimated.
        let left = progress.left().as_secs_f64();
        assert!((79.9..90.0).contains(&left), "{left}");
    }

    #[test]
    fn added_rounds_are_a_part_of_the_whole() {
        let [whole, more, some] = [60, 20, 15].map(Duration::from_secs);
        let mut progress = Progress {
            start: Instant::now(),
            whole,
            done: whole,
            bar: None,
            said: None,
        };
        progress.add_rounds(&[], more);
        progress.advance(some);
        assert!(share(progress.done, progress.whole) < 1.0);
        assert!(progress.left() > Duration::ZERO);
    }
}
