//! What a thread adds up about the open model while it runs: whether the load was offered, and what waits.

use super::pace::Schedule;
use super::tally::Tally;

#[derive(Debug)]
pub(super) struct Load {
    /// When the time of busy connections was last added up.
    accounted_at: u64,
    /// The end of the schedule.
    end: u64,
    /// The marks not passed: two before half of the time, then one, then none.
    marks: u8,
    /// Requests whose timeout passed before they were sent, and before the end.
    expired: u64,
}

impl Load {
    pub(super) fn new(end: u64) -> Self {
        Self {
            accounted_at: 0,
            end,
            marks: 2,
            expired: 0,
        }
    }

    /// Adds up the time since the last call.
    pub(super) fn pass(&mut self, now: u64, busy: usize, is_full: bool, tally: &mut Tally) {
        let passed = now.saturating_sub(self.accounted_at);
        self.accounted_at = now;
        tally.thread_nanos += passed;
        tally.busy_nanos += passed.saturating_mul(busy as u64);
        if is_full {
            tally.all_busy_nanos += passed;
        }
    }

    /// The timeout of so many requests has passed before they were sent. Those that waited at the end are counted.
    pub(super) fn expire(&mut self, requests: u64, tally: &mut Tally) {
        if self.marks > 0 {
            self.expired += requests;
            tally.left_over += requests;
        }
    }

    /// The run ends now, perhaps before the schedule does.
    pub(super) fn end(&mut self, now: u64) {
        self.end = self.end.min(now);
    }

    /// Is a half of the time, or all of it, over since the last mark?
    pub(super) fn is_at_mark(&self, now: u64) -> bool {
        match self.marks {
            0 => false,
            1 => now >= self.end,
            _ => now >= self.end / 2,
        }
    }

    /// Counts what waits for a connection or for an answer. `is_short` says that no connection is free.
    pub(super) fn mark(
        &mut self,
        schedule: &Schedule<'_>,
        now: u64,
        in_flight: usize,
        is_short: bool,
        tally: &mut Tally,
    ) {
        self.marks = self.marks.saturating_sub(1);
        let waiting = schedule.waiting(now.min(self.end));
        let backlog = waiting + in_flight as u64;
        if self.marks > 0 {
            tally.backlog_at_half = backlog;
            return;
        }
        tally.backlog_at_end = backlog;
        tally.due = schedule.claimed() + waiting;
        tally.sent = schedule.claimed().saturating_sub(self.expired);
        if is_short {
            tally.left_over += waiting;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::pace::Share;
    use super::super::rates::Profile;
    use super::*;

    const ALL: Share = Share {
        thread: 0,
        threads: 1,
        connections: 1,
    };

    /// 10 a second for 2 s, one connection, which answers nothing after the fifth request.
    fn stuck(profile: &Profile) -> (Schedule<'_>, Load, Tally) {
        let mut schedule = Schedule::lasting(profile, 2_000_000_000, ALL);
        schedule.claim(450_000_000, 5).unwrap();
        let load = Load::new(schedule.length());
        (schedule, load, Tally::new())
    }

    #[test]
    fn what_waits_is_counted_at_half_of_the_time_and_at_the_end() {
        let profile = Profile::constant(10.0);
        let (schedule, mut load, mut tally) = stuck(&profile);
        for now in (0..=2_100_000_000).step_by(300_000_000) {
            load.pass(now, 1, true, &mut tally);
            if load.is_at_mark(now) {
                load.mark(&schedule, now, 1, true, &mut tally);
            }
        }
        // At 1.2 s, 13 are due: 8 wait and 1 is in flight. At the end, 20 are.
        assert_eq!((tally.backlog_at_half, tally.backlog_at_end), (9, 16));
        assert_eq!(tally.left_over, 15);
        assert_eq!((tally.due, tally.sent), (20, 5));
        assert_eq!(
            (tally.busy_nanos, tally.all_busy_nanos),
            (2_100_000_000, 2_100_000_000)
        );
        assert!(!load.is_at_mark(u64::MAX));
    }

    /// With a timeout of 1 s: 4 requests expire before the end, and the 11 that waited then after it.
    #[test]
    fn what_expires_after_the_end_is_counted_once() {
        let profile = Profile::constant(10.0);
        let (mut schedule, mut load, mut tally) = stuck(&profile);
        for now in (0..=3_300_000_000_u64).step_by(300_000_000) {
            if load.is_at_mark(now) {
                load.mark(&schedule, now, 1, true, &mut tally);
            }
            if let Some(limit) = now.checked_sub(1_000_000_000)
                && let Some((_, late)) = schedule.claim(limit, usize::MAX)
            {
                load.expire(late as u64, &mut tally);
            }
        }
        assert_eq!((tally.due, tally.sent, tally.left_over), (20, 5, 15));
    }

    #[test]
    fn a_run_that_ends_early_is_counted_at_its_end() {
        let profile = Profile::constant(10.0);
        let schedule = Schedule::lasting(&profile, 2_000_000_000, ALL);
        let (mut load, mut tally) = (Load::new(schedule.length()), Tally::new());
        load.end(500_000_000);
        while load.is_at_mark(500_000_000) {
            load.mark(&schedule, 500_000_000, 0, true, &mut tally);
        }
        assert_eq!((tally.due, tally.sent, tally.left_over), (6, 0, 6));
    }
}
