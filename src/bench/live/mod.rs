//! What is told of a run while it runs.
//!
//! ```text
//!  worker ── slice: its histograms, in exchange for empty ones, at the end of each interval
//!              └─ frame: those of all threads, joined by the thread that waits for them
//!                   ├─ line       on a terminal
//!                   ├─ metrics    for Prometheus, when it asks
//!                   └─ timeline   in a file (writer: on a thread of its own)
//! ```
//!
//! Without any of these, the threads cut no slices: then it costs one comparison in a turn.

mod frame;
mod line;
mod metrics;
mod options;
mod slice;
mod timeline;
mod writer;

use std::path::PathBuf;

pub(super) use self::frame::Frames;
use self::frame::{Frame, Sum};
use self::line::Line;
use self::metrics::Metrics;
pub(super) use self::options::LiveOptions;
pub(super) use self::slice::{Publisher, pair};
#[cfg(test)]
pub(super) use self::timeline::Interval;
use self::timeline::Timeline;
use super::plan::Plan;

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
}

impl Live {
    /// What the flags ask for. The error says which file cannot be written.
    pub(super) fn new(options: &LiveOptions, url: &str) -> Result<Self, String> {
        let interval = options.timeline_interval;
        let slices = interval.div_ceil(SLICE_NANOS_MAX).max(1);
        let timeline = |path: &PathBuf| Timeline::create(path);
        let timeline = options.timeline.as_ref().map(timeline).transpose()?;
        let slice_nanos = match timeline {
            Some(_) => interval / slices,
            None => SLICE_NANOS_MAX,
        };
        let metrics = options.metrics.map(|address| Metrics::start(address, url));
        Ok(Self {
            slice_nanos,
            metrics: metrics.transpose()?,
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
        }
    }

    /// The length of a slice, if one is wanted.
    pub(super) fn slices(&self) -> Option<u64> {
        let is_wanted = self.has_line || self.timeline.is_some() || self.metrics.is_some();
        is_wanted.then_some(self.slice_nanos)
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
    }

    /// There are no more runs. The error says what is missing in which file.
    pub(super) fn finish(self) -> Result<(), String> {
        self.timeline
            .map_or(Ok(()), |(timeline, ..)| timeline.finish())
    }
}
