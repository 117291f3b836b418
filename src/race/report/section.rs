//! What a report shows of a test: charts as plain data.

use std::cmp::Reverse;

use super::rows::{FAILED, Measure, Row, SPEED};
use super::tables::Table;
use crate::race::format::{figure, ratio, sign, time};
use crate::race::record::{Bound, Suite, Test};

/// A test with its result, charts and tables.
pub(super) struct Section {
    pub(super) title: String,
    pub(super) result: String,
    pub(super) charts: Vec<Chart>,
    pub(super) tables: Vec<Table>,
    /// Least for the test that says most: one of the article, long, with many connections.
    pub(super) rank: (bool, bool, Reverse<u64>),
}

pub(super) struct Chart {
    pub(super) title: String,
    /// For those who cannot see it.
    pub(super) alt: String,
    pub(super) plot: Plot,
}

pub(super) enum Plot {
    Bars(Vec<Bar>),
    Lines(Axes, Vec<Line>),
}

/// The median as a bar, each round as a dot on it.
pub(super) struct Bar {
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) median: f64,
    pub(super) rounds: Vec<f64>,
    /// It failed: its figure is not that of the work, and no bar.
    pub(super) has_failed: bool,
    /// The figure and its ratio: `4.23 µs · ×1.14 (1.10–1.17)`, and with less room. Or why it failed.
    pub(super) label: String,
    pub(super) short_label: String,
}

/// Of a horizontal axis.
#[derive(Clone, Copy)]
pub(super) enum Scale {
    /// Percentiles, each nine as wide as the one before.
    Nines,
    /// Requests/s that were asked for, logarithmic. Each server may have its own.
    Rate,
    /// The same for all servers.
    Offered,
    /// Logarithmic.
    Connections,
    Pipeline,
}

/// Of the vertical axis, which is logarithmic.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Time,
    Rate,
}

impl Unit {
    /// Of a value that is spoken.
    fn show(self, value: f64) -> String {
        match self {
            Self::Time => time(value),
            Self::Rate => figure(value),
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Axes {
    pub(super) x: Scale,
    pub(super) y: Unit,
}

impl Plot {
    /// What its signs are, if not named beside them.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::Bars(_) => "bar: median, dots: rounds",
            Self::Lines(..) => "",
        }
    }
}

pub(super) struct Line {
    pub(super) number: usize,
    pub(super) name: String,
    /// The second coordinate is in nanoseconds or requests/s, and not 0.
    pub(super) points: Vec<(f64, f64)>,
}

pub(super) fn rank(test: &Test) -> (bool, bool, Reverse<u64>) {
    (
        test.suite != Suite::Article,
        test.duration_ns.is_none(),
        Reverse(test.connections),
    )
}

/// A line through the points of all rows of a target.
pub(super) fn lines(
    title: &str,
    test: &str,
    rows: &[Row],
    axes: Axes,
    points: impl Fn(&Row) -> Vec<(f64, f64)>,
) -> Option<Chart> {
    let of_targets = rows.chunk_by(|a, b| a.number == b.number);
    let lines = of_targets.filter_map(|rows| {
        let points: Vec<_> = rows.iter().flat_map(&points).collect();
        let points: Vec<_> = points.into_iter().filter(|(_, ns)| *ns > 0.0).collect();
        let (number, name) = (rows.first()?.number, rows.first()?.name.clone());
        (!points.is_empty()).then_some(Line {
            number,
            name,
            points,
        })
    });
    let lines: Vec<Line> = lines.collect();
    let end = |line: &Line| {
        Some(format!(
            "{} {}",
            line.name,
            axes.y.show(line.points.last()?.1)
        ))
    };
    let ends: Vec<String> = lines.iter().filter_map(end).collect();
    (!lines.is_empty()).then(|| Chart {
        alt: format!("{test}. {title}. At the right end: {}.", ends.join(", ")),
        title: title.to_owned(),
        plot: Plot::Lines(axes, lines),
    })
}

pub(super) fn bars(measure: &Measure, rows: &[Row], test: &str) -> Option<Chart> {
    let bar = |row: &Row| {
        let median = measure.of(row)?.median;
        let by = measure.ratio(row);
        let rounds = row.rounds.iter().copied().filter_map(measure.in_round);
        let figure = measure.with_unit(median);
        if let Some(failure) = row.failure() {
            return Some(Bar {
                number: row.number,
                name: row.name.clone(),
                has_failed: true,
                median: 0.0,
                rounds: Vec::new(),
                label: format!("{FAILED}: {failure}"),
                short_label: FAILED.to_owned(),
            });
        }
        Some(Bar {
            has_failed: false,
            number: row.number,
            name: row.name.clone(),
            median,
            rounds: rounds.filter(|figure| figure.is_finite()).collect(),
            short_label: format!("{figure}{}", by.map(sign).unwrap_or_default()),
            label: by.map_or(figure.clone(), |by| format!("{figure} · {}", ratio(by))),
        })
    };
    let bars: Vec<Bar> = rows.iter().filter_map(bar).collect();
    // Requests/s are not a server's merit where something else set them.
    let all = |bound| rows.iter().all(|row| row.summary.bound == bound);
    let better = match measure.name == SPEED.name {
        true if all(Bound::Generator) => "bound by the generator",
        true if all(Bound::Neither) => "bound by neither side",
        _ => measure.better,
    };
    let title = format!("{}: {better}", measure.name);
    let spoken = bars.iter().map(|bar| format!("{} {}", bar.name, bar.label));
    let spoken: Vec<String> = spoken.collect();
    let alt = format!("{test}. {title}. {}.", spoken.join("; "));
    let is_shown = bars.iter().any(|bar| bar.median > 0.0 || bar.has_failed);
    is_shown.then_some(Chart {
        title,
        alt,
        plot: Plot::Bars(bars),
    })
}
