//! Answers, errors and latency by connection: a server may serve some connections well and others
//! badly, which no sum shows.
//!
//! A connection here is one of the `-c` of a run. When it is opened again, it is still the same.

use serde::{Deserialize, Serialize};

use super::times::Times;

/// A connection starves when it has fewer answers than this fraction of what the best tenth has.
///
/// Kernels spread connections over the sockets of a port (`SO_REUSEPORT`) by a hash. Of 100 connections
/// to two workers, one may get 65 and the other 35, and serve each of them half as fast; 80 and 20
/// do not happen. So half the answers prove nothing, and a quarter does.
const STARVED: u64 = 4;

/// With fewer connections, chance may put nearly all on one worker.
const CONNECTIONS_MIN: u64 = 32;

/// With fewer batches of the best tenth, or in a shorter run, starving looks like a late start.
const BATCHES_MIN: u64 = 20;
const NANOS_MIN: u64 = 500_000_000;

/// One connection in 50, and at least two: a single one may have lost a packet.
const STARVED_MIN: u64 = 2;
const STARVED_PART: u64 = 50;

/// Errors are concentrated if connections with any have at least this many on average, in batches.
const ERRORS_EACH_MIN: u64 = 4;

/// With fewer connections, it means little that all errors are on a few.
const CONNECTIONS_WITH_ERRORS_MIN: u64 = 8;

/// The counts of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ConnectionCounts {
    pub(super) answers: u64,
    /// Including unexpected answers.
    pub(super) errors: u64,
    /// The sum of the latencies of its answers, in nanoseconds.
    pub(super) latency_sum: u64,
}

/// How answers and errors spread over the connections. Each of the -c connections counts once in each
/// run, however often it was opened again.
// `T` holds one number per connection: a histogram while counting, its figures in a report.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "PerConnection"))]
#[serde(deny_unknown_fields)]
pub(crate) struct PerConnection<T> {
    /// Complete answers of each connection. Their sum is `responses`.
    pub(crate) answers: T,
    /// Of each connection that had an answer.
    pub(crate) mean_latency_ns: T,
    /// Connections with under a quarter of the answers that the best tenth of their run had.
    pub(crate) starved: u64,
    /// Connections with an error.
    pub(crate) with_errors: u64,
    /// Errors on connections: all but those of requests of the open model that never had one.
    pub(crate) errors: u64,
}

impl<T> PerConnection<T> {
    pub(super) fn map<U>(&self, of: impl Fn(&T) -> U) -> PerConnection<U> {
        PerConnection {
            answers: of(&self.answers),
            mean_latency_ns: of(&self.mean_latency_ns),
            starved: self.starved,
            with_errors: self.with_errors,
            errors: self.errors,
        }
    }
}

impl PerConnection<Times> {
    /// Of all connections of one run.
    pub(super) fn of(connections: &[ConnectionCounts]) -> Self {
        let mut all = Self::default();
        for connection in connections {
            all.answers.record(connection.answers, 1);
            if let Some(mean) = connection.latency_sum.checked_div(connection.answers) {
                all.mean_latency_ns.record(mean, 1);
            }
            all.with_errors += u64::from(connection.errors > 0);
            all.errors = all.errors.saturating_add(connection.errors);
        }
        let best = all.answers.quantile(0.9);
        let is_starved = |connection: &&ConnectionCounts| connection.answers < best / STARVED;
        all.starved = connections.iter().filter(is_starved).count() as u64;
        all
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.answers.add(&other.answers);
        self.mean_latency_ns.add(&other.mean_latency_ns);
        self.starved = self.starved.saturating_add(other.starved);
        self.with_errors = self.with_errors.saturating_add(other.with_errors);
        self.errors = self.errors.saturating_add(other.errors);
    }
}

/// What decides whether a server treats its connections alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fairness {
    pub(crate) connections: u64,
    /// Answers that the connections of the best tenth have at least.
    pub(crate) best: u64,
    pub(crate) starved: u64,
    pub(crate) with_errors: u64,
    /// On connections.
    pub(crate) errors: u64,
    /// Including those of requests that never had a connection.
    pub(crate) all_errors: u64,
    /// Requests in one write.
    pub(crate) pipeline: u64,
    /// Of the shortest run.
    pub(crate) elapsed_ns: u64,
}

impl Fairness {
    /// Are some connections served so much worse than others that chance cannot explain it?
    ///
    /// This also works with a rate or a shared number of requests: there a free connection gets the next
    /// request, so it takes a slower connection to show.
    fn is_starving(&self) -> bool {
        self.connections >= CONNECTIONS_MIN
            && self.elapsed_ns >= NANOS_MIN
            && self.best >= BATCHES_MIN.saturating_mul(self.pipeline)
            && self.starved >= STARVED_MIN.max(self.connections.div_ceil(STARVED_PART))
    }

    /// Did all errors come from so few connections that chance cannot explain it?
    fn has_concentrated_errors(&self) -> bool {
        let each = ERRORS_EACH_MIN.saturating_mul(self.pipeline);
        self.connections >= CONNECTIONS_WITH_ERRORS_MIN
            && self.with_errors > 0
            && self.errors == self.all_errors
            && self.errors >= each.saturating_mul(self.with_errors)
            && self.with_errors <= self.connections - self.connections / 4
    }

    /// `3 of 100 connections had under a quarter …`, to stand alone or end a sentence about a server.
    pub(crate) fn starvation(&self) -> Option<String> {
        self.is_starving().then(|| {
            format!(
                "{} of {} connections had under a quarter as many answers as the best tenth",
                self.starved, self.connections
            )
        })
    }

    pub(crate) fn concentrated_errors(&self) -> Option<String> {
        self.has_concentrated_errors().then(|| {
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

    fn connections(groups: &[(usize, u64, u64)]) -> Vec<ConnectionCounts> {
        let connection = |&(count, answers, errors): &(usize, u64, u64)| {
            let latency_sum = answers * 1000;
            vec![
                ConnectionCounts {
                    answers,
                    errors,
                    latency_sum
                };
                count
            ]
        };
        groups.iter().flat_map(connection).collect()
    }

    fn fairness(groups: &[(usize, u64, u64)]) -> Fairness {
        let all = PerConnection::of(&connections(groups));
        Fairness {
            connections: all.answers.count(),
            best: all.answers.quantile(0.9),
            starved: all.starved,
            with_errors: all.with_errors,
            errors: all.errors,
            all_errors: all.errors,
            pipeline: 1,
            elapsed_ns: 1_000_000_000,
        }
    }

    #[test]
    fn starving_is_seen_however_many_starve() {
        for starved in [2, 3, 50, 85] {
            let fairness = fairness(&[(100 - starved, 2000, 0), (starved, 200, 0)]);
            let said = fairness.starvation().unwrap();
            assert!(said.starts_with(&format!("{starved} of 100 ")), "{said}");
        }
    }

    #[test]
    fn chance_is_not_starvation() {
        // Connections on two workers, and how fast each of them is then.
        for (one, other) in [(50, 50), (65, 35), (75, 25)] {
            let answers = |on: usize| 100_000 / on as u64;
            let fairness = fairness(&[(one, answers(one), 0), (other, answers(other), 0)]);
            assert_eq!(fairness.starvation(), None, "{one} and {other}");
        }
        for few in [
            &[(99, 2000, 0), (1, 0, 0)][..],
            &[(50, 19, 0), (50, 0, 0)],
            &[(1, 700, 0), (7, 100, 0)],
        ] {
            assert_eq!(fairness(few).starvation(), None, "{few:?}");
        }
        let starving = fairness(&[(50, 300, 0), (50, 0, 0)]);
        assert!(starving.is_starving());
        let (pipeline, elapsed_ns) = (16, 100_000_000);
        assert!(
            !Fairness {
                pipeline,
                ..starving
            }
            .is_starving()
        );
        assert!(
            !Fairness {
                elapsed_ns,
                ..starving
            }
            .is_starving()
        );
    }

    #[test]
    fn errors_of_a_few_connections_are_told_from_errors_of_all() {
        let said = fairness(&[(95, 100, 0), (5, 10, 8)]).concentrated_errors();
        assert_eq!(said.unwrap(), "all errors came from 5 of 100 connections");
        assert!(fairness(&[(50, 100, 0), (50, 0, 9)]).has_concentrated_errors());
        for not in [
            &[(100, 100, 8)][..],
            &[(90, 100, 0), (10, 100, 1)],
            &[(100, 100, 0)],
            &[(3, 100, 0), (1, 10, 80)],
        ] {
            assert_eq!(fairness(not).concentrated_errors(), None, "{not:?}");
        }
        let unsent = Fairness {
            all_errors: 41,
            ..fairness(&[(95, 100, 0), (5, 10, 8)])
        };
        assert!(
            !unsent.has_concentrated_errors(),
            "one never had a connection"
        );
    }

    #[test]
    fn runs_are_added() {
        let groups = [(10, 70, 0), (30, 900, 2)];
        let mut twice = PerConnection::of(&connections(&groups));
        twice.add(&twice.clone());
        let numbers = (twice.answers.count(), twice.answers.sum());
        assert_eq!(numbers, (80, 2 * (700 + 27_000)));
        assert_eq!((twice.starved, twice.with_errors), (20, 60));
        assert_eq!((twice.errors, twice.mean_latency_ns.max()), (120, 1000));
    }
}
