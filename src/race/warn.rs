//! What a reader has to know of the measurements before they believe a figure.

use super::record::{Measurement, PerConnection, Record, Test};
use super::report::time;
use super::summary::{fails, is_uncounted};
use crate::bench::per_connection::Fairness;

/// More than this of its cores, or of one core, is not what clocks differ by.
const BUSY_MAX: f64 = 1.03;

/// In the order of the tests, and of the targets within.
pub(super) fn of(record: &Record) -> Vec<String> {
    let pairs = record
        .tests
        .iter()
        .flat_map(|test| record.targets.iter().map(move |target| (test, target)));
    pairs
        .flat_map(|(test, target)| {
            let of = |result: &&Measurement| result.test == test.id && result.target == target.name;
            let results: Vec<&Measurement> = record.results.iter().filter(of).collect();
            let found =
                [failing, uncounted, overflowing].map(|judge| judge(&target.name, &results));
            let unlike = [Fairness::starvation, Fairness::concentrated_errors]
                .map(|judge| unlike(test, &target.name, &results, judge));
            found
                .into_iter()
                .chain(unlike)
                .flatten()
                .map(|sentence| format!("{}: {sentence}", test.title))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Says how some connections were served otherwise than the rest, if they were in most rounds: in the
/// worst of these.
fn unlike(
    test: &Test,
    name: &str,
    results: &[&Measurement],
    judge: fn(&Fairness) -> Option<String>,
) -> Option<String> {
    let found = |each: &PerConnection, result: &Measurement| {
        judge(&Fairness {
            connections: each.connections,
            best: each.p90,
            starved: each.starved,
            with_errors: each.with_errors,
            errors: each.errors,
            all_errors: result.all_errors(),
            pipeline: test.pipeline,
            elapsed_ns: result.elapsed_ns,
        })
    };
    let judged = results.iter().filter_map(|result| {
        let each = result.per_connection.as_ref()?;
        Some((each, found(each, result)?))
    });
    let rounds: Vec<_> = judged.collect();
    if rounds.len() * 2 <= results.len() {
        return None;
    }
    let (all, unlike) = (results.len(), rounds.len());
    let (each, sentence) = rounds
        .into_iter()
        .max_by_key(|(each, _)| (each.starved, each.with_errors))?;
    Some(format!(
        "{name} does not serve all connections alike, in {unlike} of {all} rounds: {sentence} (answers of a connection: least {}, median {}, greatest {})",
        each.least, each.median, each.greatest
    ))
}

fn failing(name: &str, results: &[&Measurement]) -> Option<String> {
    fails(results).then(|| {
        format!(
            "too many errors of {name}; its figures are not those of the work, and not compared"
        )
    })
}

fn uncounted(name: &str, results: &[&Measurement]) -> Option<String> {
    if !is_uncounted(results) {
        return None;
    }
    let servers = results.iter().filter_map(|result| result.server.as_ref());
    let worst = servers.max_by_key(|server| server.uncounted_ns)?;
    let counted = worst.user_ns.saturating_add(worst.system_ns);
    Some(format!(
        "{name} used {} of CPU time, and its cores were busy for {} more that no process accounts for: its children may not be waited for, as those of a server that ignores SIGCHLD, or something that cannot be seen runs there; its CPU time is not compared",
        time(counted as f64),
        time(worst.uncounted_ns.unwrap_or(0) as f64),
    ))
}

/// Nothing can use more time than there is, but on cores that it was not given.
fn overflowing(name: &str, results: &[&Measurement]) -> Option<String> {
    let servers = results.iter().filter_map(|result| result.server.as_ref());
    let is_over = servers.clone().any(|server| server.utilisation > BUSY_MAX);
    is_over.then(|| {
        format!("{name} was busy for more than all the time of its cores: it runs on others, too")
    })
}
