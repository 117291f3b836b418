//! Joins the slices of all threads to frames: what the whole run did in an interval.

use std::collections::VecDeque;

use super::slice::{Slice, Subscriber, Totals};
use crate::bench::times::Times;

/// An interval of the run.
#[derive(Clone, Debug, Default)]
pub(in crate::bench) struct Frame {
    /// In nanoseconds since the run began.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) latency: Times,
    pub(super) service: Times,
    /// Since the run began.
    pub(super) totals: Totals,
}

#[derive(Debug)]
struct Thread {
    subscriber: Subscriber,
    slices: VecDeque<Slice>,
    /// Of the last slice that is part of a frame.
    totals: Totals,
    /// The last interval that it has handed over.
    reached: Option<u64>,
}

#[derive(Debug)]
pub(in crate::bench) struct Frames {
    interval: u64,
    threads: Vec<Thread>,
    /// The end of the last frame.
    end: u64,
    latency: Times,
    service: Times,
}

impl Frames {
    pub(in crate::bench) fn new(interval: u64, subscribers: Vec<Subscriber>) -> Self {
        let thread = |subscriber| Thread {
            subscriber,
            slices: VecDeque::new(),
            totals: Totals::default(),
            reached: None,
        };
        Self {
            interval,
            threads: subscribers.into_iter().map(thread).collect(),
            end: 0,
            latency: Times::default(),
            service: Times::default(),
        }
    }

    /// Takes what the threads have handed over, and passes on the intervals that all of them have reached
    /// the end of.
    pub(in crate::bench) fn collect(&mut self, mut on_frame: impl FnMut(&Frame)) {
        self.take();
        let reached = self.threads.iter().map(|thread| thread.reached);
        let Some(reached) = reached.min().flatten() else {
            return;
        };
        while let Some(index) = self.first().filter(|index| *index <= reached) {
            on_frame(&self.frame(index));
        }
    }

    /// When all threads have ended: passes on the rest, and returns the latencies and service times that the
    /// threads have handed over.
    pub(in crate::bench) fn finish(mut self, mut on_frame: impl FnMut(&Frame)) -> (Times, Times) {
        self.take();
        while let Some(index) = self.first() {
            on_frame(&self.frame(index));
        }
        (self.latency, self.service)
    }

    fn take(&mut self) {
        for thread in &mut self.threads {
            while let Some(slice) = thread.subscriber.take() {
                thread.reached = Some(slice.index);
                thread.slices.push_back(slice);
            }
        }
    }

    /// The first interval that a thread has handed over.
    fn first(&self) -> Option<u64> {
        let firsts = self
            .threads
            .iter()
            .filter_map(|thread| thread.slices.front());
        firsts.map(|slice| slice.index).min()
    }

    fn frame(&mut self, index: u64) -> Frame {
        let whole = (index + 1).saturating_mul(self.interval);
        let mut frame = Frame {
            start: self.end,
            ..Frame::default()
        };
        let mut until = 0;
        for thread in &mut self.threads {
            // The end of a run may be in the interval that was handed over just before it.
            while thread
                .slices
                .front()
                .is_some_and(|slice| slice.index <= index)
                && let Some(slice) = thread.slices.pop_front()
            {
                frame.latency.add(&slice.latency);
                frame.service.add(&slice.service);
                until = until.max(slice.until);
                thread.totals.clone_from(&slice.totals);
                thread.subscriber.give_back(slice);
            }
            frame.totals.add(&thread.totals);
        }
        // A slice is cut a little late; only the last one of a run is cut early.
        frame.end = whole.min(until).max(self.end + 1);
        self.end = frame.end;
        self.latency.add(&frame.latency);
        self.service.add(&frame.service);
        frame
    }
}

/// Adds up frames.
#[derive(Debug, Default)]
pub(super) struct Sum {
    frames: u64,
    pub(super) frame: Frame,
}

impl Sum {
    pub(super) fn add(&mut self, frame: &Frame) {
        if self.frames == 0 {
            self.frame.start = frame.start;
        }
        self.frames += 1;
        self.frame.end = frame.end;
        self.frame.latency.add(&frame.latency);
        self.frame.service.add(&frame.service);
        self.frame.totals.clone_from(&frame.totals);
    }

    /// The sum, once it is of so many frames.
    pub(super) fn whole(&mut self, frames: u64) -> Option<Frame> {
        (self.frames >= frames.max(1)).then(|| self.take())
    }

    /// The sum, unless it is of none.
    pub(super) fn rest(&mut self) -> Option<Frame> {
        (self.frames > 0).then(|| self.take())
    }

    fn take(&mut self) -> Frame {
        self.frames = 0;
        std::mem::take(&mut self.frame)
    }
}

#[cfg(test)]
mod tests {
    use super::super::slice::{Publisher, pair};
    use super::*;
    use crate::bench::tally::Tally;

    struct Run {
        threads: Vec<(Publisher, Tally)>,
        frames: Frames,
        seen: Vec<(u64, u64, u64, u64)>,
    }

    impl Run {
        fn new(threads: usize) -> Self {
            let (publishers, subscribers): (Vec<_>, Vec<_>) =
                (0..threads).map(|_| pair(100)).unzip();
            let threads = publishers.into_iter().map(|end| (end, Tally::new()));
            Self {
                threads: threads.collect(),
                frames: Frames::new(100, subscribers),
                seen: Vec::new(),
            }
        }

        fn answers(&mut self, thread: usize, count: u64) {
            let tally = &mut self.threads[thread].1;
            tally.latency.record(7, count);
            tally.responses += count;
        }

        fn cut(&mut self, thread: usize, now: u64) {
            let (publisher, tally) = &mut self.threads[thread];
            publisher.cut(now, 1, tally);
            let seen = &mut self.seen;
            self.frames.collect(|frame| seen.push(facts(frame)));
        }

        fn end(mut self, now: u64) -> (Vec<(u64, u64, u64, u64)>, u64) {
            for (publisher, tally) in &mut self.threads {
                publisher.end(now, tally);
            }
            let seen = &mut self.seen;
            let (latency, _) = self.frames.finish(|frame| seen.push(facts(frame)));
            (self.seen, latency.count())
        }
    }

    fn facts(frame: &Frame) -> (u64, u64, u64, u64) {
        let answers = frame.latency.count();
        (frame.start, frame.end, answers, frame.totals.responses)
    }

    #[test]
    fn a_frame_waits_for_the_last_thread() {
        let mut run = Run::new(2);
        run.answers(0, 5);
        run.cut(0, 101);
        run.answers(0, 1);
        run.cut(0, 203);
        assert_eq!(run.seen, []);
        run.answers(1, 2);
        run.cut(1, 150);
        assert_eq!(run.seen, [(0, 100, 7, 7)]);
        run.answers(1, 3);
        let (seen, total) = run.end(240);
        assert_eq!(seen, [(0, 100, 7, 7), (100, 200, 1, 8), (200, 240, 3, 11)]);
        assert_eq!(total, 11);
    }

    #[test]
    fn a_thread_that_stood_still_makes_a_longer_frame() {
        let mut run = Run::new(1);
        run.cut(0, 100);
        run.answers(0, 9);
        run.cut(0, 470);
        let (seen, _) = run.end(480);
        assert_eq!(seen, [(0, 100, 0, 0), (100, 400, 9, 9), (400, 480, 0, 9)]);
    }

    #[test]
    fn frames_are_added_up() {
        let frame = |number: u64| {
            let mut frame = Frame {
                start: number * 10,
                end: number * 10 + 10,
                ..Frame::default()
            };
            frame.latency.record(1, number);
            frame.totals.responses = number * number;
            frame
        };
        let mut sum = Sum::default();
        assert!(sum.rest().is_none());
        for number in 1..=2 {
            sum.add(&frame(number));
            assert!(sum.whole(3).is_none());
        }
        sum.add(&frame(3));
        assert_eq!(facts(&sum.whole(3).unwrap()), (10, 40, 6, 9));
        sum.add(&frame(4));
        assert_eq!(facts(&sum.rest().unwrap()), (40, 50, 4, 16));
        assert!(sum.rest().is_none());
    }
}
