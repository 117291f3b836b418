//! What a race found out, as rows of cells: the same for the terminal, Markdown and the page.

use std::collections::BTreeMap;

use super::escape::clean;
use super::facts::{Part, Row, article_tests, probes, rows};
use super::format::{NONE, bytes, count, figure, median, percent, range, ratio, time};
use crate::race::record::{Bound, Compared, Ratio, Record, Target, Test};

/// What a reader sees at a probe.
pub(super) const RIGHT: &str = "✓";
pub(super) const WRONG: &str = "✗";

pub(super) struct Table {
    /// Nothing where the heading above says it all.
    pub(super) title: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    /// So many columns from the left are words; the others are figures.
    pub(super) words: usize,
    pub(super) notes: Vec<String>,
}

impl Table {
    fn new(title: &str, head: &[&str], words: usize) -> Self {
        Self {
            title: title.to_owned(),
            head: head.iter().map(ToString::to_string).collect(),
            rows: Vec::new(),
            words,
            notes: Vec::new(),
        }
    }

    /// A column in which nothing is known is none. The first one stays.
    fn without_empty_columns(mut self) -> Self {
        for column in (1..self.head.len()).rev() {
            let empty = |row: &Vec<String>| row.get(column).is_none_or(|cell| cell == NONE);
            if self.rows.iter().all(empty) {
                self.head.remove(column);
                for row in &mut self.rows {
                    if column < row.len() {
                        row.remove(column);
                    }
                }
                if column < self.words {
                    self.words -= 1;
                }
            }
        }
        self
    }
}

/// As the article has it: its columns to the letter, and a row for each test and target.
pub(super) fn article(record: &Record) -> Option<Table> {
    let head = [
        "Language",
        "Requests",
        "Concurrency",
        "Time Taken",
        "Errors",
        "Requests/sec",
    ];
    let mut table = Table::new("As the article has it", &head, 1);
    for test in article_tests(record) {
        for row in rows(record, test) {
            let requests = row.median(|round| Some(round.requests as f64));
            let seconds = row.median(|round| Some(round.elapsed_ns as f64 / 1e9));
            table.rows.push(vec![
                row.name.clone(),
                requests.map_or(NONE.to_owned(), |requests| count(requests.round() as u64)),
                count(test.connections),
                seconds.map_or(NONE.to_owned(), |seconds| format!("{} s", figure(seconds))),
                count(row.summary.errors),
                median(&row.summary.requests_per_second, 1.0),
            ]);
        }
    }
    if record.settings.rounds > 1 {
        table.notes.push(format!(
            "Medians of {} rounds; errors of all rounds.",
            record.settings.rounds
        ));
    }
    (!table.rows.is_empty()).then_some(table)
}

/// The tables of a part.
pub(super) fn of(record: &Record, part: &Part) -> Vec<Table> {
    match part {
        Part::Work(test) => {
            let rows = rows(record, test);
            let mut tables = vec![speed(&rows)];
            tables.extend(cpu(&rows));
            tables.push(latency(&rows));
            tables
        }
        Part::Idle(test) => vec![idle(&rows(record, test))],
        Part::Rate(tests) => vec![rate(record, tests)],
    }
}

fn speed(rows: &[Row]) -> Table {
    let head = ["", "Requests/s", "Range", "Ratio", "Bound by"];
    let mut table = Table::new("Speed", &head, 1);
    for row in rows {
        let compared = &row.summary.requests_per_second;
        table.rows.push(vec![
            row.name.clone(),
            median(compared, 1.0),
            spread(row, compared, 1.0),
            told(row.speed_ratio()),
            bound(row.summary.bound).to_owned(),
        ]);
    }
    table.notes = rows.iter().filter_map(errors).collect();
    table.without_empty_columns()
}

/// Of one round there is no spread.
fn spread(row: &Row, compared: &Compared, unit: f64) -> String {
    if row.summary.rounds > 1 {
        range(compared, unit)
    } else {
        NONE.to_owned()
    }
}

fn told(by: Option<&Ratio>) -> String {
    by.map_or(NONE.to_owned(), ratio)
}

fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::Server => "server",
        Bound::Generator => "generator",
        Bound::Shared => "both",
        Bound::Neither => "neither",
        Bound::Unknown => "not known",
    }
}

/// `Errors of Go: 1 connect, 3 timeout.`
fn errors(row: &Row) -> Option<String> {
    errors_of(std::slice::from_ref(row))
}

/// Of one target in several tests.
fn errors_of(rows: &[Row]) -> Option<String> {
    let name = &rows.first()?.name;
    let mut kinds = BTreeMap::new();
    let rounds = rows.iter().flat_map(|row| &row.rounds);
    for (kind, number) in rounds.flat_map(|round| &round.errors) {
        let sum = kinds.entry(kind).or_insert(0_u64);
        *sum = sum.saturating_add(*number);
    }
    kinds.retain(|_, number| *number > 0);
    let errors = rows.iter().map(|row| row.summary.errors);
    let all = errors.fold(0_u64, u64::saturating_add);
    if kinds.is_empty() {
        return (all > 0).then(|| format!("Errors of {name}: {}.", count(all)));
    }
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(kind, number)| format!("{} {}", count(*number), clean(kind)))
        .collect();
    Some(format!("Errors of {name}: {}.", kinds.join(", ")))
}

/// What a request costs, where the servers are ours to look into.
fn cpu(rows: &[Row]) -> Option<Table> {
    let head = [
        "",
        "µs/request",
        "Range",
        "Ratio",
        "Server busy",
        "Generator busy",
    ];
    let mut table = Table::new("CPU", &head, 1);
    for row in rows {
        let compared = row.summary.cpu_ns_per_request.as_ref();
        let busy = |part: Option<f64>| part.map_or(NONE.to_owned(), percent);
        table.rows.push(vec![
            row.name.clone(),
            compared.map_or(NONE.to_owned(), |compared| median(compared, 1e3)),
            compared.map_or(NONE.to_owned(), |compared| spread(row, compared, 1e3)),
            told(row.cpu_ratio()),
            busy(row.server(|server| server.utilisation)),
            busy(row.generator_busy()),
        ]);
    }
    let table = table.without_empty_columns();
    (table.head.len() > 1).then_some(table)
}

fn latency(rows: &[Row]) -> Table {
    let head = [
        "",
        "p50",
        "p99",
        "p99.9",
        "Peak memory",
        "Bytes per answer",
        "Switches per request",
    ];
    let is_known = rows.iter().any(|row| !row.summary.latency_ns.is_empty());
    let title = if is_known { "Latency" } else { "Memory" };
    let mut table = Table::new(title, &head, 1);
    for row in rows {
        let peak = row.peak_bytes().map(|peak| bytes(peak as f64));
        let answer = row.median(|round| round.response_bytes);
        let mut cells = vec![row.name.clone()];
        cells.extend([50.0, 99.0, 99.9].map(|percentile| percentile_of(row, percentile)));
        cells.push(peak.unwrap_or(NONE.to_owned()));
        cells.push(answer.map_or(NONE.to_owned(), figure));
        cells.push(row.switches_per_request().map_or(NONE.to_owned(), figure));
        table.rows.push(cells);
    }
    table.without_empty_columns()
}

fn percentile_of(row: &Row, percentile: f64) -> String {
    let found = row.percentile(percentile);
    found.map_or(NONE.to_owned(), |ns| time(ns as f64))
}

fn idle(rows: &[Row]) -> Table {
    let head = ["", "Per connection", "Range", "Ratio"];
    let mut table = Table::new("Memory", &head, 1);
    for row in rows {
        let compared = row.summary.idle_connection_bytes.as_ref();
        let each = |figure: fn(&Compared) -> String| compared.map_or(NONE.to_owned(), figure);
        table.rows.push(vec![
            row.name.clone(),
            each(|compared| bytes(compared.median)),
            if row.summary.rounds > 1 {
                each(bytes_range)
            } else {
                NONE.to_owned()
            },
            told(row.idle_ratio()),
        ]);
    }
    table.notes = rows.iter().filter_map(errors).collect();
    table.without_empty_columns()
}

fn bytes_range(compared: &Compared) -> String {
    let (least, greatest) = (bytes(compared.least), bytes(compared.greatest));
    if least == greatest {
        least
    } else if least == NONE || greatest == NONE {
        NONE.to_owned()
    } else {
        format!("{least}–{greatest}")
    }
}

/// Target by target, from the least rate to the greatest.
fn rate(record: &Record, tests: &[&Test]) -> Table {
    let head = ["", "Load", "Asked/s", "Achieved/s", "p50", "p99", "p99.9"];
    let mut table = Table::new("", &head, 1);
    for (number, _) in record.targets.iter().enumerate() {
        let rated = rated(record, tests, number);
        for (test, row) in &rated {
            let asked = row.median(|round| round.rate);
            let mut cells = vec![
                row.name.clone(),
                percent(test.load.unwrap_or(f64::NAN)),
                asked.map_or(NONE.to_owned(), figure),
                median(&row.summary.requests_per_second, 1.0),
            ];
            cells.extend([50.0, 99.0, 99.9].map(|percentile| percentile_of(row, percentile)));
            table.rows.push(cells);
        }
        let rows: Vec<Row> = rated.into_iter().map(|(_, row)| row).collect();
        table.notes.extend(errors_of(&rows));
    }
    table
        .notes
        .push("Load is the part of its own greatest rate that a target was asked for.".to_owned());
    table.without_empty_columns()
}

/// The tests with a rate of one target, from the least to the greatest.
pub(super) fn rated<'a>(
    record: &'a Record,
    tests: &[&'a Test],
    number: usize,
) -> Vec<(&'a Test, Row<'a>)> {
    let found = tests.iter().filter_map(|test| {
        let mut rows = rows(record, test).into_iter();
        Some((*test, rows.find(|row| row.number == number)?))
    });
    let mut found: Vec<_> = found.collect();
    let load = |test: &Test| test.load.unwrap_or(0.0);
    found.sort_by(|(a, _), (b, _)| load(a).total_cmp(&load(b)));
    found
}

/// A row for each target, a column for each probe; what was wrong is told below.
pub(super) fn behaviour(record: &Record) -> Option<Table> {
    let probes = probes(record);
    if probes.is_empty() {
        return None;
    }
    let mut table = Table::new("", &["", "Right"], 1);
    table
        .head
        .extend(probes.iter().map(|(_, title)| title.clone()));
    for target in &record.targets {
        let mark = |id: &str| match target.behaviour.iter().find(|found| found.id == id) {
            None => NONE,
            Some(found) if found.right => RIGHT,
            Some(_) => WRONG,
        };
        let mut row = vec![clean(&target.name), right(target)];
        row.extend(probes.iter().map(|(id, _)| mark(id).to_owned()));
        table.rows.push(row);
    }
    table.words = table.head.len();
    table.notes = probes
        .iter()
        .map(|(id, title)| {
            let told = departures(record, id);
            format!("{title}: {}.", told.as_deref().unwrap_or("all right"))
        })
        .collect();
    Some(table)
}

/// `9 of 11`.
pub(super) fn right(target: &Target) -> String {
    let all = target.behaviour.len();
    let right = target.behaviour.iter().filter(|found| found.right).count();
    if all == 0 {
        NONE.to_owned()
    } else {
        format!("{right} of {all}")
    }
}

/// What was wrong, in a line for each probe.
pub(super) fn wrong(record: &Record) -> Vec<String> {
    let line = |(id, title): &(&str, String)| {
        let told = departures(record, id)?;
        Some(format!("{title}: {told}."))
    };
    probes(record).iter().filter_map(line).collect()
}

/// `✗ Go: 200; ✗ wrk: closed`, if there are any.
fn departures(record: &Record, id: &str) -> Option<String> {
    let mut seen: Vec<(String, Vec<String>)> = Vec::new();
    for target in &record.targets {
        let wrong = target.behaviour.iter().find(|f| f.id == id && !f.right);
        let Some(wrong) = wrong else { continue };
        let saw = clean(&wrong.saw);
        // Many servers are wrong in the same way.
        match seen.iter_mut().find(|(other, _)| *other == saw) {
            Some((_, names)) => names.push(clean(&target.name)),
            None => seen.push((saw, vec![clean(&target.name)])),
        }
    }
    if seen.is_empty() {
        return None;
    }
    let told: Vec<String> = seen
        .iter()
        .map(|(saw, names)| format!("{WRONG} {}: {saw}", names.join(", ")))
        .collect();
    Some(told.join("; "))
}
