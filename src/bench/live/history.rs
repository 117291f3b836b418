//! How the runs went, in so many points that a picture can show them.

use super::frame::{Frame, Sum};
use crate::bench::times::Times;

/// With more points, each two neighbours become one.
const POINTS_MAX: usize = 400;

/// What happened in an interval. Times are in nanoseconds since the first run began, without the pauses between runs.
#[derive(Clone, Debug)]
pub(in crate::bench) struct Point {
    pub(in crate::bench) start: u64,
    pub(in crate::bench) end: u64,
    pub(in crate::bench) responses: u64,
    pub(in crate::bench) errors: u64,
    /// Values and counts: a whole histogram for each point would be large.
    counts: Vec<(u64, u64)>,
    sum: u64,
    min: u64,
    max: u64,
}

impl Point {
    pub(in crate::bench) fn latency(&self) -> Times {
        Times::from_parts(&self.counts, self.sum, self.min, self.max)
    }

    fn of(frame: &Frame, base: u64, (responses, errors): (u64, u64)) -> Self {
        let mut point = Self {
            start: base + frame.start,
            end: base + frame.end,
            responses,
            errors,
            counts: Vec::new(),
            sum: 0,
            min: 0,
            max: 0,
        };
        point.set(&frame.latency);
        point
    }

    fn set(&mut self, times: &Times) {
        let recorded = times.histogram().iter_recorded();
        let counts = recorded.map(|step| (step.value_iterated_to(), step.count_at_value()));
        self.counts = counts.collect();
        (self.sum, self.min, self.max) = (times.sum(), times.min(), times.max());
    }

    fn join(&mut self, next: &Self) {
        let mut times = self.latency();
        times.add(&next.latency());
        self.set(&times);
        self.end = next.end;
        self.responses += next.responses;
        self.errors += next.errors;
    }
}

#[derive(Debug)]
pub(in crate::bench) struct History {
    points: Vec<Point>,
    /// How many frames make a point.
    frames: u64,
    sum: Sum,
    /// When this run began.
    base: u64,
    /// Of this run, at the end of the last point.
    responses: u64,
    errors: u64,
}

impl History {
    pub(super) fn new() -> Self {
        Self {
            points: Vec::new(),
            frames: 1,
            sum: Sum::default(),
            base: 0,
            responses: 0,
            errors: 0,
        }
    }

    pub(super) fn begin_run(&mut self) {
        self.base = self.points.last().map_or(0, |point| point.end);
        (self.responses, self.errors) = (0, 0);
    }

    pub(super) fn add(&mut self, frame: &Frame) {
        self.sum.add(frame);
        if let Some(whole) = self.sum.whole(self.frames) {
            self.push(&whole);
        }
    }

    pub(super) fn end_run(&mut self) {
        if let Some(rest) = self.sum.rest() {
            self.push(&rest);
        }
        // The rate of a very short interval would be noise.
        if let [.., before, last] = self.points.as_mut_slice()
            && last.start > self.base
            && last.end - last.start < (before.end - before.start) / 2
        {
            before.join(last);
            self.points.pop();
        }
    }

    pub(in crate::bench) fn points(&self) -> &[Point] {
        &self.points
    }

    fn push(&mut self, frame: &Frame) {
        let (responses, errors) = (frame.totals.responses, frame.totals.errors.total());
        let since = (
            responses.saturating_sub(self.responses),
            errors.saturating_sub(self.errors),
        );
        self.points.push(Point::of(frame, self.base, since));
        (self.responses, self.errors) = (responses, errors);
        if self.points.len() >= POINTS_MAX {
            let pairs = self.points.chunks(2).map(|pair| {
                let mut point = pair[0].clone();
                if let Some(next) = pair.get(1) {
                    point.join(next);
                }
                point
            });
            self.points = pairs.collect();
            self.frames *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two runs with many intervals, every answer is in a point.
    #[test]
    fn points_are_few_and_lose_nothing() {
        let mut history = History::new();
        let mut all = Times::default();
        for run in 0..2 {
            history.begin_run();
            let mut frame = Frame::default();
            for number in 0..1501_u64 {
                frame.start = number * 10;
                frame.end = frame.start + 10;
                frame.latency = Times::default();
                frame.latency.record(1000 + number, 1 + run);
                all.record(1000 + number, 1 + run);
                frame.totals.responses += 1 + run;
                frame.totals.errors.timeout += 1;
                history.add(&frame);
            }
            history.end_run();
        }
        let points = history.points();
        assert!(
            (100..=POINTS_MAX).contains(&points.len()),
            "{}",
            points.len()
        );
        let mut joined = Times::default();
        let mut end = 0;
        for point in points {
            assert_eq!(point.start, end);
            end = point.end;
            assert_eq!(point.latency().count(), point.responses);
            joined.add(&point.latency());
        }
        assert_eq!(end, 2 * 15_010, "{points:?}");
        assert_eq!(
            (joined.histogram(), joined.sum()),
            (all.histogram(), all.sum())
        );
        assert_eq!(points.iter().map(|point| point.errors).sum::<u64>(), 3002);
    }
}
