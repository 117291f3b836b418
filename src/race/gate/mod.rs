//! `--fail-if 'cpu>+5%'`: conditions on how a server compares with the first one, or with itself in an older
//! race. A condition is met, or not met, only where the whole interval of the ratio says so.
//!
//! All decisions of a race hold together in 99 of 100 races (Bonferroni), also when rounds are added until they
//! are made: each look at the figures may then err with a smaller part of that hundredth, in such a way that
//! infinitely many looks do not err more often than one.

use std::time::Duration;

use super::record::{Bound, Decision, Gate, Measurement, Outcome, Ratio, Record, Target, Test};
use super::stats::{ROUNDS_MIN, paired, unpaired};
use super::{compare, summary};

/// When a race ends, and whether it then fails.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) conditions: Vec<Condition>,
    /// Rounds are added until nothing is open, or each interval is within this share of its ratio.
    pub(super) until: Option<f64>,
    /// And for so long at most.
    pub(super) time_max: Duration,
}

impl Rule {
    /// What it decides about a race, if there is something to decide.
    pub(super) fn judge(&self, record: &Record) -> Option<Gate> {
        let is_needed = !self.conditions.is_empty() || self.until.is_some();
        is_needed.then(|| of_race(record, &self.conditions, self.until))
    }

    /// The tests that more rounds are needed for.
    pub(super) fn open_tests(&self, record: &Record) -> Vec<Test> {
        let until = self
            .until
            .map(|until| open_tests(record, &self.conditions, until));
        until.unwrap_or_default()
    }
}

/// `cpu>+5%`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    text: String,
    figure: Figure,
    side: Side,
    /// As a ratio: 1.05.
    limit: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Figure {
    Speed,
    Cpu,
    Memory,
    /// A percentile.
    Latency(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Above,
    Below,
}

impl Condition {
    /// Reads one, or says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a condition: write cpu>+5%, rps<-5%, memory>+10% or p99>+20%; they are ratios to the first server"
            )
        };
        let (name, side, limit) = match (text.split_once('>'), text.split_once('<')) {
            (Some((name, limit)), None) => (name, Side::Above, limit),
            (None, Some((name, limit))) => (name, Side::Below, limit),
            _ => return Err(wrong()),
        };
        let figure = Figure::parse(name.trim()).ok_or_else(wrong)?;
        let percent = limit.trim().strip_suffix('%').ok_or_else(wrong)?;
        let percent: f64 = percent.trim().parse().map_err(|_| wrong())?;
        let limit = 1.0 + percent / 100.0;
        if limit > 0.0 && limit.is_finite() {
            Ok(Self {
                text: text.to_owned(),
                figure,
                side,
                limit,
            })
        } else {
            Err(format!(
                "{text:?} can never be met: no figure is below -100%"
            ))
        }
    }

    fn decide(&self, ratio: &Ratio) -> Outcome {
        let (above, below) = (ratio.low > self.limit, ratio.high < self.limit);
        match (self.side, above, below) {
            (Side::Above, true, _) | (Side::Below, _, true) => Outcome::Fails,
            (Side::Above, _, true) | (Side::Below, true, _) => Outcome::Passes,
            _ => Outcome::Undecided,
        }
    }
}

impl Figure {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "rps" => Some(Self::Speed),
            "cpu" => Some(Self::Cpu),
            "memory" => Some(Self::Memory),
            _ => {
                let percent: f64 = name.strip_prefix('p')?.parse().ok()?;
                (50.0..100.0)
                    .contains(&percent)
                    .then_some(Self::Latency(percent))
            }
        }
    }

    fn of(self, result: &Measurement) -> Option<f64> {
        let has_answers = result.requests > 0;
        match self {
            Self::Speed => has_answers.then_some(result.requests_per_second),
            Self::Cpu => {
                let server = result.server.as_ref().filter(|_| has_answers)?;
                Some(server.cpu_ns_per_request)
            }
            Self::Memory => result.idle_connection_bytes,
            Self::Latency(percent) => {
                let mut known = result.latency_ns.iter();
                let (_, ns) = known.find(|(p, _)| (p - percent).abs() < 1e-6)?;
                Some(*ns as f64)
            }
        }
    }

    /// Where every server is asked for a rate, it does not tell what a server can do.
    fn is_of(self, test: &Test) -> bool {
        self != Self::Speed || !test.is_open_model()
    }
}

/// A server's figures in a test, beside those that they are compared with.
struct Pair<'a> {
    condition: &'a Condition,
    test: &'a Test,
    target: &'a str,
    ours: Vec<&'a Measurement>,
    theirs: Vec<&'a Measurement>,
    /// What limited the requests/s of both.
    bounds: [Bound; 2],
}

impl Pair<'_> {
    fn has_figures(&self) -> bool {
        let figure = self.condition.figure;
        let all = || self.ours.iter().chain(&self.theirs);
        figure.is_of(self.test) && all().any(|result| figure.of(result).is_some())
    }

    /// Why the ratio says nothing, although there may be one.
    fn fault(&self) -> Option<String> {
        let sides = [&self.ours, &self.theirs];
        let figure = self.condition.figure;
        if let Some(failure) = sides.into_iter().find_map(|side| summary::failure(side)) {
            return Some(format!("a server failed: {failure}"));
        }
        if sides
            .into_iter()
            .any(|side| summary::missed(side).is_some())
        {
            return Some("a server did not make the rate".to_owned());
        }
        if figure == Figure::Cpu && sides.into_iter().any(|side| summary::is_uncounted(side)) {
            return Some("not all of the CPU time is visible".to_owned());
        }
        let is_other = self.bounds.iter().any(|bound| *bound != Bound::Server);
        (figure == Figure::Speed && is_other)
            .then(|| "a server was not the bottleneck, so requests/s are not its own".to_owned())
    }

    /// `paired`: both were measured in the same rounds.
    fn decide(&self, is_paired: bool, comparisons: usize) -> Decision {
        let figure = |of: &Measurement| self.condition.figure.of(of);
        let of = |side: &[&Measurement]| -> Vec<f64> {
            let made = side.iter().filter(|of| of.missed.is_none());
            made.filter_map(|of| figure(of)).collect()
        };
        let pairs = summary::pairs(&self.ours, &self.theirs, &figure);
        let (ours, theirs) = (of(&self.ours), of(&self.theirs));
        let ratio = if is_paired {
            paired(&pairs, comparisons)
        } else {
            unpaired(&ours, &theirs, comparisons)
        };
        let rounds = if is_paired {
            pairs.len()
        } else {
            ours.len().min(theirs.len())
        };
        let reason = self.fault().or_else(|| match &ratio {
            Some(_) => None,
            None if rounds < ROUNDS_MIN => {
                Some(format!("it takes {ROUNDS_MIN} rounds, not {rounds}"))
            }
            None => Some("a round has no such figure".to_owned()),
        });
        let ratio = ratio.filter(|_| reason.is_none());
        Decision {
            condition: self.condition.text.clone(),
            test: self.test.id.clone(),
            target: self.target.to_owned(),
            rounds,
            outcome: ratio
                .as_ref()
                .map_or(Outcome::Undecided, |ratio| self.condition.decide(ratio)),
            ratio,
            reason,
        }
    }
}

fn measured<'a>(record: &'a Record, test: &Test, target: &str) -> Vec<&'a Measurement> {
    let of = |result: &&Measurement| result.test == test.id && result.target == target;
    record.results.iter().filter(of).collect()
}

fn bound(record: &Record, test: &Test, target: &str) -> Bound {
    let mut summaries = record.summaries.iter();
    let found = summaries.find(|of| of.test == test.id && of.target == target);
    found.map_or(Bound::Unknown, |summary| summary.bound)
}

/// Decides for each server but the first, which it is compared with, in each test that has the figure.
fn of_race(record: &Record, conditions: &[Condition], until: Option<f64>) -> Gate {
    let Some((first, others)) = record.targets.split_first() else {
        return gate(conditions, until, Vec::new());
    };
    let bounds = |test, target: &Target| [target, first].map(|of| bound(record, test, &of.name));
    let mut pairs = Vec::new();
    for condition in conditions {
        for test in &record.tests {
            pairs.extend(others.iter().map(|other| Pair {
                condition,
                test,
                target: &other.name,
                ours: measured(record, test, &other.name),
                theirs: measured(record, test, &first.name),
                bounds: bounds(test, other),
            }));
        }
    }
    pairs.retain(Pair::has_figures);
    let decide = |pair: &Pair| {
        let look = match until {
            Some(_) => {
                let processes = record.settings.processes_per_round.unwrap_or(1).max(1);
                look(record.settings.rounds, pair.ours.len() / processes)
            }
            None => 1,
        };
        pair.decide(true, comparisons(pairs.len(), look, until.is_some()))
    };
    gate(conditions, until, pairs.iter().map(decide).collect())
}

/// Decides for each server and test of two races, which have no rounds in common.
pub(super) fn of_races(old: &Record, new: &Record, conditions: &[Condition]) -> Gate {
    let mut pairs = Vec::new();
    for condition in conditions {
        for test in compare::common_tests(old, new) {
            pairs.extend(new.targets.iter().map(|target| Pair {
                condition,
                test,
                target: &target.name,
                ours: measured(new, test, &target.name),
                theirs: measured(old, test, &target.name),
                bounds: [new, old].map(|record| bound(record, test, &target.name)),
            }));
        }
    }
    pairs.retain(|pair| !pair.ours.is_empty() && !pair.theirs.is_empty() && pair.has_figures());
    let decisions = pairs.iter().map(|pair| pair.decide(false, pairs.len()));
    gate(conditions, None, decisions.collect())
}

fn gate(conditions: &[Condition], until: Option<f64>, decisions: Vec<Decision>) -> Gate {
    Gate {
        conditions: conditions
            .iter()
            .map(|condition| condition.text.clone())
            .collect(),
        until,
        decisions,
    }
}

/// How many comparisons share the hundredth of this look. The looks have 1/2, 1/6, 1/12, 1/20 and so on of it,
/// which is never more than all of it.
fn comparisons(decisions: usize, look: usize, are_many: bool) -> usize {
    let share = if are_many {
        look.saturating_mul(look.saturating_add(1))
    } else {
        1
    };
    decisions.max(1).saturating_mul(share)
}

/// After so many rounds, the figures are looked at for the next time: a quarter more.
pub(super) fn next_look(rounds: usize) -> usize {
    rounds.saturating_add(rounds.div_ceil(4).max(1))
}

/// The number of the look after so many rounds, where `first` rounds were run before the first look.
fn look(first: usize, rounds: usize) -> usize {
    let mut looks = 1;
    let mut at = first.max(1);
    while at < rounds {
        at = next_look(at);
        looks += 1;
    }
    looks
}

/// The tests that more rounds are needed for: something is undecided, and its interval wider than that of
/// `until`. Without conditions, the interval of the CPU time, or else of the median latency, counts.
fn open_tests(record: &Record, conditions: &[Condition], until: f64) -> Vec<Test> {
    let is_near = |ratio: &Ratio| {
        ratio.high <= ratio.mean * (1.0 + until) && ratio.low >= ratio.mean / (1.0 + until)
    };
    let is_open = |decision: &Decision| {
        let is_wide = |ratio| !is_near(ratio);
        decision.outcome == Outcome::Undecided && decision.ratio.as_ref().is_some_and(is_wide)
    };
    let any = |figure| Condition {
        text: String::new(),
        figure,
        side: Side::Above,
        limit: 1.0,
    };
    let of = |conditions: &[Condition]| of_race(record, conditions, Some(until)).decisions;
    let mut open = of(conditions);
    open.retain(is_open);
    if conditions.is_empty() {
        let figures = [Figure::Cpu, Figure::Latency(50.0)].map(|figure| of(&[any(figure)]));
        let known = figures.into_iter().find(|decisions| !decisions.is_empty());
        let is_wide = |of: &Decision| of.ratio.as_ref().is_some_and(|ratio| !is_near(ratio));
        open.extend(known.unwrap_or_default().into_iter().filter(is_wide));
    }
    // A server that is out is not measured any more, and all are compared with the first.
    let is_out = |name: &str| {
        let mut targets = record.targets.iter();
        targets.any(|of| of.name == name && of.out.is_some())
    };
    let first = record.targets.first().map_or("", |first| &first.name);
    open.retain(|of| !is_out(first) && !is_out(&of.target));
    let tests = record.tests.iter();
    let tests = tests.filter(|test| open.iter().any(|decision| decision.test == test.id));
    tests.cloned().collect()
}

impl Gate {
    /// The worst of its decisions. Undecided if there is a condition that no test has a figure for.
    pub(super) fn outcome(&self) -> Outcome {
        let is = |outcome| {
            self.decisions
                .iter()
                .any(|decision| decision.outcome == outcome)
        };
        let is_judged =
            |condition: &String| self.decisions.iter().any(|of| of.condition == *condition);
        if is(Outcome::Fails) {
            Outcome::Fails
        } else if is(Outcome::Undecided) || !self.conditions.iter().all(is_judged) {
            Outcome::Undecided
        } else {
            Outcome::Passes
        }
    }
}

/// A share such as `2%`.
pub(super) fn parse_share(text: &str) -> Result<f64, String> {
    let percent = text
        .trim()
        .strip_suffix('%')
        .and_then(|text| text.trim().parse().ok());
    match percent {
        Some(percent) if (0.1..=50.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("write a share from 0.1% to 50%, such as 2%".to_owned()),
    }
}

#[cfg(test)]
mod tests;
