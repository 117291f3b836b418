//! The work that servers are given: each suite is one question, asked by one or more tests.

use std::collections::HashSet;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::format::{count, figure, plural};
use super::record::{Axis, Point, Suite, Test};

/// What `--suite` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    One(Suite),
    All,
}

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Self] {
        use Suite::{Article, Churn, Cost, Idle, Many, Pipeline, Rate};
        const VARIANTS: [Choice; 8] = [
            Choice::One(Article),
            Choice::One(Pipeline),
            Choice::One(Churn),
            Choice::One(Many),
            Choice::One(Idle),
            Choice::One(Rate),
            Choice::One(Cost),
            Choice::All,
        ];
        &VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::One(suite) => suite.to_possible_value(),
            Self::All => Some(PossibleValue::new("all").help("All of these")),
        }
    }
}

/// The suites that were chosen, each once, in the order of the list.
pub(super) fn expand(chosen: &[Choice]) -> Vec<Suite> {
    let is_chosen = |suite: &Suite| {
        let mut choices = chosen.iter();
        choices.any(|choice| matches!(choice, Choice::All) || *choice == Choice::One(*suite))
    };
    let suites = Suite::value_variants().iter();
    let chosen = suites.copied().filter(is_chosen);
    chosen.filter(|suite| *suite != Suite::Sweep).collect()
}

/// The tests of these suites, each once: several sweeps may have the same values.
pub(super) fn all_tests(
    suites: &[Suite],
    sweeps: &[Sweep],
    amount: &Amount,
) -> Result<Vec<Test>, String> {
    let mut all = Vec::new();
    for suite in suites {
        for sweep in sweeps {
            all.extend(sweep.tests(*suite, amount)?);
        }
        if sweeps.is_empty() {
            all.extend(suite.tests(amount));
        }
    }
    let mut ids = HashSet::new();
    all.retain(|test: &Test| ids.insert(test.id.clone()));
    Ok(all)
}

/// How much work; by default, as much as in the article.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Amount {
    pub(super) requests: u64,
    pub(super) duration_ns: u64,
    pub(super) connections: u64,
    /// Requests/s of the suite `cost`.
    pub(super) rates: Vec<f64>,
}

const PIPELINE: u64 = 16;
/// Open connections of the suites `many` and `idle`.
pub(super) const MANY: u64 = 10_000;
/// Memory is measured between this many idle connections and [`MANY`].
pub(super) const FEW: u64 = 1_000;
/// Shares of a server's own capacity.
const RATE_STEPS: [f64; 7] = [0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0];

impl Suite {
    /// Its tests, in order.
    pub(super) fn tests(self, amount: &Amount) -> Vec<Test> {
        let timed = timed(self, amount);
        let connections = amount.connections;
        let title = &timed.title;
        match self {
            Self::Article => article(amount, &timed),
            Self::Pipeline => vec![Test {
                title: format!("{title}, {PIPELINE} requests pipelined"),
                pipeline: PIPELINE,
                ..timed
            }],
            Self::Churn => vec![Test {
                title: format!("{title}, each for one request"),
                keepalive: false,
                ..timed
            }],
            Self::Many => vec![Test {
                title: format!("{title} with requests, {} open", count(MANY)),
                idle_connections: MANY.saturating_sub(connections),
                ..timed
            }],
            Self::Idle => vec![Test {
                title: format!("{} idle connections", count(MANY)),
                connections: 0,
                idle_connections: MANY,
                requests: Some(0),
                duration_ns: None,
                ..timed
            }],
            Self::Rate => RATE_STEPS
                .iter()
                .map(|&load| rate_step(&timed, load))
                .collect(),
            Self::Cost => {
                let rates = amount.rates.iter().zip(1..);
                let rates = rates.map(|(&rate, number)| offered(&timed, number, rate));
                std::iter::once(rest(&timed)).chain(rates).collect()
            }
            Self::Sweep => vec![timed],
        }
    }
}

/// What most tests are: a number of connections for a time.
fn timed(suite: Suite, amount: &Amount) -> Test {
    let long = seconds(amount.duration_ns);
    Test {
        id: suite.to_string(),
        suite,
        title: format!("{long}, {}", plural(amount.connections, "connection")),
        connections: amount.connections,
        idle_connections: 0,
        requests: None,
        duration_ns: Some(amount.duration_ns),
        pipeline: 1,
        keepalive: true,
        load: None,
        offered_rate: None,
        sweep: None,
    }
}

fn article(amount: &Amount, timed: &Test) -> Vec<Test> {
    let requests = plural(amount.requests, "request");
    let connections = plural(amount.connections, "connection");
    let first = Test {
        id: "article-1".to_owned(),
        title: format!("{requests}, {connections}"),
        requests: Some(amount.requests),
        duration_ns: None,
        ..timed.clone()
    };
    let second = Test {
        id: "article-2".to_owned(),
        ..timed.clone()
    };
    let third = Test {
        id: "article-3".to_owned(),
        title: format!("{}, 1 connection", seconds(amount.duration_ns)),
        connections: 1,
        ..timed.clone()
    };
    vec![first, second, third]
}

fn rate_step(timed: &Test, load: f64) -> Test {
    let percent = (load * 100.0).round();
    Test {
        id: format!("{}-{percent}", timed.id),
        title: format!("{} at {percent} % of its capacity", timed.title),
        load: Some(load),
        ..timed.clone()
    }
}

/// At the same rate for all servers.
fn offered(timed: &Test, number: u64, rate: f64) -> Test {
    Test {
        id: format!("{}-{number}", timed.id),
        title: format!("{} requests/s, {}", figure(rate), timed.title),
        offered_rate: Some(rate),
        ..timed.clone()
    }
}

/// Connections that are open, and nothing else.
fn rest(timed: &Test) -> Test {
    let title = plural(timed.connections, "connection");
    let time = seconds(timed.duration_ns.unwrap_or(0));
    Test {
        id: format!("{}-rest", timed.id),
        title: format!("{time} at rest, {title} open"),
        connections: 0,
        idle_connections: timed.connections,
        ..timed.clone()
    }
}

/// `connections=1,16,256`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sweep {
    axis: Axis,
    values: Vec<u64>,
}

/// Of `-c`.
pub(super) const CONNECTIONS_MAX: u64 = 10_000;
/// Of `hullo bench --pipeline`.
const PIPELINE_MAX: u64 = 1024;

impl Sweep {
    /// Reads one, or says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a sweep: write connections=1,16,256 or pipeline=1,4,16, with two values or more"
            )
        };
        let (axis, values) = text.split_once('=').ok_or_else(wrong)?;
        let axis = Axis::from_str(axis.trim(), false).map_err(|_| wrong())?;
        let values = values.split(',').map(|value| value.trim().parse::<u64>());
        let mut values: Vec<u64> = values.collect::<Result<_, _>>().map_err(|_| wrong())?;
        values.sort_unstable();
        values.dedup();
        let most = match axis {
            Axis::Connections => CONNECTIONS_MAX,
            Axis::Pipeline => PIPELINE_MAX,
        };
        match (values.first(), values.last()) {
            (Some(1..), Some(last)) if values.len() > 1 && *last <= most => {
                Ok(Self { axis, values })
            }
            (Some(1..), Some(last)) if *last > most => {
                Err(format!("--sweep {axis} goes from 1 to {}", count(most)))
            }
            _ => Err(wrong()),
        }
    }

    /// The tests of a suite at each value, or why it has none.
    pub(super) fn tests(&self, suite: Suite, amount: &Amount) -> Result<Vec<Test>, String> {
        let axis = self.axis;
        let fits = match axis {
            Axis::Connections => matches!(suite, Suite::Sweep | Suite::Pipeline | Suite::Churn),
            Axis::Pipeline => suite == Suite::Sweep,
        };
        if !fits {
            let others = match axis {
                Axis::Connections => ", or with --suite pipeline or churn",
                Axis::Pipeline => "",
            };
            return Err(format!(
                "--sweep {axis} does not change the suite {suite}: give it without --suite{others}"
            ));
        }
        let at = |&value: &u64| {
            let amount = Amount {
                connections: match axis {
                    Axis::Connections => value,
                    Axis::Pipeline => amount.connections,
                },
                ..amount.clone()
            };
            let tests = suite.tests(&amount).into_iter();
            tests.map(move |test| point(test, axis, value))
        };
        Ok(self.values.iter().flat_map(at).collect())
    }
}

fn point(mut test: Test, axis: Axis, value: u64) -> Test {
    if axis == Axis::Pipeline {
        test.pipeline = value;
        test.title = format!("{}, {} pipelined", test.title, plural(value, "request"));
    }
    test.id = format!("{}-{axis}-{value}", test.id);
    test.sweep = Some(Point { axis, value });
    test
}

/// `5 s`, `0.3 s`.
fn seconds(nanos: u64) -> String {
    format!("{} s", nanos as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount() -> Amount {
        Amount {
            requests: 10_000,
            duration_ns: 5_000_000_000,
            connections: 100,
            rates: vec![1e3, 1e4, 1e5],
        }
    }

    fn titles(suite: Suite) -> Vec<String> {
        let tests = suite.tests(&amount()).into_iter();
        tests.map(|test| test.title).collect()
    }

    #[test]
    fn the_article_had_three_tests() {
        assert_eq!(
            titles(Suite::Article),
            [
                "10,000 requests, 100 connections",
                "5 s, 100 connections",
                "5 s, 1 connection"
            ]
        );
    }

    #[test]
    fn each_suite_comes_once_and_each_test_has_its_own_id() {
        assert_eq!(
            expand(&[Suite::Churn, Suite::Article, Suite::Churn].map(Choice::One)),
            [Suite::Article, Suite::Churn]
        );
        let all = expand(&[Choice::One(Suite::Rate), Choice::All]);
        let variants = Suite::value_variants().iter();
        let chosen: Vec<&Suite> = variants.filter(|of| **of != Suite::Sweep).collect();
        assert_eq!(all.iter().collect::<Vec<_>>(), chosen);
        let tests: Vec<Test> = all
            .iter()
            .flat_map(|suite| suite.tests(&amount()))
            .collect();
        let mut ids: Vec<&str> = tests.iter().map(|test| test.id.as_str()).collect();
        assert_eq!(ids.len(), 18);
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 18);
    }

    #[test]
    fn the_suite_cost_asks_all_for_the_same() {
        assert_eq!(
            titles(Suite::Cost),
            [
                "5 s at rest, 100 connections open",
                "1,000 requests/s, 5 s, 100 connections",
                "10,000 requests/s, 5 s, 100 connections",
                "100,000 requests/s, 5 s, 100 connections",
            ]
        );
        let tests = Suite::Cost.tests(&amount());
        let (rest, rates) = tests.split_first().unwrap();
        assert!(rest.is_rest() && !rest.is_open_model());
        assert!(rates.iter().all(Test::is_open_model));
    }

    #[test]
    fn sweeps_with_the_same_values_share_their_tests() {
        let sweeps = ["connections=1,16", "connections=16,256", "pipeline=1,16"];
        let sweeps = sweeps.map(|text| Sweep::parse(text).unwrap());
        let tests = all_tests(&[Suite::Sweep], &sweeps, &amount()).unwrap();
        let ids: Vec<&str> = tests.iter().map(|test| test.id.as_str()).collect();
        let wanted = [
            "sweep-connections-1",
            "sweep-connections-16",
            "sweep-connections-256",
            "sweep-pipeline-1",
            "sweep-pipeline-16",
        ];
        assert_eq!(ids, wanted);
    }

    #[test]
    fn a_sweep_has_a_test_for_each_value() {
        let sweep = Sweep::parse("connections=256, 1,16,1").unwrap();
        let tests = sweep.tests(Suite::Churn, &amount()).unwrap();
        let told: Vec<(&str, u64)> = tests
            .iter()
            .map(|test| (test.id.as_str(), test.connections))
            .collect();
        assert_eq!(
            told,
            [
                ("churn-connections-1", 1),
                ("churn-connections-16", 16),
                ("churn-connections-256", 256)
            ]
        );
        assert!(tests.iter().all(|test| !test.keepalive));
        let sweep = Sweep::parse("pipeline=4,16").unwrap();
        let tests = sweep.tests(Suite::Sweep, &amount()).unwrap();
        assert_eq!(
            tests[1].title,
            "5 s, 100 connections, 16 requests pipelined"
        );
        for suite in [Suite::Churn, Suite::Article] {
            let error = sweep.tests(suite, &amount()).unwrap_err();
            assert!(error.contains("without --suite"), "{error}");
        }
        for (text, words) in [
            ("", "not a sweep"),
            ("connections", "not a sweep"),
            ("workers=1,2", "not a sweep"),
            ("connections=1", "two values"),
            ("connections=0,1", "not a sweep"),
            ("pipeline=1,2000", "1 to 1,024"),
        ] {
            let error = Sweep::parse(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
