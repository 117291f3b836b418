//! When requests are due. Pure arithmetic: times are nanoseconds since the start of the run.

/// The open model: request `k` of the run is due at `k / rate`, whatever became of those before it.
/// Threads share them as they share the connections; each has its own at equal intervals.
///
/// Requests that are due and not sent form a queue that needs no memory: their times follow from their
/// numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Schedule {
    nanos_per_request: f64,
    /// When this thread's first request is due, and the distance to the next: in requests of the run.
    offset: f64,
    stride: f64,
    /// The next request, numbered among this thread's own.
    next: u64,
    /// How many requests this thread has.
    end: u64,
    /// The shortest length of the run: to the end of the interval that the last request begins. Two
    /// requests in 4 s are half a request per second, though the second is due after 2 s.
    length: u64,
}

impl Schedule {
    /// The schedule of one of several threads. Each has `connections / threads` connections, and the
    /// first threads have one more if there is a remainder.
    ///
    /// Those first threads together send at `i / a`, where `a` is their fraction of all connections, and
    /// the others just before `(i + 1) / (1 - a)`. Between two consecutive integers lies one member of
    /// exactly one of these sequences (Beatty), so one request of the run is due in each interval.
    pub(super) fn new(
        rate: f64,
        requests: u64,
        thread: usize,
        threads: usize,
        connections: usize,
    ) -> Self {
        let [thread, threads, connections] = [thread, threads, connections].map(|n| n as u128);
        let (each, larger) = (connections / threads, connections % threads);
        let of_larger = larger * (each + 1);
        let requests_of = |part: u128| (u128::from(requests) * part).div_ceil(connections);
        // The group of threads: offset, size, connections, requests, and this thread's place in it.
        let (ahead, group, part, all, place) = if larger == 0 {
            (0, threads, connections, requests.into(), thread)
        } else if thread < larger {
            (0, larger, of_larger, requests_of(of_larger), thread)
        } else {
            let rest = u128::from(requests) - requests_of(of_larger);
            let (group, part) = (threads - larger, connections - of_larger);
            (connections - 1, group, part, rest, thread - larger)
        };
        let per_part = |requests: u128| requests as f64 / part as f64;
        Self {
            nanos_per_request: 1e9 / rate,
            offset: per_part(place * connections + ahead),
            stride: per_part(group * connections),
            next: 0,
            end: u64::try_from(all.saturating_sub(place).div_ceil(group)).unwrap_or(u64::MAX),
            length: (requests as f64 * 1e9 / rate) as u64,
        }
    }

    /// The same schedule in a run of this length, wherever its last interval ends.
    pub(super) fn lasting(self, length: u64) -> Self {
        Self { length, ..self }
    }

    /// The length of the run if no answer is late.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The number of requests due in a run of this length.
    pub(super) fn requests_in(rate: f64, nanos: u64) -> u64 {
        (rate * nanos as f64 / 1e9).ceil() as u64
    }

    /// When this thread's next request is due, if there is one.
    #[inline]
    pub(super) fn due(&self) -> Option<u64> {
        (self.next < self.end).then(|| self.time_of(self.next))
    }

    #[inline]
    fn time_of(&self, number: u64) -> u64 {
        // Exact to the nanosecond for the first hundred days.
        ((self.offset + number as f64 * self.stride) * self.nanos_per_request) as u64
    }

    /// The time between two requests of this thread.
    pub(super) fn interval(&self) -> u64 {
        (self.stride * self.nanos_per_request) as u64
    }

    /// Claims up to `most` requests that are due by now: when the first was due, and how many.
    #[inline]
    pub(super) fn claim(&mut self, now: u64, most: usize) -> Option<(u64, usize)> {
        let first = self.due().filter(|due| *due <= now)?;
        let mut count = 0;
        while count < most && self.due().is_some_and(|due| due <= now) {
            self.next += 1;
            count += 1;
        }
        Some((first, count))
    }

    /// The number of requests that are due by now and not claimed.
    pub(super) fn waiting(&self, now: u64) -> u64 {
        let mut rest = *self;
        let due = (now as f64 / self.nanos_per_request - self.offset) / self.stride;
        // The division may be off by rounding: the last steps are counted one by one.
        let skipped = (due as u64).min(self.end).saturating_sub(self.next + 2);
        rest.next += skipped;
        skipped
            + rest
                .claim(now, usize::MAX)
                .map_or(0, |(_, count)| count as u64)
    }
}

/// The rate limit of one connection, as `-q` of hey. Unused time is lost: there are no bursts to catch
/// up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    /// The connection must not send before this time.
    pub(super) next: u64,
}

impl Pace {
    /// Permits `count` requests now, at `interval` each. The error is the time to try again.
    #[inline]
    pub(super) fn acquire(&mut self, now: u64, interval: u64, count: usize) -> Result<(), u64> {
        if now < self.next {
            return Err(self.next);
        }
        let cost = interval.saturating_mul(count as u64);
        // Less than one interval late is made up for, or the rate would never be reached.
        let from = if now - self.next < cost {
            self.next
        } else {
            now
        };
        self.next = from.saturating_add(cost);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_the_due_times() {
        let mut all = Vec::new();
        for thread in 0..3 {
            let mut schedule = Schedule::new(1000.0, 10, thread, 3, 6);
            assert_eq!(schedule.interval(), 3_000_000);
            while let Some(due) = schedule.due() {
                assert_eq!(
                    schedule.claim(due - u64::from(due > 0), 1).is_some(),
                    due == 0
                );
                if due > 0 {
                    assert_eq!(schedule.claim(due, 1), Some((due, 1)));
                }
                all.push(due);
            }
        }
        all.sort_unstable();
        let expected: Vec<u64> = (0..10).map(|k| k * 1_000_000).collect();
        assert_eq!(all, expected);
    }

    /// In each interval of the run one request is due, and a thread has as many as its connections
    /// should have.
    #[test]
    fn threads_share_the_rate_as_they_share_the_connections() {
        for threads in 1..8 {
            for connections in threads..30 {
                for requests in [0, 1, 2, 9, 100, 3001] {
                    let mut all = Vec::new();
                    for thread in 0..threads {
                        let mut schedule =
                            Schedule::new(1e3, requests, thread, threads, connections);
                        let before = all.len();
                        while let Some(due) = schedule.due() {
                            schedule.claim(due, 1).unwrap();
                            // Rounding may end just below the number.
                            all.push((due + 1) / 1_000_000);
                        }
                        let has = (all.len() - before) as f64;
                        let larger = thread < connections % threads;
                        let share = connections / threads + usize::from(larger);
                        let fair = requests as f64 * share as f64 / connections as f64;
                        assert!((has - fair).abs() < 2.0, "{has} of {fair}");
                    }
                    all.sort_unstable();
                    let expected: Vec<u64> = (0..requests).collect();
                    assert_eq!(all, expected, "{connections} on {threads}");
                }
            }
        }
        let interval = |thread| Schedule::new(100.0, 9, thread, 2, 5).interval();
        assert_eq!((interval(0), interval(1)), (16_666_666, 25_000_000));
    }

    #[test]
    fn unclaimed_requests_keep_their_due_times() {
        let mut schedule = Schedule::new(10.0, 100, 0, 1, 1);
        assert_eq!(schedule.waiting(0), 1);
        assert_eq!(schedule.claim(0, 4), Some((0, 1)));
        assert_eq!(schedule.waiting(0), 0);
        // A second without a free connection: ten are due.
        assert_eq!(schedule.waiting(1_000_000_000), 10);
        assert_eq!(schedule.claim(1_000_000_000, 4), Some((100_000_000, 4)));
        assert_eq!(schedule.waiting(1_000_000_000), 6);
        assert_eq!(schedule.claim(1_000_000_000, 16), Some((500_000_000, 6)));
        assert_eq!(schedule.claim(1_000_000_000, 16), None);
        assert_eq!(schedule.due(), Some(1_100_000_000));
    }

    /// The division agrees with counting one by one.
    #[test]
    fn waiting_counts_what_claiming_would_return() {
        for rate in [0.5, 3.0, 7.7, 1000.0, 123_456.7] {
            for (thread, threads) in [(0, 1), (1, 3), (2, 3), (7, 8)] {
                for now in [
                    0,
                    1,
                    999_999_999,
                    1_000_000_000,
                    3_333_333_333,
                    60_000_000_000,
                ] {
                    let schedule = Schedule::new(rate, 1_000_000, thread, threads, 13);
                    let naive = schedule
                        .clone()
                        .claim(now, usize::MAX)
                        .map_or(0, |(_, n)| n as u64);
                    assert_eq!(
                        schedule.waiting(now),
                        naive,
                        "{rate} {thread}/{threads} {now}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_schedule_ends() {
        assert_eq!(Schedule::requests_in(1000.0, 1_500_000_000), 1500);
        assert_eq!(Schedule::requests_in(0.1, 1_000_000_000), 1);
        let mut schedule = Schedule::new(5.0, 3, 0, 1, 1);
        assert_eq!(schedule.claim(u64::MAX / 2, 10), Some((0, 3)));
        assert_eq!((schedule.due(), schedule.waiting(u64::MAX / 2)), (None, 0));
        assert_eq!(Schedule::new(5.0, 3, 3, 4, 4).due(), None);
        // Three at five a second are 0.6 s, though the third is due after 0.4 s.
        assert_eq!(Schedule::new(5.0, 3, 3, 4, 4).length(), 600_000_000);
        assert_eq!(Schedule::new(0.1, 1, 0, 1, 1).lasting(7).length(), 7);
    }

    #[test]
    fn a_pace_is_kept_and_not_caught_up() {
        let mut pace = Pace::default();
        assert_eq!(pace.acquire(0, 100, 1), Ok(()));
        assert_eq!(pace.acquire(99, 100, 1), Err(100));
        assert_eq!(pace.acquire(110, 100, 1), Ok(()), "a little late");
        assert_eq!(
            pace.acquire(150, 100, 1),
            Err(200),
            "and the next at its own time"
        );
        assert_eq!(pace.acquire(1000, 100, 1), Ok(()), "much later");
        assert_eq!(
            pace.acquire(1000, 100, 1),
            Err(1100),
            "lost time is not caught up"
        );
        assert_eq!(pace.acquire(1100, 100, 16), Ok(()));
        assert_eq!(pace.acquire(1101, 100, 16), Err(2700));
    }
}
