//! When requests are due. Pure arithmetic: times are nanoseconds since the start of the run.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::rates::Profile;
use crate::random::Random;

/// How requests of the open model follow each other.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Arrivals {
    /// At equal distances
    #[default]
    Constant,
    /// Independently of each other, as those of many users do: at random distances, with the rate as mean
    Poisson,
}

/// Of a number of requests.
const ROUNDING: f64 = 1e-6;

/// Which of the run's requests a thread sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub(super) thread: usize,
    pub(super) threads: usize,
    pub(super) connections: usize,
}

/// The open model: request `k` of the run is due when the rate, added up over time, has reached `k`,
/// whatever became of those before it. Threads share them as they share the connections; each has its
/// own at equal intervals, or with [`Arrivals::Poisson`] at random ones.
///
/// Requests that are due and not sent form a queue that needs no memory: their times follow from their
/// numbers, or from the state of the random numbers.
#[derive(Clone, Debug)]
pub(super) struct Schedule<'a> {
    profile: &'a Profile,
    /// When this thread's first request is due, and the distance to the next: in requests of the run.
    offset: f64,
    stride: f64,
    gaps: Gaps,
    /// The next request, numbered among this thread's own, and when it is due.
    next: u64,
    next_due: u64,
    /// Where the rate changes: requests claimed that were due in each phase.
    claimed_in: Vec<u64>,
    /// How many requests this thread has.
    end: u64,
    /// Requests that would be due later are none.
    horizon: u64,
    /// The shortest length of the run: to the end of the interval that the last request begins. Two
    /// requests in 4 s are half a request per second, though the second is due after 2 s.
    length: u64,
}

#[derive(Clone, Debug)]
enum Gaps {
    Equal,
    /// The next request is due here, in requests of the run.
    Random(Random, f64),
}

impl<'a> Schedule<'a> {
    /// The schedule of one of several threads. Each has `connections / threads` connections, and the
    /// first threads have one more if there is a remainder.
    ///
    /// Those first threads together send at `i / a`, where `a` is their fraction of all connections, and
    /// the others just before `(i + 1) / (1 - a)`. Between two consecutive integers lies one member of
    /// exactly one of these sequences (Beatty), so one request of the run is due in each interval.
    pub(super) fn new(profile: &'a Profile, requests: u64, share: Share) -> Self {
        let [thread, threads, connections] =
            [share.thread, share.threads, share.connections].map(|n| n as u128);
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
        let mut schedule = Self {
            profile,
            offset: per_part(place * connections + ahead),
            stride: per_part(group * connections),
            gaps: Gaps::Equal,
            next: 0,
            next_due: 0,
            claimed_in: vec![0; profile.all_phases().len()],
            end: u64::try_from(all.saturating_sub(place).div_ceil(group)).unwrap_or(u64::MAX),
            horizon: u64::MAX,
            length: profile.time_at(requests as f64) as u64,
        };
        schedule.next_due = schedule.time_of_next();
        schedule
    }

    /// The requests due in a run of this length.
    pub(super) fn lasting(profile: &'a Profile, nanos: u64, share: Share) -> Self {
        // The sum over phases may be off by rounding, which must not make one more.
        let requests = (profile.due_by(nanos as f64) - ROUNDING).ceil() as u64;
        Self {
            length: nanos,
            ..Self::new(profile, requests, share)
        }
    }

    /// The same mean rate, but at random distances. The superposition of the threads' Poisson processes
    /// is one. If `is_timed`, the number of requests is random too, and otherwise the time that they take.
    pub(super) fn random(self, random: Random, is_timed: bool) -> Self {
        let mut schedule = Self {
            gaps: Gaps::Random(random, 0.0),
            ..self
        };
        if is_timed {
            schedule.end = u64::MAX;
            schedule.horizon = schedule.length;
        }
        schedule.draw();
        schedule.next_due = schedule.time_of_next();
        schedule
    }

    /// The length of the run if no answer is late.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// When this thread's next request is due, if there is one.
    #[inline]
    pub(super) fn due(&self) -> Option<u64> {
        (self.next < self.end && self.next_due < self.horizon).then_some(self.next_due)
    }

    #[inline]
    fn time_of_next(&self) -> u64 {
        let place = match &self.gaps {
            // Exact to the nanosecond for the first hundred days.
            Gaps::Equal => self.offset + self.next as f64 * self.stride,
            Gaps::Random(_, place) => *place,
        };
        self.profile.time_at(place) as u64
    }

    /// Exponentially distributed distances make a Poisson process.
    fn draw(&mut self) {
        if let Gaps::Random(random, place) = &mut self.gaps {
            *place += self.stride * -(1.0 - random.fraction()).ln();
        }
    }

    #[inline]
    fn advance(&mut self) {
        if !self.claimed_in.is_empty() {
            self.count_in_phase();
        }
        self.next += 1;
        self.draw();
        self.next_due = self.time_of_next();
    }

    fn count_in_phase(&mut self) {
        let phase = self.profile.phase_at(self.next_due);
        if let Some(count) = phase.and_then(|phase| self.claimed_in.get_mut(phase)) {
            *count += 1;
        }
    }

    /// The time between two requests of this thread, where that is always the same.
    pub(super) fn interval(&self) -> u64 {
        match &self.gaps {
            Gaps::Equal if self.profile.all_phases().is_empty() => {
                self.profile.time_at(self.stride) as u64
            }
            _ => 0,
        }
    }

    /// Claims up to `most` requests that are due by now: when the first was due, and how many.
    #[inline]
    pub(super) fn claim(&mut self, now: u64, most: usize) -> Option<(u64, usize)> {
        let first = self.due().filter(|due| *due <= now)?;
        let mut count = 0;
        while count < most && self.due().is_some_and(|due| due <= now) {
            self.advance();
            count += 1;
        }
        Some((first, count))
    }

    /// Where the rate changes: how many of the requests claimed so far were due in each phase.
    pub(super) fn claimed_in(&self) -> &[u64] {
        &self.claimed_in
    }

    /// The number of requests claimed so far.
    pub(super) fn claimed(&self) -> u64 {
        self.next
    }

    /// The number of requests that are due by now and not claimed.
    pub(super) fn waiting(&self, now: u64) -> u64 {
        let mut rest = self.clone();
        let mut skipped = 0;
        if matches!(self.gaps, Gaps::Equal) {
            let due = (self.profile.due_by(now as f64) - self.offset) / self.stride;
            // The division may be off by rounding: the last steps are counted one by one.
            skipped = (due as u64).min(self.end).saturating_sub(self.next + 2);
            rest.next += skipped;
            rest.next_due = rest.time_of_next();
        }
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
    use super::super::rates::Rates;
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn share(thread: usize, threads: usize, connections: usize) -> Share {
        Share {
            thread,
            threads,
            connections,
        }
    }

    #[test]
    fn threads_share_the_due_times() {
        let mut all = Vec::new();
        let profile = Profile::constant(1000.0);
        for thread in 0..3 {
            let mut schedule = Schedule::new(&profile, 10, share(thread, 3, 6));
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
        let profile = Profile::constant(1e3);
        for threads in 1..8 {
            for connections in threads..30 {
                for requests in [0, 1, 2, 9, 100, 3001] {
                    let mut all = Vec::new();
                    for thread in 0..threads {
                        let mut schedule =
                            Schedule::new(&profile, requests, share(thread, threads, connections));
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
        let slow = Profile::constant(100.0);
        let interval = |thread| Schedule::new(&slow, 9, share(thread, 2, 5)).interval();
        assert_eq!((interval(0), interval(1)), (16_666_666, 25_000_000));
    }

    #[test]
    fn unclaimed_requests_keep_their_due_times() {
        let profile = Profile::constant(10.0);
        let mut schedule = Schedule::new(&profile, 100, share(0, 1, 1));
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
        for rates in ["0.5", "3", "7.7", "1000", "123456.7", "10..5000", "50,1,70"] {
            let profile = Rates::parse(rates).unwrap();
            let profile = profile.over(Some(60 * SECOND)).unwrap();
            for (thread, threads) in [(0, 1), (1, 3), (2, 3), (7, 8)] {
                for now in [0, 1, 999_999_999, SECOND, 3_333_333_333, 60 * SECOND] {
                    let equal = Schedule::new(&profile, 1_000_000, share(thread, threads, 13));
                    let random = equal.clone().random(Random::new(1, thread as u64), false);
                    for schedule in [equal, random] {
                        let naive = schedule.clone().claim(now, usize::MAX);
                        assert_eq!(
                            schedule.waiting(now),
                            naive.map_or(0, |(_, count)| count as u64),
                            "{rates} {thread}/{threads} {now}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_schedule_ends() {
        let number = |rate, nanos| {
            let profile = Profile::constant(rate);
            let mut schedule = Schedule::lasting(&profile, nanos, share(0, 1, 1));
            schedule.claim(u64::MAX / 2, usize::MAX).unwrap().1
        };
        assert_eq!(number(1000.0, 1_500_000_000), 1500);
        assert_eq!(number(0.1, 1_000_000_000), 1);
        let profile = Profile::constant(5.0);
        let schedule =
            |thread, threads| Schedule::new(&profile, 3, share(thread, threads, threads));
        let mut one = schedule(0, 1);
        assert_eq!(one.claim(u64::MAX / 2, 10), Some((0, 3)));
        assert_eq!((one.due(), one.waiting(u64::MAX / 2)), (None, 0));
        assert_eq!(one.claimed(), 3);
        assert_eq!(schedule(3, 4).due(), None);
        // Three at five a second are 0.6 s, though the third is due after 0.4 s.
        assert_eq!(schedule(3, 4).length(), 600_000_000);
        assert_eq!(Schedule::lasting(&profile, 7, share(0, 1, 1)).length(), 7);
    }

    /// Rates whose sum over the phases rounds up make no additional request.
    #[test]
    fn steps_and_ramps_have_as_many_requests_as_their_integral() {
        for (rates, requests) in [
            ("3,7", 50),
            ("0.1,0.2,0.3", 2),
            ("1k..3k", 20_000),
            ("7..7", 70),
        ] {
            let profile = Rates::parse(rates).unwrap();
            let profile = profile.over(Some(10 * SECOND)).unwrap();
            let mut all = 0;
            for thread in 0..3 {
                let mut own = Schedule::lasting(&profile, 10 * SECOND, share(thread, 3, 7));
                while let Some((due, count)) = own.claim(u64::MAX / 2, 1) {
                    assert!(due < 10 * SECOND, "{rates}: {due}");
                    all += count;
                }
                let claimed: u64 = own.claimed_in().iter().sum();
                assert_eq!(claimed, own.claimed());
            }
            assert_eq!(all, requests, "{rates}");
        }
    }

    /// The distances of a Poisson process are exponentially distributed: their standard deviation is
    /// their mean, and 1/e of them are longer than it. The numbers in disjoint times are independent, with
    /// a variance equal to their mean, also of several threads together and where the rate changes.
    #[test]
    fn random_arrivals_are_a_poisson_process() {
        for (rates, threads) in [("1000", 1), ("1000", 3), ("500..1500", 2)] {
            let profile = Rates::parse(rates).unwrap();
            let length = 100 * SECOND;
            let profile = profile.over(Some(length)).unwrap();
            let mut places = Vec::new();
            for thread in 0..threads {
                let schedule = Schedule::lasting(&profile, length, share(thread, threads, 7));
                let mut schedule = schedule.random(Random::new(7, thread as u64), true);
                while let Some((due, _)) = schedule.claim(length, 1) {
                    // Where the rate changes, the process is one in requests, not in time.
                    places.push(profile.due_by(due as f64));
                }
            }
            places.sort_by(f64::total_cmp);
            let count = places.len() as f64;
            assert!(
                (count - 1e5).abs() < 4.0 * 1e5_f64.sqrt(),
                "{rates}: {count}"
            );
            let gaps: Vec<f64> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let mean = gaps.iter().sum::<f64>() / count;
            let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
            assert!(
                (variance.sqrt() / mean - 1.0).abs() < 0.03,
                "{rates}: {variance}"
            );
            let longer = gaps.iter().filter(|gap| **gap > mean).count() as f64 / count;
            assert!(
                (longer - (-1.0_f64).exp()).abs() < 0.01,
                "{rates}: {longer}"
            );
            let mut numbers = vec![0.0_f64; 1000];
            for place in &places {
                numbers[(*place as usize / 100).min(999)] += 1.0;
            }
            let spread = numbers.iter().map(|n| (n - 100.0).powi(2)).sum::<f64>() / 1e3;
            assert!((spread / 100.0 - 1.0).abs() < 0.2, "{rates}: {spread}");
        }
    }

    #[test]
    fn a_number_of_random_arrivals_is_exact() {
        let profile = Profile::constant(1000.0);
        let numbers = |thread| {
            let schedule = Schedule::new(&profile, 1001, share(thread, 2, 2));
            let mut schedule = schedule.random(Random::new(3, thread as u64), false);
            schedule.claim(u64::MAX / 2, usize::MAX).unwrap().1
        };
        assert_eq!(numbers(0) + numbers(1), 1001);
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
