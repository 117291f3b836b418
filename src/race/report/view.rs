//! What a report shows: plain data, computed once, which each renderer only lays out.
//!
//! Names, commands and warnings come from outside. Here they lose what a terminal would obey
//! (`clean`); each renderer escapes the signs of its own form.

use super::rows::{CPU, IDLE, REST, Row, SPEED, rows};
use super::section::{Axes, Chart, Scale, Section, Unit, bars, lines, rank};
use super::series::Series;
use super::tables::{self, Table};
use super::{curves, gate, narrative, notes, protocols};
use crate::race::record::{Record, Suite, Test};

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
    /// What each probe asks, and whether all servers did right.
    pub(super) probes: Vec<(String, bool)>,
    pub(super) warnings: Vec<String>,
    pub(super) outs: Vec<String>,
    pub(super) legend: Vec<String>,
    pub(super) setting: Vec<(&'static str, String)>,
    pub(super) commands: Vec<(String, String)>,
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
        let result = result.unwrap_or("Nothing was measured.".to_owned());
        Self {
            title: narrative::title(record) + protocols::suffix(record),
            verdict: judged.map(|judged| gate::verdict(record, judged)),
            gate: judged.and_then(|judged| gate::table(record, judged)),
            caution: notes::caution(record),
            result: [Some(result), narrative::unmeasured(record)]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
            article: tables::article(record),
            overview: tables::overview(record),
            sections,
            behaviour: tables::behaviour(record),
            probes: tables::probes(record),
            warnings: notes::warnings(record),
            outs: notes::outs(record),
            legend: notes::legend(record),
            setting: notes::setting(record),
            commands: notes::commands(record),
        }
    }

    /// The chart beside the result, with its test: what a request costs, if that is known.
    pub(super) fn lead(&self) -> Option<(&Section, &Chart)> {
        let section = self.sections.iter().min_by_key(|section| section.rank)?;
        let is_cost = |chart: &&Chart| chart.title.starts_with(CPU.name);
        let mut charts = section.charts.iter();
        let chart = charts.clone().find(is_cost).or_else(|| charts.next())?;
        Some((section, chart))
    }

    /// Those of a test that do not stand beside the result.
    pub(super) fn charts_below<'a>(&'a self, of: &'a Section) -> impl Iterator<Item = &'a Chart> {
        let lead = self.lead().map(|(_, chart)| chart);
        let is_lead = move |chart: &Chart| lead.is_some_and(|lead| std::ptr::eq(lead, chart));
        of.charts.iter().filter(move |chart| !is_lead(chart))
    }

    /// Titles with their lines, of what stands behind the figures.
    pub(super) fn notes(&self) -> [(&'static str, Vec<String>); 5] {
        let failed = self.probes.iter().filter(|(_, all_right)| !all_right);
        let probes = failed.map(|(legend, _)| legend.clone()).collect();
        let setting = self.setting.iter();
        let setting = setting.map(|(name, value)| format!("{name}: {value}"));
        [
            ("Warnings", self.warnings.clone()),
            ("Not measured", self.outs.clone()),
            ("What was probed", probes),
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
                sections.extend(curves::section(series, record));
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

fn work(title: &str, test: &Test, rows: &[Row]) -> Section {
    // The slowest answer of all has no place on a scale of nines.
    let is_shown = |p: f64| (50.0..=99.9999).contains(&p);
    let points = |row: &Row| -> Vec<(f64, f64)> {
        // Of a server that failed, they are those of errors.
        let works = row.is_compared();
        let known = row.summary.latency_ns.iter().filter(|_| works);
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
