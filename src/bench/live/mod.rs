//! What is told of a run while it runs.
//!
//! ```text
//!  worker ── slice: its histograms, in exchange for empty ones, at the end of each interval
//!              └─ frame: those of all threads, joined by the thread that waits for them
//!                   ├─ line       on a terminal
//!                   ├─ metrics    for Prometheus, when it asks
//!                   └─ timeline   in a file (writer: on a thread of its own)
//!         ── samples: a row for each request, through a ring, to a thread that writes them
//! ```
//!
//! Without any of these, the threads cut no slices and push no rows: there is a comparison in a turn, and another for
//! each answer.

mod frame;
mod history;
mod line;
mod metrics;
mod options;
mod samples;
mod slice;
mod timeline;
mod writer;

use std::path::PathBuf;

pub(super) use self::frame::Frames;
use self::frame::{Frame, Sum};
use self::history::History;
pub(super) use self::history::Point;
use self::line::Line;
use self::metrics::Metrics;
pub(super) use self::options::LiveOptions;
use self::samples::SampleWriter;
pub(super) use self::samples::{Sample, Samples};
pub(super) use self::slice::{Publisher, pair};
#[cfg(test)]
pub(super) use self::timeline::Interval;
use self::timeline::Timeline;
use super::plan::Plan;

/// Where a thread tells what it does.
pub(super) type Outlets = (Option<Publisher>, Option<Samples>);

/// The longest slice: the line shows the last second.
const SLICE_NANOS_MAX: u64 = 1_000_000_000;

/// Those who want to know how the run goes.
#[derive(Debug)]
pub(super) struct Live {
    slice_nanos: u64,
    has_line: bool,
    line: Option<Line>,
    /// With the number of slices in its interval.
    timeline: Option<(Timeline, u64, Sum)>,
    metrics: Option<Metrics>,
    samples: Option<SampleWriter>,
    history: Option<History>,
}

impl Live {
    /// What the flags ask for. The error says which file cannot be written.
    pub(super) fn new(
        options: &LiveOptions,
        url: &str,
        wants_history: bool,
    ) -> Result<Self, String> {
        let interval = options.timeline_interval;
        let slices = interval.div_ceil(SLICE_NANOS_MAX).max(1);
        let timeline = |path: &PathBuf| Timeline::create(path);
        let timeline = options.timeline.as_ref().map(timeline).transpose()?;
        let slice_nanos = match timeline {
            Some(_) => interval / slices,
            None if wants_history => SLICE_NANOS_MAX / 10,
            None => SLICE_NANOS_MAX,
        };
        let metrics = options.metrics.map(|address| Metrics::start(address, url));
        let samples = options.samples.as_ref();
        let samples = samples.map(|path| SampleWriter::create(path));
        Ok(Self {
            slice_nanos,
            metrics: metrics.transpose()?,
            samples: samples.transpose()?,
            history: wants_history.then(History::new),
            timeline: timeline.map(|timeline| (timeline, slices, Sum::default())),
            ..Self::line(options)
        })
    }

    /// Only the line.
    pub(super) fn line(options: &LiveOptions) -> Self {
        Self {
            slice_nanos: SLICE_NANOS_MAX,
            has_line: !options.quiet && line::has_terminal(),
            line: None,
            timeline: None,
            metrics: None,
            samples: None,
            history: None,
        }
    }

    /// The length of a slice, if one is wanted.
    pub(super) fn slices(&self) -> Option<u64> {
        let is_in_use = self.timeline.is_some() || self.metrics.is_some();
        let is_wanted = self.has_line || is_in_use || self.history.is_some();
        is_wanted.then_some(self.slice_nanos)
    }

    /// For each thread of the next run, if rows are wanted.
    pub(super) fn samples(&mut self, threads: usize) -> Vec<Samples> {
        let samples = self.samples.as_mut();
        samples.map_or_else(Vec::new, |samples| samples.begin_run(threads))
    }

    /// `run` of `runs` begins.
    pub(super) fn begin(&mut self, plan: &Plan, (run, runs): (u32, u32)) {
        self.line = self.has_line.then(|| Line::new(plan, run, runs));
    }

    /// Counting begins now, or after the warm-up.
    pub(super) fn started(&mut self, unix_ms: u64) {
        if let Some((timeline, ..)) = &mut self.timeline {
            timeline.begin_run(unix_ms);
        }
        if let Some(metrics) = &self.metrics {
            metrics.begin_run();
        }
        if let Some(history) = &mut self.history {
            history.begin_run();
        }
    }

    /// The numbers of answers and errors so far, ten times a second.
    pub(super) fn tick(&mut self, responses: u64, errors: u64) {
        if let Some(line) = &mut self.line {
            line.tick(responses, errors);
        }
    }

    pub(super) fn frame(&mut self, frame: &Frame) {
        if let Some(line) = &mut self.line {
            line.add(frame);
        }
        if let Some(metrics) = &self.metrics {
            metrics.add(frame);
        }
        if let Some(history) = &mut self.history {
            history.add(frame);
        }
        if let Some((timeline, slices, sum)) = &mut self.timeline {
            sum.add(frame);
            if let Some(whole) = sum.whole(*slices) {
                timeline.add(&whole);
            }
        }
    }

    /// The run has ended.
    pub(super) fn end(&mut self) {
        if let Some(line) = self.line.take() {
            line.clear();
        }
        if let Some((timeline, _, sum)) = &mut self.timeline
            && let Some(rest) = sum.rest()
        {
            timeline.add(&rest);
        }
        if let Some(history) = &mut self.history {
            history.end_run();
        }
    }

    /// How the runs went, if a picture is wanted.
    pub(super) fn points(&self) -> Vec<Point> {
        let history = self.history.as_ref();
        history.map_or_else(Vec::new, |history| history.points().to_vec())
    }

    /// There are no more runs. The error says what is missing in which file.
    pub(super) fn finish(self) -> Result<(), String> {
        let timeline = self.timeline.map(|(timeline, ..)| timeline.finish());
        let samples = self.samples.map(SampleWriter::finish);
        timeline.unwrap_or(Ok(())).and(samples.unwrap_or(Ok(())))
    }
}
