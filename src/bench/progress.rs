//! The line that shows how a run goes, on a terminal; nothing anywhere else.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::plan::{Plan, Work};

pub(super) struct Line {
    bar: ProgressBar,
    work: Work,
    start: Instant,
    last: (Instant, u64),
}

impl Line {
    /// `run` of `runs` begins. It is drawn on the standard error, and only if that is a terminal.
    pub(super) fn new(plan: &Plan, run: u32, runs: u32) -> Self {
        let length = match plan.work {
            Work::Count(requests) => requests,
            Work::Time(nanos) => (nanos + plan.warmup) / 1_000_000,
        };
        let bar = ProgressBar::new(length);
        let number = if runs > 1 {
            format!("run {run} of {runs} ")
        } else {
            String::new()
        };
        let style = format!("{number}[{{elapsed}}] {{bar:30}} {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&style) {
            bar.set_style(style);
        }
        let now = Instant::now();
        Self {
            bar,
            work: plan.work,
            start: now,
            last: (now, 0),
        }
    }

    pub(super) fn show(&mut self, responses: u64, errors: u64) {
        let now = Instant::now();
        let (before, counted) = self.last;
        let seconds = now
            .duration_since(before)
            .max(Duration::from_millis(1))
            .as_secs_f64();
        let rate = responses.saturating_sub(counted) as f64 / seconds;
        self.last = (now, responses);
        self.bar.set_position(match self.work {
            Work::Count(_) => responses + errors,
            Work::Time(_) => self.start.elapsed().as_millis() as u64,
        });
        self.bar.set_message(message(rate, responses, errors));
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn message(rate: f64, responses: u64, errors: u64) -> String {
    format!("{rate:.0} requests/s, {responses} answers, {errors} errors")
}
