//! What a report shows: plain data, computed once, which each renderer only lays out.
//!
//! Names, commands and warnings come from outside. Here they lose what a terminal would obey
//! (`clean`); each renderer escapes the signs of its own form.

use std::cmp::Reverse;

use super::rows::{CPU, FAILED, IDLE, Measure, REST, Row, SPEED, rows};
use super::series::Series;
use super::tables::{self, Table};
use super::{gate, narrative, notes};
use crate::race::format::{figure, ratio, sign, time};
use crate::race::record::{Bound, Record, Suite, Test};

pub(in crate::race) struct View {
    pub(super) title: String,
    /// Of the gate, if there is one.
    pub(super) verdict: Option<String>,
    pub(super) gate: Option<Table>,
    /// What a reader has to know before the result.
    pub(super) caution: Option<String>,
    /// Of the test that says most.
    pub(super) result: String,
    pub(super) article: Option<Table>,
    pub(super) overview: Option<Table>,
    pub(super) sections: Vec<Section>,
    pub(super) behaviour: Option<Table>,
    pub(super) warnings: Vec<String>,
    pub(super) outs: Vec<String>,
    pub(super) legend: Vec<String>,
    pub(super) setting: Vec<(&'static str, String)>,
    pub(super) commands: Vec<(String, String)>,
}

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

impl View {
    pub(in crate::race) fn of(record: &Record) -> Self {
        let sections = sections(record);
        let judged = record
            .gate
            .as_ref()
            .filter(|gate| !gate.conditions.is_empty());
        let most = sections.iter().min_by_key(|section| section.rank);
        let result = most.map(|section| format!("{}. {}", section.title, section.result));
        Self {
            title: narrative::title(record),
            verdict: judged.map(gate::verdict),
            gate: judged.and_then(|judged| gate::table(record, judged)),
            caution: notes::caution(record),
            result: result.unwrap_or("Nothing was measured.".to_owned()),
            article: tables::article(record),
            overview: tables::overview(record),
            sections,
            behaviour: tables::behaviour(record),
            warnings: notes::warnings(record),
            outs: notes::outs(record),
            legend: notes::legend(record),
            setting: notes::setting(record),
            commands: notes::commands(record),
        }
    }

    /// Titles with their lines, of what stands behind the figures.
    pub(super) fn notes(&self) -> [(&'static str, Vec<String>); 4] {
        let setting = self.setting.iter();
        let setting = setting.map(|(name, value)| format!("{name}: {value}"));
        [
            ("Warnings", self.warnings.clone()),
            ("Not measured", self.outs.clone()),
            ("How to read it", self.legend.clone()),
            ("Setting", setting.collect()),
        ]
    }
}

/// In the order in which the tests were run; those of a series together.
fn sections(record: &Record) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut shown = Vec::new();
    for test in &record.tests {
        if let Some(series) = Series::of(test) {
            if !shown.contains(&series) {
                shown.push(series);
                sections.extend(series.section(record));
            }
            continue;
        }
        let rows = rows(record, &[test]);
        let title = narrative::heading(record, test);
        let has_requests = rows.iter().any(|row| row.summary.requests > 0);
        if test.is_rest() && !rows.is_empty() {
            sections.push(rest(&title, test, &rows));
            continue;
        }
        if !rows.is_empty() && (test.suite != Suite::Idle || has_requests) {
            sections.push(work(&title, test, &rows));
        }
        if rows.iter().any(|row| IDLE.of(row).is_some()) {
            sections.push(Section {
                title: format!("Memory: {title}"),
                result: narrative::medians(&IDLE, &rows).unwrap_or_default(),
                charts: bars(&IDLE, &rows, &title).into_iter().collect(),
                tables: tables::idle(&rows),
                rank: rank(test),
            });
        }
    }
    sections
}

fn rest(title: &str, test: &Test, rows: &[Row]) -> Section {
    let unknown = || "The CPU time of servers that ran already is not known.".to_owned();
    Section {
        title: title.to_owned(),
        result: narrative::compared(&REST, rows).unwrap_or_else(unknown),
        charts: bars(&REST, rows, title).into_iter().collect(),
        tables: tables::rest(rows),
        rank: rank(test),
    }
}

pub(super) fn rank(test: &Test) -> (bool, bool, Reverse<u64>) {
    (
        test.suite != Suite::Article,
        test.duration_ns.is_none(),
        Reverse(test.connections),
    )
}

fn work(title: &str, test: &Test, rows: &[Row]) -> Section {
    // The slowest answer of all has no place on a scale of nines.
    let is_shown = |p: f64| (50.0..=99.9999).contains(&p);
    let points = |row: &Row| -> Vec<(f64, f64)> {
        let known = row.summary.latency_ns.iter();
        let known = known.map(|(p, ns)| (*p, *ns as f64));
        known.filter(|(p, _)| is_shown(*p)).collect()
    };
    let caption = "Latency by percentile: lower is better";
    let axes = Axes {
        x: Scale::Nines,
        y: Unit::Time,
    };
    let charts = [
        bars(&SPEED, rows, title),
        bars(&CPU, rows, title),
        lines(caption, title, rows, axes, points),
    ];
    Section {
        title: title.to_owned(),
        result: narrative::work(rows),
        charts: charts.into_iter().flatten().collect(),
        tables: tables::work(rows),
        rank: rank(test),
    }
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

fn bars(measure: &Measure, rows: &[Row], test: &str) -> Option<Chart> {
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
