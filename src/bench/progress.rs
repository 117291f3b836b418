//! The progress line, shown on a terminal only.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::plan::{Plan, RunLength};

pub(super) struct ProgressLine {
    bar: ProgressBar,
    length: RunLength,
    start: Instant,
    last: (Instant, u64),
}

impl ProgressLine {
    /// For `run` of `runs`. It is drawn on standard error if that is a terminal.
    pub(super) fn new(plan: &Plan, run: u32, runs: u32) -> Self {
        let steps = match plan.length {
            RunLength::Requests(requests) => requests,
            RunLength::Time(nanos) => (nanos + plan.warmup) / 1_000_000,
        };
        let bar = ProgressBar::new(steps);
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
            length: plan.length,
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
        self.bar.set_position(match self.length {
            RunLength::Requests(_) => responses + errors,
            RunLength::Time(_) => self.start.elapsed().as_millis() as u64,
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
