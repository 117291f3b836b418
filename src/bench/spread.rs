//! How the answers and errors of a run spread over its connections: a server may serve some well and
//! others badly, which no sum shows.
//!
//! A connection here is one of the `-c` that a run has. When it is opened again, it is still the same.

use super::tally::Times;

/// Starved is a connection with fewer answers than this part of what the best tenth has.
///
/// Kernels spread connections over the sockets of a port (`SO_REUSEPORT`) by a hash. Of 100 connections
/// to two workers, one may get 65 and the other 35, and serve each of them half as fast; 80 and 20
/// do not happen. So a connection that is only half as fast proves nothing, and one at a quarter does.
const STARVED: u64 = 4;

/// Of fewer connections than this, chance may put nearly all on one worker.
const CONNECTIONS_MIN: u64 = 32;

/// So many batches of the best tenth, and so long a run, tell starving from a late start.
const BATCHES_MIN: u64 = 20;
const NANOS_MIN: u64 = 500_000_000;

/// One connection in 50, and two at least: one alone may have lost a packet.
const STARVED_MIN: u64 = 2;
const STARVED_PART: u64 = 50;

/// Errors stand together if those connections that have any have so many on average, in batches.
const ERRORS_EACH_MIN: u64 = 4;

/// Of fewer connections, it says little that a few have all errors.
const CONNECTIONS_WITH_ERRORS_MIN: u64 = 8;

/// What became of the requests of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) answers: u64,
    /// An answer that was not expected counts here, too.
    pub(super) errors: u64,
    /// The latencies of its answers, in nanoseconds.
    pub(super) latency_sum: u64,
}

/// What became of all connections, in a form that can be added to that of other runs.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    /// Answers of each connection: a number, and no time.
    pub(super) answers: Times,
    /// The mean latency of each connection that had an answer.
    pub(super) mean_latency: Times,
    /// Each against the best tenth of its own run.
    pub(super) starved: u64,
    pub(super) with_errors: u64,
    /// On connections: without those requests of the open model that never had one.
    pub(super) errors: u64,
}

impl Spread {
    pub(super) fn none() -> Self {
        Self {
            answers: Times::new(),
            mean_latency: Times::new(),
            starved: 0,
            with_errors: 0,
            errors: 0,
        }
    }

    /// Of all connections of one run.
    pub(super) fn of(slots: &[Slot]) -> Self {
        let mut spread = Self::none();
        for slot in slots {
            spread.answers.record(slot.answers, 1);
            if let Some(mean) = slot.latency_sum.checked_div(slot.answers) {
                spread.mean_latency.record(mean, 1);
            }
            spread.with_errors += u64::from(slot.errors > 0);
            spread.errors = spread.errors.saturating_add(slot.errors);
        }
        let best = spread.answers.quantile(0.9);
        let is_starved = |slot: &&Slot| slot.answers < best / STARVED;
        spread.starved = slots.iter().filter(is_starved).count() as u64;
        spread
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.answers.add(&other.answers);
        self.mean_latency.add(&other.mean_latency);
        self.starved = self.starved.saturating_add(other.starved);
        self.with_errors = self.with_errors.saturating_add(other.with_errors);
        self.errors = self.errors.saturating_add(other.errors);
    }
}

/// What is known of the connections of a run, to judge them by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) connections: u64,
    /// Answers of a connection of the best tenth.
    pub(crate) best: u64,
    pub(crate) starved: u64,
    pub(crate) with_errors: u64,
    /// On connections, and in all.
    pub(crate) errors: u64,
    pub(crate) all_errors: u64,
    /// Requests in a write.
    pub(crate) pipeline: u64,
    /// Of the shortest run.
    pub(crate) elapsed_ns: u64,
}

impl Known {
    /// Are some connections served so much worse than others that chance cannot explain it?
    ///
    /// It holds also where a rate is set, and where a number of requests is shared: a connection that
    /// is free gets the next request there. It then takes a slower one to be seen.
    pub(crate) fn is_starving(&self) -> bool {
        self.connections >= CONNECTIONS_MIN
            && self.elapsed_ns >= NANOS_MIN
            && self.best >= BATCHES_MIN.saturating_mul(self.pipeline)
            && self.starved >= STARVED_MIN.max(self.connections.div_ceil(STARVED_PART))
    }

    /// Did all errors come from so few connections that chance cannot explain it?
    pub(crate) fn has_errors_together(&self) -> bool {
        let each = ERRORS_EACH_MIN.saturating_mul(self.pipeline);
        self.connections >= CONNECTIONS_WITH_ERRORS_MIN
            && self.with_errors > 0
            && self.errors == self.all_errors
            && self.errors >= each.saturating_mul(self.with_errors)
            && self.with_errors <= self.connections - self.connections / 4
    }

    /// `3 of 100 connections had under a quarter …`: the end of a sentence on a server, or one itself.
    pub(crate) fn starving(&self) -> Option<String> {
        self.is_starving().then(|| {
            format!(
                "{} of {} connections had under a quarter as many answers as the best tenth",
                self.starved, self.connections
            )
        })
    }

    pub(crate) fn errors_together(&self) -> Option<String> {
        self.has_errors_together().then(|| {
            format!(
                "all errors came from {} of {} connections",
                self.with_errors, self.connections
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(groups: &[(usize, u64, u64)]) -> Vec<Slot> {
        let slot = |&(count, answers, errors): &(usize, u64, u64)| {
            let latency_sum = answers * 1000;
            vec![
                Slot {
                    answers,
                    errors,
                    latency_sum
                };
                count
            ]
        };
        groups.iter().flat_map(slot).collect()
    }

    fn known(groups: &[(usize, u64, u64)]) -> Known {
        let spread = Spread::of(&slots(groups));
        Known {
            connections: spread.answers.count(),
            best: spread.answers.quantile(0.9),
            starved: spread.starved,
            with_errors: spread.with_errors,
            errors: spread.errors,
            all_errors: spread.errors,
            pipeline: 1,
            elapsed_ns: 1_000_000_000,
        }
    }

    #[test]
    fn starving_is_seen_however_many_starve() {
        for starved in [2, 3, 50, 85] {
            let known = known(&[(100 - starved, 2000, 0), (starved, 200, 0)]);
            let said = known.starving().unwrap();
            assert!(said.starts_with(&format!("{starved} of 100 ")), "{said}");
        }
    }

    #[test]
    fn chance_is_no_starving() {
        // Connections on two workers, and how fast each of them is then.
        for (one, other) in [(50, 50), (65, 35), (75, 25)] {
            let answers = |on: usize| 100_000 / on as u64;
            let known = known(&[(one, answers(one), 0), (other, answers(other), 0)]);
            assert_eq!(known.starving(), None, "{one} and {other}");
        }
        for few in [
            &[(99, 2000, 0), (1, 0, 0)][..],
            &[(50, 19, 0), (50, 0, 0)],
            &[(1, 700, 0), (7, 100, 0)],
        ] {
            assert_eq!(known(few).starving(), None, "{few:?}");
        }
        let starving = known(&[(50, 300, 0), (50, 0, 0)]);
        assert!(starving.is_starving());
        let (pipeline, elapsed_ns) = (16, 100_000_000);
        assert!(
            !Known {
                pipeline,
                ..starving
            }
            .is_starving()
        );
        assert!(
            !Known {
                elapsed_ns,
                ..starving
            }
            .is_starving()
        );
    }

    #[test]
    fn errors_of_a_few_connections_are_told_from_errors_of_all() {
        let said = known(&[(95, 100, 0), (5, 10, 8)]).errors_together();
        assert_eq!(said.unwrap(), "all errors came from 5 of 100 connections");
        assert!(known(&[(50, 100, 0), (50, 0, 9)]).has_errors_together());
        for not in [
            &[(100, 100, 8)][..],
            &[(90, 100, 0), (10, 100, 1)],
            &[(100, 100, 0)],
            &[(3, 100, 0), (1, 10, 80)],
        ] {
            assert_eq!(known(not).errors_together(), None, "{not:?}");
        }
        let unsent = Known {
            all_errors: 41,
            ..known(&[(95, 100, 0), (5, 10, 8)])
        };
        assert!(!unsent.has_errors_together(), "one never had a connection");
    }

    #[test]
    fn spreads_are_added() {
        let groups = [(10, 70, 0), (30, 900, 2)];
        let mut twice = Spread::of(&slots(&groups));
        twice.add(&twice.clone());
        let numbers = (twice.answers.count(), twice.answers.sum());
        assert_eq!(numbers, (80, 2 * (700 + 27_000)));
        assert_eq!((twice.starved, twice.with_errors), (20, 60));
        assert_eq!((twice.errors, twice.mean_latency.max()), (120, 1000));
    }
}
