//! `--compare`: what changed between two results, and whether that is more than chance.
//!
//! The interval is made of whole runs (`--repeat`), not of parts of one: what differs between two runs of the same
//! program, as where the kernel has placed its threads and memory, stays the same throughout a run.

use std::path::Path;

use super::durations::short;
use super::merge;
use super::report::{Report, RunSummary, Settings};
use super::summary::rate;
use crate::markdown;
use crate::stats::{EQUAL, ROUNDS_MIN, Ratio, median, unpaired};
use crate::terminal::clean;

const HEAD: [&str; 6] = ["Figure", "Old", "New", "New / old", "Interval", ""];

/// Columns of text before the figures.
const TEXT_COLUMNS: usize = 1;

/// With more failed requests, figures mean nothing: errors are fast.
const ERRORS_MAX: f64 = 0.01;

#[derive(Clone, Copy, PartialEq)]
enum Better {
    More,
    Less,
}

struct Figure {
    name: &'static str,
    of: fn(&RunSummary) -> f64,
    better: Better,
    show: fn(f64) -> String,
    /// Whether the outcome depends on it: what the generator costs is no property of the server.
    is_of_server: bool,
}

const fn time(name: &'static str, of: fn(&RunSummary) -> f64) -> Figure {
    Figure {
        name,
        of,
        better: Better::Less,
        show: short,
        is_of_server: true,
    }
}

/// All intervals together hold in 99 of 100 comparisons.
const FIGURES: [Figure; 7] = [
    Figure {
        name: "requests/s",
        of: |run| run.requests_per_second,
        better: Better::More,
        show: rate,
        is_of_server: true,
    },
    time("mean latency", |run| run.mean_ns),
    time("p50", |run| run.p50_ns as f64),
    time("p90", |run| run.p90_ns as f64),
    time("p99", |run| run.p99_ns as f64),
    time("p99.9", |run| run.p99_9_ns as f64),
    Figure {
        is_of_server: false,
        ..time("CPU/request of the generator", |run| run.cpu_ns_per_request)
    },
];

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// No figure of the server is shown to be worse.
    Passes,
    Worse,
    /// Too many requests failed.
    Failed,
    /// There are too few runs to tell.
    Unknown,
}

/// Compares two files that --json wrote. Returns a table, and what came out.
pub(super) fn compare(old: &Path, new: &Path) -> Result<(String, Outcome), String> {
    let read = |path: &Path| {
        let name = clean(&path.display().to_string());
        merge::read(path).map_err(|error| format!("{name} cannot be compared: {error}"))
    };
    let (old, new) = (read(old)?, read(new)?);
    if old.machines != new.machines {
        return Err(format!(
            "the results are of {} and of {} machines: their runs cannot be compared",
            old.machines, new.machines
        ));
    }
    Ok(of(&old, &new))
}

fn of(old: &Report, new: &Report) -> (String, Outcome) {
    let compared: Vec<(&Figure, Option<Ratio>)> = FIGURES
        .iter()
        .map(|figure| {
            let figures = |report: &Report| report.runs.iter().map(figure.of).collect::<Vec<f64>>();
            let ratio = unpaired(&figures(new), &figures(old), FIGURES.len());
            (figure, ratio)
        })
        .collect();
    let rows: Vec<[String; 6]> = compared
        .iter()
        .map(|(figure, ratio)| row(figure, ratio.as_ref(), old, new))
        .collect();
    let mut text = markdown::table(&HEAD, &rows, TEXT_COLUMNS);
    for note in notes(old, new) {
        text = text + "\nNote: " + &note + ".\n";
    }
    let is_worse = |(figure, ratio): &(&Figure, Option<Ratio>)| {
        let ratio = ratio.as_ref();
        figure.is_of_server && ratio.is_some_and(|ratio| ratio.differs && is_worse(figure, ratio))
    };
    let outcome = if fails(old) || fails(new) {
        Outcome::Failed
    } else if compared.iter().any(is_worse) {
        Outcome::Worse
    } else if compared.iter().all(|(_, ratio)| ratio.is_none()) {
        Outcome::Unknown
    } else {
        Outcome::Passes
    };
    (text, outcome)
}

fn is_worse(figure: &Figure, ratio: &Ratio) -> bool {
    (ratio.mean > 1.0) == (figure.better == Better::Less)
}

fn row(figure: &Figure, ratio: Option<&Ratio>, old: &Report, new: &Report) -> [String; 6] {
    let shown = |report: &Report| {
        let figures: Vec<f64> = report.runs.iter().map(figure.of).collect();
        median(&figures).map_or(String::new(), figure.show)
    };
    let (quotient, interval, word) = match ratio {
        None => (String::new(), String::new(), "too few runs"),
        Some(ratio) => (
            format!("{:.3}", ratio.mean),
            format!("{:.3} to {:.3}", ratio.low, ratio.high),
            match (ratio.differs, is_worse(figure, ratio)) {
                (true, true) => "worse",
                (true, false) => "better",
                (false, _) if ratio.is_equal() => "no difference",
                (false, _) => "no difference shown",
            },
        ),
    };
    let cells = [shown(old), shown(new), quotient, interval, word.to_owned()];
    let [was, is, quotient, interval, word] = cells;
    [figure.name.to_owned(), was, is, quotient, interval, word]
}

fn fails(report: &Report) -> bool {
    report.succeeded() == 0 || report.error_rate() > ERRORS_MAX
}

fn notes(old: &Report, new: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, report) in [("old", old), ("new", new)] {
        if fails(report) {
            let percent = report.error_rate() * 100.0;
            notes.push(format!(
                "{percent:.1} % of the {name} requests failed: the figures mean nothing"
            ));
        }
        if let Some(warning) = report.warnings.first() {
            notes.push(format!(
                "a warning of the {name} result: {}",
                clean(warning)
            ));
        }
    }
    if old.runs.len() < ROUNDS_MIN || new.runs.len() < ROUNDS_MIN {
        notes.push(format!(
            "an interval needs {ROUNDS_MIN} runs or more on both sides, as --repeat 5 makes them"
        ));
    }
    let bare = |report: &Report| Settings {
        repeat: 1,
        url: String::new(),
        ..report.settings.clone()
    };
    if !bare(old).is_same_load(&bare(new)) {
        notes.push("the results have different settings".to_owned());
    }
    if old.settings.url != new.settings.url {
        let urls = [old, new].map(|report| clean(&report.settings.url));
        notes.push(format!("the URLs differ: {} and {}", urls[0], urls[1]));
    }
    let (low, high) = (EQUAL.start(), EQUAL.end());
    notes.push(format!(
        "no difference: the interval lies within {low} to {high}; a machine changes over time: to be sure, run old and new in turn"
    ));
    notes
}

#[cfg(test)]
mod tests {
    use super::super::report_tests::{report, tally};
    use super::*;

    /// One run for each rate, with latencies in inverse proportion.
    fn runs(rates: &[f64]) -> Report {
        let mut tally = tally(&[1_000_000; 100]);
        tally.statuses[200] = 100;
        let mut report = report(tally);
        let first = report.runs[0].clone();
        report.runs = rates
            .iter()
            .map(|rate| RunSummary {
                requests_per_second: *rate,
                mean_ns: 1e9 / rate,
                p50_ns: (1e9 / rate) as u64,
                p90_ns: (2e9 / rate) as u64,
                ..first.clone()
            })
            .collect();
        report
    }

    fn word<'a>(text: &'a str, figure: &str) -> &'a str {
        let line = text
            .lines()
            .find(|line| line.contains(&format!("| {figure} ")));
        line.unwrap()
            .trim_end_matches('|')
            .rsplit('|')
            .next()
            .unwrap()
            .trim()
    }

    /// Ten per cent less, with a spread of one per cent.
    #[test]
    fn a_slower_server_is_worse() {
        let old = runs(&[1000.0, 1010.0, 990.0, 1005.0, 995.0]);
        let new = runs(&[900.0, 909.0, 891.0, 905.0, 895.0]);
        let (text, outcome) = of(&old, &new);
        assert_eq!(outcome, Outcome::Worse, "{text}");
        assert_eq!(word(&text, "requests/s"), "worse", "{text}");
        assert_eq!(word(&text, "p50"), "worse", "{text}");
        assert_eq!(word(&text, "p99"), "no difference", "{text}");
        assert!(text.contains("0.900"), "{text}");
        let (text, outcome) = of(&new, &old);
        assert_eq!(outcome, Outcome::Passes);
        assert_eq!(word(&text, "requests/s"), "better", "{text}");
    }

    #[test]
    fn a_dearer_generator_is_shown_and_passes() {
        let old = runs(&[1000.0; 5]);
        let mut new = old.clone();
        for (run, old) in new.runs.iter_mut().zip(&old.runs) {
            run.cpu_ns_per_request = old.cpu_ns_per_request * 2.0 + 1.0;
        }
        let (text, outcome) = of(&old, &new);
        let figure = "CPU/request of the generator";
        assert_eq!(
            (word(&text, figure), outcome),
            ("worse", Outcome::Passes),
            "{text}"
        );
    }

    #[test]
    fn what_cannot_be_told_is_not_told() {
        let few = runs(&[1000.0, 500.0]);
        let (text, outcome) = of(&few, &few);
        assert_eq!(outcome, Outcome::Unknown);
        assert!(text.contains("as --repeat 5 makes them"), "{text}");
        let wide = runs(&[1000.0, 500.0, 2000.0]);
        let (text, outcome) = of(&wide, &runs(&[900.0, 450.0, 1800.0]));
        assert_eq!(outcome, Outcome::Passes);
        assert_eq!(word(&text, "requests/s"), "no difference shown", "{text}");
        let mut failing = runs(&[1000.0; 3]);
        failing.errors.total = 5;
        let (text, outcome) = of(&failing, &runs(&[1000.0; 3]));
        assert_eq!(outcome, Outcome::Failed);
        assert!(text.contains("4.8 % of the old requests failed"), "{text}");
    }
}
