//! What a reader has to know before trusting a figure.

use super::format::{figure, time};
use super::judge;
use super::record::{Measurement, PerConnection, Record, Test};
use super::slowdown;
use super::summary::{fails, is_uncounted};
use crate::bench::per_connection::Fairness;

/// A utilisation above this is more than clocks differ by.
const BUSY_MAX: f64 = 1.03;

/// Of a race that was ended before its end.
pub(super) fn interruption(
    record: &Record,
    by_signal: bool,
    given_up: Option<&str>,
) -> Option<String> {
    let missing = record.missing();
    if missing == 0 {
        return None;
    }
    let all = missing + record.results.len();
    let how = match given_up {
        Some(reason) => &format!("was given up, because {reason}"),
        None if by_signal => "was ended by a signal",
        None => BEGUN,
    };
    Some(format!(
        "The race {how}: {missing} of {all} {UNMEASURED}; --resume with the same command line goes on"
    ))
}

const BEGUN: &str = "has not ended";
const UNMEASURED: &str = "measurements are missing";

/// Whether a warning came from [`interruption`].
pub(super) fn is_of_an_interruption(warning: &str) -> bool {
    warning.contains(UNMEASURED)
}

/// In the order of the tests, and of the targets in each.
pub(super) fn of(record: &Record) -> Vec<String> {
    let pairs = record
        .tests
        .iter()
        .flat_map(|test| record.targets.iter().map(move |target| (test, target)));
    let machine = judge::of(record);
    let found = pairs.flat_map(|(test, target)| {
        let of = |result: &&Measurement| result.test == test.id && result.target == target.name;
        let results: Vec<&Measurement> = record.results.iter().filter(of).collect();
        let found =
            [failing, uncounted, overflowing, slowing].map(|judge| judge(&target.name, &results));
        let found = found
            .into_iter()
            .chain([unsteady(record, &target.name, &results)]);
        let unlike = [Fairness::starvation, Fairness::concentrated_errors]
            .map(|judge| unlike(test, &target.name, &results, judge));
        let found = found.chain(unlike).flatten();
        found
            .map(|sentence| (test.title.as_str(), sentence))
            .collect::<Vec<_>>()
    });
    let all = machine.into_iter().chain(protocols(record));
    all.chain(merged(found)).collect()
}

/// Servers that do not do the same work for TLS.
fn protocols(record: &Record) -> Option<String> {
    let known = record.targets.iter();
    let mut known = known.filter_map(|target| Some((target.tls.as_ref()?, &target.name)));
    let (protocol, name) = known.next()?;
    let (other, another) = known.find(|(other, _)| *other != protocol)?;
    Some(format!(
        "{name} chose {protocol} and {another} {other}, which cost differently: have all choose the same if TLS is not what is compared"
    ))
}

/// Each sentence once, behind the tests that it is about.
fn merged<'a>(found: impl Iterator<Item = (&'a str, String)>) -> Vec<String> {
    let mut merged: Vec<(Vec<&str>, String)> = Vec::new();
    for (title, sentence) in found {
        match merged.iter_mut().find(|(_, known)| *known == sentence) {
            Some((titles, _)) => titles.push(title),
            None => merged.push((vec![title], sentence)),
        }
    }
    let merged = merged.into_iter();
    merged
        .map(|(titles, sentence)| format!("{}: {sentence}", titles.join("; ")))
        .collect()
}

/// How some connections were served worse than the rest, if that was so in most rounds: the worst round.
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
        "{name} did not serve all connections alike in {unlike} of {all} rounds: {sentence} (answers per connection: least {}, median {}, greatest {})",
        each.least, each.median, each.greatest
    ))
}

/// If the warm-up ended too early in most rounds.
fn unsteady(record: &Record, name: &str, results: &[&Measurement]) -> Option<String> {
    let warm_ups = results.iter().filter_map(|result| result.warm_up.as_ref());
    let unsteady = warm_ups.filter(|warm_up| !warm_up.steady).count();
    let (all, most) = (results.len(), record.settings.warm_up_ns);
    (unsteady * 2 > all).then(|| {
        format!(
            "{name} was not steady after a warm-up of {} in {unsteady} of {all} measurements: what a request costs still rose or fell (--warmup auto:{}s waits longer)",
            time(most as f64),
            most.saturating_mul(4).div_ceil(1_000_000_000)
        )
    })
}

fn failing(name: &str, results: &[&Measurement]) -> Option<String> {
    fails(results).then(|| format!("too many errors of {name}, which therefore was not compared"))
}

fn uncounted(name: &str, results: &[&Measurement]) -> Option<String> {
    if !is_uncounted(results) {
        return None;
    }
    let servers = results.iter().filter_map(|result| result.server.as_ref());
    let worst = servers.max_by_key(|server| server.uncounted_ns)?;
    let counted = worst.user_ns.saturating_add(worst.system_ns);
    Some(format!(
        "{name} used {} of CPU time, but its cores were busy for {} more that no visible process accounts for. Perhaps it does not reap its children, for example because it ignores SIGCHLD, or a process runs there that cannot be seen. Its CPU time was not compared",
        time(counted as f64),
        time(worst.uncounted_ns.unwrap_or(0) as f64),
    ))
}

/// In most rounds, since another program may also slow one of them down: as it was in the first of those.
fn slowing(name: &str, results: &[&Measurement]) -> Option<String> {
    let turns = results.iter().filter_map(|result| {
        // Of fixed rates, a server that is too slow has errors or latencies.
        let answers = result
            .over_time
            .as_ref()
            .filter(|_| result.rate.is_none())?;
        slowdown::find(answers)
    });
    let turns: Vec<_> = turns.collect();
    if turns.len() * 2 <= results.len() {
        return None;
    }
    let (turn, all, slow) = (turns.first()?, results.len(), turns.len());
    Some(format!(
        "{name} turned slow in {slow} of {all} rounds: from {} to {} requests/s after {:.1} s. Its figures mix both",
        figure(turn.before),
        figure(turn.after),
        turn.seconds,
    ))
}

/// A server can only use more time than its cores have on cores that it was not given.
fn overflowing(name: &str, results: &[&Measurement]) -> Option<String> {
    let servers = results.iter().filter_map(|result| result.server.as_ref());
    let is_over = servers.clone().any(|server| server.utilisation > BUSY_MAX);
    is_over.then(|| format!("{name} used more time than its cores have: it also ran on others"))
}

#[cfg(test)]
mod tests {
    use super::merged;

    #[test]
    fn a_sentence_about_several_tests_stands_once() {
        let found = [("1 s", "a"), ("1 s", "b"), ("2 s", "a"), ("2 s", "c")];
        let found = found.map(|(title, sentence)| (title, sentence.to_owned()));
        let said = merged(found.into_iter());
        assert_eq!(said, ["1 s; 2 s: a", "1 s: b", "2 s: c"]);
    }
}
