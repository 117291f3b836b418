//! The work that servers are given: each suite is one question, asked by one or more tests.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::format::count;
use super::record::{Suite, Test};

/// What `--suite` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    One(Suite),
    All,
}

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Self] {
        use Suite::{Article, Churn, Idle, Many, Pipeline, Rate};
        const VARIANTS: [Choice; 7] = [
            Choice::One(Article),
            Choice::One(Pipeline),
            Choice::One(Churn),
            Choice::One(Many),
            Choice::One(Idle),
            Choice::One(Rate),
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
    suites.copied().filter(is_chosen).collect()
}

/// How much work; by default, as much as in the article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) requests: u64,
    pub(super) duration_ns: u64,
    pub(super) connections: u64,
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
    pub(super) fn tests(self, amount: Amount) -> Vec<Test> {
        let timed = timed(self, amount);
        let Amount { connections, .. } = amount;
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
        }
    }
}

/// What most tests are: a number of connections for a time.
fn timed(suite: Suite, amount: Amount) -> Test {
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
    }
}

fn article(amount: Amount, timed: &Test) -> Vec<Test> {
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

fn plural(number: u64, word: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {word}{s}", count(number))
}

/// `5 s`, `0.3 s`.
fn seconds(nanos: u64) -> String {
    format!("{} s", nanos as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARTICLE: Amount = Amount {
        requests: 10_000,
        duration_ns: 5_000_000_000,
        connections: 100,
    };

    #[test]
    fn the_article_had_three_tests() {
        let titles: Vec<String> = Suite::Article
            .tests(ARTICLE)
            .into_iter()
            .map(|test| test.title)
            .collect();
        assert_eq!(
            titles,
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
        assert_eq!(all, Suite::value_variants());
        let tests: Vec<Test> = all.iter().flat_map(|suite| suite.tests(ARTICLE)).collect();
        let mut ids: Vec<&str> = tests.iter().map(|test| test.id.as_str()).collect();
        assert_eq!(ids.len(), 14);
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 14);
    }
}
