//! The line that tells on a terminal how the run goes.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::termios::{isatty, tcgetwinsize};

use super::frame::Frame;
use crate::bench::durations::short;
use crate::bench::plan::{Plan, RunLength};
use crate::bench::summary::rate;
use crate::bench::times::Times;

/// Rates and percentiles are those of the last second.
const RECENT: Duration = Duration::from_secs(1);

/// Where the terminal does not tell its width.
const WIDTH: usize = 80;

/// Whether there is a terminal to show it on.
pub(super) fn has_terminal() -> bool {
    isatty(io::stderr())
}

fn width() -> usize {
    let size = tcgetwinsize(io::stderr());
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { WIDTH } else { columns }
}

pub(super) struct Line {
    bar: ProgressBar,
    /// With more than one run.
    run: Option<(u32, u32)>,
    length: RunLength,
    warmup: Duration,
    start: Instant,
    /// Answers and errors of the last second, by time.
    counts: VecDeque<(Instant, u64, u64)>,
    /// The last frames, of a second together.
    frames: VecDeque<Frame>,
}

impl Line {
    /// For `run` of `runs`.
    pub(super) fn new(plan: &Plan, run: u32, runs: u32) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self {
            bar,
            run: (runs > 1).then_some((run, runs)),
            length: plan.length,
            warmup: Duration::from_nanos(plan.warmup),
            start: Instant::now(),
            counts: VecDeque::new(),
            frames: VecDeque::new(),
        }
    }

    pub(super) fn add(&mut self, frame: &Frame) {
        self.frames.push_back(frame.clone());
        let recent = RECENT.as_nanos() as u64;
        while self.frames.len() > 1
            && let Some(first) = self.frames.front()
            && frame.end.saturating_sub(first.end) >= recent
        {
            self.frames.pop_front();
        }
    }

    pub(super) fn tick(&mut self, responses: u64, errors: u64) {
        let text = self.text(Instant::now(), responses, errors);
        self.bar.set_message(text);
    }

    fn text(&mut self, now: Instant, responses: u64, errors: u64) -> String {
        if self
            .counts
            .back()
            .is_some_and(|(_, before, _)| *before > responses)
        {
            // The warm-up has ended.
            self.counts.clear();
        }
        self.counts.push_back((now, responses, errors));
        while self.counts.len() > 2
            && let Some((second, ..)) = self.counts.get(1)
            && now.saturating_duration_since(*second) >= RECENT
        {
            self.counts.pop_front();
        }
        let passed = now.saturating_duration_since(self.start);
        let facts = Facts {
            run: self.run,
            is_warm: passed >= self.warmup,
            rate: self.rate(),
            in_flight: self.frames.back().map(|frame| frame.totals.in_flight),
            times: self.times(),
            errors,
            left: self.left(passed, responses + errors),
        };
        facts.line(width())
    }

    fn rate(&self) -> f64 {
        let ends = self.counts.front().zip(self.counts.back());
        ends.map_or(0.0, |((start, before, _), (end, now, _))| {
            let seconds = end.saturating_duration_since(*start).as_secs_f64();
            if seconds > 0.0 {
                now.saturating_sub(*before) as f64 / seconds
            } else {
                0.0
            }
        })
    }

    fn times(&self) -> Times {
        let mut times = Times::default();
        for frame in &self.frames {
            times.add(&frame.latency);
        }
        times
    }

    /// How long the run still takes, at the rate of the last second.
    fn left(&self, passed: Duration, ended: u64) -> Option<Duration> {
        match self.length {
            RunLength::Time(nanos) => {
                Some((self.warmup + Duration::from_nanos(nanos)).saturating_sub(passed))
            }
            RunLength::Requests(requests) => {
                let rate = self.rate();
                let left = requests.saturating_sub(ended) as f64 / rate;
                Duration::try_from_secs_f64(left).ok()
            }
        }
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Line").finish_non_exhaustive()
    }
}

/// What the line says.
struct Facts {
    run: Option<(u32, u32)>,
    is_warm: bool,
    rate: f64,
    in_flight: Option<u64>,
    times: Times,
    errors: u64,
    left: Option<Duration>,
}

impl Facts {
    /// In the order in which they are shown. Of those that do not fit, the ones with the highest number are
    /// left out.
    fn line(&self, width: usize) -> String {
        let mut parts = Vec::new();
        if let Some((run, runs)) = self.run {
            parts.push((4, format!("run {run} of {runs}")));
        }
        if !self.is_warm {
            parts.push((1, "warm-up".to_owned()));
        }
        parts.push((0, format!("{} requests/s", rate(self.rate))));
        if let Some(in_flight) = self.in_flight {
            parts.push((6, format!("{in_flight} in flight")));
        }
        if self.times.count() > 0 {
            let [p50, p99] =
                [0.5, 0.99].map(|quantile| short(self.times.quantile(quantile) as f64));
            parts.push((5, format!("p50 {p50}")));
            parts.push((2, format!("p99 {p99}")));
        }
        parts.push((1, format!("{} errors", self.errors)));
        if let Some(left) = self.left {
            parts.push((3, format!("{} left", countdown(left))));
        }
        fit(parts, width)
    }
}

const BETWEEN: &str = ", ";

fn fit(mut parts: Vec<(u8, String)>, width: usize) -> String {
    loop {
        let texts: Vec<&str> = parts.iter().map(|(_, text)| text.as_str()).collect();
        let line = texts.join(BETWEEN);
        // A full line would move the cursor to the next one.
        if line.chars().count() < width || parts.len() < 2 {
            return line;
        }
        let least = parts.iter().enumerate().max_by_key(|(_, (rank, _))| *rank);
        let least = least.map_or(0, |(place, _)| place);
        parts.remove(least);
    }
}

fn countdown(left: Duration) -> String {
    let seconds = left.as_secs_f64().round() as u64;
    match seconds {
        0..100 => format!("{seconds} s"),
        100..3600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let mut times = Times::default();
        times.record(371_000, 98);
        times.record(1_200_000, 2);
        Facts {
            run: Some((2, 5)),
            is_warm: true,
            rate: 48_210.4,
            in_flight: Some(100),
            times,
            errors: 3,
            left: Some(Duration::from_millis(2900)),
        }
    }

    #[test]
    fn the_line_fits_and_keeps_what_matters_most() {
        assert_eq!(
            facts().line(200),
            "run 2 of 5, 48,210 requests/s, 100 in flight, p50 371 \u{b5}s, p99 1.20 ms, 3 errors, 3 s left"
        );
        for width in 20..120 {
            let line = facts().line(width);
            assert!(line.chars().count() < width, "{width}: {line}");
            assert!(line.contains("48,210 requests/s"), "{line}");
        }
        assert_eq!(
            facts().line(60),
            "48,210 requests/s, p99 1.20 ms, 3 errors, 3 s left"
        );
        assert_eq!(facts().line(1), "48,210 requests/s");
    }

    #[test]
    fn what_is_not_known_yet_is_not_shown() {
        let early = Facts {
            run: None,
            is_warm: false,
            in_flight: None,
            times: Times::default(),
            left: None,
            ..facts()
        };
        assert_eq!(early.line(80), "warm-up, 48,210 requests/s, 3 errors");
    }

    #[test]
    fn the_time_left_has_a_suitable_unit() {
        for (seconds, text) in [
            (0, "0 s"),
            (99, "99 s"),
            (150, "2:30 min"),
            (7260, "2:01 h"),
        ] {
            assert_eq!(countdown(Duration::from_secs(seconds)), text);
        }
    }
}
