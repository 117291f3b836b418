//! The rounds of a target in a test, summarised and compared with those of the first target.

use std::collections::{BTreeMap, BTreeSet};

use super::format::percent;
use super::record::{
    Bound, Compared, LOST, Measurement, Missed, ServerCost, Summary, Target, Test, UNLIKE,
};
use super::stats::{TOGETHER, bootstrap, median, paired, resamples};
use crate::random::Random;

/// The kind of error of a request without an answer in time.
const TIMEOUT: &str = "timeout";

/// From this share of its time on, a side is the bottleneck.
pub(super) const BUSY: f64 = 0.9;

/// A generator whose thread waits for a core for a larger share of the time measures its neighbours too. As
/// in the warning of `hullo bench`.
pub(super) const QUEUED_MAX: f64 = 0.05;

/// The share of a target's answers that may be errors. With more, its figures are not compared: it does
/// not do the work.
pub(super) const ERRORS_MAX: f64 = 0.01;

/// One for each test and each target that was measured in it. `shared`: servers and load run on the
/// same cores.
pub(super) fn of(
    tests: &[Test],
    targets: &[Target],
    results: &[Measurement],
    shared: bool,
    seed: u64,
) -> Vec<Summary> {
    let pairs = tests
        .iter()
        .flat_map(|test| targets.iter().map(move |target| (test, target)));
    let pairs = pairs.zip(0..);
    pairs
        .filter_map(|((test, target), number)| {
            let of = |name: &str| -> Vec<&Measurement> {
                results
                    .iter()
                    .filter(|result| result.test == test.id && result.target == name)
                    .collect()
            };
            let first = targets.first().filter(|first| first.name != target.name);
            let theirs = first.map(|first| of(&first.name)).unwrap_or_default();
            let random = Random::new(seed, number);
            summary(test, &of(&target.name), &theirs, shared, &random)
        })
        .collect()
}

fn summary(
    test: &Test,
    ours: &[&Measurement],
    theirs: &[&Measurement],
    shared: bool,
    random: &Random,
) -> Option<Summary> {
    let one = ours.first()?;
    let do_the_work = [ours, theirs]
        .iter()
        .all(|rounds| !fails(rounds) && missed(rounds).is_none());
    let is_counted = !is_uncounted(ours) && !is_uncounted(theirs);
    let compared_if = |may_be: bool, figure: &dyn Fn(&Measurement) -> Option<f64>| {
        let figures: Vec<f64> = ours.iter().filter_map(|result| figure(result)).collect();
        Some(Compared {
            median: median(&figures)?,
            least: figures.iter().copied().reduce(f64::min)?,
            greatest: figures.iter().copied().reduce(f64::max)?,
            ratio: paired(&pairs(ours, theirs, figure), TOGETHER).filter(|_| do_the_work && may_be),
        })
    };
    let compared = |figure: &dyn Fn(&Measurement) -> Option<f64>| compared_if(true, figure);
    Some(Summary {
        test: one.test.clone(),
        target: one.target.clone(),
        rounds: rounds(ours),
        requests: ours.iter().map(|result| result.requests).sum(),
        elapsed_ns: ours.iter().map(|result| result.elapsed_ns).sum(),
        errors: ours
            .iter()
            .flat_map(|result| result.errors.values())
            .fold(0, |sum, &count| sum.saturating_add(count)),
        bound: bound(ours, shared),
        requests_per_second: compared(&|result| Some(result.requests_per_second))?,
        cpu_ns_per_request: compared_if(is_counted, &|result| {
            let server = result.server.as_ref()?;
            (result.requests > 0).then_some(server.cpu_ns_per_request)
        }),
        cpu_ns_per_second: compared_if(is_counted, &|result| {
            cpu_per_second(result).filter(|_| test.is_rest())
        }),
        idle_connection_bytes: compared(&|result| result.idle_connection_bytes),
        missed: missed(ours),
        latency_ns: latency(ours),
        latency_intervals_ns: intervals(ours, random),
    })
}

fn rounds(results: &[&Measurement]) -> usize {
    let rounds: BTreeSet<usize> = results.iter().map(|result| result.round).collect();
    rounds.len()
}

/// The errors of a server that does not do the work, by kind. Idle connections that it lost are none: it did
/// the work on the others. Nor are the time-outs of a rate that it did not make, and which is not compared.
fn faults(result: &Measurement) -> impl Iterator<Item = (&str, u64)> {
    let is_missed = result.missed.is_some();
    let all = result.errors.iter();
    let all = all.filter(move |(kind, _)| *kind != LOST && !(is_missed && *kind == TIMEOUT));
    all.map(|(kind, count)| (kind.as_str(), *count))
}

/// Whether too many of its answers are errors.
pub(super) fn fails(results: &[&Measurement]) -> bool {
    let requests = results
        .iter()
        .fold(0_u64, |sum, result| sum.saturating_add(result.requests));
    let errors: u64 = results
        .iter()
        .flat_map(|result| faults(result))
        .fold(0, |sum, (_, count)| sum.saturating_add(count));
    errors as f64 > requests as f64 * ERRORS_MAX
}

/// What kept the rate from being made, if something did in most rounds: the most frequent.
pub(super) fn missed(results: &[&Measurement]) -> Option<Missed> {
    let mut all: Vec<Missed> = results.iter().filter_map(|result| result.missed).collect();
    if all.len() * 2 <= results.len() {
        return None;
    }
    all.sort_unstable();
    let mut runs: Vec<&[Missed]> = all.chunk_by(|a, b| a == b).collect();
    runs.sort_by_key(|run| run.len());
    runs.last()?.first().copied()
}

/// Of the server, in nanoseconds.
pub(super) fn cpu_per_second(result: &Measurement) -> Option<f64> {
    let server = result.server.as_ref()?;
    let cpu = server.user_ns as f64 + server.system_ns as f64;
    (result.elapsed_ns > 0).then(|| cpu * 1e9 / result.elapsed_ns as f64)
}

/// The kind of error of hullo bench for an answer with other content than that to the probe.
const COMPARED: &str = "body";

/// If too many of its answers are errors: how many, and of which kind most are. `100 % of its answers were
/// errors (status)`.
pub(super) fn failure(results: &[&Measurement]) -> Option<String> {
    if !fails(results) {
        return None;
    }
    let sum = |sum: u64, count: u64| sum.saturating_add(count);
    let answers = results.iter().map(|result| result.requests).fold(0, sum);
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, count) in results.iter().flat_map(|result| faults(result)) {
        let all = kinds.entry(kind).or_default();
        *all = all.saturating_add(count);
    }
    let (most, _) = kinds.iter().max_by_key(|(_, count)| **count)?;
    if answers == 0 {
        return Some(format!("no answer ({most})"));
    }
    // An answer of the wrong kind is an answer and an error, a connection that breaks only an error.
    let wrong = kinds.values().copied().fold(0, sum) as f64 / answers as f64;
    if [UNLIKE, COMPARED].contains(most) {
        let part = percent(wrong.min(1.0));
        return Some(format!("{part} of its answers unlike the probe's"));
    }
    Some(match percent(wrong.min(1.0)) {
        all if wrong >= 1.0 => format!("{all} errors ({most})"),
        part => format!("{part} errors, mostly {most}"),
    })
}

/// The share of the time for which a thread of the generator waited for a core: in the middle round.
pub(super) fn queued(results: &[&Measurement]) -> Option<f64> {
    let shares = results.iter().filter_map(|result| result.generator.queued);
    median(&shares.collect::<Vec<f64>>())
}

/// Whether, in most rounds, its cores were busy clearly longer than the visible processes account for:
/// then it cost more than was counted. In a single round, that may be another program.
pub(super) fn is_uncounted(results: &[&Measurement]) -> bool {
    let is_so = |result: &&Measurement| {
        let server = result.server.as_ref();
        server.is_some_and(ServerCost::is_uncounted)
    };
    results.iter().filter(|result| is_so(result)).count() * 2 > results.len()
}

/// What limited the requests/s, by the medians of the rounds. If both sides are busy, the busier one is the limit.
fn bound(results: &[&Measurement], shared: bool) -> Bound {
    let middle = |of: &dyn Fn(&Measurement) -> Option<f64>| {
        let figures: Vec<f64> = results.iter().filter_map(|result| of(result)).collect();
        median(&figures).unwrap_or(0.0)
    };
    let is_known = results.iter().any(|result| result.server.is_some());
    let server = middle(&|result| Some(result.server.as_ref()?.busy()));
    let generator = middle(&|result| Some(result.generator.utilisation));
    if shared && server + generator >= BUSY {
        Bound::Shared
    } else if server >= BUSY && server >= generator {
        Bound::Server
    } else if generator >= BUSY {
        Bound::Generator
    } else if !is_known {
        Bound::Unknown
    } else {
        Bound::Neither
    }
}

/// The figures of both, for each round that both have, and in which both made their rates.
pub(super) fn pairs(
    ours: &[&Measurement],
    theirs: &[&Measurement],
    figure: &dyn Fn(&Measurement) -> Option<f64>,
) -> Vec<(f64, f64)> {
    ours.iter()
        .filter_map(|our| {
            let their = theirs.iter().find(|their| their.turn() == our.turn())?;
            let is_missed = our.missed.or(their.missed).is_some();
            (!is_missed).then_some(())?;
            Some((figure(our)?, figure(their)?))
        })
        .collect()
}

fn latency(results: &[&Measurement]) -> Vec<(f64, u64)> {
    let all = percentiles(results).into_iter();
    all.filter_map(|(percent, figures)| Some((percent, median(&figures)?.round() as u64)))
        .collect()
}

/// All percentiles are of the same resamples.
fn intervals(results: &[&Measurement], random: &Random) -> Option<Vec<(f64, u64, u64)>> {
    let places = resamples(results.len(), random);
    let all = percentiles(results).into_iter();
    let all = all.filter_map(|(percent, figures)| {
        let (low, high) = bootstrap(&figures, &places)?;
        Some((percent, low.round() as u64, high.round() as u64))
    });
    Some(all.collect::<Vec<_>>()).filter(|all| !all.is_empty())
}

/// Each percentile of the first round, with its figures in all rounds.
fn percentiles(results: &[&Measurement]) -> Vec<(f64, Vec<f64>)> {
    let first = results.first().into_iter();
    let percents = first.flat_map(|one| one.latency_ns.iter().map(|&(percent, _)| percent));
    let figures = |percent: f64| {
        let all = results.iter().flat_map(|result| &result.latency_ns);
        let all = all.filter(|(other, _)| other.total_cmp(&percent).is_eq());
        all.map(|&(_, nanos)| nanos as f64).collect()
    };
    percents
        .map(|percent| (percent, figures(percent)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::record::{GeneratorCost, Suite};
    use super::*;

    fn result(
        target: &str,
        round: usize,
        per_second: f64,
        server: f64,
        generator: f64,
    ) -> Measurement {
        Measurement {
            test: "t".to_owned(),
            target: target.to_owned(),
            round,
            process: None,
            warm_up: None,
            disturbance: None,
            requests: per_second as u64,
            elapsed_ns: 1_000_000_000,
            requests_per_second: per_second,
            errors: BTreeMap::from([("reset".to_owned(), 2)]),
            latency_ns: vec![(50.0, 1000 * round as u64), (99.0, 5000)],
            per_connection: None,
            sampled: None,
            over_time: None,
            response_bytes: None,
            rate: None,
            missed: None,
            handshakes: None,
            idle_connection_bytes: None,
            server: Some(ServerCost {
                user_ns: 1,
                system_ns: 1,
                cpu_ns_per_request: 1e9 * server / per_second,
                utilisation: server,
                busiest_thread: 0.0,
                uncounted_ns: Some(0),
                rss_peak_bytes: 1,
                voluntary_switches: 1,
                involuntary_switches: 1,
                processes: 1,
                counts: None,
            }),
            generator: GeneratorCost {
                cpu_ns_per_request: 1.0,
                utilisation: generator,
                queued: None,
            },
        }
    }

    fn target(name: &str) -> Target {
        Target {
            name: name.to_owned(),
            command: None,
            url: None,
            https: None,
            tls: None,
            behaviour: Vec::new(),
            out: None,
        }
    }

    fn test() -> Test {
        Test {
            id: "t".to_owned(),
            suite: Suite::Article,
            title: "t".to_owned(),
            connections: 1,
            idle_connections: 0,
            requests: None,
            duration_ns: Some(1),
            pipeline: 1,
            keepalive: true,
            load: None,
            offered_rate: None,
            sweep: None,
        }
    }

    #[test]
    fn rounds_are_taken_together() {
        let mut results = Vec::new();
        for (round, wobble) in [(1, 1.0), (2, 1.3), (3, 0.9)] {
            results.push(result("a", round, 1000.0 * wobble, 0.5, 0.99));
            results.push(result("b", round, 500.0 * wobble, 0.97, 0.95));
        }
        // One that has dropped out after a round.
        results.push(result("c", 1, 100.0, 0.2, 0.3));
        let targets = ["a", "b", "c", "d"].map(target);
        let found = of(&[test()], &targets, &results, false, 1);
        let names: Vec<&str> = found
            .iter()
            .map(|summary| summary.target.as_str())
            .collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(found[0].requests_per_second.ratio, None);
        let ratio = found[1].requests_per_second.ratio.as_ref().unwrap();
        assert!(
            (ratio.mean - 0.5).abs() < 1e-9 && ratio.differs,
            "{ratio:?}"
        );
        let cpu = found[1].cpu_ns_per_request.as_ref().unwrap();
        assert!(cpu.ratio.as_ref().unwrap().mean > 3.8);
        assert_eq!(found[2].requests_per_second.ratio, None);
        let bounds: Vec<Bound> = found.iter().map(|summary| summary.bound).collect();
        assert_eq!(bounds, [Bound::Generator, Bound::Server, Bound::Neither]);
        assert_eq!(found[0].latency_ns, [(50.0, 2000), (99.0, 5000)]);
        assert_eq!((found[0].errors, found[0].requests), (6, 3200));
        assert_eq!(
            of(&[test()], &targets, &results, true, 1)[0].bound,
            Bound::Shared
        );
        let mut unseen = results.clone();
        for result in &mut unseen {
            result.server = None;
        }
        let bounds: Vec<Bound> = of(&[test()], &targets, &unseen, false, 1)
            .iter()
            .map(|summary| summary.bound)
            .collect();
        assert_eq!(bounds, [Bound::Generator, Bound::Generator, Bound::Unknown]);
        let one_thread = found_with(&results, |server| server.busiest_thread = 0.95);
        assert_eq!(one_thread[2].bound, Bound::Server);
        assert!((found[0].requests_per_second.least - 900.0).abs() < 1e-9);
    }

    #[test]
    fn a_failure_is_told() {
        let mut one = result("a", 1, 100.0, 0.5, 0.5);
        let told = |one: &Measurement| failure(&[one]);
        assert_eq!(told(&one).as_deref(), Some("2 % errors, mostly reset"));
        one.errors.insert("status".to_owned(), 100);
        assert_eq!(told(&one).as_deref(), Some("100 % errors (status)"));
        one.requests = 0;
        assert_eq!(told(&one).as_deref(), Some("no answer (status)"));
        one.errors.clear();
        assert_eq!(told(&one), None);
    }

    #[test]
    fn a_rate_that_was_not_made_is_not_compared_and_no_failure() {
        let mut results: Vec<Measurement> = (1..=3)
            .flat_map(|round| ["a", "b"].map(|name| result(name, round, 1000.0, 0.5, 0.5)))
            .collect();
        let found = |results: &[Measurement]| {
            let found = of(&[test()], &["a", "b"].map(target), results, false, 1);
            let has_ratio = found[1].requests_per_second.ratio.is_some();
            (found[1].missed, has_ratio)
        };
        let mut miss = |round: usize, missed: Missed| {
            let result = &mut results[2 * round - 1];
            result.missed = Some(missed);
            result.errors.insert("timeout".to_owned(), 500);
            found(&results)
        };
        // By chance in one round; there are then two left, which are too few.
        assert_eq!(miss(1, Missed::Generator), (None, false));
        assert!(miss(2, Missed::Server).0.is_some());
        assert_eq!(miss(3, Missed::Server), (Some(Missed::Server), false));
        assert!(!fails(&results.iter().collect::<Vec<_>>()));
        results[1].missed = None;
        assert!(fails(&[&results[1]]));
    }

    fn found_with(results: &[Measurement], change: impl Fn(&mut ServerCost)) -> Vec<Summary> {
        let mut results = results.to_vec();
        results
            .iter_mut()
            .filter_map(|result| result.server.as_mut())
            .for_each(change);
        of(&[test()], &["a", "b", "c"].map(target), &results, false, 1)
    }

    #[test]
    fn cpu_time_that_was_not_all_counted_is_not_compared() {
        let mut results: Vec<Measurement> = (1..=3)
            .flat_map(|round| ["a", "b"].map(|name| result(name, round, 1000.0, 0.5, 0.5)))
            .collect();
        let ratio = |results: &[Measurement]| {
            let found = of(&[test()], &["a", "b"].map(target), results, false, 1);
            assert!(found[1].requests_per_second.ratio.is_some());
            found[1]
                .cpu_ns_per_request
                .as_ref()
                .unwrap()
                .ratio
                .is_some()
        };
        let of_b = |number: usize| 2 * number + 1;
        for (number, is_compared) in [(0, true), (1, false)] {
            let server = results[of_b(number)].server.as_mut().unwrap();
            server.uncounted_ns = Some(900_000_000);
            assert_eq!(ratio(&results), is_compared);
        }
    }

    #[test]
    fn failing_servers_are_not_compared() {
        let results: Vec<Measurement> = (1..=3)
            .flat_map(|round| ["a", "b"].map(|name| result(name, round, 100.0, 0.5, 0.5)))
            .collect();
        // 2 of 100 answers of each were errors.
        let found = of(&[test()], &["a", "b"].map(target), &results, false, 1);
        assert_eq!(found[1].requests_per_second.ratio, None);
        let fewer: Vec<Measurement> = results
            .into_iter()
            .map(|result| Measurement {
                requests: 1000,
                ..result
            })
            .collect();
        let found = of(&[test()], &["a", "b"].map(target), &fewer, false, 1);
        assert!(found[1].requests_per_second.ratio.is_some());
    }
}
